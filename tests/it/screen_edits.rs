//! Changing the campaign from the dashboard: what is shown, what is submitted, what becomes of it.

use std::time::Duration;

use scry_dashboard::app::keymap::{Action, BINDINGS};
use scry_dashboard::app::{AppEffect, KeyContext};
use scry_model::event::{DueEffect, Phase};
use scry_model::outbox::{EditChange, EditOutcome, EditRefusal};
use scry_protocol::{Conflict, EntityType, ErrorCode, FieldConflict};
use serde_json::{Value, json};

use scry_testkit::dashboard_fixture::{DashboardFixture, clock_event, id, nodes, settlement_event, status};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

/// Opens the fields of Harrow's Rest, the fourth row below the campaign.
fn at_harrow(width: u16, height: u16) -> DashboardFixture {
    let mut dashboard = DashboardFixture::live(width, height);
    dashboard.keys("j j j j");
    assert_eq!(dashboard.app.selected().unwrap().name.to_string(), "Harrow's Rest");
    dashboard
}

fn clear(dashboard: &mut DashboardFixture) {
    dashboard.keys("ctrl-u");
}

fn set_level(dashboard: &mut DashboardFixture, level: &str) -> String {
    dashboard.keys("e j enter");
    clear(dashboard);
    dashboard.write(level);
    dashboard.keys("enter esc");
    dashboard.submitted().last().unwrap().key.clone()
}

fn refusal(message: &str, conflict: Option<Conflict>) -> EditRefusal {
    let code = if conflict.is_some() { ErrorCode::Conflict } else { ErrorCode::InvalidPayload };
    EditRefusal { code, message: message.to_owned(), conflict }
}

fn conflict() -> Conflict {
    let field = |name: &str, base: Value, mine: Value, theirs: Value| FieldConflict {
        field: name.to_owned(),
        base,
        mine,
        theirs,
    };
    Conflict { current_version: 33, fields: vec![field("level", json!(3), json!(5), json!(6))] }
}

fn own_event(dashboard: &mut DashboardFixture, key: &str, seq: u64, level: i64, version: i64) {
    dashboard.edit("s1", |node| {
        node["level"] = json!(level);
        node["version"] = json!(version);
    });
    let mut event = settlement_event("s1", json!([{"field": "level", "from": 3, "to": level}]));
    event["metadata"]["correlationId"] = json!(key);
    event["metadata"]["userId"] = json!("u1");
    event["metadata"]["version"] = json!(version);
    dashboard.event(seq, event);
}

#[test]
fn the_fields_of_an_entity_at_each_size() {
    for (width, height) in SIZES {
        let mut dashboard = at_harrow(width, height);
        dashboard.keys("e j j");
        insta::assert_snapshot!(format!("fields_{width}x{height}"), dashboard.screen());
        dashboard.keys("enter");
        clear(&mut dashboard);
        dashboard.write("-3");
        dashboard.keys("enter");
        assert!(dashboard.screen().contains("Population must be at least 0, not -3"), "{}", dashboard.screen());
        insta::assert_snapshot!(format!("field_{width}x{height}"), dashboard.screen());
    }
}

