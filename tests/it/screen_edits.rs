//! Changing the campaign from the dashboard: what is shown, what is submitted, what becomes of it.

use std::time::Duration;

use scry_dashboard::app::keymap::{Action, BINDINGS};
use scry_dashboard::app::{AppEffect, KeyContext};
use scry_model::event::{DueEffect, Phase};
use scry_model::outbox::{EditChange, EditOutcome, EditRefusal};
use scry_protocol::{Conflict, EntityType, ErrorCode, FieldConflict};
use serde_json::{Value, json};

use crate::support::table::{Table, clock_event, id, nodes, settlement_event, status};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

/// Opens the fields of Harrow's Rest, the fourth row below the campaign.
fn at_harrow(width: u16, height: u16) -> Table {
    let mut table = Table::live(width, height);
    table.keys("j j j j");
    assert_eq!(table.app.selected().unwrap().name.to_string(), "Harrow's Rest");
    table
}

fn clear(table: &mut Table) {
    table.keys("ctrl-u");
}

fn set_level(table: &mut Table, level: &str) -> String {
    table.keys("e j enter");
    clear(table);
    table.write(level);
    table.keys("enter esc");
    table.submitted().last().unwrap().key.clone()
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

fn own_event(table: &mut Table, key: &str, seq: u64, level: i64, version: i64) {
    table.edit("s1", |node| {
        node["level"] = json!(level);
        node["version"] = json!(version);
    });
    let mut event = settlement_event("s1", json!([{"field": "level", "from": 3, "to": level}]));
    event["metadata"]["correlationId"] = json!(key);
    event["metadata"]["userId"] = json!("u1");
    event["metadata"]["version"] = json!(version);
    table.event(seq, event);
}

#[test]
fn the_fields_of_an_entity_at_each_size() {
    for (width, height) in SIZES {
        let mut table = at_harrow(width, height);
        table.keys("e j j");
        insta::assert_snapshot!(format!("fields_{width}x{height}"), table.screen());
        table.keys("enter");
        clear(&mut table);
        table.write("-3");
        table.keys("enter");
        assert!(table.screen().contains("Population must be at least 0, not -3"), "{}", table.screen());
        insta::assert_snapshot!(format!("field_{width}x{height}"), table.screen());
    }
}

#[test]
fn a_value_is_shown_at_once_and_settles_without_going_back() {
    let mut table = at_harrow(120, 40);
    let key = set_level(&mut table, "5");
    let shown = |table: &Table| {
        let screen = table.screen();
        let line = screen.lines().find(|line| line.contains("│ Level")).unwrap_or_default().to_owned();
        line.split('│').nth(1).unwrap_or_default().to_owned()
    };
    assert!(shown(&table).contains("5   ◌ pending"), "{}", table.screen());
    assert!(table.screen().contains("1 pending"));
    let edit = table.submitted().pop().unwrap();
    let EditChange::Update { input, expected_version, .. } = &edit.change else { panic!("{edit:?}") };
    assert_eq!((json!(input), *expected_version), (json!({"level": 5}), Some(30)));
    table.outcome(EditOutcome::Stored(edit));
    table.outcome(EditOutcome::Sending { key: key.clone() });
    assert!(shown(&table).contains("◌ sending"));
    // Somebody changes another field of it meanwhile.
    table.edit("s1", |node| node["variables"]["morale"] = json!("high"));
    table.event(1_201, settlement_event("s1", json!([{"field": "variables.morale", "from": "steady", "to": "high"}])));
    table.wait(Duration::from_millis(100));
    assert!(shown(&table).contains('5') && table.screen().contains("high"), "{}", table.screen());
    table.outcome(EditOutcome::Applied { key: key.clone(), version: Some(32) });
    assert!(shown(&table).contains('5') && !table.screen().contains("pending"), "{}", table.screen());
    own_event(&mut table, &key, 1_202, 5, 32);
    assert!(shown(&table).contains('5'), "{}", table.screen());
    table.wait(Duration::from_millis(100));
    assert!(shown(&table).contains("5   ▲ from 3"), "{}", table.screen());
    assert!(table.app.pending().all().is_empty());
}

#[test]
fn a_refusal_rolls_back_says_why_and_keeps_the_text_for_another_try() {
    let mut table = at_harrow(120, 40);
    let key = set_level(&mut table, "5");
    table.outcome(EditOutcome::Refused { key: key.clone(), refusal: refusal("level may only rise by one", None) });
    let screen = table.screen();
    assert!(screen.contains("not saved: Harrow's Rest · level 3 → 5: level may only rise by one"), "{screen}");
    assert!(screen.contains("1 refused") && !screen.contains("5   ◌"), "{screen}");
    table.keys("E enter");
    assert!(table.screen().contains("▌ Level") && table.screen().contains(" 5"), "{}", table.screen());
    table.keys("backspace 4 enter");
    assert!(table.effects.contains(&AppEffect::DiscardEdit(key)), "the new try takes the place of the old one");
    let edit = table.submitted().pop().unwrap();
    assert!(matches!(&edit.change, EditChange::Update { input, .. } if input["level"] == 4));
}

#[test]
fn a_refusal_rings_for_who_does_not_look() {
    let mut table = at_harrow(120, 40);
    let key = set_level(&mut table, "5");
    table.outcome(EditOutcome::Refused { key, refusal: refusal("level may only rise by one", None) });
    let rung = |effect: &AppEffect| matches!(effect, AppEffect::Alert(said) if said == "not saved: Harrow's Rest · level 3 → 5");
    assert!(table.effects.iter().any(rung), "{:?}", table.effects);
}

#[test]
fn a_description_may_be_as_long_as_the_server_takes() {
    let mut table = at_harrow(120, 40);
    let line = "The river rose again, and nobody had mended the dyke.\n";
    table.keys("e j j j j j j j enter");
    assert!(table.screen().contains("▌ Description"), "{}", table.screen());
    table.keys("ctrl-u");
    table.send(scry_dashboard::app::Msg::Paste(line.repeat(180)));
    assert!(table.screen().contains("mended the dyke"), "{}", table.screen());
    table.keys("ctrl-s");
    let edit = table.submitted().pop().unwrap();
    let EditChange::Update { input, .. } = &edit.change else { panic!("{edit:?}") };
    let written = input["description"].as_str().unwrap();
    assert!(written.chars().count() > 9_500 && written.ends_with("dyke.\n"), "{}", written.len());
    table.edit("s1", |node| node["description"] = json!(line.repeat(180)));
    table.outcome(EditOutcome::Discarded { key: edit.key });
    table.event(1_201, settlement_event("s1", json!([{"field": "description"}])));
    table.wait(Duration::from_millis(100));
    table.keys("enter");
    table.send(scry_dashboard::app::Msg::Paste(line.repeat(10)));
    table.keys("ctrl-s");
    assert!(table.screen().contains("Description must be at most 10000 characters, not"), "{}", table.screen());
}

/// Whatever arrives in whatever order, no frame falls back to the value from before.
#[test]
fn no_frame_shows_the_old_value_while_an_edit_is_on_its_way() {
    for seed in 0..6 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut table = at_harrow(120, 40);
        let key = set_level(&mut table, "5");
        let edit = table.submitted().pop().unwrap();
        let steady = |table: &Table, when: &str| {
            let screen = table.screen();
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
                    table.edit("s1", |node| node["variables"]["population"] = json!(crowd));
                    let changes = json!([{"field": "variables.population", "to": crowd}]);
                    table.event(seq, settlement_event("s1", changes));
                }
                1 if news.len() <= 1 && !is_told => {
                    own_event(&mut table, &key, seq, 5, 32);
                    is_told = true;
                }
                2 => {
                    if let Some(outcome) = news.pop() {
                        table.outcome(outcome);
                    }
                }
                _ => {}
            }
            steady(&table, "after a message");
            for _ in 0..random.u32(0..5) {
                table.wait(Duration::from_millis(10));
                steady(&table, "after a moment");
            }
        }
        table.wait(Duration::from_millis(200));
        steady(&table, "in the end");
        assert!(table.app.pending().all().is_empty(), "seed {seed}");
    }
}

