//! A world's own calendar: months, weeks, leap years, days outside the months, seasons and moons.
//!
//! On the wire the world's time is RFC 3339 text like any other time; a [`Calendar`] says which day of
//! the world that is, and back. Everything here is whole-number arithmetic on days and seconds (only
//! the moons, whose periods are fractions, are counted in floating point), so it is exact over the
//! years 1 to 9999 of world time, before the anchor too.

mod date;
mod definition;
mod months;
mod world_time;
mod years;

use std::sync::LazyLock;

use serde_json::Value;

pub use date::{MoonPhase, WorldDate};
pub use definition::{CalendarDefinition, Festival, Intercalary, LeapRule, Month, Moon, Season};
pub use world_time::{WorldTime, WorldTimeError};

use years::Years;

/// The calendars that come with the program, by the name a world file uses.
pub const BUNDLED: [(&str, &str); 2] = [
    ("gregorian", include_str!("../../../assets/calendars/gregorian.toml")),
    ("emberfall", include_str!("../../../assets/calendars/emberfall.toml")),
];

/// Turns world time into dates of a world and back.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    definition: CalendarDefinition,
    years: Years,
    seconds_per_hour: i64,
    seconds_per_day: i64,
    /// The day number, counted in [`Years`], that begins at the anchor.
    anchor_day: i64,
    /// How many days of a week [`Years`] counts before the anchor.
    anchor_week_day: i64,
    /// Which day of the week the anchor is.
    anchor_weekday: usize,
    /// Where each season begins: the slot of the year, the day in it, and which season it is, in this order.
    seasons: Vec<(usize, i64, usize)>,
    /// The slot of the year in which each festival is.
    festivals: Vec<Option<usize>>,
}

/// Why a calendar cannot be used, or a time cannot be read in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The file is not TOML, or a value is of the wrong type.
    #[error("the calendar cannot be read: {0}")]
    Syntax(String),
    /// The file has a key that calendars do not have.
    #[error("the calendar has an unknown key {0}; check its spelling")]
    UnknownKey(String),
    /// Something in it cannot be.
    #[error("the calendar's {place} {fault}")]
    Invalid {
        /// The key.
        place: String,
        /// What is wrong.
        fault: String,
    },
    /// A fixed bound, without which a calendar would take too long to reckon with.
    #[error("the calendar's {place} {fault}")]
    OutOfBounds {
        /// The key.
        place: String,
        /// What is wrong.
        fault: String,
    },
    /// The text is not a date and time of a calendar.
    #[error("{0:?} is not a time; write one such as 1207-09-14T18:20:00.000Z")]
    BadTime(String),
    /// The calendar has no such day.
    #[error("the calendar {calendar} has no {date}")]
    NoSuchDate {
        /// The calendar's name.
        calendar: String,
        /// The date.
        date: String,
    },
}

/// A minute of a world: what [`Calendar::instant`] turns into world time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateParts<'a> {
    /// The year.
    pub year: i64,
    /// The name of a month, or of days outside the months.
    pub month: &'a str,
    /// Counted from 1.
    pub day: i64,
    /// The hour, from 0.
    pub hour: i64,
    /// The minute, from 0.
    pub minute: i64,
}

impl Calendar {
    /// Reads a calendar from the JSON a campaign carries; `null` means the Gregorian one.
    ///
    /// Unknown keys are ignored: a newer server may say more.
    pub fn from_json(json: &Value) -> Result<Self, CalendarError> {
        if json.is_null() {
            return Ok(Self::gregorian());
        }
        let definition =
            serde_json::from_value(json.clone()).map_err(|error| CalendarError::Syntax(error.to_string()))?;
        Self::new(definition)
    }

    /// Reads a calendar from TOML, as a person writes it: unknown keys are refused.
    pub fn from_toml(toml: &str) -> Result<Self, CalendarError> {
        let syntax = |error: toml::de::Error| CalendarError::Syntax(error.to_string().trim_end().to_owned());
        let mut unknown = None;
        let deserializer = toml::Deserializer::parse(toml).map_err(syntax)?;
        let definition = serde_ignored::deserialize(deserializer, |key| unknown = Some(key.to_string()));
        let definition = definition.map_err(syntax)?;
        unknown.map_or_else(|| Self::new(definition), |key| Err(CalendarError::UnknownKey(key)))
    }

    /// Returns the calendar of our own world.
    #[must_use]
    pub fn gregorian() -> Self {
        #[expect(clippy::expect_used, reason = "a file of the program itself, read by a test")]
        static GREGORIAN: LazyLock<Calendar> =
            LazyLock::new(|| Calendar::from_toml(BUNDLED[0].1).expect("the Gregorian calendar is sound"));
        GREGORIAN.clone()
    }

