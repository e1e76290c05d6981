//! A report as lines for people and as one object for scripts (pure).

use serde_json::{Value, json};

use super::report::{CheckResult, CheckStep, DoctorReport, Finding};

/// The style of lines for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportStyle {
    /// Whether lines are coloured by ANSI escape sequences.
    pub color: bool,
    /// Plain ASCII in place of symbols.
    pub ascii: bool,
}

/// Writes a report as aligned lines: symbol, word, step, milliseconds, what was found; remedies below.
#[must_use]
pub fn text(report: &DoctorReport, look: ReportStyle) -> String {
    let mut text = String::new();
    for (step, finding) in report.steps() {
        text.push_str(&line(step, &finding, look));
        if let Some(remedy) = &finding.remedy {
            let arrow = if look.ascii { "->" } else { "→" };
            text.push_str(&format!("{:DETAIL_COLUMN$}{arrow} {remedy}\n", ""));
        }
    }
    text.push_str(&summary(report));
    text
}

/// Writes a report as one object: `{v, kind, server, ok, exit, steps: [{step, verdict, ms, detail, remedy}]}`.
#[must_use]
pub fn json(report: &DoctorReport) -> Value {
    let steps = report.steps().into_iter().map(|(step, finding)| {
        json!({
            "step": step.key(),
            "verdict": finding.verdict.word(),
            "ms": millis(&finding),
            "detail": finding.detail,
            "remedy": finding.remedy,
        })
    });
    let code = report.exit().code();
    json!({
        "v": 1,
        "kind": "doctor",
        "server": report.server,
        "ok": code == 0,
        "exit": code,
        "steps": steps.collect::<Vec<_>>(),
    })
}

/// Where what was found begins on a line.
const DETAIL_COLUMN: usize = 36;

fn line(step: CheckStep, finding: &Finding, look: ReportStyle) -> String {
    let (symbol, color) = match (finding.verdict, look.ascii) {
        (CheckResult::Ok, false) => ("✓", "32"),
        (CheckResult::Ok, true) => ("+", "32"),
        (CheckResult::Warn, _) => ("!", "33"),
        (CheckResult::Fail(_), false) => ("✗", "31"),
        (CheckResult::Fail(_), true) => ("x", "31"),
        (CheckResult::Skipped, false) => ("–", "90"),
        (CheckResult::Skipped, true) => ("-", "90"),
    };
    let verdict = format!("{symbol} {:<7}", finding.verdict.word());
    let verdict = if look.color { format!("\u{1b}[{color}m{verdict}\u{1b}[0m") } else { verdict };
    let took = millis(finding).map_or_else(String::new, |millis| format!("{millis:.1} ms"));
    format!("{verdict}  {:<11}  {took:>10}  {}\n", step.key(), finding.detail)
}

fn summary(report: &DoctorReport) -> String {
    let count = |word: &str| report.steps().iter().filter(|(_, finding)| finding.verdict.word() == word).count();
    let place = report.server.as_deref().map_or_else(String::new, |server| format!("{server}: "));
    match (count("fail"), count("warn")) {
        (0, 0) => format!("{place}everything works\n"),
        (0, 1) => format!("{place}it works, with 1 warning\n"),
        (0, warnings) => format!("{place}it works, with {warnings} warnings\n"),
        (1, _) => format!("{place}1 step failed\n"),
        (failures, _) => format!("{place}{failures} steps failed\n"),
    }
}

/// Rounds to tenths: finer is noise.
fn millis(finding: &Finding) -> Option<f64> {
    finding.took.map(|took| (took.as_secs_f64() * 10_000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scry_command::exit::Exit;

    use super::*;

    fn report() -> DoctorReport {
        let mut report = DoctorReport::of("http://h/");
        report.record(CheckStep::Config, Finding::ok("read").within(Duration::from_micros(1234)));
        report.record(CheckStep::Credentials, Finding::warn("nobody is logged in", "run `scry login`"));
        report.record(CheckStep::Dns, Finding::fail(Exit::Connection, "no such host", "check the address"));
        report
    }

    #[test]
    fn lines_are_aligned_and_a_word_stands_beside_each_symbol() {
        let text = text(&report(), ReportStyle::default());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "✓ ok       config           1.2 ms  read");
        assert_eq!(lines[1], "! warn     credentials              nobody is logged in");
        assert_eq!(lines[2], "                                    → run `scry login`");
        assert_eq!(lines[3], "✗ fail     dns                      no such host");
        assert_eq!(lines[5], "– skipped  tcp                      needs dns");
        assert_eq!(lines.last(), Some(&"http://h/: 1 step failed"));
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn ascii_is_ascii_and_colour_only_where_asked_for() {
        assert!(text(&report(), ReportStyle { ascii: true, color: false }).is_ascii());
        let colored = text(&report(), ReportStyle { ascii: false, color: true });
        assert!(colored.starts_with("\u{1b}[32m✓ ok     \u{1b}[0m  config"), "{colored}");
    }

    #[test]
    fn scripts_get_one_object_with_every_step() {
        let json = json(&report());
        assert_eq!((&json["ok"], &json["exit"]), (&json!(false), &json!(5)));
        assert_eq!(json["steps"].as_array().unwrap().len(), CheckStep::ALL.len());
        let first = json!({"step": "config", "verdict": "ok", "ms": 1.2, "detail": "read", "remedy": null});
        assert_eq!(json["steps"][0], first);
        assert_eq!(json["steps"][3]["ms"], Value::Null);
    }
}
