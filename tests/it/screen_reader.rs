//! The dashboard without a screen: commands as lines, answers and news as sentences.

use std::time::Duration;

use scry_dashboard::app::AppEffect;
use scry_dashboard::app::keymap::BINDINGS;
use scry_dashboard::app::screen_reader::Announcer;
use scry_model::event::{Phase, Status};
use scry_model::outbox::{EditChange, EditOutcome, EditRefusal};
use scry_protocol::ErrorCode;
use serde_json::{Value, json};

use scry_testkit::dashboard_fixture::{DashboardFixture, nodes, settlement_event, status};

/// Sits down at a live campaign, with everything told so far behind.
fn live() -> (DashboardFixture, Announcer) {
    let mut dashboard = DashboardFixture::screen_reader();
    dashboard.status(status(Phase::Live));
    dashboard.snapshot(nodes());
    let mut announcer = Announcer::default();
    announcer.news(&dashboard.app);
    (dashboard, announcer)
}

#[test]
fn the_connection_is_told_in_sentences_and_each_change_once() {
    let mut dashboard = DashboardFixture::screen_reader();
    let mut announcer = Announcer::default();
    dashboard.status(status(Phase::Connecting));
    assert_eq!(announcer.news(&dashboard.app), ["Connecting."]);
    dashboard.status(status(Phase::Live));
    dashboard.snapshot(nodes());
    let said = announcer.news(&dashboard.app);
    assert_eq!(said[0], "Connected.");
    assert!(
        said[1].starts_with("Emberfall, 14 entities. It is Duskday") && said[1].ends_with("“help” lists the commands."),
        "{said:?}"
    );
    assert!(announcer.news(&dashboard.app).is_empty(), "nothing is said twice");
    let reason = Some("the server closed the connection".to_owned());
    dashboard.status(Status { attempt: 1, retry_in: Some(Duration::from_secs(2)), reason, ..status(Phase::Backoff) });
    let lost = "Connection lost, trying again in 2 s, attempt 1 of 10: the server closed the connection.";
    assert_eq!(announcer.news(&dashboard.app), [lost]);
    dashboard.status(Status { attempt: 1, ..status(Phase::Connecting) });
    assert!(announcer.news(&dashboard.app).is_empty());
    dashboard.status(status(Phase::Live));
    assert_eq!(announcer.news(&dashboard.app), ["Connected again; everything is up to date."]);
    dashboard.status(Status { attempt: 10, ..status(Phase::Open) });
    assert_eq!(announcer.news(&dashboard.app), ["Error, max retries reached. “retry” tries at once."]);
    dashboard.line("retry");
    assert!(dashboard.effects.contains(&AppEffect::RetryNow));
}

#[test]
fn events_are_announced_row_by_row_and_a_flood_is_counted() {
    let (mut dashboard, mut announcer) = live();
    dashboard.raise_settlement(1_201);
    assert_eq!(announcer.news(&dashboard.app), ["Harrow's Rest, settlement: level 3 to 4. By Mira. Number 1201."]);
    for seq in 1_202..1_302 {
        dashboard.event(seq, settlement_event("s1", json!([{"field": "level", "from": 4, "to": seq}])));
    }
    let said = announcer.news(&dashboard.app);
    assert_eq!((said.len(), said.last().unwrap().as_str()), (9, "And 92 more; “journal” lists the latest."));
    assert_eq!(dashboard.line("pause"), ["Paused: events are counted, and announced when you type “follow”."]);
    dashboard.event(1_302, settlement_event("s2", json!([{"field": "level", "from": 2, "to": 3}])));
    assert!(announcer.news(&dashboard.app).is_empty());
    dashboard.line("follow");
    assert_eq!(announcer.news(&dashboard.app), ["Saltwick, settlement: level 2 to 3. By Mira. Number 1302."]);
    dashboard.line("journal");
    dashboard.line("filter harrow");
    dashboard.event(1_303, settlement_event("s2", json!([{"field": "level", "from": 3, "to": 4}])));
    assert!(announcer.news(&dashboard.app).is_empty(), "what the filter holds back is not told");
}

#[test]
fn panes_are_read_out() {
    let (mut dashboard, _) = live();
    dashboard.raise_settlement(1_201);
    let world = dashboard.line("world");
    assert!(world.contains(&"  Harrow's Rest, settlement, level 4, changed 0 s ago.".to_owned()), "{world:#?}");
    let detail = dashboard.line("detail harrow");
    assert_eq!(detail[0], "Harrow's Rest, settlement, version 31.");
    for wanted in [
        "Level: 4, up from 3 by Mira 0 s ago.",
        "Population: 1 284 people, may be at least 0.",
        "Defence: 16, computed as towers × 4 + walls, up from 12 0 s ago.",
        "Well defended holds, because defence is 12, needs 10.",
    ] {
        assert!(detail.iter().any(|line| line == wanted), "{wanted}: {detail:#?}");
    }
    let inspected = dashboard.line("inspect 1201");
    assert!(inspected.contains(&"level: 3 before, 4 after.".to_owned()), "{inspected:#?}");
    assert!(inspected.contains(&"Who: Mira, through api.".to_owned()), "{inspected:#?}");
    assert_eq!(dashboard.line("inspect 7"), ["The journal holds no event 7; each is told with its number."]);
    assert!(dashboard.line("clock")[0].starts_with("Now: Duskday"));
    assert!(dashboard.line("health")[0].starts_with("Connection: Connected"));
    assert_eq!(dashboard.line("people"), ["Nobody else is online, as far as is known."]);
}

