//! How long to wait before an attempt.

use std::time::Duration;

/// Lists the waits before attempts 1 to 10, as multiples of the unit.
pub const BACKOFF_STEPS: [u32; 10] = [1, 2, 4, 8, 16, 32, 32, 32, 32, 32];

/// The most that jitter takes off.
const MAX_JITTER: f64 = 0.2;

/// Returns the wait before `attempt`, which counts from 1; `jitter` in 0…1 takes off up to a fifth.
#[must_use]
pub fn delay(attempt: u32, unit: Duration, jitter: f64) -> Duration {
    let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX).min(BACKOFF_STEPS.len() - 1);
    let full = unit.saturating_mul(BACKOFF_STEPS[index]);
    full.mul_f64(1.0 - MAX_JITTER * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_delays_are_exactly_these() {
        let unit = Duration::from_secs(1);
        let seconds: Vec<_> = (1..=10).map(|attempt| delay(attempt, unit, 0.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 32, 32, 32, 32]);
    }

    proptest! {
        #[test]
        fn jitter_takes_off_a_fifth_at_most(attempt in 1_u32..20, jitter in 0.0_f64..=1.0) {
            let unit = Duration::from_secs(1);
            let full = delay(attempt, unit, 0.0);
            let wait = delay(attempt, unit, jitter);
            prop_assert!(wait <= full && wait >= full.mul_f64(0.799));
        }
    }
}
