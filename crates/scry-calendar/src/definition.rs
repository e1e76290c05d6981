//! What a calendar says of itself: the same keys in a TOML file and in a campaign's JSON.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CalendarError, WorldTime};

/// Bounds the length of a month or of a run of days outside the months.
const MAX_DAYS: i64 = 10_000;
/// Bounds how many of anything a calendar may list, so that a foreign one cannot slow a reader.
const MAX_LIST_ITEMS: usize = 400;
/// Bounds years and periods far outside what RFC 3339 can say.
const MAX_YEAR: i64 = 1_000_000;
/// The shortest year, in seconds: what happens every year happens at most as often as once a day.
const MIN_YEAR_SECONDS: i64 = 24 * 3600;

/// A calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalendarDefinition {
    /// The calendar's name.
    pub name: String,
    /// The day of the calendar that a day of world time is.
    pub anchor: Anchor,
    /// How long a day is.
    #[serde(default)]
    pub day: DayLength,
    /// The names of the weekdays, in order; empty in a world without weeks.
    #[serde(default)]
    pub week: Vec<String>,
    /// Which years have more days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leap: Option<LeapRule>,
    /// The months of a year, in order.
    pub months: Vec<Month>,
    /// Days that belong to no month.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intercalary: Vec<Intercalary>,
    /// The festivals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub festivals: Vec<Festival>,
    /// The seasons, by their first days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<Season>,
    /// The moons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moons: Vec<Moon>,
}

/// Ties the calendar to world time: `instant` is the first moment of `year`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anchor {
    pub instant: WorldTime,
    pub year: i64,
    /// The weekday of that day; the first of the week if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekday: Option<String>,
}

/// How long a day is; a minute is 60 seconds of world time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DayLength {
    /// Hours in a day.
    pub hours: u16,
    /// Minutes in an hour.
    pub minutes: u16,
}

impl Default for DayLength {
    fn default() -> Self {
        Self { hours: 24, minutes: 60 }
    }
}

/// Which years are leap years: multiples of `every`, except those of `except`, unless of `unless`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeapRule {
    /// Each year that is a multiple of this is a leap year.
    pub every: i64,
    /// Multiples of this are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<i64>,
    /// Multiples of this are leap years after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<i64>,
}

/// A month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Month {
    /// The month's name.
    pub name: String,
    /// The number of days, except in a leap year.
    pub days: i64,
    /// Its length in leap years, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leap: Option<i64>,
}

/// Days that stand between two months and belong to neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intercalary {
    /// The name of these days.
    pub name: String,
    /// The month they follow.
    pub after: String,
    /// May be 0 for days that only leap years have.
    pub days: i64,
    /// How many days there are in a leap year, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leap: Option<i64>,
    /// Tells whether they count as days of a week.
    #[serde(default = "yes")]
    pub week: bool,
}

/// A feast that falls on days of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Festival {
    /// The festival's name.
    pub name: String,
    /// The month that it falls in.
    pub month: String,
    /// The day of the month, from 1.
    pub day: i64,
    /// The number of days.
    #[serde(default = "one")]
    pub days: i64,
}

/// A season by its first day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Season {
    /// The season's name.
    pub name: String,
    /// The month of its first day.
    pub month: String,
    /// The day of the month, from 1.
    pub day: i64,
}

/// A moon: its period from new to new in days, and its age in days at the anchor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moon {
    /// The moon's name.
    pub name: String,
    /// The days from one new moon to the next.
    pub period: f64,
    /// Its age in days at the anchor.
    #[serde(default)]
    pub offset: f64,
}

const fn yes() -> bool {
    true
}

const fn one() -> i64 {
    1
}

impl CalendarDefinition {
    /// Checks that the calendar can be counted in: the first fault found is named with its place.
    pub(super) fn check(&self) -> Result<(), CalendarError> {
        self.check_sizes()?;
        self.check_leap_rule()?;
        self.check_anchor()?;
        for month in &self.months {
            check_days(&format!("month {}", month.name), month.days, month.leap, 1)?;
        }
        for days in &self.intercalary {
            let place = format!("intercalary {}", days.name);
            check_days(&place, days.days, days.leap, 0)?;
            self.find_month(&place, &days.after)?;
        }
        self.check_names()?;
        self.check_year()?;
        for festival in &self.festivals {
            self.check_day(&format!("festival {}", festival.name), &festival.month, festival.day, festival.days)?;
        }
        for season in &self.seasons {
            self.check_day(&format!("season {}", season.name), &season.month, season.day, 1)?;
        }
        self.moons.iter().try_for_each(check_moon)
    }

    fn check_sizes(&self) -> Result<(), CalendarError> {
        if self.months.is_empty() {
            return error_at("months", "list is empty; give at least one month with a name and days");
        }
        let lists = [
            ("months", self.months.len()),
            ("week", self.week.len()),
            ("intercalary", self.intercalary.len()),
            ("festivals", self.festivals.len()),
            ("seasons", self.seasons.len()),
            ("moons", self.moons.len()),
        ];
        lists.iter().find(|(_, length)| *length > MAX_LIST_ITEMS).map_or(Ok(()), |(name, length)| {
            bound_error(*name, format!("list has {length} entries; {MAX_LIST_ITEMS} are allowed"))
        })
    }