#[test]
fn a_value_is_shown_at_once_and_settles_without_going_back() {
    let mut dashboard = at_harrow(120, 40);
    let key = set_level(&mut dashboard, "5");
    let shown = |dashboard: &DashboardFixture| {
        let screen = dashboard.screen();
        let line = screen.lines().find(|line| line.contains("│ Level")).unwrap_or_default().to_owned();
        line.split('│').nth(1).unwrap_or_default().to_owned()
    };
    assert!(shown(&dashboard).contains("5   ◌ pending"), "{}", dashboard.screen());
    assert!(dashboard.screen().contains("1 pending"));
    let edit = dashboard.submitted().pop().unwrap();
    let EditChange::Update { input, expected_version, .. } = &edit.change else { panic!("{edit:?}") };
    assert_eq!((json!(input), *expected_version), (json!({"level": 5}), Some(30)));
    dashboard.outcome(EditOutcome::Stored(edit));
    dashboard.outcome(EditOutcome::Sending { key: key.clone() });
    assert!(shown(&dashboard).contains("◌ sending"));
    // Somebody changes another field of it meanwhile.
    dashboard.edit("s1", |node| node["variables"]["morale"] = json!("high"));
    dashboard
        .event(1_201, settlement_event("s1", json!([{"field": "variables.morale", "from": "steady", "to": "high"}])));
    dashboard.wait(Duration::from_millis(100));
    assert!(shown(&dashboard).contains('5') && dashboard.screen().contains("high"), "{}", dashboard.screen());
    dashboard.outcome(EditOutcome::Applied { key: key.clone(), version: Some(32) });
    assert!(shown(&dashboard).contains('5') && !dashboard.screen().contains("pending"), "{}", dashboard.screen());
    own_event(&mut dashboard, &key, 1_202, 5, 32);
    assert!(shown(&dashboard).contains('5'), "{}", dashboard.screen());
    dashboard.wait(Duration::from_millis(100));
    assert!(shown(&dashboard).contains("5   ▲ from 3"), "{}", dashboard.screen());
    assert!(dashboard.app.pending().all().is_empty());
}

#[test]
fn a_refusal_rolls_back_says_why_and_keeps_the_text_for_another_try() {
    let mut dashboard = at_harrow(120, 40);
    let key = set_level(&mut dashboard, "5");
    dashboard.outcome(EditOutcome::Refused { key: key.clone(), refusal: refusal("level may only rise by one", None) });
    let screen = dashboard.screen();
    assert!(screen.contains("not saved: Harrow's Rest · level 3 → 5: level may only rise by one"), "{screen}");
    assert!(screen.contains("1 refused") && !screen.contains("5   ◌"), "{screen}");
    dashboard.keys("E enter");
    assert!(dashboard.screen().contains("▌ Level") && dashboard.screen().contains(" 5"), "{}", dashboard.screen());
    dashboard.keys("backspace 4 enter");
    assert!(dashboard.effects.contains(&AppEffect::DiscardEdit(key)), "the new try takes the place of the old one");
    let edit = dashboard.submitted().pop().unwrap();
    assert!(matches!(&edit.change, EditChange::Update { input, .. } if input["level"] == 4));
}

#[test]
fn a_refusal_rings_for_who_does_not_look() {
    let mut dashboard = at_harrow(120, 40);
    let key = set_level(&mut dashboard, "5");
    dashboard.outcome(EditOutcome::Refused { key, refusal: refusal("level may only rise by one", None) });
    let rung = |effect: &AppEffect| matches!(effect, AppEffect::Alert(said) if said == "not saved: Harrow's Rest · level 3 → 5");
    assert!(dashboard.effects.iter().any(rung), "{:?}", dashboard.effects);
}

#[test]
fn a_description_may_be_as_long_as_the_server_takes() {
    let mut dashboard = at_harrow(120, 40);
    let line = "The river rose again, and nobody had mended the dyke.\n";
    dashboard.keys("e j j j j j j j enter");
    assert!(dashboard.screen().contains("▌ Description"), "{}", dashboard.screen());
    dashboard.keys("ctrl-u");
    dashboard.send(scry_dashboard::app::Msg::Paste(line.repeat(180)));
    assert!(dashboard.screen().contains("mended the dyke"), "{}", dashboard.screen());
    dashboard.keys("ctrl-s");
    let edit = dashboard.submitted().pop().unwrap();
    let EditChange::Update { input, .. } = &edit.change else { panic!("{edit:?}") };
    let written = input["description"].as_str().unwrap();
    assert!(written.chars().count() > 9_500 && written.ends_with("dyke.\n"), "{}", written.len());
    dashboard.edit("s1", |node| node["description"] = json!(line.repeat(180)));
    dashboard.outcome(EditOutcome::Discarded { key: edit.key });
    dashboard.event(1_201, settlement_event("s1", json!([{"field": "description"}])));
    dashboard.wait(Duration::from_millis(100));
    dashboard.keys("enter");
    dashboard.send(scry_dashboard::app::Msg::Paste(line.repeat(10)));
    dashboard.keys("ctrl-s");
    assert!(dashboard.screen().contains("Description must be at most 10000 characters, not"), "{}", dashboard.screen());
}

