//! Messages that were not believed: each is counted, and logged once per reason, sender and minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::signing::{VerifyError, VerifyErrorKind};

/// How long a sender that was logged is only counted.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The counts of refused messages by reason, as a family of metrics.
pub type RejectionCounts = Family<[(&'static str, &'static str); 1], Counter>;

/// Counts and logs refused messages; clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct RejectionMetrics {
    counts: RejectionCounts,
    logged: Arc<Mutex<HashMap<RejectionSource, Instant>>>,
}

/// What is logged once a minute. A sender is known only where a node of ours has signed, so there are few of them.
type RejectionSource = (VerifyErrorKind, Option<Arc<str>>);

impl RejectionMetrics {
    /// Counts in a family of metrics, where every reason is named from the beginning.
    #[must_use]
    pub fn with_family(counts: RejectionCounts) -> Self {
        for reason in VerifyErrorKind::ALL {
            drop(counts.get_or_create(&[("reason", reason.name())]));
        }
        Self { counts, logged: Arc::default() }
    }

    /// Returns how many messages were refused for a reason.
    #[must_use]
    pub fn of(&self, reason: VerifyErrorKind) -> u64 {
        self.counts.get_or_create(&[("reason", reason.name())]).get()
    }

    /// Counts a refused message, and logs it unless its like was logged within the last minute.
    pub fn report(&self, refused: &VerifyError) {
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

    fn is_due(&self, refused: RejectionSource, now: Instant) -> bool {
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
        let (rejections, start) = (RejectionMetrics::default(), Instant::now());
        let stale = || (VerifyErrorKind::Stale, Some("a".into()));
        assert!(rejections.is_due(stale(), start));
        assert!(!rejections.is_due(stale(), start + LOG_INTERVAL / 2));
        assert!(rejections.is_due((VerifyErrorKind::Stale, Some("b".into())), start), "another node");
        assert!(rejections.is_due((VerifyErrorKind::Signature, None), start), "another reason");
        assert!(rejections.is_due(stale(), start + LOG_INTERVAL));
    }

    #[test]
    fn every_refused_message_is_counted() {
        let rejections = RejectionMetrics::with_family(RejectionCounts::default());
        for _ in 0..5 {
            rejections.report(&VerifyError { reason: VerifyErrorKind::Signature, sender: None });
        }
        assert_eq!((rejections.of(VerifyErrorKind::Signature), rejections.of(VerifyErrorKind::Stale)), (5, 0));
    }
}
