//! The dashboard without a screen: commands as lines, answers and news as sentences.

use std::time::Duration;

use scry_dashboard::app::AppEffect;
use scry_dashboard::app::keymap::BINDINGS;
use scry_dashboard::app::screen_reader::Announcer;
use scry_model::event::{Phase, Status};
use scry_model::outbox::{EditChange, EditOutcome, EditRefusal};
use scry_protocol::ErrorCode;
use serde_json::{Value, json};

use crate::support::table::{Table, nodes, settlement_event, status};

/// Sits down at a live campaign, with everything told so far behind.
fn live() -> (Table, Announcer) {
    let mut table = Table::screen_reader();
    table.status(status(Phase::Live));
    table.snapshot(nodes());
    let mut announcer = Announcer::default();
    announcer.news(&table.app);
    (table, announcer)
}

#[test]
fn the_connection_is_told_in_sentences_and_each_change_once() {
    let mut table = Table::screen_reader();
    let mut announcer = Announcer::default();
    table.status(status(Phase::Connecting));
    assert_eq!(announcer.news(&table.app), ["Connecting."]);
    table.status(status(Phase::Live));
    table.snapshot(nodes());
    let said = announcer.news(&table.app);
    assert_eq!(said[0], "Connected.");
    assert!(
        said[1].starts_with("Emberfall, 14 entities. It is Duskday") && said[1].ends_with("“help” lists the commands."),
        "{said:?}"
    );
    assert!(announcer.news(&table.app).is_empty(), "nothing is said twice");
    let reason = Some("the server closed the connection".to_owned());
    table.status(Status { attempt: 1, retry_in: Some(Duration::from_secs(2)), reason, ..status(Phase::Backoff) });
    let lost = "Connection lost, trying again in 2 s, attempt 1 of 10: the server closed the connection.";
    assert_eq!(announcer.news(&table.app), [lost]);
    table.status(Status { attempt: 1, ..status(Phase::Connecting) });
    assert!(announcer.news(&table.app).is_empty());
    table.status(status(Phase::Live));
    assert_eq!(announcer.news(&table.app), ["Connected again; everything is up to date."]);
    table.status(Status { attempt: 10, ..status(Phase::Open) });
    assert_eq!(announcer.news(&table.app), ["Error, max retries reached. “retry” tries at once."]);
    table.line("retry");
    assert!(table.effects.contains(&AppEffect::RetryNow));
}

#[test]
fn what_happens_is_told_row_by_row_and_a_flood_is_counted() {
    let (mut table, mut announcer) = live();
    table.raise_settlement(1_201);
    assert_eq!(announcer.news(&table.app), ["Harrow's Rest, settlement: level 3 to 4. By Mira. Number 1201."]);
    for seq in 1_202..1_302 {
        table.event(seq, settlement_event("s1", json!([{"field": "level", "from": 4, "to": seq}])));
    }
    let said = announcer.news(&table.app);
    assert_eq!((said.len(), said.last().unwrap().as_str()), (9, "And 92 more; “journal” lists the latest."));
    assert_eq!(table.line("pause"), ["Paused: what happens is counted, and told when you type “follow”."]);
    table.event(1_302, settlement_event("s2", json!([{"field": "level", "from": 2, "to": 3}])));
    assert!(announcer.news(&table.app).is_empty());
    table.line("follow");
    assert_eq!(announcer.news(&table.app), ["Saltwick, settlement: level 2 to 3. By Mira. Number 1302."]);
    table.line("journal");
    table.line("filter harrow");
    table.event(1_303, settlement_event("s2", json!([{"field": "level", "from": 3, "to": 4}])));
    assert!(announcer.news(&table.app).is_empty(), "what the filter holds back is not told");
}

#[test]
fn panes_are_read_out() {
    let (mut table, _) = live();
    table.raise_settlement(1_201);
    let world = table.line("world");
    assert!(world.contains(&"  Harrow's Rest, settlement, level 4, changed 0 s ago.".to_owned()), "{world:#?}");
    let detail = table.line("detail harrow");
    assert_eq!(detail[0], "Harrow's Rest, settlement, version 31.");
    for wanted in [
        "Level: 4, up from 3 by Mira 0 s ago.",
        "Population: 1 284 people, may be at least 0.",
        "Defence: 16, worked out as towers × 4 + walls, up from 12 0 s ago.",
        "Well defended holds, because defence is 12, needs 10.",
    ] {
        assert!(detail.iter().any(|line| line == wanted), "{wanted}: {detail:#?}");
    }
    let inspected = table.line("inspect 1201");
    assert!(inspected.contains(&"level: 3 before, 4 after.".to_owned()), "{inspected:#?}");
    assert!(inspected.contains(&"Who: Mira, through api.".to_owned()), "{inspected:#?}");
    assert_eq!(table.line("inspect 7"), ["The journal holds no event 7; each is told with its number."]);
    assert!(table.line("clock")[0].starts_with("Now: Duskday"));
    assert!(table.line("health")[0].starts_with("Connection: Connected"));
    assert_eq!(table.line("people"), ["Nobody is known to be here."]);
}