/// Whatever arrives in whatever order, no frame falls back to the value from before.
#[test]
fn no_frame_shows_the_old_value_while_an_edit_is_on_its_way() {
    for seed in 0..6 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut dashboard = at_harrow(120, 40);
        let key = set_level(&mut dashboard, "5");
        let edit = dashboard.submitted().pop().unwrap();
        let steady = |dashboard: &DashboardFixture, when: &str| {
            let screen = dashboard.screen();
            let level = screen.lines().find_map(|line| line.split_once("│ Level ")).map(|(_, rest)| rest.trim_start());
            assert!(level.is_some_and(|rest| rest.starts_with('5')), "seed {seed}, {when}:\n{screen}");
        };
        let mut news = vec![
            EditOutcome::Stored(edit),
            EditOutcome::Sending { key: key.clone() },
            EditOutcome::Applied { key: key.clone(), version: Some(32) },
        ];
        news.reverse();
        let (mut seq, mut is_told) = (1_200, false);
        while !news.is_empty() || !is_told {
            seq += 1;
            match random.u32(0..4) {
                0 => {
                    let crowd = random.i64(0..9_000);
                    dashboard.edit("s1", |node| node["variables"]["population"] = json!(crowd));
                    let changes = json!([{"field": "variables.population", "to": crowd}]);
                    dashboard.event(seq, settlement_event("s1", changes));
                }
                1 if news.len() <= 1 && !is_told => {
                    own_event(&mut dashboard, &key, seq, 5, 32);
                    is_told = true;
                }
                2 => {
                    if let Some(outcome) = news.pop() {
                        dashboard.outcome(outcome);
                    }
                }
                _ => {}
            }
            steady(&dashboard, "after a message");
            for _ in 0..random.u32(0..5) {
                dashboard.wait(Duration::from_millis(10));
                steady(&dashboard, "after a moment");
            }
        }
        dashboard.wait(Duration::from_millis(200));
        steady(&dashboard, "in the end");
        assert!(dashboard.app.pending().all().is_empty(), "seed {seed}");
    }
}

#[test]
fn players_see_no_secret_in_what_is_edited() {
    let mut all = nodes();
    let town = all.iter_mut().find(|node| node["id"] == "s1").unwrap();
    town["variableSchemas"]["upkeep"]["secret"] = json!(true);
    let mut dashboard = DashboardFixture::new(120, 40);
    dashboard.server = Some(all.clone());
    dashboard.status(status(Phase::Live));
    dashboard.snapshot(all);
    dashboard.keys("j j j j e j j j j enter ctrl-u");
    dashboard.write("123");
    dashboard.keys("enter esc");
    let edit = dashboard.submitted().pop().unwrap();
    let EditChange::Update { input, .. } = &edit.change else { panic!("{edit:?}") };
    assert_eq!(json!(input), json!({"variables": {"upkeep": 123}}));
    assert!(dashboard.screen().contains("123"), "{}", dashboard.screen());
    dashboard.outcome(EditOutcome::Refused { key: edit.key, refusal: refusal("upkeep 123 is too much", None) });
    dashboard.keys("P");
    for keys in ["", "E", "enter", "esc", "e"] {
        dashboard.keys(keys);
        let screen = dashboard.screen();
        assert!(!screen.contains("123") && !screen.contains(" 18 gp"), "after {keys}:\n{screen}");
    }
    assert!(!dashboard.screen().contains("Upkeep"), "{}", dashboard.screen());
}

