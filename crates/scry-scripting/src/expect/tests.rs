use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use scry_command::exit::Exit;
use scry_model::event::Delivery;
use scry_protocol::Event;
use serde_json::{Value, json};

use super::engine::{ExpectEngine, TimedEvent};
use super::outcome::ExpectOutcome;
use super::plan::ExpectPlan;
use super::report;
use crate::event_context::EventContext;

fn plan(text: &str) -> ExpectPlan {
    ExpectPlan::parse(Path::new("t.toml"), text, &BTreeMap::new(), &|_| None).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    ExpectPlan::parse(Path::new("t.toml"), text, &BTreeMap::new(), &|_| None).unwrap_err().to_string()
}

fn seen(seconds: u64, raw: Value) -> TimedEvent {
    let event = Event::from_value(&raw).map(Arc::new);
    let name = raw["type"].as_str().unwrap_or("other").into();
    let room = Some("campaign:c".parse().unwrap());
    let delivery = Delivery { received_at: Timestamp::UNIX_EPOCH, room, name, raw: Arc::new(raw), event };
    TimedEvent { at: Duration::from_secs(seconds), event_context: EventContext::without_entity(delivery) }
}

fn structure(seconds: u64, id: &str, operation: &str) -> TimedEvent {
    seen(
        seconds,
        json!({"type": "structure_updated", "payload": {"structureId": id, "settlementId": "s", "operation": operation,
            "campaignId": "c", "changedFields": ["level"]}, "metadata": {"v": 1, "seq": seconds, "epoch": "e"}}),
    )
}

fn invalidated(seconds: u64, id: &str) -> TimedEvent {
    seen(
        seconds,
        json!({"type": "state_invalidated", "payload": {"scope": "entity", "campaignId": "c", "entityType": "structure",
            "entityId": id, "affectedFields": ["defence"]}, "metadata": {"v": 1, "seq": seconds, "epoch": "e"}}),
    )
}

fn run(text: &str, events: Vec<TimedEvent>) -> ExpectOutcome {
    run_until(text, events, 1_000)
}

fn run_until(text: &str, events: Vec<TimedEvent>, end: u64) -> ExpectOutcome {
    let mut engine = ExpectEngine::new(plan(text), false);
    for event in events {
        engine.handle(event);
    }
    engine.tick(Duration::from_secs(end));
    engine.outcome()
}

const CREATED_CONDITION: &str = r#"type == "structure_updated" && payload.operation == "create""#;

fn flow() -> String {
    format!(
        r#"
name = "flow"
timeout = "20s"
[[expect]]
name = "created"
event = '{CREATED_CONDITION}'
capture = {{ tower = "payload.structureId" }}
[[expect]]
name = "recomputed"
event = 'type == "state_invalidated" && payload.entityId == $tower'
within = "5s"
[[never]]
name = "no deletion"
event = 'type == "structure_updated" && payload.operation == "delete"'
"#
    )
}

fn group() -> &'static str {
    r#"
name = "group"
[[expect]]
any_order = [
  { name = "a", event = 'type == "state_invalidated" && payload.entityId == "a"', within = "5s" },
  { name = "b", event = 'type == "state_invalidated" && payload.entityId == "b"', within = "5s" },
]
"#
}

fn counted(rule: &str) -> String {
    format!(
        "name = \"counted\"\n[[expect]]\nname = \"levels\"\nevent = 'type == \"structure_updated\"'\n{rule}\nwithin = \"10s\"\n"
    )
}

fn forbidden() -> &'static str {
    r#"
name = "forbidden"
[[expect]]
name = "created"
event = 'type == "structure_updated" && payload.operation == "create"'
capture = { tower = "payload.structureId" }
[[never]]
name = "not deleted again"
event = 'type == "structure_updated" && payload.operation == "delete" && payload.structureId == $tower'
after = "created"
within = "5s"
"#
}