#[test]
fn an_edit_is_typed_sent_and_its_outcome_told() {
    let (mut table, mut announcer) = live();
    table.line("detail harrow");
    assert!(table.line("edit").contains(&"Upkeep: 18, may be 0 to 500.".to_owned()));
    assert!(table.line("edit upkeep 900")[0].starts_with("Upkeep must be"));
    assert_eq!(table.line("edit upkeep 18"), ["Upkeep is 18 already."]);
    assert_eq!(table.line("edit upkeep 20"), ["Sending: Harrow's Rest, upkeep 18 to 20."]);
    let edit = table.submitted().pop().unwrap();
    assert!(matches!(&edit.change, EditChange::Update { input, .. } if input["variables"] == json!({"upkeep": 20})));
    table.outcome(EditOutcome::Stored(edit.clone()));
    table.outcome(EditOutcome::Applied { key: edit.key, version: Some(31) });
    assert_eq!(announcer.news(&table.app), ["Saved: Harrow's Rest, upkeep 18 to 20."]);
    table.line("edit level 9");
    let edit = table.submitted().pop().unwrap();
    let refusal = EditRefusal { code: ErrorCode::InvalidPayload, message: "no".to_owned(), conflict: None };
    table.outcome(EditOutcome::Refused { key: edit.key, refusal });
    let said = announcer.news(&table.app);
    assert_eq!(said, ["Not saved: Harrow's Rest, level 3 to 9: no (“edits” opens it)."]);
    assert!(table.line("edits")[0].starts_with("1. Harrow's Rest, level 3 to 9, refused"));
    table.line("discard-edit 1");
    assert_eq!(table.line("edits"), ["Every change of yours has been saved; nothing waits."]);
}

#[test]
fn deleting_wants_the_whole_name_and_creating_a_place() {
    let (mut table, _) = live();
    table.line("detail harrow");
    let asked = table.line("delete");
    assert!(
        asked[0].starts_with("“delete Harrow's Rest” deletes this settlement. With it go 3 structures:"),
        "{asked:?}"
    );
    assert!(table.submitted().is_empty());
    table.line("create structure Old Mill");
    table.line("delete Harrow's Rest");
    table.line("advance-time 3h");
    let changes: Vec<_> = table.submitted().into_iter().map(|edit| edit.change).collect();
    let [EditChange::Create { input, .. }, EditChange::Delete { id, .. }, EditChange::AdvanceTime { seconds: 10_800 }] =
        &changes[..]
    else {
        panic!("{changes:?}");
    };
    assert_eq!(
        (input["name"].as_str(), input["settlementId"].as_str(), id.as_str()),
        (Some("Old Mill"), Some("s1"), "s1")
    );
}

#[test]
fn whoever_may_not_edit_is_told_why() {
    let (mut table, _) = live();
    table.edit("c", |node| node["myRole"] = json!("VIEWER"));
    let nodes = table.server.clone().unwrap();
    table.snapshot(nodes);
    let said = table.line("edit level 3");
    assert!(said[0].contains("may look at this campaign"), "{said:?}");
    assert!(!table.line("help").iter().any(|line| line.starts_with("delete")), "what cannot be done is not offered");
}

#[test]
fn a_slip_of_the_finger_is_understood_and_everything_has_an_answer() {
    let (mut table, mut announcer) = live();
    assert_eq!(table.line("wrold"), ["There is no command “wrold”; did you mean “world”? “help” lists all commands."]);
    assert_eq!(table.line("detail atlantis"), ["Nothing in this world is called “atlantis”."]);
    assert_eq!(table.line("help world"), ["world [NAME]: to the World pane."]);
    let help = table.line("help");
    for binding in BINDINGS.iter().filter(|binding| binding.command != "quit" && binding.command != "quit-now") {
        let answers = table.line(binding.command);
        let news = announcer.news(&table.app);
        let all = answers.iter().chain(&news).chain(&help);
        assert!(
            all.clone().all(|line| !line.chars().any(char::is_control)),
            "{}: {answers:?} {news:?}",
            binding.command
        );
    }
}

#[test]
fn the_players_view_keeps_secrets_from_the_ear_too() {
    let (mut table, mut announcer) = live();
    table.edit("s1", |node| {
        node["variables"]["unrest"] = json!(77);
        node["variableSchemas"]["unrest"] = json!({"type": "number", "secret": true});
    });
    let nodes: Vec<Value> = table.server.clone().unwrap();
    table.snapshot(nodes);
    table.line("players-view");
    table.event(1_201, settlement_event("s1", json!([{"field": "variables.unrest", "from": 77, "to": 78}])));
    let mut said = announcer.news(&table.app);
    for line in ["detail harrow", "edit", "journal", "inspect 1201", "edit unrest 5", "world"] {
        said.extend(table.line(line));
    }
    assert!(!said.iter().any(|line| line.contains("77") || line.contains("78")), "{said:#?}");
    assert!(table.submitted().is_empty());
}
