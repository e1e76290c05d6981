//! The fault run: real programs, a network that breaks every few seconds, and a server that is killed.
//!
//! Three minutes as a test; `SCRY_SOAK_MINUTES` makes it longer and `SCRY_SOAK_SEED` repeats one,
//! `SCRY_SOAK_LINK` chooses the client's link (`wire`, `rust_socketio`).

mod editors;
mod fault_injector;
mod statistics;
mod timer_monitor;
mod watcher;

use std::collections::BTreeSet;
use std::time::Duration;

use scry_client::api::Api;
use scry_client::outbox::OutboxStores;
use scry_protocol::Id;
use tokio::time::{Instant, timeout};

use self::editors::SoakEditors;
use self::fault_injector::FaultInjector;
use self::statistics::SoakFigures;
use self::timer_monitor::TimerMonitor;
use self::watcher::WatchProcess;
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::outbox_fixture::{OutboxFixture, tick};
use scry_testkit::people;
use scry_testkit::process::ServerProcess;

/// How long the client may take to come to rest once nothing is broken any more.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);
/// So short that tokens are renewed in the middle of the faults.
const SHORT_TOKEN_SETTINGS: [(&str, &str); 2] =
    [("SCRY_SERVER_ACCESS_TOKEN_TTL", "75s"), ("SCRY_SERVER_API_REQUESTS_PER_MINUTE", "100000000")];
/// How often a person edits through the outbox.
const OUTBOX_EDIT_INTERVAL: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_doubled_or_reordered_under_faults() {
    let time = Duration::from_secs(60 * number("SCRY_SOAK_MINUTES").unwrap_or(3));
    let seed = number("SCRY_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("fault run of {} s, seed {seed}", time.as_secs());

    let server = ServerProcess::with(&SHORT_TOKEN_SETTINGS).await;
    let proxy = FaultProxy::start(&server.url).await;
    let truth = people::api(&server.url, "gm").await;
    let campaign = people::emberfall(&truth).await;
    let dir = tempfile::tempdir().unwrap();
    let mut watcher = WatchProcess::start(&proxy.url, &campaign, dir.path()).await;
    let first = head(&truth, &campaign).await + 1;

    let timer_monitor = TimerMonitor::start();
    let editors = SoakEditors::start(&server.url, &campaign).await;
    let player = people::api(&proxy.url, "player").await;
    let store = OutboxStores::of(dir.path(), &people::server(&proxy.url), None).campaign(&campaign);
    let mut outbox_fixture = OutboxFixture::live(&player, &store);
    let mut injector = FaultInjector::new(server, proxy, editors.target(), seed);
    let end = Instant::now() + time;
    let mut penned = 0;
    let mut next_edit = Instant::now();
    while Instant::now() < end {
        tokio::select! {
            () = injector.next(end) => {}
            () = async {
                loop {
                    watcher.read().await;
                }
            } => {}
            () = async {
                loop {
                    tokio::time::sleep_until(next_edit).await;
                    next_edit += OUTBOX_EDIT_INTERVAL;
                    let edit = tick(&campaign, &format!("pen-{penned}"));
                    penned += 1;
                    outbox_fixture.store([edit]).await;
                }
            } => {}
        }
    }
    let (server, _proxy, windows) = injector.end().await;
    editors.stop().await;
    timeout(SETTLE_TIMEOUT, outbox_fixture.until_applied(&format!("pen-{}", penned - 1)))
        .await
        .expect("the outbox empties");

    let truth = people::api(&server.url, "gm").await;
    let head = head(&truth, &campaign).await;
    let settled = async {
        while !watcher.record.is_at(head) {
            watcher.read().await;
        }
    };
    timeout(SETTLE_TIMEOUT, settled).await.unwrap_or_else(|_| println!("the client did not come to rest"));
    let journal = journal(&truth, &campaign, first).await;
    let written: BTreeSet<u64> = journal.iter().map(|(seq, _)| *seq).collect();
    let figures = SoakFigures { lateness: timer_monitor.end().await, ..watcher.record.figures(&written, &windows) };
    let moved = journal.iter().filter(|(_, moved)| *moved).count();
    println!("{} disturbances\n{figures}\nedits by outbox   {penned} made, {moved} applied", windows.len());
    let mut broken = figures.broken();
    if moved != penned {
        broken.push(format!("{penned} edits in the outbox were applied {moved} times"));
    }
    if figures.all_attempts > 12 * (windows.len() + 1) {
        broken.push(format!("{} attempts look like a loop", figures.all_attempts));
    }
    assert!(broken.is_empty(), "seed {seed}: {broken:#?}");
}

async fn head(api: &Api, campaign: &Id) -> u64 {
    let campaigns = api.campaigns().await.unwrap();
    let campaign = campaigns.into_iter().find(|one| one.id == *campaign).unwrap();
    campaign.position.unwrap().seq
}

/// Returns what the server has written since: the numbers, and which of them a person moved the clock by.
async fn journal(api: &Api, campaign: &Id, first: u64) -> Vec<(u64, bool)> {
    let mut entries = Vec::new();
    let mut since = first - 1;
    loop {
        let page = api.events(campaign, Some(since), Some(500)).await.unwrap();
        let Some(last) = page.last() else { return entries };
        since = last.seq;
        let penned = |event: &serde_json::Value| event["payload"]["elapsedSeconds"] == 60;
        entries
            .extend(page.iter().map(|entry| (entry.seq, entry.name == "world_time_changed" && penned(&entry.event))));
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number")))
}