#[test]
fn players_see_no_secret_in_what_is_edited() {
    let mut all = nodes();
    let town = all.iter_mut().find(|node| node["id"] == "s1").unwrap();
    town["variableSchemas"]["upkeep"]["secret"] = json!(true);
    let mut table = Table::new(120, 40);
    table.server = Some(all.clone());
    table.status(status(Phase::Live));
    table.snapshot(all);
    table.keys("j j j j e j j j j enter ctrl-u");
    table.write("123");
    table.keys("enter esc");
    let edit = table.submitted().pop().unwrap();
    let EditChange::Update { input, .. } = &edit.change else { panic!("{edit:?}") };
    assert_eq!(json!(input), json!({"variables": {"upkeep": 123}}));
    assert!(table.screen().contains("123"), "{}", table.screen());
    table.outcome(EditOutcome::Refused { key: edit.key, refusal: refusal("upkeep 123 is too much", None) });
    table.keys("P");
    for keys in ["", "E", "enter", "esc", "e"] {
        table.keys(keys);
        let screen = table.screen();
        assert!(!screen.contains("123") && !screen.contains(" 18 gp"), "after {keys}:\n{screen}");
    }
    assert!(!table.screen().contains("Upkeep"), "{}", table.screen());
}

#[test]
fn leaving_with_something_written_asks_first() {
    let mut table = at_harrow(80, 24);
    table.keys("e j enter");
    table.write("9");
    table.keys("esc");
    assert!(table.screen().contains("esc again drops it"), "{}", table.screen());
    table.keys("esc");
    assert!(table.screen().contains("▌ Level") && table.submitted().is_empty(), "{}", table.screen());
    table.keys("enter esc");
    assert!(!table.screen().contains("esc again"), "nothing was written");
}

