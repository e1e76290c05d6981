//! What an examination found, step by step (pure).

use std::time::Duration;

use scry_command::exit::Exit;

/// A step on the way from the configuration to a joined room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStep {
    /// Reading the configuration.
    Config,
    /// Finding a stored login, or a token in the environment.
    Credentials,
    /// Resolving the server's host name.
    Dns,
    /// Opening a TCP connection.
    Tcp,
    /// Verifying the server's certificate.
    Tls,
    /// Reading the server's health report.
    Health,
    /// Asking the API whose login it is.
    Login,
    /// Connecting to the gateway.
    Handshake,
    /// Telling the transport of the connection.
    Transport,
    /// Joining a room.
    Subscribe,
    /// Measuring the round trip.
    RoundTrip,
    /// Resuming the room after a position.
    Resume,
}

impl CheckStep {
    /// Lists the steps in the order in which they are taken.
    pub const ALL: [Self; 12] = [
        Self::Config,
        Self::Credentials,
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Health,
        Self::Login,
        Self::Handshake,
        Self::Transport,
        Self::Subscribe,
        Self::RoundTrip,
        Self::Resume,
    ];

    /// Returns the word that scripts read.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Health => "health",
            Self::Login => "login",
            Self::Handshake => "handshake",
            Self::Transport => "transport",
            Self::Subscribe => "subscribe",
            Self::RoundTrip => "round-trip",
            Self::Resume => "resume",
        }
    }

    /// Returns the steps without which this one cannot be tried.
    #[must_use]
    pub(crate) const fn needs(self) -> &'static [Self] {
        match self {
            Self::Config => &[],
            Self::Credentials | Self::Dns => &[Self::Config],
            Self::Tcp => &[Self::Dns],
            Self::Tls => &[Self::Tcp],
            Self::Health => &[Self::Tls],
            Self::Login => &[Self::Credentials, Self::Health],
            Self::Handshake => &[Self::Login],
            Self::Transport | Self::Subscribe | Self::RoundTrip => &[Self::Handshake],
            Self::Resume => &[Self::Subscribe],
        }
    }
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckResult {
    /// The step works.
    Ok,
    /// It works, or can be done without, but a person should know.
    Warn,
    /// It does not work; a command that needs it ends with this code.
    Fail(Exit),
    /// It was not tried.
    Skipped,
}

impl CheckResult {
    /// Returns the word for people and scripts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail(_) => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// The finding of one step; `detail` and `remedy` are safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The result of the step.
    pub verdict: CheckResult,
    /// One line about what was found.
    pub detail: String,
    /// One sentence that says what to do.
    pub remedy: Option<String>,
    /// How long it took; absent for what was not tried.
    pub took: Option<Duration>,
}

impl Finding {
    /// Returns the finding of a step that works.
    pub fn ok(detail: impl Into<String>) -> Self {
        Self { verdict: CheckResult::Ok, detail: detail.into(), remedy: None, took: None }
    }

    /// Returns the finding of a step that works, but not as well as it could.
    pub fn warn(detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: CheckResult::Warn, remedy: Some(remedy.into()), ..Self::ok(detail) }
    }

    /// Returns the finding of a step that does not work.
    pub fn fail(exit: Exit, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: CheckResult::Fail(exit), remedy: Some(remedy.into()), ..Self::ok(detail) }
    }

    /// Returns the finding of a step that was not tried, with the reason.
    pub fn skipped(detail: impl Into<String>) -> Self {
        Self { verdict: CheckResult::Skipped, ..Self::ok(detail) }
    }

    /// Adds how long it took.
    #[must_use]
    pub const fn within(mut self, took: Duration) -> Self {
        self.took = Some(took);
        self
    }
}

/// The findings so far, one for each step taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoctorReport {
    /// The server's address, once the configuration has named one.
    pub server: Option<String>,
    findings: Vec<(CheckStep, Finding)>,
}

impl DoctorReport {
    /// Begins a report on the server at this address.
    #[must_use]
    pub fn of(server: &str) -> Self {
        Self { server: Some(server.to_owned()), findings: Vec::new() }
    }

