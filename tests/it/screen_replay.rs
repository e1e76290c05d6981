//! The dashboard on a recording: played, held, stepped through and turned back, without any server.

use std::time::Duration;

use scry_dashboard::app::replay::LoadedRecording;
use scry_dashboard::app::{AppEffect, StateFreshness};
use scry_model::event::Snapshot;
use scry_protocol::{EntityRef, EntityType};
use scry_text::json;
use serde_json::json;

use crate::support::table::{Table, delivery, id, nodes};

/// A recording in which a town's level goes from 3 to 6, one step every ten seconds.
fn recording(table: &Table, with_state: bool) -> LoadedRecording {
    let started_at = table.now.wall;
    let entry = |n: u64| {
        let at = Duration::from_secs(n * 10);
        let event = json!({"type": "settlement_updated",
            "payload": {"settlementId": "s1", "operation": "update", "campaignId": "c", "changedFields": ["level"]},
            "metadata": {"v": 1, "seq": n, "epoch": "x", "version": 100 + n, "changes": [{"field": "level", "from": n + 2, "to": n + 3}]}});
        (at, delivery(started_at + at, event))
    };
    let state =
        with_state.then(|| Snapshot { campaign_id: id("c"), position: None, nodes: json::intern_all(&nodes()) });
    LoadedRecording { campaign: id("c"), started_at, state, entries: (1..=3).map(entry).collect() }
}

fn replaying(with_state: bool) -> Table {
    let mut table = Table::new(120, 40);
    let recording = recording(&table, with_state);
    table.effects.clear();
    table.app.start_replay(recording, 1.0, table.now);
    table
}

fn level(table: &Table) -> Option<u64> {
    let town = EntityRef::new(EntityType::Settlement, id("s1"));
    table.app.cache().get(&town)?.field("level")?.as_i64()?.try_into().ok()
}

#[test]
fn it_plays_in_the_recordings_own_time_and_asks_nobody() {
    let mut table = replaying(true);
    assert!(table.screen().contains("Replay 1x") && table.screen().contains("0 of 3"), "{}", table.screen());
    assert_eq!((level(&table), table.app.freshness_of_state()), (Some(3), StateFreshness::Recorded));
    table.wait(Duration::from_secs(11));
    assert!(table.screen().contains("0:11") && table.screen().contains("1 of 3"), "{}", table.screen());
    assert_eq!(level(&table), Some(4));
    table.wait(Duration::from_secs(60));
    assert!(table.screen().contains("Replay paused, 1x") && table.screen().contains("3 of 3"), "{}", table.screen());
    assert_eq!(level(&table), Some(6));
    assert_eq!(table.wait(Duration::from_secs(60)), 0, "a recording at rest wakes nobody");
    table.keys("q");
    assert_eq!(table.effects, [AppEffect::Quit], "no server was asked and nothing was saved");
    assert_eq!(table.app.final_save(table.now), None);
}

#[test]
fn it_is_held_stepped_through_and_turned_back() {
    let mut table = replaying(true);
    table.keys("x . .");
    assert_eq!(level(&table), Some(5));
    table.keys(",");
    assert_eq!(level(&table), Some(4), "{}", table.screen());
    table.keys(")");
    assert_eq!(level(&table), Some(6));
    table.keys("<");
    assert_eq!(level(&table), Some(5));
    table.keys("(");
    assert_eq!(level(&table), Some(3));
    table.keys("+ + x");
    table.wait(Duration::from_secs(5));
    assert!(table.screen().contains("Replay 5x") && table.screen().contains("2 of 3"), "{}", table.screen());
}

#[test]
fn without_a_state_what_the_events_tell_of_is_known() {
    let mut table = replaying(false);
    assert_eq!(level(&table), None);
    table.keys("x )");
    assert_eq!(level(&table), Some(6), "{}", table.screen());
}

#[test]
fn its_keys_are_explained_here_and_nowhere_else() {
    let mut table = replaying(true);
    assert!(table.screen().contains("step"), "{}", table.screen());
    table.keys("?");
    assert!(table.screen().contains("10 seconds back"), "{}", table.screen());
    let mut live = Table::live(120, 40);
    live.keys("?");
    assert!(!live.screen().contains("10 seconds back"));
}

#[test]
fn it_fits_at_every_size() {
    for (width, height) in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        let mut table = Table::new(width, height);
        let recording = recording(&table, true);
        table.app.start_replay(recording, 1.0, table.now);
        table.wait(Duration::from_secs(21));
        let screen = table.screen();
        let line = screen.lines().nth(1).unwrap();
        assert!(line.contains("0:21 ━") && line.contains("─ 0:30   2 of 3"), "{width}x{height}: {screen}");
    }
}