#[test]
fn every_kind_of_field_is_written_in_its_own_way() {
    let mut table = at_harrow(120, 40);
    let last = |table: &Table| {
        let change = table.submitted().pop().unwrap().change;
        let EditChange::Update { input, .. } = change else { panic!("{change:?}") };
        Value::Object(input)
    };
    table.keys("e j j j enter down enter");
    assert_eq!(last(&table), json!({"variables": {"morale": "high"}}));
    table.keys("j j enter space enter");
    assert_eq!(last(&table), json!({"variables": {"walled": false}}));
    table.keys("j enter enter");
    table.write("ink");
    table.keys("ctrl-s");
    assert_eq!(last(&table), json!({"variables": {"trades": ["salt", "herring", "ink"]}}));
    table.keys("j enter ctrl-u");
    table.send(scry_dashboard::app::Msg::Paste("One.\r\n\u{1b}[2JTwo.".to_owned()));
    table.keys("ctrl-s");
    assert_eq!(last(&table)["description"].as_str().unwrap().lines().next_back(), Some("\u{fffd}[2JTwo."));
    table.keys("g enter ctrl-u enter");
    assert!(table.screen().contains("Name must not be empty"), "{}", table.screen());
}

#[test]
fn somebody_elses_change_to_the_open_field_is_said() {
    let mut table = at_harrow(120, 40);
    table.keys("e j enter");
    table.raise_settlement(1_201);
    assert!(table.screen().contains("Mira has changed it to 4 meanwhile"), "{}", table.screen());
    table.write("9");
    table.keys("enter");
    let edit = table.submitted().pop().unwrap();
    let EditChange::Update { expected_version, .. } = &edit.change else { panic!("{edit:?}") };
    assert_eq!(*expected_version, Some(30), "the conflict is for the server to see");
}

