//! Settings of the journal.

use std::time::Duration;

/// How much history is kept for clients that come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalConfig {
    /// How long an event is kept.
    pub keep: Duration,
    /// How many events a campaign keeps at most.
    pub max_events: u64,
    /// How often the journal is trimmed.
    pub trim_interval: Duration,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { keep: Duration::from_secs(24 * 3600), max_events: 100_000, trim_interval: Duration::from_secs(60) }
    }
}
