//! Messages that were not believed: each is counted, and logged once per reason, sender and minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::signing::{RefusalReason, RefusedMessage};

/// How long a sender that was logged is only counted.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The counts of refused messages by reason, as a family of metrics.
pub type RefusalCounts = Family<[(&'static str, &'static str); 1], Counter>;

/// Counts and logs refused messages; clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct Refusals {
    counts: RefusalCounts,
    logged: Arc<Mutex<HashMap<RefusedBy, Instant>>>,
}

/// What is logged once a minute. A sender is known only where a node of ours has signed, so there are few of them.
type RefusedBy = (RefusalReason, Option<Arc<str>>);

impl Refusals {
    /// Counts in a family of metrics, where every reason is named from the beginning.
    #[must_use]
    pub fn counting_in(counts: RefusalCounts) -> Self {
        for reason in RefusalReason::ALL {
            drop(counts.get_or_create(&[("reason", reason.name())]));
        }
        Self { counts, logged: Arc::default() }
    }

    /// Returns how many messages were refused for a reason.
    #[must_use]
    pub fn of(&self, reason: RefusalReason) -> u64 {
        self.counts.get_or_create(&[("reason", reason.name())]).get()
    }

    /// Counts a refused message, and logs it unless its like was logged within the last minute.
    pub fn note(&self, refused: &RefusedMessage) {
        self.counts.get_or_create(&[("reason", refused.reason.name())]).inc();
        if self.is_due((refused.reason, refused.sender.clone()), Instant::now()) {
            let node = refused.sender.as_deref().unwrap_or("unknown");
            tracing::warn!(
                reason = refused.reason.name(),
                node,
                "refused a message over redis; every node needs the same jwt_secret and a clock that is right to the \
                 minute, and nobody else may reach redis"
            );
        }
    }

    fn is_due(&self, refused: RefusedBy, now: Instant) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|_, at| now.saturating_duration_since(*at) < LOG_INTERVAL);
        let is_due = !logged.contains_key(&refused);
        if is_due {
            logged.insert(refused, now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_and_reason_is_logged_once_a_minute() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let stale = || (RefusalReason::Stale, Some("a".into()));
        assert!(refusals.is_due(stale(), start));
        assert!(!refusals.is_due(stale(), start + LOG_INTERVAL / 2));
        assert!(refusals.is_due((RefusalReason::Stale, Some("b".into())), start), "another node");
        assert!(refusals.is_due((RefusalReason::Signature, None), start), "another reason");
        assert!(refusals.is_due(stale(), start + LOG_INTERVAL));
    }

    #[test]
    fn every_refused_message_is_counted() {
        let refusals = Refusals::counting_in(RefusalCounts::default());
        for _ in 0..5 {
            refusals.note(&RefusedMessage { reason: RefusalReason::Signature, sender: None });
        }
        assert_eq!((refusals.of(RefusalReason::Signature), refusals.of(RefusalReason::Stale)), (5, 0));
    }
}