#[test]
fn leaving_with_something_written_asks_first() {
    let mut dashboard = at_harrow(80, 24);
    dashboard.keys("e j enter");
    dashboard.write("9");
    dashboard.keys("esc");
    assert!(dashboard.screen().contains("esc discards it"), "{}", dashboard.screen());
    dashboard.keys("esc");
    assert!(dashboard.screen().contains("▌ Level") && dashboard.submitted().is_empty(), "{}", dashboard.screen());
    dashboard.keys("enter esc");
    assert!(!dashboard.screen().contains("esc discards it"), "nothing was written");
}

#[test]
fn every_kind_of_field_is_written_in_its_own_way() {
    let mut dashboard = at_harrow(120, 40);
    let last = |dashboard: &DashboardFixture| {
        let change = dashboard.submitted().pop().unwrap().change;
        let EditChange::Update { input, .. } = change else { panic!("{change:?}") };
        Value::Object(input)
    };
    dashboard.keys("e j j j enter down enter");
    assert_eq!(last(&dashboard), json!({"variables": {"morale": "high"}}));
    dashboard.keys("j j enter space enter");
    assert_eq!(last(&dashboard), json!({"variables": {"walled": false}}));
    dashboard.keys("j enter enter");
    dashboard.write("ink");
    dashboard.keys("ctrl-s");
    assert_eq!(last(&dashboard), json!({"variables": {"trades": ["salt", "herring", "ink"]}}));
    dashboard.keys("j enter ctrl-u");
    dashboard.send(scry_dashboard::app::Msg::Paste("One.\r\n\u{1b}[2JTwo.".to_owned()));
    dashboard.keys("ctrl-s");
    assert_eq!(last(&dashboard)["description"].as_str().unwrap().lines().next_back(), Some("\u{fffd}[2JTwo."));
    dashboard.keys("g enter ctrl-u enter");
    assert!(dashboard.screen().contains("Name must not be empty"), "{}", dashboard.screen());
}

#[test]
fn foreign_change_to_the_open_field_is_reported() {
    let mut dashboard = at_harrow(120, 40);
    dashboard.keys("e j enter");
    dashboard.raise_settlement(1_201);
    assert!(dashboard.screen().contains("Mira has changed it to 4 meanwhile"), "{}", dashboard.screen());
    dashboard.write("9");
    dashboard.keys("enter");
    let edit = dashboard.submitted().pop().unwrap();
    let EditChange::Update { expected_version, .. } = &edit.change else { panic!("{edit:?}") };
    assert_eq!(*expected_version, Some(30), "the conflict is for the server to see");
}

#[test]
fn a_conflict_is_decided_field_by_field_at_each_size() {
    for (width, height) in SIZES {
        let mut dashboard = at_harrow(width, height);
        let key = set_level(&mut dashboard, "5");
        dashboard.outcome(EditOutcome::Refused { key: key.clone(), refusal: refusal("conflict", Some(conflict())) });
        dashboard.keys("E enter");
        insta::assert_snapshot!(format!("conflict_{width}x{height}"), dashboard.screen());
        dashboard.keys("e ctrl-u");
        dashboard.write("4");
        dashboard.keys("enter");
        assert!(dashboard.screen().contains("instead: 4"), "{}", dashboard.screen());
        dashboard.keys("enter");
        let edit = dashboard.submitted().pop().unwrap();
        let EditChange::Update { input, expected_version, .. } = &edit.change else { panic!("{edit:?}") };
        assert_eq!((json!(input), *expected_version), (json!({"level": 4}), Some(33)));
        assert!(dashboard.effects.contains(&AppEffect::DiscardEdit(key)));
    }
}

#[test]
fn taking_theirs_gives_the_edit_up() {
    let mut dashboard = at_harrow(120, 40);
    let key = set_level(&mut dashboard, "5");
    dashboard.outcome(EditOutcome::Refused { key: key.clone(), refusal: refusal("conflict", Some(conflict())) });
    dashboard.keys("E enter t enter");
    assert_eq!(dashboard.submitted().len(), 1, "nothing more is sent");
    assert!(dashboard.effects.contains(&AppEffect::DiscardEdit(key)) && dashboard.app.pending().all().is_empty());
}

