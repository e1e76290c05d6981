//! The dashboard on a recording: played, held, stepped through and turned back, without any server.

use std::time::Duration;

use scry_dashboard::app::replay::LoadedRecording;
use scry_dashboard::app::{AppEffect, StateFreshness};
use scry_model::event::Snapshot;
use scry_protocol::{EntityRef, EntityType};
use scry_text::json;
use serde_json::json;

use scry_testkit::dashboard_fixture::{DashboardFixture, delivery, id, nodes};

/// A recording in which a town's level goes from 3 to 6, one step every ten seconds.
fn recording(dashboard: &DashboardFixture, with_state: bool) -> LoadedRecording {
    let started_at = dashboard.now.wall;
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

fn replaying(with_state: bool) -> DashboardFixture {
    let mut dashboard = DashboardFixture::new(120, 40);
    let recording = recording(&dashboard, with_state);
    dashboard.effects.clear();
    dashboard.app.start_replay(recording, 1.0, dashboard.now);
    dashboard
}

fn level(dashboard: &DashboardFixture) -> Option<u64> {
    let town = EntityRef::new(EntityType::Settlement, id("s1"));
    dashboard.app.cache().get(&town)?.field("level")?.as_i64()?.try_into().ok()
}

#[test]
fn replay_follows_recorded_time_without_requests() {
    let mut dashboard = replaying(true);
    assert!(
        dashboard.screen().contains("Replay 1x") && dashboard.screen().contains("0 of 3"),
        "{}",
        dashboard.screen()
    );
    assert_eq!((level(&dashboard), dashboard.app.freshness_of_state()), (Some(3), StateFreshness::Recorded));
    dashboard.wait(Duration::from_secs(11));
    assert!(dashboard.screen().contains("0:11") && dashboard.screen().contains("1 of 3"), "{}", dashboard.screen());
    assert_eq!(level(&dashboard), Some(4));
    dashboard.wait(Duration::from_secs(60));
    assert!(
        dashboard.screen().contains("Replay paused, 1x") && dashboard.screen().contains("3 of 3"),
        "{}",
        dashboard.screen()
    );
    assert_eq!(level(&dashboard), Some(6));
    assert_eq!(dashboard.wait(Duration::from_secs(60)), 0, "a recording at rest wakes nobody");
    dashboard.keys("q");
    assert_eq!(dashboard.effects, [AppEffect::Quit], "no server was asked and nothing was saved");
    assert_eq!(dashboard.app.final_save(dashboard.now), None);
}

#[test]
fn replay_pauses_steps_and_rewinds() {
    let mut dashboard = replaying(true);
    dashboard.keys("x . .");
    assert_eq!(level(&dashboard), Some(5));
    dashboard.keys(",");
    assert_eq!(level(&dashboard), Some(4), "{}", dashboard.screen());
    dashboard.keys(")");
    assert_eq!(level(&dashboard), Some(6));
    dashboard.keys("<");
    assert_eq!(level(&dashboard), Some(5));
    dashboard.keys("(");
    assert_eq!(level(&dashboard), Some(3));
    dashboard.keys("+ + x");
    dashboard.wait(Duration::from_secs(5));
    assert!(
        dashboard.screen().contains("Replay 5x") && dashboard.screen().contains("2 of 3"),
        "{}",
        dashboard.screen()
    );
}

#[test]
fn without_a_state_what_the_events_tell_of_is_known() {
    let mut dashboard = replaying(false);
    assert_eq!(level(&dashboard), None);
    dashboard.keys("x )");
    assert_eq!(level(&dashboard), Some(6), "{}", dashboard.screen());
}

#[test]
fn replay_keys_are_listed_only_in_a_replay() {
    let mut dashboard = replaying(true);
    assert!(dashboard.screen().contains("step"), "{}", dashboard.screen());
    dashboard.keys("?");
    assert!(dashboard.screen().contains("10 seconds back"), "{}", dashboard.screen());
    let mut live = DashboardFixture::live(120, 40);
    live.keys("?");
    assert!(!live.screen().contains("10 seconds back"));
}

#[test]
fn replay_fits_every_screen_size() {
    for (width, height) in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        let mut dashboard = DashboardFixture::new(width, height);
        let recording = recording(&dashboard, true);
        dashboard.app.start_replay(recording, 1.0, dashboard.now);
        dashboard.wait(Duration::from_secs(21));
        let screen = dashboard.screen();
        let line = screen.lines().nth(1).unwrap();
        assert!(line.contains("0:21 ━") && line.contains("─ 0:30   2 of 3"), "{width}x{height}: {screen}");
    }
}