    /// Returns whether a step can be tried: none of the steps that it needs has failed or was left out.
    #[must_use]
    pub fn allows(&self, step: CheckStep) -> bool {
        self.obstacle(step).is_none()
    }

    /// Writes down what a step found.
    pub fn record(&mut self, step: CheckStep, finding: Finding) {
        self.findings.push((step, finding));
    }

    /// Returns what a step found, if it was taken.
    #[must_use]
    pub(crate) fn finding(&self, step: CheckStep) -> Option<&Finding> {
        self.findings.iter().find(|(taken, _)| *taken == step).map(|(_, finding)| finding)
    }

    /// Lists every step in order; those that were not taken are skipped for the failure behind it.
    #[must_use]
    pub fn steps(&self) -> Vec<(CheckStep, Finding)> {
        let skipped = |step| match self.obstacle(step) {
            Some(failed) => Finding::skipped(format!("needs {}", failed.key())),
            None => Finding::skipped("not tried"),
        };
        CheckStep::ALL
            .into_iter()
            .map(|step| (step, self.finding(step).cloned().unwrap_or_else(|| skipped(step))))
            .collect()
    }

    /// Returns the code of the first failure, or that there is none.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let code = |(_, finding): (CheckStep, Finding)| match finding.verdict {
            CheckResult::Fail(exit) => Some(exit),
            CheckResult::Ok | CheckResult::Warn | CheckResult::Skipped => None,
        };
        self.steps().into_iter().find_map(code).unwrap_or(Exit::Met)
    }

    /// Returns what the first failure is, if there is one.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let failed = |(_, finding): &(CheckStep, Finding)| matches!(finding.verdict, CheckResult::Fail(_));
        self.steps().into_iter().find(failed).map(|(_, finding)| finding.detail)
    }

    /// Finds the failed step that stands before this one.
    fn obstacle(&self, step: CheckStep) -> Option<CheckStep> {
        let failed = |need: &CheckStep| matches!(self.finding(*need), Some(found) if matches!(found.verdict, CheckResult::Fail(_)));
        step.needs().iter().find_map(|need| if failed(need) { Some(*need) } else { self.obstacle(*need) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_skips_only_dependent_steps() {
        let mut report = DoctorReport::default();
        report.record(CheckStep::Config, Finding::ok("read"));
        report.record(CheckStep::Dns, Finding::ok("found"));
        report.record(CheckStep::Tcp, Finding::fail(Exit::Connection, "refused", "start it"));
        assert!(report.allows(CheckStep::Credentials));
        for step in [
            CheckStep::Tls,
            CheckStep::Health,
            CheckStep::Login,
            CheckStep::Handshake,
            CheckStep::Subscribe,
            CheckStep::Resume,
        ] {
            assert!(!report.allows(step), "{step:?}");
        }
        let steps = report.steps();
        assert_eq!(steps.len(), CheckStep::ALL.len());
        assert_eq!(steps[11], (CheckStep::Resume, Finding::skipped("needs tcp")));
    }

    #[test]
    fn the_first_failure_in_order_gives_the_exit_code() {
        let mut report = DoctorReport::default();
        assert_eq!(report.exit(), Exit::Met);
        report.record(CheckStep::Tcp, Finding::fail(Exit::Connection, "", ""));
        assert_eq!(report.exit(), Exit::Connection);
        report.record(CheckStep::Credentials, Finding::fail(Exit::Authentication, "", ""));
        assert_eq!(report.exit(), Exit::Authentication, "credentials come before TCP");
    }

    #[test]
    fn warnings_and_skipped_steps_stop_nothing() {
        let mut report = DoctorReport::default();
        report.record(CheckStep::Tls, Finding::skipped("plain http"));
        report.record(CheckStep::Health, Finding::warn("none", "do without"));
        assert!(report.allows(CheckStep::Login));
        assert_eq!(report.exit(), Exit::Met);
    }

    #[test]
    fn no_step_depends_on_a_later_one() {
        for (place, step) in CheckStep::ALL.into_iter().enumerate() {
            assert!(step.needs().iter().all(|need| CheckStep::ALL[..place].contains(need)), "{step:?}");
        }
    }
}
