//! What a run of expectations came to.

use std::time::Duration;

use scry_command::exit::Exit;

use super::secrets::SecretValues;

/// The result of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectOutcome {
    pub(crate) name: String,
    pub(crate) path: String,
    /// The exit code of the command.
    pub exit: Exit,
    pub(crate) took: Duration,
    /// How many events were seen.
    pub(crate) seen: u64,
    pub(crate) cases: Vec<ExpectCase>,
}

/// The result of one expectation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExpectCase {
    pub name: String,
    /// The line in the file; zero for what is not in it: the command, or the run itself.
    pub line: usize,
    pub state: CaseState,
}

/// The end of an expectation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CaseState {
    /// Met, or held to the end.
    Passed {
        at: Duration,
    },
    Failed(CaseFailure),
    /// The run ended before its turn came or its window closed.
    NotReached,
}

/// The reason why an expectation failed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CaseFailure {
    /// One sentence.
    pub reason: String,
    /// The condition as it was written; empty for the command.
    pub awaited: String,
    /// The values of the `$names` in it.
    pub values: Vec<(String, String)>,
    pub at: Duration,
    /// The events that came nearest, the nearest first.
    pub nearest: Vec<NearMiss>,
    /// What was seen instead, where nothing came near: names of events, and how often each came.
    pub instead: Vec<(String, usize)>,
}

/// An event that came near.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NearMiss {
    pub at: Duration,
    pub title: String,
    /// Why it did not count although it fits.
    pub note: Option<String>,
    /// The parts of the condition that did not hold.
    pub differences: Vec<Difference>,
}

/// Sets a part of a condition against what an event held.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    pub wanted: String,
    pub found: String,
}

impl ExpectOutcome {
    /// Counts the failed cases.
    #[must_use]
    pub(crate) fn failures(&self) -> usize {
        self.cases.iter().filter(|case| matches!(case.state, CaseState::Failed(_))).count()
    }

    /// Hides every secret in every text.
    #[must_use]
    pub(crate) fn redacted(mut self, secrets: &SecretValues) -> Self {
        let hide = |text: &mut String| *text = secrets.redact(text);
        hide(&mut self.name);
        for case in &mut self.cases {
            hide(&mut case.name);
            if let CaseState::Failed(failure) = &mut case.state {
                failure.redact(&hide);
            }
        }
        self
    }
}

impl CaseFailure {
    fn redact(&mut self, hide: &impl Fn(&mut String)) {
        hide(&mut self.reason);
        hide(&mut self.awaited);
        self.values.iter_mut().for_each(|(_, value)| hide(value));
        for near in &mut self.nearest {
            hide(&mut near.title);
            near.note.iter_mut().for_each(hide);
            for difference in &mut near.differences {
                hide(&mut difference.wanted);
                hide(&mut difference.found);
            }
        }
    }
}
