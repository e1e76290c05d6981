//! A point in time in eight bytes: a journal holds a hundred thousand of them.

use std::num::NonZeroI64;

use jiff::Timestamp;
use scry_calendar::WorldTime;

/// Keeps the microseconds of every time there is away from zero.
const ZERO_OFFSET_US: i64 = 1 << 60;

/// A time to the microsecond; an absent one takes no more room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackedTime(NonZeroI64);

impl From<Timestamp> for PackedTime {
    fn from(time: Timestamp) -> Self {
        Self(NonZeroI64::new(time.as_microsecond() + ZERO_OFFSET_US).unwrap_or(NonZeroI64::MIN))
    }
}

impl From<PackedTime> for Timestamp {
    fn from(moment: PackedTime) -> Self {
        // The last microsecond of all is not taken back, though it is given.
        Self::from_microsecond(moment.0.get() - ZERO_OFFSET_US).unwrap_or(Self::MAX)
    }
}

impl From<WorldTime> for PackedTime {
    fn from(time: WorldTime) -> Self {
        Self(NonZeroI64::new(time.as_millisecond() * 1000 + ZERO_OFFSET_US).unwrap_or(NonZeroI64::MIN))
    }
}

impl From<PackedTime> for WorldTime {
    fn from(moment: PackedTime) -> Self {
        Self::from_millisecond((moment.0.get() - ZERO_OFFSET_US).div_euclid(1000)).unwrap_or(Self::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_comes_back() {
        assert_eq!(size_of::<Option<PackedTime>>(), 8);
        let now: Timestamp = "1207-09-14T18:20:00.123456Z".parse().unwrap();
        for time in [Timestamp::MIN, Timestamp::UNIX_EPOCH, now] {
            assert_eq!(Timestamp::from(PackedTime::from(time)), time);
        }
        for time in [WorldTime::MIN, WorldTime::UNIX_EPOCH, WorldTime::MAX] {
            assert_eq!(WorldTime::from(PackedTime::from(time)), time);
        }
        assert_eq!(Timestamp::from(PackedTime::from(Timestamp::MAX)).as_microsecond(), Timestamp::MAX.as_microsecond());
    }
}