#[test]
fn every_operator_passes_when_it_should() {
    let outcomes = [
        run(&flow(), vec![structure(1, "t", "create"), invalidated(2, "x"), invalidated(3, "t")]),
        run(group(), vec![invalidated(1, "b"), invalidated(2, "a")]),
        run(&counted("exactly = 2"), vec![structure(1, "t", "update"), structure(2, "t", "update")]),
        run(&counted("at_least = 2"), (1..6).map(|at| structure(at, "t", "update")).collect()),
        run(
            forbidden(),
            vec![
                structure(1, "t", "delete"),
                structure(2, "t", "create"),
                structure(3, "x", "delete"),
                structure(8, "t", "delete"),
            ],
        ),
    ];
    assert!(outcomes.iter().all(|outcome| outcome.exit == Exit::Met), "{outcomes:#?}");
    insta::assert_snapshot!(outcomes.iter().map(report::text).collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_operator_tells_why_it_failed() {
    let outcomes = [
        // The right event, but before its turn; then one that differs in a field; then too late.
        run(&flow(), vec![invalidated(1, "t"), structure(2, "t", "create"), invalidated(3, "x"), invalidated(9, "t")]),
        run(&flow(), vec![structure(1, "t", "update"), invalidated(2, "t")]),
        run(&flow(), vec![]),
        run(&flow(), vec![structure(1, "t", "create"), structure(2, "t", "delete"), invalidated(3, "t")]),
        run(group(), vec![invalidated(1, "a"), structure(2, "t", "update")]),
        run(&counted("exactly = 2"), vec![structure(1, "t", "update")]),
        run(&counted("exactly = 2"), (1..5).map(|at| structure(at, "t", "update")).collect()),
        run(&counted("at_least = 3"), vec![structure(1, "t", "update"), structure(2, "t", "update")]),
        run(forbidden(), vec![structure(1, "t", "create"), structure(5, "t", "delete")]),
    ];
    assert!(outcomes.iter().all(|outcome| outcome.exit != Exit::Met), "{outcomes:#?}");
    insta::assert_snapshot!(outcomes.iter().map(report::text).collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_expired_timeout_is_told_apart_from_a_failure() {
    assert_eq!(run(&flow(), vec![]).exit, Exit::Timeout);
    assert_eq!(run(&flow(), vec![structure(1, "t", "create")]).exit, Exit::NotMet);
}

#[test]
fn the_same_event_cannot_meet_two_steps() {
    let text = format!(
        "timeout = \"9s\"\n[[expect]]\nevent = '{CREATED_CONDITION}'\n[[expect]]\nevent = '{CREATED_CONDITION}'\n"
    );
    assert_eq!(run(&text, vec![structure(1, "t", "create")]).exit, Exit::Timeout);
    assert_eq!(run(&text, vec![structure(1, "t", "create"), structure(2, "u", "create")]).exit, Exit::Met);
}

#[test]
fn within_a_group_one_can_wait_for_another() {
    let text = r#"
[[expect]]
any_order = [
  { name = "first", event = 'type == "structure_updated"', capture = { t = "payload.structureId" } },
  { name = "second", event = 'type == "state_invalidated" && payload.entityId == $t', after = "first", within = "2s" },
]
"#;
    assert_eq!(run(text, vec![invalidated(1, "t"), structure(2, "t", "update"), invalidated(3, "t")]).exit, Exit::Met);
    assert_eq!(run(text, vec![structure(2, "t", "update"), invalidated(5, "t")]).exit, Exit::NotMet);
    assert_eq!(run(text, vec![invalidated(1, "t"), structure(2, "t", "update")]).exit, Exit::NotMet);
}

/// An event that fits the expectations of [`sharing`] with these numbers.
fn fitting(second: usize, fits: &[usize]) -> TimedEvent {
    let fields: Vec<String> = fits.iter().map(ToString::to_string).collect();
    seen(
        u64::try_from(second).unwrap(),
        json!({"type": "state_invalidated", "payload": {"scope": "campaign", "campaignId": "c", "affectedFields": fields},
            "metadata": {"v": 1, "seq": second, "epoch": "e"}}),
    )
}

/// A step of several expectations, each of which wants so many events.
fn sharing(wanted: &[usize]) -> String {
    let item = |(index, wanted): (usize, &usize)| {
        format!(r#"{{ event = 'payload.affectedFields.exists(f, f == "{index}")', at_least = {wanted} }}"#)
    };
    let items: Vec<String> = wanted.iter().enumerate().map(item).collect();
    format!("name = \"sharing\"\ntimeout = \"50s\"\n[[expect]]\nany_order = [ {} ]\n", items.join(", "))
}

#[test]
fn event_is_assigned_to_the_expectation_that_needs_it() {
    // The first would take both; the second fits the first event alone.
    let outcome = run(&sharing(&[1, 1]), vec![fitting(1, &[0, 1]), fitting(2, &[0])]);
    assert_eq!(outcome.exit, Exit::Met, "{}", report::text(&outcome));
    // A chain: each later event makes the one before move on.
    let chain = vec![fitting(1, &[0, 1]), fitting(2, &[1, 2]), fitting(3, &[0])];
    assert_eq!(run(&sharing(&[1, 1, 1]), chain).exit, Exit::Met);
    assert_eq!(run(&sharing(&[2, 1]), vec![fitting(1, &[0, 1]), fitting(2, &[0])]).exit, Exit::Timeout);
}

/// Returns whether the events can be shared out so that everybody has enough.
fn can_be_met(wanted: &[usize], events: &[Vec<usize>]) -> bool {
    let Some((first, rest)) = events.split_first() else { return wanted.iter().all(|left| *left == 0) };
    let given = first.iter().filter(|index| wanted.get(**index).is_some_and(|left| *left > 0)).any(|index| {
        let mut left = wanted.to_vec();
        left[*index] -= 1;
        can_be_met(&left, rest)
    });
    given || can_be_met(wanted, rest)
}

proptest! {
    #[test]
    fn a_step_fails_only_if_no_way_to_share_the_events_out_would_have_met_it(
        wanted in prop::collection::vec(1_usize..3, 1..4),
        events in prop::collection::vec(prop::collection::vec(0_usize..4, 0..4), 0..7),
    ) {
        let seen = events.iter().enumerate().map(|(second, fits)| fitting(second + 1, fits)).collect();
        let met = run(&sharing(&wanted), seen).exit == Exit::Met;
        prop_assert_eq!(met, can_be_met(&wanted, &events));
    }
}

#[test]
fn an_open_never_listens_on_after_the_last_step() {
    let text = format!("{}\n", flow());
    let met = vec![structure(1, "t", "create"), invalidated(2, "t")];
    let mut engine = ExpectEngine::new(plan(&text), false);
    for event in met {
        engine.handle(event);
    }
    assert!(!engine.is_over(), "it settles first");
    assert_eq!(engine.deadline(), Some(Duration::from_secs(3)));
    engine.tick(Duration::from_secs(3));
    assert_eq!(engine.outcome().exit, Exit::Met);
}

#[test]
fn a_command_is_part_of_the_result() {
    let events = || vec![structure(1, "t", "create"), invalidated(2, "t")];
    let run = |code: Option<Option<i32>>| {
        let mut engine = ExpectEngine::new(plan(&flow()), true);
        for event in events() {
            engine.handle(event);
        }
        if let Some(code) = code {
            engine.command_ended(code, Duration::from_secs(5));
        }
        engine.tick(Duration::from_secs(100));
        engine.outcome()
    };
    assert_eq!(run(Some(Some(0))).exit, Exit::Met);
    assert_eq!(run(Some(Some(0))).took, Duration::from_secs(6));
    assert_eq!(run(Some(Some(3))).exit, Exit::NotMet);
    assert!(report::text(&run(Some(Some(3)))).contains("the command ended with code 3"));
    assert_eq!(run(Some(None)).exit, Exit::NotMet);
    assert_eq!(run(None).exit, Exit::Timeout);
}

#[test]
fn a_storm_is_more_than_is_allowed() {
    let text = "[[never]]\nevent = 'type == \"state_invalidated\"'\nmore_than = 2\nwithin = \"9s\"\n";
    let storm = |count| run(text, (1..=count).map(|at| invalidated(at, "t")).collect());
    assert_eq!(storm(2).exit, Exit::Met);
    assert_eq!(storm(3).exit, Exit::NotMet);
    assert!(report::text(&storm(3)).contains("it happened: 3 times, at last #3 state_invalidated"));
}

#[test]
fn a_capture_of_nothing_is_a_failure() {
    let text = "[[expect]]\nevent = 'type == \"structure_updated\"'\ncapture = { c = \"metadata.causedBy\" }\n";
    let outcome = run(text, vec![structure(1, "t", "update")]);
    assert!(report::text(&outcome).contains(
        "$c could not be captured: metadata.causedBy is missing in #1 structure_updated (update structure t)"
    ));
}

#[test]
fn a_condition_that_cannot_be_judged_never_counts_as_never() {
    let text = "timeout = \"9s\"\n[[never]]\nevent = 'metadata.changes[0].to > \"x\"'\nwithin = \"5s\"\n";
    let raw = json!({"type": "structure_updated", "payload": {"structureId": "t", "settlementId": "s", "operation": "update",
        "campaignId": "c", "changedFields": []}, "metadata": {"changes": [{"field": "level", "from": 1, "to": 2}]}});
    let outcome = run(text, vec![seen(1, raw)]);
    assert_eq!(outcome.exit, Exit::NotMet);
    assert!(report::text(&outcome).contains("it cannot be judged"), "{}", report::text(&outcome));
}

#[test]
fn condition_that_cannot_be_judged_fails_an_expectation_at_once() {
    let text = "timeout = \"9s\"\n[[expect]]\nevent = 'metadata.changes[0].to > \"x\"'\n";
    let raw = json!({"type": "structure_updated", "payload": {"structureId": "t", "settlementId": "s", "operation": "update",
        "campaignId": "c", "changedFields": []}, "metadata": {"changes": [{"field": "level", "from": 1, "to": 2}]}});
    let outcome = run(text, vec![seen(1, raw)]);
    assert_eq!((outcome.exit, outcome.took), (Exit::NotMet, Duration::from_secs(1)));
    assert!(report::text(&outcome).contains("it cannot be judged: “>” does not go with a number and a text"));
}

#[test]
fn window_is_not_judged_by_the_end_of_a_command_or_of_the_connection() {
    let text = "timeout = \"60s\"\n[[never]]\nevent = 'type == \"state_invalidated\"'\nwithin = \"5s\"\n";
    let mut engine = ExpectEngine::new(plan(text), true);
    engine.command_ended(Some(0), Duration::from_secs(7));
    assert!(!engine.is_over(), "nobody knows yet what happened in these five seconds");
    engine.handle(invalidated(4, "t"));
    assert_eq!(engine.outcome().exit, Exit::NotMet);

    let mut engine = ExpectEngine::new(plan(text), false);
    engine.stop(Exit::ContinuityLost, Duration::from_secs(7), "the connection was lost");
    let outcome = engine.outcome();
    assert_eq!(outcome.exit, Exit::ContinuityLost);
    assert!(outcome.cases.iter().all(|case| !matches!(case.state, super::outcome::CaseState::Passed { .. })));
}

#[test]
fn misspelt_variable_is_told_with_its_line() {
    let mut names = scry_query::expr::KnownNames::default();
    names.learn(&json!({"__typename": "Settlement", "variables": {"unrest": 3}}));
    let mut plan = plan("[rooms]\ncampaign = \"c\"\n[[never]]\nevent = 'entity.variables.unrst > 50'\n");
    let error = plan.bind(Some(&names)).unwrap_err().to_string();
    assert!(
        error.starts_with("t.toml:3: unknown variable “unrst”") && error.contains("did you mean “unrest”?"),
        "{error}"
    );
}

#[test]
fn interrupted_run_is_not_reported_as_success() {
    let mut engine = ExpectEngine::new(plan(&flow()), false);
    engine.stop(Exit::ContinuityLost, Duration::from_secs(1), "events 4 to 9 of campaign:c were lost");
    let outcome = engine.outcome();
    assert_eq!(outcome.exit, Exit::ContinuityLost);
    for told in
        [report::text(&outcome), report::tap(&outcome), report::junit(&outcome), report::json(&outcome).to_string()]
    {
        assert!(told.contains("events 4 to 9 of campaign:c were lost"), "{told}");
    }
    assert!(report::junit(&outcome).contains("failures=\"1\""));
    assert!(report::tap(&outcome).contains("not ok"));
}

#[test]
fn secrets_appear_in_no_report() {
    let text = r#"
name = "with s3cr3t-value"
timeout = "2s"
[vars]
api_token = "s3cr3t-value"
hidden = "an\"other"
secrets_are = "x"
"#;
    let text = format!(
        "secrets = [\"hidden\"]\n{text}\n[[expect]]\nevent = 'payload.entityId == $api_token && payload.entityId == $hidden && metadata.seq == 1'\n"
    );
    let outcome = run(&text, vec![invalidated(1, "s3cr3t-value")]);
    for told in
        [report::text(&outcome), report::tap(&outcome), report::junit(&outcome), report::json(&outcome).to_string()]
    {
        assert!(!told.contains("s3cr3t-value") && !told.contains("other"), "{told}");
        assert!(told.contains("•••"), "{told}");
    }
}

#[test]
fn the_formats_for_build_servers_are_well_formed() {
    let text = "name = \"a <b> & \\\"c\\\"\"\n[[expect]]\nname = \"x # \\\\ y\"\nevent = 'type == \"structure_updated\" && payload.operation == \"create\"'\nwithin = \"5s\"\n";
    let outcome = run(text, vec![structure(1, "t<&>", "update")]);
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}",
        report::junit(&outcome),
        report::tap(&outcome),
        serde_json::to_string_pretty(&report::json(&outcome)).unwrap()
    ));
}

#[test]
fn mistakes_in_a_file_are_told_with_their_line() {
    let event = "event = 'type == \"structure_updated\"'\n";
    let files = [
        "[[expect]]\nevnt = 'true'\n".to_owned(),
        "[[expect]]\nevent = 'payload.setlementId == \"x\"'\n".to_owned(),
        "[[expect]]\nevent = '''\nmetadata.seq > 1 &&\npayload.setlementId == \"x\"\n'''\n".to_owned(),
        "[[expect]]\nname = \"a\"\n".to_owned(),
        format!("[[expect]]\n{event}exactly = 2\n"),
        format!("[[expect]]\n{event}exactly = 2\nat_least = 2\nwithin = \"1s\"\n"),
        format!("[[expect]]\n{event}within = \"soon\"\n"),
        format!("[[expect]]\nname = \"made\"\n{event}[[expect]]\n{event}after = \"mde\"\nwithin = \"1s\"\n"),
        format!("[[expect]]\nname = \"a\"\n{event}[[expect]]\nname = \"a\"\n{event}"),
        format!("[[expect]]\n{event}[[expect]]\nevent = 'payload.structureId == $tower'\n"),
        format!(
            "[[expect]]\nname = \"made\"\n{event}capture = {{ t = \"payload.structureId\" }}\n[[never]]\nevent = 'payload.structureId == $t'\n"
        ),
        format!("[vars]\nt = \"${{NOPE}}\"\n[[expect]]\n{event}"),
        format!("secrets = [\"nope\"]\n[[expect]]\n{event}"),
        "name = \"empty\"\n".to_owned(),
        "[[expect]]\nany_order = []\n".to_owned(),
    ];
    insta::assert_snapshot!(files.iter().map(|file| refused(file)).collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn variables_given_win_and_fill_rooms() {
    let text = "[rooms]\ncampaign = \"${WHERE}\"\nstructure = [\"a\", \"${N}\"]\n[vars]\nlevel = 3\nkept = \"${WHERE}!\"\n[[expect]]\nevent = 'payload.elapsedSeconds == $level'\n";
    let given = BTreeMap::from([("level".to_owned(), json!(4)), ("N".to_owned(), json!(7))]);
    let env = |name: &str| (name == "WHERE").then(|| "Emberfall".to_owned());
    let plan = ExpectPlan::parse(Path::new("t.toml"), text, &given, &env).unwrap();
    assert_eq!((plan.campaigns, plan.structures), (vec!["Emberfall".to_owned()], vec!["a".to_owned(), "7".to_owned()]));
    assert_eq!((&plan.vars["level"], &plan.vars["kept"]), (&json!(4), &json!("Emberfall!")));
}

#[test]
fn the_example_is_sound() {
    let plan = plan(super::EXPECT_EXAMPLE);
    assert_eq!((plan.steps, plan.expects.len(), plan.nevers.len()), (2, 4, 2));
}

/// The schema for editors knows exactly the keys that the reader knows.
#[test]
fn the_schema_has_the_keys_of_the_file() {
    let schema: Value = serde_json::from_str(include_str!("../../../../assets/expect.schema.json")).unwrap();
    let keys = |pointer: &str| -> Vec<String> {
        schema.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect()
    };
    let known = |text: &str| -> Vec<String> {
        let message = super::file::File::parse(Path::new("t"), text).unwrap_err().to_string();
        let list = message.split("known are ").nth(1).unwrap_or_else(|| panic!("{message}"));
        list.split(", ").map(str::to_owned).collect()
    };
    assert_eq!(keys("/properties"), known("zzzzzzz = 1"));
    assert_eq!(keys("/properties/rooms/properties"), known("[rooms]\nzzzzzzz = 1"));
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    let mut step = keys("/$defs/item/properties");
    step.extend(keys("/$defs/step/oneOf/1/properties"));
    assert_eq!(sorted(step), sorted(known("[[expect]]\nzzzzzzz = 1")));
    assert_eq!(keys("/$defs/never/properties"), known("[[never]]\nzzzzzzz = 1"));
}
