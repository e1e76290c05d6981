//! Settings of presence and of messages to users.

use std::time::Duration;

/// How long people count as present, and how long messages wait for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceConfig {
    /// How long presence outlives the node that held it, at most.
    pub ttl: Duration,
    /// How long somebody may do nothing before they count as idle.
    pub idle_after: Duration,
    /// How long a message waits for a user who is away.
    pub message_ttl: Duration,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            idle_after: Duration::from_secs(300),
            message_ttl: Duration::from_secs(24 * 3600),
        }
    }
}