#[test]
fn an_edit_is_typed_sent_and_its_outcome_told() {
    let (mut dashboard, mut announcer) = live();
    dashboard.line("detail harrow");
    assert!(dashboard.line("edit").contains(&"Upkeep: 18, may be 0 to 500.".to_owned()));
    assert!(dashboard.line("edit upkeep 900")[0].starts_with("Upkeep must be"));
    assert_eq!(dashboard.line("edit upkeep 18"), ["Upkeep is 18 already."]);
    assert_eq!(dashboard.line("edit upkeep 20"), ["Sending: Harrow's Rest, upkeep 18 to 20."]);
    let edit = dashboard.submitted().pop().unwrap();
    assert!(matches!(&edit.change, EditChange::Update { input, .. } if input["variables"] == json!({"upkeep": 20})));
    dashboard.outcome(EditOutcome::Stored(edit.clone()));
    dashboard.outcome(EditOutcome::Applied { key: edit.key, version: Some(31) });
    assert_eq!(announcer.news(&dashboard.app), ["Saved: Harrow's Rest, upkeep 18 to 20."]);
    dashboard.line("edit level 9");
    let edit = dashboard.submitted().pop().unwrap();
    let refusal = EditRefusal { code: ErrorCode::InvalidPayload, message: "no".to_owned(), conflict: None };
    dashboard.outcome(EditOutcome::Refused { key: edit.key, refusal });
    let said = announcer.news(&dashboard.app);
    assert_eq!(said, ["Not saved: Harrow's Rest, level 3 to 9: no (“edits” opens it)."]);
    assert!(dashboard.line("edits")[0].starts_with("1. Harrow's Rest, level 3 to 9, refused"));
    dashboard.line("discard-edit 1");
    assert_eq!(dashboard.line("edits"), ["All your changes are saved."]);
}

#[test]
fn deleting_wants_the_whole_name_and_creating_a_place() {
    let (mut dashboard, _) = live();
    dashboard.line("detail harrow");
    let asked = dashboard.line("delete");
    assert!(
        asked[0].starts_with("“delete Harrow's Rest” deletes this settlement. With it go 3 structures:"),
        "{asked:?}"
    );
    assert!(dashboard.submitted().is_empty());
    dashboard.line("create structure Old Mill");
    dashboard.line("delete Harrow's Rest");
    dashboard.line("advance-time 3h");
    let changes: Vec<_> = dashboard.submitted().into_iter().map(|edit| edit.change).collect();
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
fn viewer_is_told_why_editing_is_refused() {
    let (mut dashboard, _) = live();
    dashboard.edit("c", |node| node["myRole"] = json!("VIEWER"));
    let nodes = dashboard.server.clone().unwrap();
    dashboard.snapshot(nodes);
    let said = dashboard.line("edit level 3");
    assert!(said[0].contains("may view this campaign"), "{said:?}");
    assert!(
        !dashboard.line("help").iter().any(|line| line.starts_with("delete")),
        "what cannot be done is not offered"
    );
}

#[test]
fn a_slip_of_the_finger_is_understood_and_everything_has_an_answer() {
    let (mut dashboard, mut announcer) = live();
    assert_eq!(
        dashboard.line("wrold"),
        ["There is no command “wrold”; did you mean “world”? “help” lists all commands."]
    );
    assert_eq!(dashboard.line("detail atlantis"), ["Nothing in this world is called “atlantis”."]);
    assert_eq!(dashboard.line("help world"), ["world [NAME]: to the World pane."]);
    let help = dashboard.line("help");
    for binding in BINDINGS.iter().filter(|binding| binding.command != "quit" && binding.command != "quit-now") {
        let answers = dashboard.line(binding.command);
        let news = announcer.news(&dashboard.app);
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
    let (mut dashboard, mut announcer) = live();
    dashboard.edit("s1", |node| {
        node["variables"]["unrest"] = json!(77);
        node["variableSchemas"]["unrest"] = json!({"type": "number", "secret": true});
    });
    let nodes: Vec<Value> = dashboard.server.clone().unwrap();
    dashboard.snapshot(nodes);
    dashboard.line("players-view");
    dashboard.event(1_201, settlement_event("s1", json!([{"field": "variables.unrest", "from": 77, "to": 78}])));
    let mut said = announcer.news(&dashboard.app);
    for line in ["detail harrow", "edit", "journal", "inspect 1201", "edit unrest 5", "world"] {
        said.extend(dashboard.line(line));
    }
    assert!(!said.iter().any(|line| line.contains("77") || line.contains("78")), "{said:#?}");
    assert!(dashboard.submitted().is_empty());
}
