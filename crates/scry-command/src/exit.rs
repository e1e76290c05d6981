//! How a program of ours ends: one code for each thing a script may want to tell apart.

use std::process::ExitCode;

/// The exit codes of `scry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for happened.
    Met,
    /// An expectation did not hold.
    NotMet,
    /// The command line or the configuration is wrong.
    Usage,
    /// The time allowed ran out.
    Timeout,
    /// The server does not accept who we are.
    Authentication,
    /// The server cannot be reached.
    Connection,
    /// Events are known to be missing.
    ContinuityLost,
    /// A defect of ours.
    Internal,
    /// A person or a supervisor stopped it.
    Interrupted,
}

impl Exit {
    /// Returns the number a shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Met => 0,
            Self::NotMet => 1,
            Self::Usage => 2,
            Self::Timeout => 3,
            Self::Authentication => 4,
            Self::Connection => 5,
            Self::ContinuityLost => 6,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