    fn check_leap_rule(&self) -> Result<(), CalendarError> {
        let lengths = self.months.iter().map(|month| month.leap);
        let needs_rule = lengths.chain(self.intercalary.iter().map(|days| days.leap)).any(|leap| leap.is_some());
        let Some(rule) = self.leap else {
            return if needs_rule {
                error_at("leap rule", "is missing although some months have a length in leap years; add leap.every")
            } else {
                Ok(())
            };
        };
        let (except, unless) = (rule.except.unwrap_or(rule.every), rule.unless.or(rule.except).unwrap_or(rule.every));
        if ![rule.every, except, unless].iter().all(|years| (1..=MAX_YEAR).contains(years)) {
            return error_at("leap rule", format!("must count in years from 1 to {MAX_YEAR}"));
        }
        if rule.unless.is_some() && rule.except.is_none() {
            return error_at("leap rule", "has unless without except; unless makes exceptions from except");
        }
        if except % rule.every != 0 || unless % except != 0 {
            return error_at(
                "leap rule",
                "must have except as a multiple of every, and unless as a multiple of except",
            );
        }
        Ok(())
    }

    fn check_anchor(&self) -> Result<(), CalendarError> {
        if !(1..=1000).contains(&self.day.hours) || !(1..=1000).contains(&self.day.minutes) {
            return error_at("day", "must have from 1 to 1000 hours of 1 to 1000 minutes");
        }
        if !(-MAX_YEAR..=MAX_YEAR).contains(&self.anchor.year) {
            return error_at("anchor.year", format!("must lie between -{MAX_YEAR} and {MAX_YEAR}"));
        }
        match &self.anchor.weekday {
            Some(name) if !self.week.contains(name) => {
                error_at("anchor.weekday", format!("is {name:?}, which is not a day of the week"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Checks that no year is over at once.
    fn check_year(&self) -> Result<(), CalendarError> {
        let runs = || {
            let months = self.months.iter().map(|month| (month.days, month.leap));
            months.chain(self.intercalary.iter().map(|days| (days.days, days.leap)))
        };
        let common: i64 = runs().map(|(days, _)| days).sum();
        let leap: i64 = runs().map(|(days, leap)| leap.unwrap_or(days)).sum();
        let day = i64::from(self.day.hours) * i64::from(self.day.minutes) * 60;
        if common.min(leap) * day < MIN_YEAR_SECONDS {
            return bound_error("year", "must last at least 24 hours of 60 minutes; give its months more days");
        }
        Ok(())
    }

    /// Checks that no two months, nor two days of the week, are called the same: a date names them.
    fn check_names(&self) -> Result<(), CalendarError> {
        let months = self.months.iter().map(|month| &month.name);
        let mut seen = BTreeSet::new();
        for name in months.chain(self.intercalary.iter().map(|days| &days.name)) {
            if name.trim().is_empty() {
                return error_at("months", "must all have a name");
            }
            if !seen.insert(name) {
                return error_at("months", format!("name {name:?} twice"));
            }
        }
        let mut days = BTreeSet::new();
        self.week
            .iter()
            .find(|day| !days.insert(*day))
            .map_or(Ok(()), |day| error_at("week", format!("names {day:?} twice")))
    }

    fn check_day(&self, place: &str, month: &str, day: i64, days: i64) -> Result<(), CalendarError> {
        let month = self.find_month(place, month)?;
        let longest = month.days.max(month.leap.unwrap_or(0));
        if !(1..=longest).contains(&day) || days < 1 || days > longest - day + 1 {
            return error_at(place, format!("must fall within the {longest} days of {}", month.name));
        }
        Ok(())
    }

    fn find_month(&self, place: &str, name: &str) -> Result<&Month, CalendarError> {
        match self.months.iter().find(|month| month.name == name) {
            Some(month) => Ok(month),
            None => error_at(place, format!("names the month {name:?}, which the calendar does not have")),
        }
    }
}

fn check_days(place: &str, days: i64, leap: Option<i64>, least: i64) -> Result<(), CalendarError> {
    let fits = |days: i64| (least..=MAX_DAYS).contains(&days);
    if fits(days) && leap.is_none_or(fits) {
        return Ok(());
    }
    bound_error(place, format!("must have from {least} to {MAX_DAYS} days"))
}

fn check_moon(moon: &Moon) -> Result<(), CalendarError> {
    if moon.period >= 0.01 && moon.period <= 1.0e6 && moon.offset.abs() <= 1.0e6 {
        return Ok(());
    }
    error_at(format!("moon {}", moon.name), "must have a period from 0.01 to 1000000 days")
}

fn bound_error<T>(place: impl Into<String>, fault: impl Into<String>) -> Result<T, CalendarError> {
    Err(CalendarError::OutOfBounds { place: place.into(), fault: fault.into() })
}

fn error_at<T>(place: impl Into<String>, fault: impl Into<String>) -> Result<T, CalendarError> {
    Err(CalendarError::Invalid { place: place.into(), fault: fault.into() })
}
