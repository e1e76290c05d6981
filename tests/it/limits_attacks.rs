//! Honest clients under attack: they are served as before, and nothing stays behind.
//!
//! The short form asserts what is not a matter of time. `make attacks` runs the full form, with 500 honest clients,
//! and once more against Node's Socket.IO for comparison.

#![cfg(target_os = "linux")]

use std::time::Duration;

use scry_testkit::attack::Attack;
use scry_testkit::load_test::{HonestClients, LoadPlan, LoadResult, LoadTarget};

/// How much more memory than before may be in use after an attack.
const MAX_MEMORY_LEFT_BYTES: u64 = 50 * MIB;
const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attacks_leave_no_resources_and_disconnect_no_honest_client() {
    let (calm, each, pause) = (Duration::ZERO, Duration::from_secs(1), Duration::from_millis(650));
    let plan = LoadPlan { honest: 20, attackers: 12, calm, each, pause };
    let mut target = LoadTarget::ours().await;
    let crowd = HonestClients::gather(&target, &plan).await;
    for attack in Attack::ALL {
        let outcome = target.endure(attack, &crowd, &plan).await;
        let faults = lasting(&outcome);
        assert!(faults.is_empty(), "{attack:?}: {faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and the whole machine; make attacks runs it"]
async fn in_full() {
    let seconds = std::env::var("ATTACK_SECONDS").map_or(10, |text| text.parse().unwrap());
    let (honest, attackers, each) = (500, 40, Duration::from_secs(seconds));
    let plan = LoadPlan { honest, attackers, calm: each, each, pause: Duration::from_secs(1) };
    let mut faults = Vec::new();
    let whom = std::env::var("ATTACK_WHOM").unwrap_or_else(|_| "both".to_owned());
    for is_ours in [true, false].into_iter().filter(|is_ours| whom != if *is_ours { "node" } else { "ours" }) {
        println!("\n{}, {honest} honest clients, {attackers} attackers", if is_ours { "scry-server" } else { "Node" });
        println!("| attack | p99 calm | p99 attacked | MiB before | after | honest lost | left behind |");
        println!("|---|---|---|---|---|---|---|");
        let (mut target, mut crowd) = besieged(is_ours, &plan).await;
        for attack in Attack::ALL {
            let outcome = target.endure(attack, &crowd, &plan).await;
            println!("{}", line(&outcome));
            if is_ours {
                faults.extend(lasting(&outcome).into_iter().chain(slowed(&outcome)));
            }
            // The next attack meets a whole crowd and a server that lives.
            if outcome.ended || outcome.lost > 0 {
                (target, crowd) = besieged(is_ours, &plan).await;
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

async fn besieged(is_ours: bool, plan: &LoadPlan) -> (LoadTarget, HonestClients) {
    let target = if is_ours { LoadTarget::ours().await } else { LoadTarget::nodes().await };
    let crowd = HonestClients::gather(&target, plan).await;
    (target, crowd)
}

/// Returns what is wrong whatever the machine has to do besides.
fn lasting(outcome: &LoadResult) -> Vec<String> {
    let LoadResult { attack, memory: [before, after], lost, left, ended, .. } = outcome;
    let grown = after.saturating_sub(*before);
    [
        (*ended, "the server ended".to_owned()),
        (*lost > 0, format!("{lost} honest clients were cut off")),
        (grown > MAX_MEMORY_LEFT_BYTES, format!("{} MiB stay", grown / MIB)),
        (!left.is_empty(), format!("these stay: {left:?}")),
    ]
    .into_iter()
    .filter_map(|(is_wrong, what)| is_wrong.then(|| format!("{attack:?}: {what}")))
    .collect()
}

/// Says it if honest answers took more than twice as long; below ten milliseconds it is the machine that is measured.
fn slowed(outcome: &LoadResult) -> Option<String> {
    let (calm, attacked) = (outcome.calm?, outcome.attacked?);
    let bound = (calm * 2).max(Duration::from_millis(10));
    (attacked > bound).then(|| format!("{:?}: p99 {attacked:?}, and {calm:?} before", outcome.attack))
}

fn line(outcome: &LoadResult) -> String {
    let LoadResult { attack, calm, attacked, memory: [before, after], lost, left, ended } = outcome;
    let time =
        |time: &Option<Duration>| time.map_or("–".to_owned(), |it| format!("{:.1} ms", it.as_secs_f64() * 1e3));
    let left = if *ended { "the server ended".to_owned() } else { left.join(", ") };
    let (calm, attacked, before, after) = (time(calm), time(attacked), before / MIB, after / MIB);
    format!("| {} | {calm} | {attacked} | {before} | {after} | {lost} | {left} |", attack.words())
}
