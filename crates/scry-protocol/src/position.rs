//! Places in a campaign's journal.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a campaign's journal: everything up to and including `seq` has happened.
///
/// Two positions can be compared only within one `epoch`; the epoch changes when a journal is lost
/// or restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The journal that `seq` counts in.
    pub epoch: String,
    /// The last event that has happened; 0 before the first.
    pub seq: u64,
}

impl Position {
    /// Builds a position.
    #[must_use]
    pub fn new(epoch: impl Into<String>, seq: u64) -> Self {
        Self { epoch: epoch.into(), seq }
    }

    /// Returns whether both positions belong to the same history.
    #[must_use]
    pub fn is_comparable_with(&self, other: &Self) -> bool {
        self.epoch == other.epoch
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.seq)
    }
}
