//! When each delivery of a recording is due, in virtual time.

use std::time::Duration;

/// The speed of a replay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PlaybackSpeed {
    /// This many times as fast as it was.
    Times(f64),
    /// As fast as it can be read.
    Max,
}

impl std::str::FromStr for PlaybackSpeed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
        times
            .filter(|times| times.is_finite() && *times >= 0.001 && *times <= 1_000_000.0)
            .map(Self::Times)
            .ok_or_else(|| "a speed is written like 1x, 10x, 0.5x or max".to_owned())
    }
}

/// Plays deliveries in order; the caller tells how much real time has passed.
#[derive(Debug, Clone)]
pub(crate) struct PlaybackSchedule {
    times: Vec<Duration>,
    next: usize,
    speed: PlaybackSpeed,
}

impl PlaybackSchedule {
    /// Starts before the first delivery; `times` are those of the recording, in order.
    #[must_use]
    pub(crate) const fn new(times: Vec<Duration>, speed: PlaybackSpeed) -> Self {
        Self { times, next: 0, speed }
    }

    /// Returns the index of the next delivery if it is due after `elapsed` real time.
    pub(crate) fn due(&mut self, elapsed: Duration) -> Option<usize> {
        let index = self.next;
        if self.next_at()? > elapsed {
            return None;
        }
        self.next += 1;
        Some(index)
    }

    /// Returns the real time from the start after which the next delivery is due; `None` at the end.
    #[must_use]
    pub(crate) fn next_at(&self) -> Option<Duration> {
        let at = *self.times.get(self.next)?;
        Some(match self.speed {
            PlaybackSpeed::Max => Duration::ZERO,
            // Neither factor is far from what a Duration can hold; a year at a thousandth still fits.
            PlaybackSpeed::Times(times) => {
                Duration::try_from_secs_f64(at.as_secs_f64() / times).unwrap_or(Duration::MAX)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn deliveries_come_when_they_came_or_faster() {
        let mut schedule = PlaybackSchedule::new(vec![ms(0), ms(100), ms(100), ms(300)], PlaybackSpeed::Times(10.0));
        assert_eq!((schedule.due(ms(0)), schedule.due(ms(0))), (Some(0), None));
        assert_eq!(schedule.next_at(), Some(ms(10)));
        assert_eq!((schedule.due(ms(12)), schedule.due(ms(12)), schedule.due(ms(12))), (Some(1), Some(2), None));
        assert_eq!((schedule.due(ms(30)), schedule.next_at()), (Some(3), None));
    }

    #[test]
    fn at_full_speed_nothing_waits() {
        let mut schedule = PlaybackSchedule::new(vec![ms(0), ms(1_000_000)], PlaybackSpeed::Max);
        assert_eq!((schedule.due(ms(0)), schedule.due(ms(0)), schedule.due(ms(0))), (Some(0), Some(1), None));
    }

    #[test]
    fn a_speed_is_read_as_people_write_it() {
        assert_eq!("10x".parse(), Ok(PlaybackSpeed::Times(10.0)));
        assert_eq!("0.5".parse(), Ok(PlaybackSpeed::Times(0.5)));
        assert_eq!("max".parse(), Ok(PlaybackSpeed::Max));
        for bad in ["0", "-1x", "fast", "NaN", "inf", ""] {
            assert!(bad.parse::<PlaybackSpeed>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn everything_is_played_once_and_in_order(mut gaps in prop::collection::vec(0_u64..5_000, 0..40), step in 1_u64..900) {
            let mut at = 0;
            for gap in &mut gaps {
                at += *gap;
                *gap = at;
            }
            let times: Vec<Duration> = gaps.iter().copied().map(ms).collect();
            let mut schedule = PlaybackSchedule::new(times.clone(), PlaybackSpeed::Times(1.0));
            let mut played = Vec::new();
            let mut now = 0;
            while schedule.next_at().is_some() {
                while let Some(index) = schedule.due(ms(now)) {
                    prop_assert!(times[index] <= ms(now));
                    played.push(index);
                }
                now += step;
            }
            prop_assert_eq!(played, (0..times.len()).collect::<Vec<_>>());
        }
    }
}
