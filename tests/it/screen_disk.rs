//! The dashboard and the disk: what is shown from it, and what is saved for the next start.

use std::time::Duration;

use scry_dashboard::app::{AppEffect, Msg, StateFreshness};
use scry_model::event::{ClientEvent, Gap, LoadedState, Phase, SavedState, Status};
use scry_protocol::{ErrorCode, Position, Room};
use serde_json::json;

use scry_testkit::dashboard_fixture::{DashboardFixture, id, nodes, status};

fn saved(dashboard: &DashboardFixture) -> Vec<&SavedState> {
    dashboard.effects.iter().filter_map(state).collect()
}

fn state(effect: &AppEffect) -> Option<&SavedState> {
    if let AppEffect::SaveState(saved) = effect { Some(saved) } else { None }
}

#[test]
fn the_start_asks_the_disk_before_the_network() {
    let dashboard = DashboardFixture::new(80, 24);
    assert_eq!(dashboard.effects, [AppEffect::LoadState(id("c")), AppEffect::Watch(id("c"))]);
}

#[test]
fn a_saved_state_is_shown_with_its_age_until_the_server_tells_its_own() {
    let mut dashboard = DashboardFixture::new(120, 40);
    dashboard.find_on_disk(Duration::from_secs(170));
    assert_eq!(dashboard.screen().matches("from disk, 2 min old").count(), 3, "{}", dashboard.screen());
    assert!(dashboard.screen().contains("Harrow's Rest"));
    dashboard.wait(Duration::from_secs(11));
    assert!(dashboard.screen().contains("from disk, 3 min old"), "{}", dashboard.screen());
    dashboard.status(status(Phase::Resyncing));
    assert!(dashboard.screen().contains("from disk"), "still the old state: {}", dashboard.screen());
    dashboard.edit("s1", |node| node["level"] = json!(5));
    let server = dashboard.server.clone().unwrap();
    dashboard.snapshot(server);
    dashboard.status(status(Phase::Live));
    assert_eq!(dashboard.app.freshness_of_state(), StateFreshness::Live);
    dashboard.keys("n");
    assert!(dashboard.screen().contains("▲ from 3"), "what changed meanwhile is marked: {}", dashboard.screen());
}

#[test]
fn a_state_that_is_read_too_late_changes_nothing() {
    let mut dashboard = DashboardFixture::live(80, 24);
    let before = dashboard.screen();
    dashboard.find_on_disk(Duration::from_secs(60));
    assert_eq!(dashboard.screen(), before);
}

#[test]
fn a_damaged_state_is_named_and_the_rest_goes_on() {
    let mut dashboard = DashboardFixture::new(120, 40);
    dashboard.send(Msg::State(Ok(LoadedState::SetAside("/data/c.damaged.json".into()))));
    assert!(dashboard.screen().contains("damaged and was moved to /data/c.damaged.json"), "{}", dashboard.screen());
}

#[test]
fn changed_state_is_saved_at_most_every_few_seconds() {
    let mut dashboard = DashboardFixture::live(80, 24);
    assert_eq!(saved(&dashboard).len(), 1);
    for seq in 0..20 {
        dashboard.raise_settlement(1_201 + seq);
        dashboard.wait(Duration::from_millis(500));
    }
    dashboard.wait(Duration::from_secs(6));
    let saves = saved(&dashboard);
    assert!((3..=4).contains(&saves.len()), "{} saves in 12 s", saves.len());
    let last = &saves.last().unwrap().snapshot;
    assert_eq!(last.position, Some(Position::new("x", 1_220)));
    assert_eq!(last.values().iter().find(|node| node["id"] == "s1").unwrap()["level"], 4);
    let count = saves.len();
    dashboard.wait(Duration::from_secs(600));
    assert_eq!(saved(&dashboard).len(), count, "nothing has changed since");
}

#[test]
fn a_large_world_is_saved_more_rarely() {
    let mut dashboard = DashboardFixture::live(80, 24);
    let structure = |n: u32| {
        json!({"__typename": "Structure", "id": format!("many{n}"), "campaignId": "c", "settlementId": "s2",
            "name": format!("House {n}"), "version": 1})
    };
    let nodes = dashboard.server.clone().unwrap().into_iter().chain((0..3_000).map(structure)).collect();
    dashboard.snapshot(nodes);
    dashboard.wait(Duration::from_secs(6));
    let before = saved(&dashboard).len();
    for seq in 0..30 {
        dashboard.raise_settlement(1_201 + seq);
        dashboard.wait(Duration::from_secs(2));
    }
    let saves = saved(&dashboard).len() - before;
    assert!((2..=4).contains(&saves), "{saves} saves in a minute");
}

