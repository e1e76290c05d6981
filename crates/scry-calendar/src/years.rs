//! Counting days through years: closed formulas, so that no date is far away.

use super::definition::{CalendarDefinition, LeapRule};

/// Counts the days of a calendar. Day 0 is the first day of the year 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Years {
    slots: Vec<Slot>,
    leap: Option<LeapRule>,
    days: YearLength,
    /// The same count for the days that belong to a week.
    week_days: YearLength,
}

/// A run of days within the year: a month, or days between two months.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    pub name: String,
    pub is_month: bool,
    in_week: bool,
    common: i64,
    leap: i64,
    /// The days of a common year, and of a leap year, that lie before it.
    common_before: i64,
    leap_before: i64,
}

/// Where a day lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YearDay {
    pub year: i64,
    pub slot: usize,
    /// Counted from 1.
    pub day: i64,
    /// How many days of a week lie before it since the year 0; `None` for a day outside the week.
    pub week_day: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct YearLength {
    common: i64,
    /// What a leap year has more; may be negative.
    extra: i64,
}

impl Slot {
    fn new(name: &str, (is_month, in_week): (bool, bool), common: i64, leap: Option<i64>) -> Self {
        let leap = leap.unwrap_or(common);
        Self { name: name.to_owned(), is_month, in_week, common, leap, common_before: 0, leap_before: 0 }
    }
}

impl YearLength {
    fn of<'a>(slots: impl Iterator<Item = &'a Slot>) -> Self {
        let zero = Self { common: 0, extra: 0 };
        slots.fold(zero, |sum, slot| Self {
            common: sum.common + slot.common,
            extra: sum.extra + slot.leap - slot.common,
        })
    }

    const fn before(self, year: i64, leap_years: i64) -> i64 {
        year * self.common + leap_years * self.extra
    }
}

impl Years {
    /// Lays the months and the days between them in order. The definition must have been checked.
    pub(crate) fn new(definition: &CalendarDefinition) -> Self {
        let mut slots = Vec::new();
        for month in &definition.months {
            slots.push(Slot::new(&month.name, (true, true), month.days, month.leap));
            let between = definition.intercalary.iter().filter(|days| days.after == month.name);
            slots.extend(between.map(|days| Slot::new(&days.name, (false, days.week), days.days, days.leap)));
        }
        let (mut common, mut leap) = (0, 0);
        for slot in &mut slots {
            (slot.common_before, slot.leap_before) = (common, leap);
            (common, leap) = (common + slot.common, leap + slot.leap);
        }
        let days = YearLength::of(slots.iter());
        let week_days = YearLength::of(slots.iter().filter(|slot| slot.in_week));
        Self { slots, leap: definition.leap, days, week_days }
    }

    /// Returns the day on which a year begins.
    pub(crate) fn first_day(&self, year: i64) -> i64 {
        self.days.before(year, self.leap_years_before(year))
    }

    /// Returns how many days of a week lie before a year.
    pub(crate) fn first_week_day(&self, year: i64) -> i64 {
        self.week_days.before(year, self.leap_years_before(year))
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    pub(crate) fn slot(&self, index: usize) -> &Slot {
        &self.slots[index]
    }

    pub(crate) fn slot_named(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.name == name)
    }

    /// Returns how many days a slot has in a year.
    pub(crate) fn days_in(&self, slot: usize, year: i64) -> i64 {
        let slot = &self.slots[slot];
        if self.is_leap(year) { slot.leap } else { slot.common }
    }

    /// Finds the year, the slot and the day in it; a year is exactly as long as its slots together.
    pub(crate) fn locate(&self, day: i64) -> YearDay {
        let year = self.year_of(day);
        let mut left = day - self.first_day(year);
        let mut week_day = self.first_week_day(year);
        let mut slot = 0;
        while left >= self.days_in(slot, year) {
            left -= self.days_in(slot, year);
            week_day += if self.slots[slot].in_week { self.days_in(slot, year) } else { 0 };
            slot += 1;
        }
        YearDay { year, slot, day: left + 1, week_day: self.slots[slot].in_week.then_some(week_day + left) }
    }

    /// Finds the number of a day; `None` if the slot has no such day in that year.
    pub(crate) fn day(&self, year: i64, slot: usize, day: i64) -> Option<i64> {
        let sayable = (-MAX_COUNTED_YEAR..=MAX_COUNTED_YEAR).contains(&year);
        if !sayable || !(1..=self.days_in(slot, year)).contains(&day) {
            return None;
        }
        let slot = &self.slots[slot];
        let before = if self.is_leap(year) { slot.leap_before } else { slot.common_before };
        Some(self.first_day(year) + before + day - 1)
    }

    fn is_leap(&self, year: i64) -> bool {
        self.leap_years_before(year + 1) > self.leap_years_before(year)
    }

    /// Counts the leap years before a year, from an arbitrary but fixed year on.
    fn leap_years_before(&self, year: i64) -> i64 {
        let Some(rule) = self.leap else { return 0 };
        let multiples = |of: Option<i64>| of.map_or(0, |of| (year - 1).div_euclid(of));
        multiples(Some(rule.every)) - multiples(rule.except) + multiples(rule.unless)
    }

    /// Finds the year of a day by bisection between two years that surely enclose it: the leap years
    /// that lie unevenly shift a year's start by no more than three leap years' extra days.
    fn year_of(&self, day: i64) -> i64 {
        let cycle = self.leap.map_or(1, |rule| rule.unless.or(rule.except).unwrap_or(rule.every));
        let cycle_days = i128::from(self.first_day(cycle)) - i128::from(self.first_day(0));
        let about = (i128::from(day) * i128::from(cycle)).div_euclid(cycle_days);
        let about = i64::try_from(about).unwrap_or(0);
        let slack = 3 * self.days.extra.abs() + 2;
        let (mut begun, mut later) = (about - slack, about + slack);
        while later - begun > 1 {
            let middle = begun + (later - begun) / 2;
            if self.first_day(middle) <= day {
                begun = middle;
            } else {
                later = middle;
            }
        }
        begun
    }
}

/// Bounds the years a date may name, so that counting cannot overflow.
const MAX_COUNTED_YEAR: i64 = 10_000_000_000;
