//! The consistency run: people work while every part of a deployment is killed, and a checker that knows nothing of
//! the server reads what happened.
//!
//! Two minutes on each database as tests; `SCRY_CONSISTENCY_MINUTES` makes them longer and `SCRY_CONSISTENCY_SEED`
//! repeats the choices of one.

#![expect(clippy::wildcard_enum_match_arm, reason = "a history has many sorts of lines; a reader of it wants a few")]

mod api_client;
mod checker;
mod clock_keeper;
mod cluster;
mod editors;
mod faults;
mod guests;
mod history;
mod logins;
mod notifier;
mod participants;
mod readers;
mod subscribers;

use std::path::PathBuf;
use std::time::Duration;

use self::checker::CheckReport;
use self::cluster::TestCluster;
use self::history::{HistoryRecord, HistoryRecorder};
use self::participants::Participants;

/// How long a run takes where nothing else is said.
const MINUTES: u64 = 2;
/// A run in which less was acknowledged than this a minute shows nothing; a quiet machine manages some hundreds.
const LEAST_CHANGES_PER_MINUTE: usize = 10;
/// At least this share of the changes is sent twice at the same time, in percent.
const LEAST_REPEATS: usize = 60;
/// The same in a run that is too short for chance to even out.
const LEAST_REPEATS_OF_FEW: usize = 50;
/// Up to this many minutes a busy machine may not come to what happens rarely.
const SHORT_RUN: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_on_sqlite_keeps_its_promises_while_it_is_killed() {
    run("sqlite", TestCluster::on_sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_on_postgres_keep_their_promises_while_every_part_is_killed() {
    run("postgres", TestCluster::on_postgres).await;
}

async fn run(database: &str, start: impl AsyncFnOnce() -> TestCluster) {
    let minutes = number("SCRY_CONSISTENCY_MINUTES").unwrap_or(MINUTES);
    let seed = number("SCRY_CONSISTENCY_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let path = history_file(database, seed);
    println!("consistency run on {database} for {minutes} min, seed {seed}, history {}", path.display());
    let recorder = HistoryRecorder::create(&path);
    let cluster = start().await;
    let mut cast = Participants::new(&cluster, &recorder, seed).await;
    recorder.write(HistoryRecord::Start {
        database: database.to_owned(),
        seed,
        snapshot: cast.first_snapshot().clone(),
        effects: cluster::effects(),
    });
    cast.perform(&cluster, Duration::from_secs(60 * minutes)).await;
    recorder.write(HistoryRecord::End);
    let panics = cluster.panics().await;

    let text = std::fs::read_to_string(&path).unwrap();
    let report = checker::check(&checker::read(&text));
    println!("{}\nviolations        {}", report.summary, report.violations.len());
    let kept = report.violations.is_empty() && panics.is_empty();
    let verdict = format!("{}{panics}the history is kept in {}", report.violations(&text), path.display());
    assert!(kept, "{verdict}");
    assert!(is_telling(&report, minutes), "too little happened to tell anything; {verdict}");
    std::fs::remove_file(&path).unwrap();
}

/// Returns whether enough happened for the verdict to mean something.
fn is_telling(report: &CheckReport, minutes: u64) -> bool {
    let summary = &report.summary;
    let enough = summary.acknowledged >= LEAST_CHANGES_PER_MINUTE * usize::try_from(minutes).unwrap();
    let is_short = minutes <= SHORT_RUN;
    let share = if is_short { LEAST_REPEATS_OF_FEW } else { LEAST_REPEATS };
    let repeated = 100 * summary.overlapping >= share * summary.changes;
    let common = [summary.effects, summary.deliveries, summary.resumed, summary.snapshots];
    let rare = [summary.memberships, summary.notifications, summary.refreshes];
    enough && repeated && !common.contains(&0) && (is_short || !rare.contains(&0))
}

fn history_file(database: &str, seed: u64) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("consistency");
    std::fs::create_dir_all(&dir).unwrap();
    dir.join(format!("{database}-{seed}-{}.jsonl", std::process::id()))
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number")))
}