#[test]
fn leaving_saves_with_the_moment_at_which_the_state_was_last_true() {
    let mut dashboard = DashboardFixture::live(80, 24);
    let lost_at = dashboard.now.wall;
    let save = |dashboard: &mut DashboardFixture| match dashboard.app.final_save(dashboard.now) {
        Some(AppEffect::SaveState(saved)) => saved.at,
        other => panic!("{other:?}"),
    };
    dashboard.wait(Duration::from_secs(90));
    assert_eq!(save(&mut dashboard), dashboard.now.wall);
    dashboard.status(Status { live_until: Some(lost_at), ..status(Phase::Backoff) });
    assert_eq!(save(&mut dashboard), lost_at);
}

#[test]
fn state_from_disk_is_not_saved_again() {
    let mut dashboard = DashboardFixture::new(80, 24);
    dashboard.find_on_disk(Duration::from_secs(60));
    dashboard.wait(Duration::from_secs(60));
    assert!(saved(&dashboard).is_empty());
    assert_eq!(dashboard.app.final_save(dashboard.now), None);
}

#[test]
fn a_state_without_its_campaign_is_not_worth_saving() {
    let mut dashboard = DashboardFixture::new(80, 24);
    dashboard.status(status(Phase::Live));
    dashboard.snapshot(Vec::new());
    dashboard.wait(Duration::from_secs(60));
    assert!(saved(&dashboard).is_empty());
}

#[test]
fn state_of_a_refused_campaign_is_deleted() {
    let mut dashboard = DashboardFixture::live(80, 24);
    let (room, message) = (Room::Campaign(id("c")), "you are no member".to_owned());
    dashboard.client(ClientEvent::Refused { room, code: ErrorCode::Unauthorized, message });
    assert_eq!(dashboard.effects.last(), Some(&AppEffect::ForgetState(id("c"))));
    assert_eq!(dashboard.app.final_save(dashboard.now), None);
    assert_eq!(dashboard.app.freshness_of_state(), StateFreshness::Refused);
    assert!(dashboard.screen().contains("access removed"), "{}", dashboard.screen());
    dashboard.snapshot(nodes());
    assert_eq!(dashboard.app.freshness_of_state(), StateFreshness::Live, "they were let in again");
}

#[test]
fn a_disk_that_cannot_be_written_is_named_once() {
    let mut dashboard = DashboardFixture::live(120, 40);
    for _ in 0..3 {
        dashboard.send(Msg::NotSaved("no space left".to_owned()));
    }
    let told = dashboard
        .app
        .journal()
        .view(40, |_| 1)
        .into_iter()
        .filter(|(entry, _)| entry.what.contains("no space left"))
        .count();
    assert_eq!(told, 1);
}

#[test]
fn missing_events_are_counted_until_they_are_found() {
    let mut dashboard = DashboardFixture::live(80, 24);
    let gap = |recovered| ClientEvent::Gap(Gap { room: Room::Campaign(id("c")), from: 10, to: 14, recovered });
    dashboard.client(gap(false));
    assert_eq!(dashboard.app.freshness_of_state(), StateFreshness::CatchingUp(3));
    assert!(dashboard.screen().contains("catching up (3)"));
    dashboard.client(gap(true));
    assert_eq!(dashboard.app.freshness_of_state(), StateFreshness::Live);
    dashboard.client(gap(false));
    dashboard.snapshot(nodes());
    assert_eq!(dashboard.app.freshness_of_state(), StateFreshness::Live);
}

#[test]
fn the_help_scrolls_to_its_last_row_and_no_further() {
    let mut dashboard = DashboardFixture::live(60, 15);
    dashboard.keys("?");
    dashboard.keys(&"pgdn ".repeat(20));
    let bottom = dashboard.screen();
    assert!(!bottom.contains("more below"), "{bottom}");
    let rows: Vec<_> = bottom.lines().collect();
    // The last row of the help stands directly above its lower rule.
    let rule = rows.iter().position(|row| row.contains("esc closes")).unwrap();
    assert!(!rows[rule - 1].is_empty(), "{bottom}");
    dashboard.keys("k");
    assert!(dashboard.screen().contains("1 more below"), "{}", dashboard.screen());
}
