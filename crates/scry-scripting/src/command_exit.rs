//! How a command without a screen ended, and why (pure).

use scry_command::exit::Exit;

/// The end of a command: its code, and one sentence for every code but 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandExit {
    /// The exit code.
    pub exit: Exit,
    /// What to say on stderr; empty where all is well.
    pub why: String,
}

impl CommandExit {
    /// What was asked for happened.
    #[must_use]
    pub const fn met() -> Self {
        Self { exit: Exit::Met, why: String::new() }
    }

    /// Anything else, with the reason.
    #[must_use]
    pub(crate) fn with(exit: Exit, why: impl Into<String>) -> Self {
        Self { exit, why: why.into() }
    }

    /// A person or a supervisor stopped it.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::with(Exit::Interrupted, "interrupted")
    }

    /// The connection's task is gone, which it never should be.
    #[must_use]
    pub(crate) fn defect() -> Self {
        Self::with(Exit::Internal, "the connection's task has failed; this is a bug, please report it")
    }

    /// Entities cannot be looked up, and something had to be judged by them.
    #[must_use]
    pub(crate) fn lookup_failed(trouble: &str) -> Self {
        Self::with(Exit::Connection, format!("{trouble}; conditions that depend on them cannot be judged"))
    }

    /// Returns whether all is well.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.exit == Exit::Met
    }
}
