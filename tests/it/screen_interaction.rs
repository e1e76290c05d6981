//! What keys and time do to the dashboard.

use std::time::Duration;

use scry_dashboard::app::{AppEffect, CampaignChoice, Msg};
use scry_model::event::{Phase, Status};
use scry_protocol::Event;
use serde_json::json;

use scry_testkit::dashboard_fixture::{DashboardFixture, id, settlement_event, status};

#[test]
fn a_change_is_marked_fades_and_then_the_dashboard_sleeps() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("j j j j");
    dashboard.raise_settlement(1_201);
    assert!(dashboard.screen().contains("▲ from 3"), "{}", dashboard.screen());
    assert!(dashboard.screen().contains("1 fresh"));
    let wakes = dashboard.wait(Duration::from_secs(70));
    assert!(wakes <= 75, "an age in seconds needs one wake-up each, not {wakes}");
    assert!(!dashboard.screen().contains("fresh") && !dashboard.screen().contains("▲"), "{}", dashboard.screen());
    assert!(dashboard.screen().contains("Mira, at 18:20:00"), "{}", dashboard.screen());
    assert!(
        dashboard.wait(Duration::from_secs(3_600)) <= 1,
        "an idle dashboard is woken once, to say that nobody is there"
    );
}

#[test]
fn a_measured_round_trip_alone_draws_nothing() {
    let mut dashboard = DashboardFixture::live(80, 24);
    dashboard.wait(Duration::from_secs(10));
    dashboard.app.take_redraw();
    dashboard.status(Status { round_trip: Some(Duration::from_millis(13)), ..status(Phase::Live) });
    assert!(!dashboard.app.take_redraw());
    dashboard.status(Status { round_trip: Some(Duration::from_millis(90)), ..status(Phase::Live) });
    assert!(dashboard.app.take_redraw());
}

#[test]
fn a_paused_journal_shows_the_same_rows_while_others_arrive() {
    let mut dashboard = DashboardFixture::live(80, 24);
    for seq in 1_201..1_260 {
        dashboard.event(seq, settlement_event("s1", json!([{"field": "level", "from": 3, "to": seq}])));
    }
    dashboard.keys("3 k k");
    let rows = |dashboard: &DashboardFixture| {
        dashboard.screen().lines().rev().skip(1).take(5).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let before = rows(&dashboard);
    assert!(before.iter().any(|row| row.contains("3 → 1 259")), "{before:#?}");
    for seq in 1_260..1_300 {
        dashboard.event(seq, settlement_event("s1", json!([{"field": "level", "from": 3, "to": seq}])));
    }
    assert_eq!(rows(&dashboard), before);
    assert!(dashboard.screen().contains("paused, 40 new"));
    dashboard.keys("f");
    assert!(dashboard.screen().contains("3 → 1 299") && dashboard.screen().contains("follow"));
}

#[test]
fn the_next_change_is_found_behind_a_fold() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("j j j h");
    assert!(!dashboard.screen().contains("Granary"));
    dashboard.raise_settlement(1_201);
    dashboard.keys("g n");
    let selected = dashboard.app.selected().map(|entity| entity.name.to_string());
    assert_eq!(selected.as_deref(), Some("Harrow's Rest"));
    assert!(dashboard.screen().contains("Granary"), "what was folded away is opened: {}", dashboard.screen());
}

#[test]
fn a_journal_row_leads_to_its_entity() {
    let mut dashboard = DashboardFixture::live(60, 20);
    dashboard.raise_settlement(1_201);
    dashboard.keys("3 o");
    assert!(dashboard.screen().contains("━ Harrow's Rest"), "{}", dashboard.screen());
    dashboard.keys("esc");
    assert!(dashboard.screen().contains("[1 World]"));
}

