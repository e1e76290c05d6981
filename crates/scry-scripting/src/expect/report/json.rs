//! The report as JSON, for everything else.

use serde_json::{Value, json};

use crate::expect::outcome::{CaseFailure, CaseState, ExpectCase, ExpectOutcome};

/// Writes a result as one JSON object.
#[must_use]
pub fn json(outcome: &ExpectOutcome) -> Value {
    json!({
        "v": 1,
        "name": outcome.name,
        "file": outcome.path,
        "exitCode": outcome.exit.code(),
        "seconds": outcome.took.as_secs_f64(),
        "events": outcome.seen,
        "cases": outcome.cases.iter().map(case).collect::<Vec<_>>(),
    })
}

fn case(case: &ExpectCase) -> Value {
    let mut value = json!({"name": case.name, "line": case.line});
    match &case.state {
        CaseState::Passed { at } => {
            value["state"] = "passed".into();
            value["seconds"] = at.as_secs_f64().into();
        }
        CaseState::NotReached => value["state"] = "not-reached".into(),
        CaseState::Failed(why) => {
            value["state"] = "failed".into();
            value["seconds"] = why.at.as_secs_f64().into();
            value["failure"] = failure(why);
        }
    }
    value
}

fn failure(failure: &CaseFailure) -> Value {
    let values: serde_json::Map<String, Value> =
        failure.values.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let nearest: Vec<Value> = failure
        .nearest
        .iter()
        .map(|near| {
            let differences: Vec<Value> = near
                .differences
                .iter()
                .map(|difference| json!({"wanted": difference.wanted, "found": difference.found}))
                .collect();
            json!({"seconds": near.at.as_secs_f64(), "event": near.title, "note": near.note, "differences": differences})
        })
        .collect();
    json!({"reason": failure.reason, "awaited": failure.awaited, "values": values, "nearest": nearest})
}