    /// Checks a definition and makes it ready to count.
    pub fn new(definition: CalendarDefinition) -> Result<Self, CalendarError> {
        definition.check()?;
        let years = Years::new(&definition);
        let weekday = definition.anchor.weekday.as_deref();
        let (hours, minutes) = (i64::from(definition.day.hours), i64::from(definition.day.minutes));
        let slot_of = |month: &str| years.slot_named(month);
        let seasons = definition.seasons.iter().enumerate();
        let mut seasons: Vec<_> =
            seasons.map(|(index, season)| (slot_of(&season.month).unwrap_or(0), season.day, index)).collect();
        seasons.sort_unstable();
        let festivals = definition.festivals.iter().map(|festival| slot_of(&festival.month)).collect();
        Ok(Self {
            seasons,
            festivals,
            seconds_per_hour: minutes * 60,
            seconds_per_day: hours * minutes * 60,
            anchor_day: years.first_day(definition.anchor.year),
            anchor_week_day: years.first_week_day(definition.anchor.year),
            anchor_weekday: definition.week.iter().position(|day| Some(day.as_str()) == weekday).unwrap_or(0),
            years,
            definition,
        })
    }

    /// Returns what the calendar was made from.
    #[must_use]
    pub const fn definition(&self) -> &CalendarDefinition {
        &self.definition
    }

    /// Returns the JSON a campaign carries; [`Calendar::from_json`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(&self.definition).unwrap_or(Value::Null)
    }

    /// Returns the world's date at a world time in RFC 3339.
    pub fn date(&self, time: &str) -> Result<WorldDate, CalendarError> {
        let instant: WorldTime = time.parse().map_err(|_| CalendarError::BadTime(time.to_owned()))?;
        Ok(self.date_of(instant))
    }

    /// Returns the world's date at an instant.
    #[must_use]
    pub fn date_of(&self, instant: WorldTime) -> WorldDate {
        let since_anchor = instant.as_second() - self.anchor_second();
        let second = since_anchor.rem_euclid(self.seconds_per_day);
        let place = self.years.locate(self.anchor_day + since_anchor.div_euclid(self.seconds_per_day));
        let slot = self.years.slot(place.slot);
        WorldDate {
            year: place.year,
            month_name: slot.name.clone(),
            day: place.day,
            outside_months: !slot.is_month,
            days_in_month: self.years.days_in(place.slot, place.year),
            weekday_name: place.week_day.and_then(|day| self.weekday(day)),
            hour: second / self.seconds_per_hour,
            minute: second % self.seconds_per_hour / 60,
            season: self.season(place.slot, place.day),
            festival: if slot.is_month { self.festival(place.slot, place.day) } else { Some(slot.name.clone()) },
            moons: self.moons(since_anchor),
        }
    }

    /// Returns the world time at which a minute of this world begins, in RFC 3339.
    pub fn instant(&self, moment: DateParts<'_>) -> Result<String, CalendarError> {
        let missing = || CalendarError::NoSuchDate {
            calendar: self.definition.name.clone(),
            date: format!("{} {} {}, {:02}:{:02}", moment.day, moment.month, moment.year, moment.hour, moment.minute),
        };
        let (hours, minutes) = (self.definition.day.hours, self.definition.day.minutes);
        let exists = (0..i64::from(hours)).contains(&moment.hour) && (0..i64::from(minutes)).contains(&moment.minute);
        let slot = self.years.slot_named(moment.month).filter(|_| exists).ok_or_else(missing)?;
        let day = self.years.day(moment.year, slot, moment.day).ok_or_else(missing)? - self.anchor_day;
        let second = moment.hour * self.seconds_per_hour + moment.minute * 60;
        day.checked_mul(self.seconds_per_day)
            .and_then(|seconds| seconds.checked_add(second + self.anchor_second()))
            .and_then(WorldTime::from_second)
            .map(|instant| instant.to_string())
            .ok_or_else(missing)
    }

    fn anchor_second(&self) -> i64 {
        self.definition.anchor.instant.as_second()
    }

    fn weekday(&self, week_day: i64) -> Option<String> {
        let week = &self.definition.week;
        let length = i64::try_from(week.len()).ok().filter(|length| *length > 0)?;
        let anchor = i64::try_from(self.anchor_weekday).ok()?;
        let index = (week_day - self.anchor_week_day + anchor).rem_euclid(length);
        usize::try_from(index).ok().and_then(|index| week.get(index)).cloned()
    }

    /// Finds the season by the latest start at or before the day; before the first start of a year the
    /// last season of the year before still reigns.
    fn season(&self, slot: usize, day: i64) -> Option<String> {
        let begun = self.seasons.iter().rfind(|(start, first, _)| (*start, *first) <= (slot, day));
        let (_, _, index) = begun.or_else(|| self.seasons.last())?;
        self.definition.seasons.get(*index).map(|season| season.name.clone())
    }

    fn festival(&self, slot: usize, day: i64) -> Option<String> {
        let on = |(festival, at): &(&Festival, &Option<usize>)| {
            **at == Some(slot) && (festival.day..festival.day + festival.days).contains(&day)
        };
        self.definition.festivals.iter().zip(&self.festivals).find(on).map(|(festival, _)| festival.name.clone())
    }

    fn moons(&self, since_anchor: i64) -> Vec<(String, MoonPhase)> {
        #[expect(clippy::cast_precision_loss, reason = "a moon is seen to the hour, not to the second")]
        let days = since_anchor as f64 / self.seconds_per_day as f64;
        let phase = |moon: &Moon| MoonPhase::of_cycle((days + moon.offset) / moon.period);
        self.definition.moons.iter().map(|moon| (moon.name.clone(), phase(moon))).collect()
    }
}

#[cfg(test)]
mod tests;