#[test]
fn a_conflict_is_decided_field_by_field_at_each_size() {
    for (width, height) in SIZES {
        let mut table = at_harrow(width, height);
        let key = set_level(&mut table, "5");
        table.outcome(EditOutcome::Refused { key: key.clone(), refusal: refusal("conflict", Some(conflict())) });
        table.keys("E enter");
        insta::assert_snapshot!(format!("conflict_{width}x{height}"), table.screen());
        table.keys("e ctrl-u");
        table.write("4");
        table.keys("enter");
        assert!(table.screen().contains("instead: 4"), "{}", table.screen());
        table.keys("enter");
        let edit = table.submitted().pop().unwrap();
        let EditChange::Update { input, expected_version, .. } = &edit.change else { panic!("{edit:?}") };
        assert_eq!((json!(input), *expected_version), (json!({"level": 4}), Some(33)));
        assert!(table.effects.contains(&AppEffect::DiscardEdit(key)));
    }
}

#[test]
fn taking_theirs_gives_the_edit_up() {
    let mut table = at_harrow(120, 40);
    let key = set_level(&mut table, "5");
    table.outcome(EditOutcome::Refused { key: key.clone(), refusal: refusal("conflict", Some(conflict())) });
    table.keys("E enter t enter");
    assert_eq!(table.submitted().len(), 1, "nothing more is sent");
    assert!(table.effects.contains(&AppEffect::DiscardEdit(key)) && table.app.pending().all().is_empty());
}

#[test]
fn the_list_of_edits_at_each_size() {
    for (width, height) in SIZES {
        let mut table = at_harrow(width, height);
        let key = set_level(&mut table, "5");
        table.outcome(EditOutcome::Refused { key, refusal: refusal("level may only rise by one", None) });
        table.status(status(Phase::Backoff));
        table.keys("e g enter");
        table.write("!");
        table.keys("enter esc a");
        table.write("3h");
        table.keys("enter E");
        insta::assert_snapshot!(format!("edits_{width}x{height}"), table.screen());
        table.keys("t");
        assert!(table.effects.iter().any(|effect| matches!(effect, AppEffect::RetryEdit { .. })));
        table.keys("d");
        assert!(table.effects.iter().any(|effect| matches!(effect, AppEffect::DiscardEdit(_))));
    }
}

#[test]
fn something_new_stands_in_the_tree_at_once_and_becomes_what_the_server_made() {
    let mut table = at_harrow(120, 40);
    table.keys("c");
    insta::assert_snapshot!("create_what_120x40", table.screen());
    table.keys("enter enter");
    assert!(table.screen().contains("Name must not be empty"), "{}", table.screen());
    table.write("Fish Market");
    table.keys("tab");
    table.write("market");
    insta::assert_snapshot!("create_120x40", table.screen());
    table.keys("enter");
    let edit = table.submitted().pop().unwrap();
    let EditChange::Create { entity_type, input } = &edit.change else { panic!("{edit:?}") };
    assert_eq!(*entity_type, EntityType::Structure);
    assert_eq!(json!(input), json!({"name": "Fish Market", "type": "market", "level": 1, "settlementId": "s1"}));
    assert!(table.screen().contains("Fish Market"), "{}", table.screen());
    table.outcome(EditOutcome::Refused { key: edit.key, refusal: refusal("there is no room for a market", None) });
    let tree = table.app.tree().rows().len();
    table.wait(Duration::from_secs(7));
    assert!(!table.app.tree().rows().is_empty() && table.app.tree().rows().len() == tree);
    assert!(!table.screen().lines().take(25).any(|line| line.contains("   Fish Market")), "{}", table.screen());
}

#[test]
fn deleting_names_what_goes_with_it() {
    for (width, height) in SIZES {
        let mut table = at_harrow(width, height);
        table.keys("D");
        insta::assert_snapshot!(format!("delete_{width}x{height}"), table.screen());
        table.keys("n");
        assert!(table.submitted().is_empty());
        table.keys("D y");
        let edit = table.submitted().pop().unwrap();
        assert!(matches!(edit.change, EditChange::Delete { expected_version: Some(30), .. }), "{edit:?}");
        assert!(table.app.pending().is_deleted(&edit.change.entity().unwrap()));
    }
}

