//! Settings of quotas: what one user may use, however many connections they open.

use std::time::Duration;

/// The quotas of users and campaigns, and how long what they leave behind is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaConfig {
    /// Bounds the requests of one user to `/graphql` and `/events`.
    pub api_requests_per_minute: u32,
    /// Bounds the requests of one address to `/auth`.
    pub auth_requests_per_minute: u32,
    /// Bounds the campaigns that one user has made and still owns.
    pub max_campaigns_per_user: u32,
    /// Bounds what the entities of one campaign take, in bytes.
    pub max_bytes_per_campaign: u64,
    /// Bounds the members of one campaign, together with its open invitations.
    pub max_members_per_campaign: u32,
    /// Bounds the open invitations of one inviter.
    pub max_open_invitations: u32,
    /// Bounds the open invitations that reach one user.
    pub max_invitations_received: u32,
    /// Bounds the invitations that one user makes.
    pub invitations_per_minute: u32,
    /// How long an invitation can be accepted.
    pub invitation_ttl: Duration,
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
const SECONDS_PER_DAY: u64 = 24 * 3600;

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            api_requests_per_minute: 3_000,
            auth_requests_per_minute: 600,
            max_campaigns_per_user: 50,
            max_bytes_per_campaign: 64 * 1024 * 1024,
            max_members_per_campaign: 100,
            max_open_invitations: 50,
            max_invitations_received: 50,
            invitations_per_minute: 20,
            invitation_ttl: Duration::from_secs(14 * SECONDS_PER_DAY),
            notifications_per_minute: 240,
            notifications_per_pair: 60,
            notifications_kept: 200,
            notification_keep: Duration::from_secs(90 * SECONDS_PER_DAY),
            session_keep: Duration::from_secs(30 * SECONDS_PER_DAY),
            deleted_campaign_keep: Duration::from_secs(7 * SECONDS_PER_DAY),
        }
    }
}
