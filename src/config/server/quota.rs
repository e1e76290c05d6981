//! Settings of quotas: what one user may use, however many connections they open.

use std::time::Duration;

/// Holds the quotas of users and campaigns, and how long what they leave behind is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaConfig {
    /// Bounds the notifications of one sender, counted by recipient.
    pub notifications_per_minute: u32,
    /// Bounds the notifications of one sender to one recipient.
    pub notifications_per_pair: u32,
    /// Bounds the notifications that are kept for one recipient.
    pub notifications_kept: u32,
    /// How long a notification is kept.
    pub notification_keep: Duration,
    /// How long a login is kept after its last token has expired.
    pub session_keep: Duration,
    /// How long the row of a deleted campaign, with what is left of its journal, is kept.
    pub deleted_campaign_keep: Duration,
}

/// A day, in seconds.
const DAY: u64 = 24 * 3600;

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            notifications_per_minute: 240,
            notifications_per_pair: 60,
            notifications_kept: 200,
            notification_keep: Duration::from_secs(90 * DAY),
            session_keep: Duration::from_secs(30 * DAY),
            deleted_campaign_keep: Duration::from_secs(7 * DAY),
        }
    }
}