#[test]
fn the_list_of_edits_at_each_size() {
    for (width, height) in SIZES {
        let mut dashboard = at_harrow(width, height);
        let key = set_level(&mut dashboard, "5");
        dashboard.outcome(EditOutcome::Refused { key, refusal: refusal("level may only rise by one", None) });
        dashboard.status(status(Phase::Backoff));
        dashboard.keys("e g enter");
        dashboard.write("!");
        dashboard.keys("enter esc a");
        dashboard.write("3h");
        dashboard.keys("enter E");
        insta::assert_snapshot!(format!("edits_{width}x{height}"), dashboard.screen());
        dashboard.keys("t");
        assert!(dashboard.effects.iter().any(|effect| matches!(effect, AppEffect::RetryEdit { .. })));
        dashboard.keys("d");
        assert!(dashboard.effects.iter().any(|effect| matches!(effect, AppEffect::DiscardEdit(_))));
    }
}

#[test]
fn something_new_stands_in_the_tree_at_once_and_becomes_what_the_server_made() {
    let mut dashboard = at_harrow(120, 40);
    dashboard.keys("c");
    insta::assert_snapshot!("create_what_120x40", dashboard.screen());
    dashboard.keys("enter enter");
    assert!(dashboard.screen().contains("Name must not be empty"), "{}", dashboard.screen());
    dashboard.write("Fish Market");
    dashboard.keys("tab");
    dashboard.write("market");
    insta::assert_snapshot!("create_120x40", dashboard.screen());
    dashboard.keys("enter");
    let edit = dashboard.submitted().pop().unwrap();
    let EditChange::Create { entity_type, input } = &edit.change else { panic!("{edit:?}") };
    assert_eq!(*entity_type, EntityType::Structure);
    assert_eq!(json!(input), json!({"name": "Fish Market", "type": "market", "level": 1, "settlementId": "s1"}));
    assert!(dashboard.screen().contains("Fish Market"), "{}", dashboard.screen());
    dashboard.outcome(EditOutcome::Refused { key: edit.key, refusal: refusal("there is no room for a market", None) });
    let tree = dashboard.app.tree().rows().len();
    dashboard.wait(Duration::from_secs(7));
    assert!(!dashboard.app.tree().rows().is_empty() && dashboard.app.tree().rows().len() == tree);
    assert!(!dashboard.screen().lines().take(25).any(|line| line.contains("   Fish Market")), "{}", dashboard.screen());
}

#[test]
fn deleting_names_what_goes_with_it() {
    for (width, height) in SIZES {
        let mut dashboard = at_harrow(width, height);
        dashboard.keys("D");
        insta::assert_snapshot!(format!("delete_{width}x{height}"), dashboard.screen());
        dashboard.keys("n");
        assert!(dashboard.submitted().is_empty());
        dashboard.keys("D y");
        let edit = dashboard.submitted().pop().unwrap();
        assert!(matches!(edit.change, EditChange::Delete { expected_version: Some(30), .. }), "{edit:?}");
        assert!(dashboard.app.pending().is_deleted(&edit.change.entity().unwrap()));
    }
}

