//! The report for people.

use std::fmt::Write;

use scry_command::exit::Exit;

use super::{lines, moment};
use crate::expect::outcome::{CaseState, ExpectCase, ExpectOutcome};

/// Writes a report: one line for each case, the reasons of failures below theirs, and a last line that sums up.
#[must_use]
pub fn text(outcome: &ExpectOutcome) -> String {
    let mut report = String::new();
    for case in &outcome.cases {
        let place = if case.line == 0 { String::new() } else { format!("{}:{}: ", outcome.path, case.line) };
        match &case.state {
            CaseState::Passed { at } => line(&mut report, &format!("ok       {place}{} ({})", case.name, moment(*at))),
            CaseState::NotReached => line(&mut report, &format!("skipped  {place}{}", case.name)),
            CaseState::Failed(failure) => {
                line(&mut report, &format!("FAILED   {place}{} ({})", case.name, moment(failure.at)));
                line(&mut report, &format!("         {}", failure.reason));
                lines(failure).iter().for_each(|detail| line(&mut report, &format!("         {detail}")));
            }
        }
    }
    line(&mut report, &summary(outcome));
    report
}

fn summary(outcome: &ExpectOutcome) -> String {
    let passed =
        outcome.cases.iter().filter(|case: &&ExpectCase| matches!(case.state, CaseState::Passed { .. })).count();
    let verdict = match outcome.exit {
        Exit::Met => "passed",
        Exit::NotMet => "failed",
        Exit::Timeout => "timed out",
        Exit::ContinuityLost => "undecided: events were lost",
        Exit::Interrupted => "interrupted",
        Exit::Usage | Exit::Authentication | Exit::Connection | Exit::Internal => "not finished",
    };
    let total = outcome.cases.len();
    format!(
        "{}: {verdict}; {passed} of {total} held, {} events in {:.1}s",
        outcome.name,
        outcome.seen,
        outcome.took.as_secs_f64()
    )
}

fn line(report: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(report, "{}", line.trim_end());
}
