//! What one user may do per minute on this node, over the API as over sockets.

use std::time::{Duration, Instant};

use super::rate::RateLimiter;
use crate::config::server::QuotaConfig;
use crate::protocol::Id;

/// Counts what users do against the rates of the configuration.
#[derive(Debug)]
pub struct Quotas {
    senders: RateLimiter<Id>,
    pairs: RateLimiter<(Id, Id)>,
}

impl Quotas {
    /// Builds the counts, all of them at rest.
    #[must_use]
    pub fn new(config: &QuotaConfig) -> Self {
        let now = Instant::now();
        Self {
            senders: RateLimiter::new(config.notifications_per_minute, now),
            pairs: RateLimiter::new(config.notifications_per_pair, now),
        }
    }

    /// Counts a notification from one user to another.
    ///
    /// # Errors
    /// How long to wait, when the sender has sent too many, to this recipient or to all.
    pub fn notification(&self, sender: &Id, recipient: &Id) -> Result<(), Duration> {
        let now = Instant::now();
        self.pairs.take(&(sender.clone(), recipient.clone()), now)?;
        self.senders.take(sender, now)
    }
}