#[test]
fn the_clock_shows_where_it_leads_and_what_falls_due() {
    for (width, height) in SIZES {
        let mut dashboard = DashboardFixture::live(width, height);
        dashboard.keys("a");
        dashboard.write("2 days");
        dashboard.wait(Duration::from_millis(400));
        let asked = dashboard.effects.iter().find_map(|effect| {
            let AppEffect::PreviewDue { until, .. } = effect else { return None };
            Some(until.clone())
        });
        let until = asked.expect("the server is asked once the person pauses");
        assert_eq!(until, "1207-09-16T18:20:00.000Z");
        let due = DueEffect {
            at: "1207-09-16T08:00:00.000Z".to_owned(),
            name: "Market day".to_owned(),
            description: "The stalls open at the bridge.".to_owned(),
            entity_type: EntityType::Settlement,
            entity_id: id("s1"),
        };
        dashboard.send(scry_dashboard::app::Msg::Due { until, result: Ok(vec![due]) });
        insta::assert_snapshot!(format!("clock_{width}x{height}"), dashboard.screen());
        dashboard.keys("enter");
        let edit = dashboard.submitted().pop().unwrap();
        assert_eq!(edit.change, EditChange::AdvanceTime { seconds: 172_800 });
        let shown = dashboard.screen();
        assert!(shown.contains("pending"), "{shown}");
        // The narrowest header has room for what waits, not for the date as well.
        assert!(width < 80 || shown.contains(" 16 Rainmoon"), "the clock shows it at once: {shown}");
        let mut event = clock_event("1207-09-14T18:20:00.000Z", "1207-09-16T18:20:00.000Z", 172_800);
        event["metadata"]["correlationId"] = json!(edit.key);
        dashboard.event(1_201, event);
        assert!(dashboard.app.pending().all().is_empty());
    }
}

#[test]
fn the_last_change_is_taken_back_as_a_new_one() {
    let mut dashboard = at_harrow(120, 40);
    dashboard.keys("u");
    assert!(dashboard.screen().contains("there is no change of yours to undo"), "{}", dashboard.screen());
    let key = set_level(&mut dashboard, "5");
    own_event(&mut dashboard, &key, 1_201, 5, 31);
    dashboard.wait(Duration::from_millis(100));
    dashboard.keys("u");
    let edit = dashboard.submitted().pop().unwrap();
    let EditChange::Update { input, expected_version, .. } = &edit.change else { panic!("{edit:?}") };
    assert_eq!((json!(input), *expected_version), (json!({"level": 3}), Some(31)));
    own_event(&mut dashboard, &edit.key, 1_202, 3, 32);
    dashboard.keys("u");
    assert_eq!(dashboard.submitted().len(), 2, "what was taken back is not taken back again");
}

#[test]
fn an_edit_that_still_waits_is_given_up_by_undo() {
    let mut dashboard = at_harrow(120, 40);
    let key = set_level(&mut dashboard, "5");
    let edit = dashboard.submitted().pop().unwrap();
    dashboard.outcome(EditOutcome::Stored(edit));
    dashboard.keys("u");
    assert!(dashboard.effects.contains(&AppEffect::DiscardEdit(key.clone())));
    dashboard.outcome(EditOutcome::Discarded { key });
    assert!(dashboard.app.pending().all().is_empty() && !dashboard.screen().contains("◌"), "{}", dashboard.screen());
}

#[test]
fn viewer_has_no_edit_keys() {
    let editing = |action: Action| matches!(action, Action::Edit(deed) if deed.changes_campaign());
    let keys: Vec<_> = BINDINGS.iter().filter(|line| editing(line.action)).flat_map(|line| line.keys).collect();
    assert!(keys.len() >= 6, "{keys:?}");
    for (read_only, role) in [(true, "OWNER"), (false, "VIEWER"), (true, "VIEWER")] {
        let mut dashboard = DashboardFixture::reading(120, 40, read_only, role);
        dashboard.keys("j j j j");
        for context in
            [KeyContext::World, KeyContext::Detail, KeyContext::Journal, KeyContext::People, KeyContext::Notifications]
        {
            assert!(!dashboard.app.keymap().bindings(context).any(|bound| editing(bound.binding.action)));
        }
        for key in &keys {
            dashboard.keys(key);
            assert!(dashboard.app.dialog().is_none(), "{key}");
        }
        dashboard.keys("?");
        assert!(
            !dashboard.screen().contains("edit the selected") && !dashboard.screen().contains("advance"),
            "{}",
            dashboard.screen()
        );
        assert!(dashboard.submitted().is_empty());
    }
    assert!(DashboardFixture::live(120, 40).app.rights().is_some());
    assert!(DashboardFixture::reading(120, 40, false, "EDITOR").app.rights().is_some());
}