#[test]
fn the_clock_shows_where_it_leads_and_what_falls_due() {
    for (width, height) in SIZES {
        let mut table = Table::live(width, height);
        table.keys("a");
        table.write("2 days");
        table.wait(Duration::from_millis(400));
        let asked = table.effects.iter().find_map(|effect| {
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
        table.send(scry_dashboard::app::Msg::Due { until, result: Ok(vec![due]) });
        insta::assert_snapshot!(format!("clock_{width}x{height}"), table.screen());
        table.keys("enter");
        let edit = table.submitted().pop().unwrap();
        assert_eq!(edit.change, EditChange::AdvanceTime { seconds: 172_800 });
        let shown = table.screen();
        assert!(shown.contains("pending"), "{shown}");
        // The narrowest header has room for what waits, not for the date as well.
        assert!(width < 80 || shown.contains(" 16 Rainmoon"), "the clock shows it at once: {shown}");
        let mut event = clock_event("1207-09-14T18:20:00.000Z", "1207-09-16T18:20:00.000Z", 172_800);
        event["metadata"]["correlationId"] = json!(edit.key);
        table.event(1_201, event);
        assert!(table.app.pending().all().is_empty());
    }
}

#[test]
fn the_last_change_is_taken_back_as_a_new_one() {
    let mut table = at_harrow(120, 40);
    table.keys("u");
    assert!(table.screen().contains("there is no change of yours to take back"), "{}", table.screen());
    let key = set_level(&mut table, "5");
    own_event(&mut table, &key, 1_201, 5, 31);
    table.wait(Duration::from_millis(100));
    table.keys("u");
    let edit = table.submitted().pop().unwrap();
    let EditChange::Update { input, expected_version, .. } = &edit.change else { panic!("{edit:?}") };
    assert_eq!((json!(input), *expected_version), (json!({"level": 3}), Some(31)));
    own_event(&mut table, &edit.key, 1_202, 3, 32);
    table.keys("u");
    assert_eq!(table.submitted().len(), 2, "what was taken back is not taken back again");
}

#[test]
fn an_edit_that_still_waits_is_given_up_by_undo() {
    let mut table = at_harrow(120, 40);
    let key = set_level(&mut table, "5");
    let edit = table.submitted().pop().unwrap();
    table.outcome(EditOutcome::Stored(edit));
    table.keys("u");
    assert!(table.effects.contains(&AppEffect::DiscardEdit(key.clone())));
    table.outcome(EditOutcome::Discarded { key });
    assert!(table.app.pending().all().is_empty() && !table.screen().contains("◌"), "{}", table.screen());
}

#[test]
fn who_may_only_look_finds_no_key_to_change_anything() {
    let editing = |action: Action| matches!(action, Action::Edit(deed) if deed.changes_campaign());
    let keys: Vec<_> = BINDINGS.iter().filter(|line| editing(line.action)).flat_map(|line| line.keys).collect();
    assert!(keys.len() >= 6, "{keys:?}");
    for (read_only, role) in [(true, "OWNER"), (false, "VIEWER"), (true, "VIEWER")] {
        let mut table = Table::reading(120, 40, read_only, role);
        table.keys("j j j j");
        for context in
            [KeyContext::World, KeyContext::Detail, KeyContext::Journal, KeyContext::People, KeyContext::Notifications]
        {
            assert!(!table.app.keymap().bindings(context).any(|bound| editing(bound.binding.action)));
        }
        for key in &keys {
            table.keys(key);
            assert!(table.app.dialog().is_none(), "{key}");
        }
        table.keys("?");
        assert!(
            !table.screen().contains("change the fields") && !table.screen().contains("advance"),
            "{}",
            table.screen()
        );
        assert!(table.submitted().is_empty());
    }
    assert!(Table::live(120, 40).app.rights().is_some());
    assert!(Table::reading(120, 40, false, "EDITOR").app.rights().is_some());
}
