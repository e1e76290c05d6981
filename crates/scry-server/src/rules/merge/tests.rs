use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::rules::fields;

fn flat(value: Value) -> Flat {
    fields::patch(value.as_object().unwrap())
}

fn past(edits: &[(&str, &str, i64, i64)]) -> PastEdits {
    let edit = |&(by, field, from, to): &(&str, &str, i64, i64)| PastEdit {
        by: Some(Id::parse(by).unwrap()),
        changes: vec![FieldDiff { field: field.to_owned(), from: json!(from), to: json!(to) }],
    };
    PastEdits { edits: edits.iter().map(edit).collect(), complete: true }
}

fn outcome(mine: Value, stored: Value, past: &PastEdits, policy: OnConflict) -> MergeOutcome {
    let (mine, stored) = (flat(mine), flat(stored));
    decide(MergeInput { mine: &mine, stored: &stored, version: 3, expected: Some(2), policy }, past)
}

const APPLY: MergeOutcome = MergeOutcome::Apply { replaced: Vec::new() };

#[test]
fn the_expected_version_or_none_applies_under_every_policy() {
    let (mine, stored) = (flat(json!({"level": 9})), flat(json!({"level": 1})));
    for policy in [OnConflict::Reject, OnConflict::Merge, OnConflict::LastWriteWins] {
        for expected in [Some(3), None] {
            let edit = MergeInput { mine: &mine, stored: &stored, version: 3, expected, policy };
            assert_eq!(decide(edit, &past(&[("u", "level", 0, 1)])), APPLY);
        }
    }
}

#[test]
fn edits_of_different_fields_merge() {
    let past = past(&[("u", "variables.gold", 1, 2)]);
    let stored = json!({"level": 1, "variables": {"gold": 2, "grain": 5}});
    assert_eq!(outcome(json!({"variables": {"grain": 6}}), stored.clone(), &past, OnConflict::Merge), APPLY);
    let MergeOutcome::Reject(conflict) = outcome(json!({"level": 2}), stored, &past, OnConflict::Reject) else {
        panic!("REJECT always rejects");
    };
    assert_eq!((conflict.current_version, conflict.fields.len()), (3, 0));
}

#[test]
fn edits_of_the_same_field_collide() {
    let past = past(&[("u", "level", 1, 2), ("w", "level", 2, 4)]);
    let expected = FieldConflict { field: "level".to_owned(), base: json!(1), mine: json!(9), theirs: json!(4) };
    let MergeOutcome::Reject(conflict) = outcome(json!({"level": 9}), json!({"level": 4}), &past, OnConflict::Merge)
    else {
        panic!("MERGE rejects what overlaps");
    };
    assert_eq!(conflict, Conflict { current_version: 3, fields: vec![expected.clone()] });
    let last = outcome(json!({"level": 9}), json!({"level": 4}), &past, OnConflict::LastWriteWins);
    let by = Some(Id::parse("w").unwrap());
    assert_eq!(last, MergeOutcome::Apply { replaced: vec![OverwrittenValue { by, field: expected }] });
}

#[test]
fn equal_edits_do_not_conflict() {
    let past = past(&[("u", "level", 1, 4)]);
    assert_eq!(outcome(json!({"level": 4}), json!({"level": 4}), &past, OnConflict::Merge), APPLY);
}

#[test]
fn reverted_change_does_not_conflict() {
    let past = past(&[("u", "level", 1, 4), ("u", "level", 4, 1)]);
    assert_eq!(outcome(json!({"level": 2}), json!({"level": 1}), &past, OnConflict::Merge), APPLY);
}

#[test]
fn trimmed_history_makes_every_difference_a_conflict() {
    let past = PastEdits { edits: vec![], complete: false };
    let MergeOutcome::Reject(conflict) = outcome(json!({"level": 2}), json!({"level": 1}), &past, OnConflict::Merge)
    else {
        panic!("the base is not known");
    };
    assert_eq!(conflict.fields[0].base, Value::Null);
}

proptest! {
    /// MERGE applies if and only if nobody's change is lost by it.
    #[test]
    fn a_merge_never_loses_a_change(
        base in prop::collection::btree_map("[a-d]", 0..3i64, 4),
        theirs in prop::collection::btree_map("[a-d]", 0..3i64, 0..4),
        mine in prop::collection::btree_map("[a-d]", 0..3i64, 1..4),
    ) {
        let to_flat = |map: &std::collections::BTreeMap<String, i64>| -> Flat {
            map.iter().map(|(key, value)| (key.clone(), json!(value))).collect()
        };
        let before = to_flat(&base);
        let mut stored = before.clone();
        stored.extend(to_flat(&theirs));
        let changes = fields::changes(&before, &stored);
        let past = PastEdits { edits: vec![PastEdit { by: None, changes: changes.clone() }], complete: true };
        let mine = to_flat(&mine);
        let edit = MergeInput { mine: &mine, stored: &stored, version: 2, expected: Some(1), policy: OnConflict::Merge };
        let mut merged = stored.clone();
        merged.extend(mine.clone());
        let lost = changes.iter().any(|change| merged[&change.field] != change.to);
        prop_assert_eq!(matches!(decide(edit, &past), MergeOutcome::Apply { .. }), !lost);
    }
}
