use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use crate::expect::EXPECT_EXAMPLE;
use crate::expect::plan::{ExpectPlan, PlanError};

/// The example of `scry expect --init`, in YAML.
const YAML_EXAMPLE: &str = r#"
name: Levelling up a tower
timeout: 30s
rooms: { campaign: Emberfall }
vars:
  level: 3
expect:
  - name: the tower has grown
    event: |
      type == "structure_updated" && "level" in payload.changedFields
      && entity.level == $level && entity.level > before.level
    within: 10s
    capture: { tower: payload.structureId }
  - any_order:
      - name: it is repaired
        event: type == "structure_updated" && payload.structureId == $tower && entity.variables.status == "sound"
        within: 5s
      - name: its cost is worked out once
        event: 'type == "state_invalidated" && payload.entityId == $tower && "repairCost" in payload.affectedFields'
        exactly: 1
        within: "3s"
      - name: the clock moves on by three hours
        event: type == "world_time_changed" && seconds(payload.elapsedSeconds) == hours(3)
        within: 10s
never:
  - { name: no storm of invalidations, event: 'type == "state_invalidated"', more_than: 40 }
  - name: the tower is not changed back
    event: type == "structure_updated" && payload.structureId == $tower && entity.level < $level
    after: the tower has grown
    within: 3s
"#;

fn plan(name: &str, text: &str) -> Result<ExpectPlan, PlanError> {
    ExpectPlan::parse(Path::new(name), text, &BTreeMap::new(), &|_| None)
}

fn refused(text: &str) -> String {
    plan("t.yaml", text).unwrap_err().to_string()
}

/// Writes a plan down without its lines.
fn unplaced(mut plan: ExpectPlan) -> String {
    plan.path = String::new();
    plan.expects.iter_mut().for_each(|expect| expect.line = 0);
    plan.nevers.iter_mut().for_each(|never| never.line = 0);
    format!("{plan:#?}")
}

#[test]
fn the_example_means_the_same_in_yaml() {
    let toml = plan("t.toml", EXPECT_EXAMPLE).unwrap();
    for name in ["t.yaml", "t.YML"] {
        assert_eq!(unplaced(plan(name, YAML_EXAMPLE).unwrap()), unplaced(toml.clone()));
    }
    assert!(plan("t.toml", YAML_EXAMPLE).is_err(), "other names are TOML");
}

#[test]
fn steps_know_their_lines() {
    let plan = plan("t.yaml", YAML_EXAMPLE).unwrap();
    assert_eq!(plan.expects.iter().map(|expect| expect.line).collect::<Vec<_>>(), [8, 15, 18, 22]);
    assert_eq!(plan.nevers.iter().map(|never| never.line).collect::<Vec<_>>(), [26, 27]);
}

#[test]
fn plain_values_are_what_yaml_says() {
    let text = "vars: { a: 3, b: -2.5, c: true, d: yes, e: 0x1F, f: '3', g: [1, x], h: 2026-01-02, i: 1e3, j: .5 }\n\
        expect:\n- event: 'true'\n";
    let vars = json!(plan("t.yaml", text).unwrap().vars);
    let meant = json!({"a": 3, "b": -2.5, "c": true, "d": "yes", "e": 31, "f": "3", "g": [1, "x"], "h": "2026-01-02",
        "i": 1000.0, "j": 0.5});
    assert_eq!(vars, meant);
}

#[test]
fn mistakes_are_told_with_their_line() {
    let event = "event: type == \"structure_updated\"";
    let files = [
        "expect:\n- evnt: 'true'\n".to_owned(),
        "nam: x\n".to_owned(),
        format!("# ü → 𝄞\nexpect:\n- any_order:\n  - {event}\n    whithin: 1s\n"),
        "expect:\n- event: payload.setlementId == \"x\"\n".to_owned(),
        "expect:\n- name: a\n  event: |\n    metadata.seq > 1 &&\n    payload.setlementId == \"x\"\n".to_owned(),
        "expect:\n- event: 'true'\n- name: a\n".to_owned(),
        format!("expect:\n- {event}\n  exactly: 2\n"),
        format!("expect:\n- {event}\n  within: soon\n"),
        format!("expect:\n- {event}\n  within: 5\n"),
        format!("expect:\n- {event}\n  at_least:\n"),
        format!("expect:\n- {event}\n  at_least: -1\n"),
        "never:\n- name: a\n".to_owned(),
        format!("expect:\n- name: made\n  {event}\n- {event}\n  after: mde\n  within: 1s\n"),
        format!("rooms:\n  campaign: 5\nexpect:\n- {event}\n"),
        format!("rooms:\n  campaign: ${{NOPE}}\nexpect:\n- {event}\n"),
        format!("vars:\n  t: ${{NOPE}}\nexpect:\n- {event}\n"),
        format!("vars:\n  t: {{ u: 1 }}\nexpect:\n- {event}\n"),
        format!("secrets:\n- nope\nexpect:\n- {event}\n"),
        "# nothing\n".to_owned(),
        "- a\n- b\n".to_owned(),
        "expect:\n- [a, b]\n".to_owned(),
        format!("name: a\nexpect:\n- {event}\nname: b\n"),
        format!("expect:\n- &one\n  {event}\n- *one\n"),
        format!("name: !!str 3\nexpect:\n- {event}\n"),
        format!("expect:\n- {event}\n---\nexpect: []\n"),
        "name: a\nexpect:\n- event: \"a\" == type\n".to_owned(),
        "name: [a\n".to_owned(),
        format!("name: {}\n", "[".repeat(200)),
        "name: a\n? [b]\n: c\n".to_owned(),
    ];
    insta::assert_snapshot!(files.iter().map(|file| refused(file)).collect::<Vec<_>>().join("\n\n"));
}

proptest! {
    /// Whatever is in a file, it is refused by a sentence.
    #[test]
    fn no_text_is_too_much(text in r#"([a-z]{1,3}|expect|event|[ \n\t:?&*!|>'"\[\]{},#%@~-]|: |- |\n  |---|é){0,60}"#) {
        if let Err(error) = plan("t.yaml", &text) {
            prop_assert!(error.to_string().starts_with("t.yaml:"), "{error}");
        }
    }
}