#[test]
fn a_further_pane_opens_beside_the_others_and_gives_the_place_back() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("3 7");
    assert!(
        dashboard.screen().contains("━ Health") && !dashboard.screen().contains("─ Emberfall"),
        "{}",
        dashboard.screen()
    );
    dashboard.keys("tab");
    assert!(
        dashboard.screen().contains("━ Journal"),
        "the focus goes through what is on screen: {}",
        dashboard.screen()
    );
    dashboard.keys("7 z");
    assert!(
        dashboard.screen().contains("[7 Health]") && !dashboard.screen().contains("Journal ─"),
        "{}",
        dashboard.screen()
    );
    dashboard.keys("z esc");
    assert!(
        dashboard.screen().contains("━ Journal") && dashboard.screen().contains("─ Emberfall"),
        "{}",
        dashboard.screen()
    );
    dashboard.keys("7 2");
    assert!(
        dashboard.screen().contains("━ Emberfall") && !dashboard.screen().contains("─ Health"),
        "{}",
        dashboard.screen()
    );
}

#[test]
fn with_several_campaigns_and_none_named_one_is_chosen() {
    let mut dashboard = DashboardFixture::new(80, 24);
    let mut app = scry_dashboard::app::App::new(scry_dashboard::app::AppOptions::default(), (80, 24), dashboard.now);
    assert_eq!(app.start(None), [AppEffect::LoadCampaigns]);
    dashboard.app = app;
    let choice = |name: &str, role: &str| CampaignChoice {
        id: id(&name.to_lowercase()),
        name: name.to_owned(),
        description: format!("What happens in {name}."),
        role: role.to_owned(),
    };
    dashboard.send(Msg::Campaigns(Ok(vec![choice("Emberfall", "OWNER"), choice("Saltmarch", "VIEWER")])));
    insta::assert_snapshot!("choosing_80x24", dashboard.screen());
    dashboard.keys("j enter");
    assert_eq!(dashboard.effects.last(), Some(&AppEffect::Watch(id("saltmarch"))));
}

#[test]
fn a_list_that_cannot_be_had_is_asked_for_again() {
    let mut dashboard = DashboardFixture::new(80, 24);
    dashboard.app = scry_dashboard::app::App::new(scry_dashboard::app::AppOptions::default(), (80, 24), dashboard.now);
    dashboard.app.start(None);
    let reason = "cannot reach http://127.0.0.1:4600: connection refused";
    dashboard.send(Msg::Campaigns(Err(reason.to_owned())));
    assert!(dashboard.screen().contains(reason) && dashboard.screen().contains("r retry"), "{}", dashboard.screen());
    dashboard.keys("r");
    assert_eq!(dashboard.effects.last(), Some(&AppEffect::LoadCampaigns));
}

#[test]
fn retry_asks_once_there_is_something_to_retry() {
    let mut dashboard = DashboardFixture::live(80, 24);
    dashboard.keys("r");
    assert!(!dashboard.effects.contains(&AppEffect::RetryNow));
    dashboard.status(status(Phase::Open));
    dashboard.keys("r");
    assert_eq!(dashboard.effects.last(), Some(&AppEffect::RetryNow));
}

#[test]
fn history_and_live_events_form_one_journal_without_doubles() {
    let mut dashboard = DashboardFixture::live(80, 24);
    let asked = dashboard.effects.iter().find_map(|effect| {
        let AppEffect::LoadHistory { since, limit, .. } = effect else { return None };
        Some((*since, *limit))
    });
    assert_eq!(asked, Some((700, 500)));
    dashboard.event(1_201, settlement_event("s1", json!([{"field": "level", "from": 1, "to": 2}])));
    let earlier = [1_199, 1_200, 1_201].map(|seq| {
        let mut event = settlement_event("s2", json!([]));
        event["metadata"]["seq"] = json!(seq);
        event["metadata"]["epoch"] = json!("x");
        Event::from_value(&event).unwrap()
    });
    dashboard.send(Msg::History(Ok(earlier.into())));
    assert_eq!(dashboard.app.journal().seqs().collect::<Vec<_>>(), [1_199, 1_200, 1_201]);
}

