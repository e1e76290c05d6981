//! The report as TAP version 14.

use std::fmt::Write;

use super::lines;
use crate::expect::outcome::{CaseState, ExpectOutcome};

/// Writes a result in the Test Anything Protocol.
#[must_use]
pub fn tap(outcome: &ExpectOutcome) -> String {
    let mut report = format!("TAP version 14\n1..{}\n", outcome.cases.len());
    for (number, case) in outcome.cases.iter().enumerate() {
        let number = number + 1;
        let name = escaped(&case.name);
        // Writing to a String cannot fail.
        let _ = match &case.state {
            CaseState::Passed { .. } => writeln!(report, "ok {number} - {name}"),
            CaseState::NotReached => writeln!(report, "ok {number} - {name} # SKIP not reached"),
            CaseState::Failed(failure) => {
                let _ = writeln!(report, "not ok {number} - {name}\n  ---");
                let _ = writeln!(report, "  message: {}", quoted(&failure.reason));
                let _ = writeln!(report, "  at: {}", quoted(&format!("{}:{}", outcome.path, case.line)));
                let _ = writeln!(report, "  details:");
                for line in lines(failure) {
                    let _ = writeln!(report, "    - {}", quoted(&line));
                }
                writeln!(report, "  ...")
            }
        };
    }
    report
}

fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('#', "\\#").replace('\n', " ")
}

/// Quotes a text for YAML, of which JSON's strings are a part.
fn quoted(text: &str) -> String {
    scry_text::escaped(serde_json::Value::from(text).to_string())
}
