//! The report as JUnit XML, the form that build servers read.

use std::fmt::Write;

use super::lines;
use crate::expect::outcome::{CaseState, ExpectCase, ExpectOutcome};

/// Writes a result as one test suite.
#[must_use]
pub fn junit(outcome: &ExpectOutcome) -> String {
    let skipped = outcome.cases.iter().filter(|case| case.state == CaseState::NotReached).count();
    let name = attribute(&outcome.name);
    let counts = format!("tests=\"{}\" failures=\"{}\"", outcome.cases.len(), outcome.failures());
    let time = format!("time=\"{:.3}\"", outcome.took.as_secs_f64());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(xml, "<testsuites name=\"{name}\" {counts} {time}>");
    let _ = writeln!(xml, "  <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\" errors=\"0\" {time}>");
    for case in &outcome.cases {
        test_case(&mut xml, outcome, case);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn test_case(xml: &mut String, outcome: &ExpectOutcome, case: &ExpectCase) {
    let at = match &case.state {
        CaseState::Passed { at } => *at,
        CaseState::Failed(failure) => failure.at,
        CaseState::NotReached => outcome.took,
    };
    let (name, class, file) = (attribute(&case.name), attribute(&outcome.name), attribute(&outcome.path));
    let open = format!(
        "    <testcase name=\"{name}\" classname=\"{class}\" file=\"{file}\" line=\"{}\" time=\"{:.3}\"",
        case.line,
        at.as_secs_f64()
    );
    // Writing to a String cannot fail.
    let _ = match &case.state {
        CaseState::Passed { .. } => writeln!(xml, "{open}/>"),
        CaseState::NotReached => writeln!(xml, "{open}>\n      <skipped message=\"not reached\"/>\n    </testcase>"),
        CaseState::Failed(failure) => {
            let reason = attribute(&failure.reason);
            let body = content(&format!("{}:{}\n{}", outcome.path, case.line, lines(failure).join("\n")));
            writeln!(
                xml,
                "{open}>\n      <failure message=\"{reason}\" type=\"expectation\">{body}</failure>\n    </testcase>"
            )
        }
    };
}

fn attribute(text: &str) -> String {
    content(text).replace('"', "&quot;").replace('\n', "&#10;")
}

/// Escapes text for XML 1.0, which has no form at all for most control characters.
fn content(text: &str) -> String {
    let allowed = |c: &char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let text: String = text.chars().map(|c| if allowed(&c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
