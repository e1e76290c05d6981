//! The months of a year, for what comes round with them.

use super::{Calendar, WorldTime};

impl Calendar {
    /// Returns the month after the one of an instant, with its year; after days outside the months, the
    /// month that follows them.
    #[must_use]
    pub fn month_after(&self, instant: WorldTime) -> (i64, &str) {
        let place = self.years.locate(self.day_of(instant));
        let months = || self.years.slots().enumerate().filter(|(_, slot)| slot.is_month);
        let next = months().find(|(index, _)| *index > place.slot).map(|(_, slot)| (place.year, slot.name.as_str()));
        let first = || months().next().map(|(_, slot)| (place.year + 1, slot.name.as_str()));
        next.or_else(first).unwrap_or((place.year + 1, ""))
    }

    /// Returns the year of an instant.
    #[must_use]
    pub fn year_of(&self, instant: WorldTime) -> i64 {
        self.years.locate(self.day_of(instant)).year
    }

    /// Returns the place of a month in the year, for [`Calendar::start_in`].
    #[must_use]
    pub fn slot_of(&self, month: &str) -> Option<usize> {
        self.years.slot_named(month)
    }

    /// Returns the places of the months in the year, in order.
    pub fn month_slots(&self) -> impl Iterator<Item = usize> {
        self.years.slots().enumerate().filter(|(_, slot)| slot.is_month).map(|(index, _)| index)
    }

    /// Returns the instant at which a day begins; one after the last of its month counts as the last.
    ///
    /// `None` where that month has no days in that year, or the day lies outside the years of world time.
    #[must_use]
    pub fn start_of(&self, year: i64, month: &str, day: i64) -> Option<WorldTime> {
        self.start_in(year, self.slot_of(month)?, day)
    }

    /// Does the same for a month by its place in the year, in a time that does not depend on the calendar.
    #[must_use]
    pub fn start_in(&self, year: i64, slot: usize, day: i64) -> Option<WorldTime> {
        let day = self.years.day(year, slot, day.min(self.years.days_in(slot, year)))?;
        let seconds = (day - self.anchor_day).checked_mul(self.seconds_per_day)?;
        WorldTime::from_second(seconds.checked_add(self.anchor_second())?)
    }

    fn day_of(&self, instant: WorldTime) -> i64 {
        let since_anchor = instant.as_second() - self.anchor_second();
        self.anchor_day + since_anchor.div_euclid(self.seconds_per_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emberfall() -> Calendar {
        Calendar::from_toml(super::super::BUNDLED[1].1).unwrap()
    }

    fn at(calendar: &Calendar, year: i64, month: &str, day: i64) -> WorldTime {
        calendar.start_of(year, month, day).unwrap()
    }

    #[test]
    fn the_month_after_is_the_next_one_also_from_days_outside_the_months() {
        let calendar = emberfall();
        assert_eq!(calendar.month_after(at(&calendar, 1207, "Rainmoon", 14)), (1207, "Frostmoon"));
        assert_eq!(calendar.month_after(at(&calendar, 1207, "Harvest Home", 1)), (1207, "Rainmoon"));
        assert_eq!(calendar.month_after(at(&calendar, 1207, "Longnight", 30)), (1208, "Icemoon"));
        assert_eq!(calendar.month_after(at(&calendar, 1207, "Emberfall", 1)), (1208, "Icemoon"));
    }

    #[test]
    fn a_day_after_the_last_of_its_month_is_the_last() {
        let calendar = Calendar::gregorian();
        let date = |year, month, day| calendar.start_of(year, month, day).map(|instant| instant.to_string());
        assert_eq!(date(2027, "February", 31).as_deref(), Some("2027-02-28T00:00:00.000Z"));
        assert_eq!(date(2028, "February", 31).as_deref(), Some("2028-02-29T00:00:00.000Z"));
        assert_eq!(date(2028, "Febuary", 1), None);
        assert_eq!(date(99_999, "March", 1), None);
    }
}