#[test]
fn with_nothing_fresh_the_next_change_is_what_changed_last_and_then_what_changed_before() {
    let mut dashboard = DashboardFixture::live(120, 40);
    for (seq, settlement) in [(1_201, "s2"), (1_202, "s1"), (1_203, "s2"), (1_204, "s3")] {
        dashboard.event(seq, settlement_event(settlement, json!([{"field": "level", "from": 3, "to": 4}])));
        dashboard.wait(Duration::from_secs(1));
    }
    dashboard.wait(Duration::from_secs(300));
    assert!(
        dashboard.app.tree().fresh().is_empty() && dashboard.screen().contains("n next change"),
        "{}",
        dashboard.screen()
    );
    let selected = |dashboard: &DashboardFixture| dashboard.app.selected().unwrap().name.to_string();
    let mut seen = Vec::new();
    for _ in 0..4 {
        dashboard.keys("n");
        seen.push(selected(&dashboard));
    }
    assert_eq!(seen, ["砦の町 Toride", "Saltwick", "Harrow's Rest", "砦の町 Toride"]);
    dashboard.keys("N");
    assert_eq!(selected(&dashboard), "Harrow's Rest");
}

#[test]
fn scrolled_pane_shows_rows_below_and_scrolls_back_at_once() {
    let mut dashboard = DashboardFixture::live(60, 20);
    for keys in ["4", "7", "5"] {
        if keys == "5" {
            crowd(&mut dashboard);
        } else if keys == "7" {
            let said = (0..16).map(|n| (format!("figure {n}"), n.to_string())).collect();
            dashboard.send(Msg::Server(Ok(said)));
        }
        dashboard.keys(keys);
        assert!(dashboard.screen().contains(" more, pgdn"), "{}", dashboard.screen());
        dashboard.keys("G G");
        let end = dashboard.screen();
        assert!(!end.contains(" more, "), "{end}");
        dashboard.keys("k");
        assert_ne!(dashboard.screen(), end, "the first step up moves");
        dashboard.keys("g");
    }
}

/// Fills the table with more people than a pane has rows.
fn crowd(dashboard: &mut DashboardFixture) {
    let user = |n: usize| {
        json!({"userId": format!("v{n}"), "name": format!("Visitor {n}"), "status": "online",
               "since": "2026-03-01T18:00:00.000Z", "resources": []})
    };
    let users: Vec<_> = (0..30).map(user).collect();
    dashboard.ephemeral("presence:state", json!({"campaignId": "c", "users": users}));
}

#[test]
fn the_key_line_begins_with_what_can_be_done_only_there() {
    let mut dashboard = DashboardFixture::live(80, 24);
    let first = |dashboard: &DashboardFixture| dashboard.screen().lines().last().unwrap().trim_start().to_owned();
    for (keys, hint) in [("1", "⏎ open"), ("2", "⏎ why"), ("3", "⏎ inspect"), ("4", "esc close"), ("6", "⏎ open")]
    {
        dashboard.keys(keys);
        assert!(first(&dashboard).starts_with(hint), "{keys}: {}", first(&dashboard));
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
    let mut dashboard = DashboardFixture::live(80, 24);
    dashboard.app.apply_settings(scry_dashboard::app::AppOptions::default(), keymap);
    dashboard.keys("j j j j");
    assert!(dashboard.screen().contains(" more, 2 then d"), "{}", dashboard.screen());
    dashboard.keys("/");
    dashboard.write("nothing like it");
    dashboard.keys("enter");
    assert!(dashboard.screen().contains("; x clears it"), "{}", dashboard.screen());
    dashboard.event(1_201, settlement_event("s1", json!([{"field": "level", "from": 1, "to": 2}])));
    dashboard.keys("3 /");
    dashboard.write("nothing like it");
    dashboard.keys("enter");
    assert!(dashboard.screen().contains("; :clear-journal-filter clears"), "{}", dashboard.screen());
    dashboard.status(status(Phase::Open));
    assert!(dashboard.screen().contains("max retries reached, f9 to retry"), "{}", dashboard.screen());
}
