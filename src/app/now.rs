//! Moments and ages. Nothing here reads a clock: a moment comes in from outside.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Holds one moment on both clocks: the one for waiting and the one for people.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub mono: Instant,
    pub wall: Timestamp,
}

impl Now {
    /// Returns how long ago `then` was; zero for what lies ahead.
    #[must_use]
    pub fn since(&self, then: Timestamp) -> Duration {
        Duration::try_from(self.wall.duration_since(then)).unwrap_or_default()
    }

    /// Returns the instant at which `then` will be `age` old.
    #[must_use]
    pub fn when_aged(&self, then: Timestamp, age: Duration) -> Instant {
        self.mono + age.saturating_sub(self.since(then))
    }
}

/// Says an age in its largest unit: `12 s`, `3 min`, `2 h`, `5 d`.
#[must_use]
pub fn age(age: Duration) -> String {
    let (count, unit) = largest_unit(age);
    format!("{} {}", age.as_secs() / count, unit)
}

/// Returns how long it takes until [`age`] says something else.
#[must_use]
pub fn until_age_changes(age: Duration) -> Duration {
    let (count, _) = largest_unit(age);
    let next = Duration::from_secs((age.as_secs() / count + 1) * count);
    next - age
}

fn largest_unit(age: Duration) -> (u64, &'static str) {
    match age.as_secs() {
        0..60 => (1, "s"),
        60..3_600 => (60, "min"),
        3_600..86_400 => (3_600, "h"),
        _ => (86_400, "d"),
    }
}

/// Counts whole seconds until `deadline`, rounded up, so that a countdown ends at one.
#[must_use]
pub fn seconds_until(deadline: Instant, now: Instant) -> u64 {
    deadline.saturating_duration_since(now).as_millis().div_ceil(1000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_its_largest_unit() {
        let said: Vec<_> = [0, 59, 60, 3_599, 3_600, 200_000].map(|s| age(Duration::from_secs(s))).into();
        assert_eq!(said, ["0 s", "59 s", "1 min", "59 min", "1 h", "2 d"]);
    }

    #[test]
    fn the_next_change_of_an_age_is_when_its_words_change() {
        for millis in [0, 999, 59_400, 60_000, 61_000, 3_599_999, 7_300_000] {
            let then = Duration::from_millis(millis);
            let next = then + until_age_changes(then);
            assert_ne!(age(then), age(next), "{then:?}");
            assert_eq!(age(then), age(next - Duration::from_millis(1)), "{then:?}");
        }
    }
}
