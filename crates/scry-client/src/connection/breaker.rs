//! When to stop trying.

use super::backoff::BACKOFF_STEPS;

/// Counts attempts since the connection was last live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    attempt: u32,
    probing: bool,
}

/// The consequence of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BreakerDecision {
    /// Wait, then make this attempt.
    Retry(u32),
    /// Stop trying.
    Open,
}

impl Breaker {
    /// Counts the attempts that are made before the circuit opens.
    #[expect(clippy::cast_possible_truncation, reason = "ten")]
    pub(super) const MAX_ATTEMPTS: u32 = BACKOFF_STEPS.len() as u32;

    /// Returns the number of the attempt under way or waited for; 0 is the very first connection.
    #[must_use]
    pub(super) const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Records a failure, or the loss of a connection that was live.
    pub(super) const fn fail(&mut self) -> BreakerDecision {
        if self.probing || self.attempt >= Self::MAX_ATTEMPTS {
            self.probing = false;
            self.attempt = Self::MAX_ATTEMPTS;
            return BreakerDecision::Open;
        }
        self.attempt += 1;
        BreakerDecision::Retry(self.attempt)
    }

    /// Starts counting anew: the connection is live, or a person asked.
    pub(super) const fn reset(&mut self) {
        *self = Self { attempt: 0, probing: false };
    }

    /// Allows one attempt while the circuit is open.
    pub(super) const fn probe(&mut self) {
        self.probing = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_failed_attempt_opens_the_circuit() {
        let mut breaker = Breaker::default();
        for attempt in 1..=10 {
            assert_eq!(breaker.fail(), BreakerDecision::Retry(attempt));
        }
        assert_eq!(breaker.fail(), BreakerDecision::Open);
        breaker.reset();
        assert_eq!(breaker.fail(), BreakerDecision::Retry(1));
    }

    #[test]
    fn a_probe_is_one_attempt() {
        let mut breaker = Breaker::default();
        while breaker.fail() != BreakerDecision::Open {}
        breaker.probe();
        assert_eq!(breaker.fail(), BreakerDecision::Open);
    }
}
