//! The dashboard and the disk: what is shown from it, and what is saved for the next start.

use std::time::Duration;

use scry_dashboard::app::{AppEffect, Msg, StateFreshness};
use scry_model::event::{ClientEvent, Gap, LoadedState, Phase, SavedState, Status};
use scry_protocol::{ErrorCode, Position, Room};
use serde_json::json;

use crate::support::table::{Table, id, nodes, status};

fn saved(table: &Table) -> Vec<&SavedState> {
    table.effects.iter().filter_map(state).collect()
}

fn state(effect: &AppEffect) -> Option<&SavedState> {
    if let AppEffect::SaveState(saved) = effect { Some(saved) } else { None }
}

#[test]
fn the_start_asks_the_disk_before_the_network() {
    let table = Table::new(80, 24);
    assert_eq!(table.effects, [AppEffect::LoadState(id("c")), AppEffect::Watch(id("c"))]);
}

#[test]
fn a_saved_state_is_shown_with_its_age_until_the_server_tells_its_own() {
    let mut table = Table::new(120, 40);
    table.find_on_disk(Duration::from_secs(170));
    assert_eq!(table.screen().matches("from disk, 2 min old").count(), 3, "{}", table.screen());
    assert!(table.screen().contains("Harrow's Rest"));
    table.wait(Duration::from_secs(11));
    assert!(table.screen().contains("from disk, 3 min old"), "{}", table.screen());
    table.status(status(Phase::Resyncing));
    assert!(table.screen().contains("from disk"), "still the old state: {}", table.screen());
    table.edit("s1", |node| node["level"] = json!(5));
    let server = table.server.clone().unwrap();
    table.snapshot(server);
    table.status(status(Phase::Live));
    assert_eq!(table.app.freshness_of_state(), StateFreshness::Live);
    table.keys("n");
    assert!(table.screen().contains("▲ from 3"), "what changed meanwhile is marked: {}", table.screen());
}

#[test]
fn a_state_that_is_read_too_late_changes_nothing() {
    let mut table = Table::live(80, 24);
    let before = table.screen();
    table.find_on_disk(Duration::from_secs(60));
    assert_eq!(table.screen(), before);
}

#[test]
fn a_damaged_state_is_named_and_the_rest_goes_on() {
    let mut table = Table::new(120, 40);
    table.send(Msg::State(Ok(LoadedState::SetAside("/data/c.damaged.json".into()))));
    assert!(table.screen().contains("damaged and is set aside as /data/c.damaged.json"), "{}", table.screen());
}

#[test]
fn what_the_server_told_is_saved_at_most_every_few_seconds_and_only_when_it_changes() {
    let mut table = Table::live(80, 24);
    assert_eq!(saved(&table).len(), 1);
    for seq in 0..20 {
        table.raise_settlement(1_201 + seq);
        table.wait(Duration::from_millis(500));
    }
    table.wait(Duration::from_secs(6));
    let saves = saved(&table);
    assert!((3..=4).contains(&saves.len()), "{} saves in 12 s", saves.len());
    let last = &saves.last().unwrap().snapshot;
    assert_eq!(last.position, Some(Position::new("x", 1_220)));
    assert_eq!(last.values().iter().find(|node| node["id"] == "s1").unwrap()["level"], 4);
    let count = saves.len();
    table.wait(Duration::from_secs(600));
    assert_eq!(saved(&table).len(), count, "nothing has changed since");
}

#[test]
fn a_large_world_is_saved_more_rarely() {
    let mut table = Table::live(80, 24);
    let structure = |n: u32| {
        json!({"__typename": "Structure", "id": format!("many{n}"), "campaignId": "c", "settlementId": "s2",
            "name": format!("House {n}"), "version": 1})
    };
    let nodes = table.server.clone().unwrap().into_iter().chain((0..3_000).map(structure)).collect();
    table.snapshot(nodes);
    table.wait(Duration::from_secs(6));
    let before = saved(&table).len();
    for seq in 0..30 {
        table.raise_settlement(1_201 + seq);
        table.wait(Duration::from_secs(2));
    }
    let saves = saved(&table).len() - before;
    assert!((2..=4).contains(&saves), "{saves} saves in a minute");
}

#[test]
fn leaving_saves_with_the_moment_at_which_the_state_was_last_true() {
    let mut table = Table::live(80, 24);
    let lost_at = table.now.wall;
    let save = |table: &mut Table| match table.app.final_save(table.now) {
        Some(AppEffect::SaveState(saved)) => saved.at,
        other => panic!("{other:?}"),
    };
    table.wait(Duration::from_secs(90));
    assert_eq!(save(&mut table), table.now.wall);
    table.status(Status { live_until: Some(lost_at), ..status(Phase::Backoff) });
    assert_eq!(save(&mut table), lost_at);
}

#[test]
fn what_came_from_disk_is_not_saved_again() {
    let mut table = Table::new(80, 24);
    table.find_on_disk(Duration::from_secs(60));
    table.wait(Duration::from_secs(60));
    assert!(saved(&table).is_empty());
    assert_eq!(table.app.final_save(table.now), None);
}

#[test]
fn a_state_without_its_campaign_is_not_worth_saving() {
    let mut table = Table::new(80, 24);
    table.status(status(Phase::Live));
    table.snapshot(Vec::new());
    table.wait(Duration::from_secs(60));
    assert!(saved(&table).is_empty());
}

#[test]
fn what_one_may_see_no_longer_is_forgotten() {
    let mut table = Table::live(80, 24);
    let (room, message) = (Room::Campaign(id("c")), "you are no member".to_owned());
    table.client(ClientEvent::Refused { room, code: ErrorCode::Unauthorized, message });
    assert_eq!(table.effects.last(), Some(&AppEffect::ForgetState(id("c"))));
    assert_eq!(table.app.final_save(table.now), None);
    assert_eq!(table.app.freshness_of_state(), StateFreshness::Refused);
    assert!(table.screen().contains("no longer yours to see"), "{}", table.screen());
    table.snapshot(nodes());
    assert_eq!(table.app.freshness_of_state(), StateFreshness::Live, "they were let in again");
}

#[test]
fn a_disk_that_cannot_be_written_is_named_once() {
    let mut table = Table::live(120, 40);
    for _ in 0..3 {
        table.send(Msg::NotSaved("no space left".to_owned()));
    }
    let told = table
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
    let mut table = Table::live(80, 24);
    let gap = |recovered| ClientEvent::Gap(Gap { room: Room::Campaign(id("c")), from: 10, to: 14, recovered });
    table.client(gap(false));
    assert_eq!(table.app.freshness_of_state(), StateFreshness::CatchingUp(3));
    assert!(table.screen().contains("catching up (3)"));
    table.client(gap(true));
    assert_eq!(table.app.freshness_of_state(), StateFreshness::Live);
    table.client(gap(false));
    table.snapshot(nodes());
    assert_eq!(table.app.freshness_of_state(), StateFreshness::Live);
}

#[test]
fn the_help_scrolls_to_its_last_row_and_no_further() {
    let mut table = Table::live(60, 15);
    table.keys("?");
    table.keys(&"pgdn ".repeat(20));
    let bottom = table.screen();
    assert!(!bottom.contains("more below"), "{bottom}");
    let rows: Vec<_> = bottom.lines().collect();
    // The last row of the help stands directly above its lower rule.
    let rule = rows.iter().position(|row| row.contains("esc closes")).unwrap();
    assert!(!rows[rule - 1].is_empty(), "{bottom}");
    table.keys("k");
    assert!(table.screen().contains("1 more below"), "{}", table.screen());
}
