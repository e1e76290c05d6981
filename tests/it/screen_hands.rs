//! What keys and time do to the dashboard.

use std::time::Duration;

use scry_dashboard::app::{AppEffect, CampaignChoice, Msg};
use scry_model::event::{Phase, Status};
use scry_protocol::Event;
use serde_json::json;

use crate::support::table::{Table, id, settlement_event, status};

#[test]
fn a_change_is_marked_fades_and_then_the_dashboard_sleeps() {
    let mut table = Table::live(120, 40);
    table.keys("j j j j");
    table.raise_settlement(1_201);
    assert!(table.screen().contains("▲ from 3"), "{}", table.screen());
    assert!(table.screen().contains("1 fresh"));
    let wakes = table.wait(Duration::from_secs(70));
    assert!(wakes <= 75, "an age in seconds needs one wake-up each, not {wakes}");
    assert!(!table.screen().contains("fresh") && !table.screen().contains("▲"), "{}", table.screen());
    assert!(table.screen().contains("Mira, at 18:20:00"), "{}", table.screen());
    assert!(
        table.wait(Duration::from_secs(3_600)) <= 1,
        "an idle dashboard is woken once, to say that nobody is there"
    );
}

#[test]
fn a_measured_round_trip_alone_draws_nothing() {
    let mut table = Table::live(80, 24);
    table.wait(Duration::from_secs(10));
    table.app.take_redraw();
    table.status(Status { round_trip: Some(Duration::from_millis(13)), ..status(Phase::Live) });
    assert!(!table.app.take_redraw());
    table.status(Status { round_trip: Some(Duration::from_millis(90)), ..status(Phase::Live) });
    assert!(table.app.take_redraw());
}

#[test]
fn a_paused_journal_shows_the_same_rows_while_others_arrive() {
    let mut table = Table::live(80, 24);
    for seq in 1_201..1_260 {
        table.event(seq, settlement_event("s1", json!([{"field": "level", "from": 3, "to": seq}])));
    }
    table.keys("3 k k");
    let rows = |table: &Table| table.screen().lines().rev().skip(1).take(5).map(ToOwned::to_owned).collect::<Vec<_>>();
    let before = rows(&table);
    assert!(before.iter().any(|row| row.contains("3 → 1 259")), "{before:#?}");
    for seq in 1_260..1_300 {
        table.event(seq, settlement_event("s1", json!([{"field": "level", "from": 3, "to": seq}])));
    }
    assert_eq!(rows(&table), before);
    assert!(table.screen().contains("paused, 40 new"));
    table.keys("f");
    assert!(table.screen().contains("3 → 1 299") && table.screen().contains("follow"));
}

#[test]
fn the_next_change_is_found_behind_a_fold() {
    let mut table = Table::live(120, 40);
    table.keys("j j j h");
    assert!(!table.screen().contains("Granary"));
    table.raise_settlement(1_201);
    table.keys("g n");
    let selected = table.app.selected().map(|entity| entity.name.to_string());
    assert_eq!(selected.as_deref(), Some("Harrow's Rest"));
    assert!(table.screen().contains("Granary"), "what was folded away is opened: {}", table.screen());
}

#[test]
fn a_journal_row_leads_to_its_entity() {
    let mut table = Table::live(60, 20);
    table.raise_settlement(1_201);
    table.keys("3 o");
    assert!(table.screen().contains("━ Harrow's Rest"), "{}", table.screen());
    table.keys("esc");
    assert!(table.screen().contains("[1 World]"));
}

#[test]
fn a_further_pane_opens_beside_the_others_and_gives_the_place_back() {
    let mut table = Table::live(120, 40);
    table.keys("3 7");
    assert!(table.screen().contains("━ Health") && !table.screen().contains("─ Emberfall"), "{}", table.screen());
    table.keys("tab");
    assert!(table.screen().contains("━ Journal"), "the focus goes through what is on screen: {}", table.screen());
    table.keys("7 z");
    assert!(table.screen().contains("[7 Health]") && !table.screen().contains("Journal ─"), "{}", table.screen());
    table.keys("z esc");
    assert!(table.screen().contains("━ Journal") && table.screen().contains("─ Emberfall"), "{}", table.screen());
    table.keys("7 2");
    assert!(table.screen().contains("━ Emberfall") && !table.screen().contains("─ Health"), "{}", table.screen());
}

#[test]
fn with_several_campaigns_and_none_named_one_is_chosen() {
    let mut table = Table::new(80, 24);
    let mut app = scry_dashboard::app::App::new(scry_dashboard::app::AppOptions::default(), (80, 24), table.now);
    assert_eq!(app.start(None), [AppEffect::LoadCampaigns]);
    table.app = app;
    let choice = |name: &str, role: &str| CampaignChoice {
        id: id(&name.to_lowercase()),
        name: name.to_owned(),
        description: format!("What happens in {name}."),
        role: role.to_owned(),
    };
    table.send(Msg::Campaigns(Ok(vec![choice("Emberfall", "OWNER"), choice("Saltmarch", "VIEWER")])));
    insta::assert_snapshot!("choosing_80x24", table.screen());
    table.keys("j enter");
    assert_eq!(table.effects.last(), Some(&AppEffect::Watch(id("saltmarch"))));
}

#[test]
fn a_list_that_cannot_be_had_is_asked_for_again() {
    let mut table = Table::new(80, 24);
    table.app = scry_dashboard::app::App::new(scry_dashboard::app::AppOptions::default(), (80, 24), table.now);
    table.app.start(None);
    let reason = "cannot reach http://127.0.0.1:4600: connection refused";
    table.send(Msg::Campaigns(Err(reason.to_owned())));
    assert!(table.screen().contains(reason) && table.screen().contains("r retry"), "{}", table.screen());
    table.keys("r");
    assert_eq!(table.effects.last(), Some(&AppEffect::LoadCampaigns));
}

