//! World time: a moment of the years 1 to 9999, all of which RFC 3339 can write.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment of a world to the millisecond, from `0001-01-01T00:00:00.000Z` to `9999-12-31T23:59:59.999Z`.
///
/// [`Timestamp`] is not enough: it ends a day before the year 9999 does, and begins long before the year 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorldTime(i64);

/// Says that a text is no world time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time such as 1207-09-14T18:20:00Z, from year 1 to 9999")]
pub struct WorldTimeError;

impl WorldTime {
    /// The first moment of the year 1.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// The last millisecond of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999);
    /// The first moment of the year 1970.
    pub const UNIX_EPOCH: Self = Self(0);

    /// Returns the moment at a number of milliseconds since 1970; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn from_millisecond(millisecond: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&millisecond).then_some(Self(millisecond))
    }

    /// Returns the moment at a number of seconds since 1970; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn from_second(second: i64) -> Option<Self> {
        second.checked_mul(1000).and_then(Self::from_millisecond)
    }

    /// Reads a time that was stored: one from outside the years 1 to 9999 counts as the nearest in them.
    ///
    /// # Errors
    /// [`WorldTimeError`] when the text is no time at all.
    pub fn from_stored(text: &str) -> Result<Self, WorldTimeError> {
        text.parse().or_else(|error| text.parse::<Timestamp>().map(Self::from).map_err(|_| error))
    }

    /// Returns the milliseconds since 1970.
    #[must_use]
    pub const fn as_millisecond(self) -> i64 {
        self.0
    }

    /// Returns the seconds since 1970, rounded down.
    #[must_use]
    pub const fn as_second(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns the moment that much later; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn checked_add(self, span: SignedDuration) -> Option<Self> {
        let millisecond = i128::from(self.0).checked_add(span.as_millis())?;
        i64::try_from(millisecond).ok().and_then(Self::from_millisecond)
    }

    /// Returns how much later this is than another moment.
    #[must_use]
    pub const fn duration_since(self, other: Self) -> SignedDuration {
        SignedDuration::from_millis(self.0 - other.0)
    }
}

/// Takes the nearest moment of the years 1 to 9999.
impl From<Timestamp> for WorldTime {
    fn from(time: Timestamp) -> Self {
        Self(time.as_millisecond().clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl FromStr for WorldTime {
    type Err = WorldTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A sign begins the years that RFC 3339 cannot write.
        if text.starts_with(['+', '-']) {
            return Err(WorldTimeError);
        }
        let pieces = Pieces::parse(text).map_err(|_| WorldTimeError)?;
        let (Some(time), Some(offset), None) =
            (pieces.time(), pieces.to_numeric_offset(), pieces.time_zone_annotation())
        else {
            return Err(WorldTimeError);
        };
        let local = DateTime::from_parts(pieces.date(), time).duration_since(epoch());
        let millisecond = local.as_nanos().div_euclid(1_000_000) - i128::from(offset.seconds()) * 1000;
        i64::try_from(millisecond).ok().and_then(Self::from_millisecond).ok_or(WorldTimeError)
    }
}

/// Writes RFC 3339 in UTC with milliseconds.
impl fmt::Display for WorldTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = epoch().checked_add(SignedDuration::from_millis(self.0)).unwrap_or(DateTime::MAX);
        write!(f, "{time:.3}Z")
    }
}

impl Serialize for WorldTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WorldTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

const fn epoch() -> DateTime {
    DateTime::from_parts(Date::constant(1970, 1, 1), Time::midnight())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, WorldTimeError> {
        text.parse::<WorldTime>().map(|time| time.to_string())
    }

    #[test]
    fn first_and_last_moment_of_the_range_are_accepted() {
        for text in ["0001-01-01T00:00:00.000Z", "9999-12-31T00:00:00.000Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
        assert_eq!(read("0001-01-01T00:00:00.000Z"), Ok(WorldTime::MIN.to_string()));
        assert_eq!(read("9999-12-31T23:59:59.9999Z"), Ok(WorldTime::MAX.to_string()), "cut to milliseconds");
    }

    #[test]
    fn times_outside_the_years_1_to_9999_are_refused() {
        for text in [
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-00:01",
            "-000001-06-01T00:00:00Z",
            "-009999-06-01T00:00:00Z",
            "+001207-09-14T18:20:00Z",
            "+010000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(read(text), Err(WorldTimeError), "{text}");
        }
    }

    #[test]
    fn text_without_offset_or_time_is_refused() {
        for text in
            ["", "soon", "1207-09-14", "1207-09-14T18:20:00", "18:20:00Z", "1207-09-14T18:20:00+01:00[Europe/Berlin]"]
        {
            assert_eq!(read(text), Err(WorldTimeError), "{text}");
        }
    }

    #[test]
    fn offset_is_taken_into_account() {
        assert_eq!(read("1207-09-14T20:20:00.5+02:00").as_deref(), Ok("1207-09-14T18:20:00.500Z"));
        assert_eq!(read("9999-12-31T23:00:00+05:00").as_deref(), Ok("9999-12-31T18:00:00.000Z"));
    }

    #[test]
    fn stored_time_outside_the_range_counts_as_the_nearest() {
        assert_eq!(WorldTime::from_stored("-009999-06-01T00:00:00.000Z"), Ok(WorldTime::MIN));
        assert_eq!(WorldTime::from_stored("never"), Err(WorldTimeError));
    }

    proptest! {
        #[test]
        fn every_moment_is_read_back_as_it_is_written(millisecond in WorldTime::MIN.0..=WorldTime::MAX.0) {
            let time = WorldTime::from_millisecond(millisecond).unwrap();
            let text = time.to_string();
            prop_assert_eq!(text.len(), "0001-01-01T00:00:00.000Z".len());
            prop_assert_eq!(text.parse(), Ok(time));
        }

        #[test]
        fn order_of_moments_is_the_order_of_their_texts(
            a in WorldTime::MIN.0..=WorldTime::MAX.0,
            b in WorldTime::MIN.0..=WorldTime::MAX.0,
        ) {
            let (a, b) = (WorldTime(a), WorldTime(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(a.checked_add(b.duration_since(a)), Some(b));
        }
    }
}
