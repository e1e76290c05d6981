//! Moments and ages. Nothing here reads a clock: a moment comes in from outside.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A moment on both clocks: the one for waiting and the one for people.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The monotonic clock, for waiting and for measuring.
    pub mono: Instant,
    /// The wall clock, for display and for comparing with a server's times.
    pub wall: Timestamp,
}

impl Now {
    /// Returns how long ago `then` was; zero for what lies ahead.
    #[must_use]
    pub(crate) fn since(&self, then: Timestamp) -> Duration {
        Duration::try_from(self.wall.duration_since(then)).unwrap_or_default()
    }

    /// Returns how long ago `then` was, in the largest unit: `12 s`, `3 min`, `2 h`, `5 d`.
    #[must_use]
    pub(crate) fn age(&self, then: Timestamp) -> String {
        let seconds = self.whole_seconds_since(then);
        let (length, unit) = largest_unit(seconds);
        format!("{} {unit}", seconds / length)
    }

    /// Returns when [`Now::age`] of `then` says something else.
    ///
    /// Ages are counted between whole seconds, so that all of them change together: one wake-up a second.
    #[must_use]
    pub(crate) fn when_age_changes(&self, then: Timestamp) -> Instant {
        let seconds = self.whole_seconds_since(then);
        let (length, _) = largest_unit(seconds);
        let ahead = Duration::from_secs((seconds / length + 1) * length - seconds);
        let into_second = Duration::from_nanos(u64::try_from(self.wall.subsec_nanosecond()).unwrap_or(0));
        self.mono + ahead.saturating_sub(into_second)
    }

    fn whole_seconds_since(&self, then: Timestamp) -> u64 {
        u64::try_from(self.wall.as_second() - then.as_second()).unwrap_or(0)
    }

    /// Returns the instant at which `then` will be `age` old.
    #[must_use]
    pub(crate) fn when_aged(&self, then: Timestamp, age: Duration) -> Instant {
        self.mono + age.saturating_sub(self.since(then))
    }
}

fn largest_unit(seconds: u64) -> (u64, &'static str) {
    match seconds {
        0..60 => (1, "s"),
        60..3_600 => (60, "min"),
        3_600..86_400 => (3_600, "h"),
        _ => (86_400, "d"),
    }
}

/// Counts whole seconds until `deadline`, rounded up, so that a countdown ends at one.
#[must_use]
pub(crate) fn seconds_until(deadline: Instant, now: Instant) -> u64 {
    deadline.saturating_duration_since(now).as_millis().div_ceil(1000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(millis: i64) -> Now {
        Now { mono: Instant::now(), wall: Timestamp::from_millisecond(1_000_000_000_000 + millis).unwrap() }
    }

    #[test]
    fn an_age_is_said_in_its_largest_unit() {
        let then = moment(0).wall;
        let said: Vec<_> = [0, 59, 60, 3_599, 3_600, 200_000].map(|s| moment(s * 1_000).age(then)).into();
        assert_eq!(said, ["0 s", "59 s", "1 min", "59 min", "1 h", "2 d"]);
        assert_eq!(moment(-5_000).age(then), "0 s");
    }

    #[test]
    fn the_next_change_of_an_age_is_when_its_words_change() {
        let then = moment(-321).wall;
        for millis in [0, 999, 59_400, 60_000, 61_000, 3_599_999, 7_300_000] {
            let now = moment(millis);
            let ahead = i64::try_from((now.when_age_changes(then) - now.mono).as_millis()).unwrap();
            assert_ne!(now.age(then), moment(millis + ahead).age(then), "{millis}");
            assert_eq!(now.age(then), moment(millis + ahead - 1).age(then), "{millis}");
        }
    }

    #[test]
    fn ages_of_different_moments_change_at_the_same_time() {
        let now = moment(5_250);
        assert_eq!(now.when_age_changes(moment(0).wall), now.when_age_changes(moment(1_777).wall));
    }
}