#[test]
fn retry_asks_once_there_is_something_to_retry() {
    let mut table = Table::live(80, 24);
    table.keys("r");
    assert!(!table.effects.contains(&AppEffect::RetryNow));
    table.status(status(Phase::Open));
    table.keys("r");
    assert_eq!(table.effects.last(), Some(&AppEffect::RetryNow));
}

#[test]
fn history_and_live_events_form_one_journal_without_doubles() {
    let mut table = Table::live(80, 24);
    let asked = table.effects.iter().find_map(|effect| {
        let AppEffect::LoadHistory { since, limit, .. } = effect else { return None };
        Some((*since, *limit))
    });
    assert_eq!(asked, Some((700, 500)));
    table.event(1_201, settlement_event("s1", json!([{"field": "level", "from": 1, "to": 2}])));
    let earlier = [1_199, 1_200, 1_201].map(|seq| {
        let mut event = settlement_event("s2", json!([]));
        event["metadata"]["seq"] = json!(seq);
        event["metadata"]["epoch"] = json!("x");
        Event::from_value(&event).unwrap()
    });
    table.send(Msg::History(Ok(earlier.into())));
    assert_eq!(table.app.journal().seqs().collect::<Vec<_>>(), [1_199, 1_200, 1_201]);
}

#[test]
fn with_nothing_fresh_the_next_change_is_what_changed_last_and_then_what_changed_before() {
    let mut table = Table::live(120, 40);
    for (seq, settlement) in [(1_201, "s2"), (1_202, "s1"), (1_203, "s2"), (1_204, "s3")] {
        table.event(seq, settlement_event(settlement, json!([{"field": "level", "from": 3, "to": 4}])));
        table.wait(Duration::from_secs(1));
    }
    table.wait(Duration::from_secs(300));
    assert!(table.app.tree().fresh().is_empty() && table.screen().contains("n next change"), "{}", table.screen());
    let selected = |table: &Table| table.app.selected().unwrap().name.to_string();
    let mut seen = Vec::new();
    for _ in 0..4 {
        table.keys("n");
        seen.push(selected(&table));
    }
    assert_eq!(seen, ["砦の町 Toride", "Saltwick", "Harrow's Rest", "砦の町 Toride"]);
    table.keys("N");
    assert_eq!(selected(&table), "Harrow's Rest");
}

#[test]
fn what_scrolls_says_how_much_is_below_and_turns_back_at_once() {
    let mut table = Table::live(60, 20);
    for keys in ["4", "7", "5"] {
        if keys == "5" {
            crowd(&mut table);
        } else if keys == "7" {
            let said = (0..16).map(|n| (format!("figure {n}"), n.to_string())).collect();
            table.send(Msg::Server(Ok(said)));
        }
        table.keys(keys);
        assert!(table.screen().contains(" more, pgdn"), "{}", table.screen());
        table.keys("G G");
        let end = table.screen();
        assert!(!end.contains(" more, "), "{end}");
        table.keys("k");
        assert_ne!(table.screen(), end, "the first step up moves");
        table.keys("g");
    }
}

/// Fills the table with more people than a pane has rows.
fn crowd(table: &mut Table) {
    let user = |n: usize| {
        json!({"userId": format!("v{n}"), "name": format!("Visitor {n}"), "status": "online",
               "since": "2026-03-01T18:00:00.000Z", "resources": []})
    };
    let users: Vec<_> = (0..30).map(user).collect();
    table.ephemeral("presence:state", json!({"campaignId": "c", "users": users}));
}

#[test]
fn the_key_line_begins_with_what_can_be_done_only_there() {
    let mut table = Table::live(80, 24);
    let first = |table: &Table| table.screen().lines().last().unwrap().trim_start().to_owned();
    for (keys, hint) in [("1", "⏎ open"), ("2", "⏎ why"), ("3", "⏎ inspect"), ("4", "esc close"), ("6", "⏎ open")]
    {
        table.keys(keys);
        assert!(first(&table).starts_with(hint), "{keys}: {}", first(&table));
    }
}

#[test]
fn sentences_name_the_keys_that_there_are() {
    let wish = |place: &str, command: &str, key: &str| {
        let keys = if key.is_empty() { Vec::new() } else { vec![key.to_owned()] };
        (place.to_owned(), std::collections::BTreeMap::from([(command.to_owned(), keys)]))
    };
    let wanted = [
        wish("world", "clear-filter", "x"),
        wish("journal", "clear-journal-filter", ""),
        wish("everywhere", "page-down", "d"),
    ];
    let mut wanted: std::collections::BTreeMap<_, _> = wanted.into_iter().collect();
    wanted.get_mut("everywhere").unwrap().insert("retry".to_owned(), vec!["f9".to_owned()]);
    let keymap = scry_dashboard::app::Keymap::rebound(&wanted).unwrap();
    let mut table = Table::live(80, 24);
    table.app.apply_settings(scry_dashboard::app::AppOptions::default(), keymap);
    table.keys("j j j j");
    assert!(table.screen().contains(" more, 2 then d"), "{}", table.screen());
    table.keys("/");
    table.write("nothing like it");
    table.keys("enter");
    assert!(table.screen().contains("; x takes it away"), "{}", table.screen());
    table.event(1_201, settlement_event("s1", json!([{"field": "level", "from": 1, "to": 2}])));
    table.keys("3 /");
    table.write("nothing like it");
    table.keys("enter");
    assert!(table.screen().contains("; :clear-journal-filter takes"), "{}", table.screen());
    table.status(status(Phase::Open));
    assert!(table.screen().contains("max retries reached, f9 to retry"), "{}", table.screen());
}
