//! The campaign's clock: world time read with the campaign's own calendar.

use std::sync::Arc;

use scry_calendar::{Calendar, WorldDate};
use scry_model::cache::Cache;
use scry_text::json::Json;

/// Turns world time into the campaign's dates.
#[derive(Debug)]
pub struct Clock {
    /// The definition `calendar` was made from; it is read again only when it differs.
    definition: Json,
    calendar: Arc<Calendar>,
    today: Option<WorldDate>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { definition: Json::Null, calendar: Arc::new(Calendar::gregorian()), today: None }
    }
}

impl Clock {
    /// Takes over the campaign's calendar and the `time` to show; returns a sentence if the campaign's calendar cannot be used.
    pub(crate) fn set(&mut self, cache: &Cache, time: Option<&str>) -> Option<String> {
        let definition = cache.campaign().and_then(|campaign| campaign.field("calendar")).unwrap_or(&Json::Null);
        let mut complaint = None;
        if *definition != self.definition {
            self.definition = definition.clone();
            self.calendar = Arc::new(Calendar::from_json(&definition.into()).unwrap_or_else(|error| {
                complaint = Some(format!("dates are shown in the Gregorian calendar: {error}"));
                Calendar::gregorian()
            }));
        }
        self.today = time.and_then(|time| self.calendar.date(time).ok());
        complaint
    }

    /// Returns the campaign's calendar.
    #[must_use]
    pub(crate) fn calendar(&self) -> Arc<Calendar> {
        Arc::clone(&self.calendar)
    }

    /// Returns the current date, once world time is known.
    #[must_use]
    pub(crate) const fn today(&self) -> Option<&WorldDate> {
        self.today.as_ref()
    }

    /// Returns a text about a clock's move, from one time to another; the day only where it changed.
    #[must_use]
    pub(crate) fn way(&self, from: &str, to: &str) -> String {
        match (self.calendar.date(from), self.calendar.date(to)) {
            (Ok(a), Ok(b)) if (a.year, &a.month_name, a.day) == (b.year, &b.month_name, b.day) => {
                format!("{:02}:{:02} → {:02}:{:02}", a.hour, a.minute, b.hour, b.minute)
            }
            (Ok(a), Ok(b)) => format!("{} → {}", a.short(), b.short()),
            _ => format!("{from} → {to}"),
        }
    }

    /// Returns a world time without year and weekday, or as it came if it is not a time.
    #[must_use]
    pub(crate) fn short(&self, time: &str) -> String {
        self.calendar.date(time).map_or_else(|_| time.to_owned(), |date| date.short())
    }

    /// Returns a world time in full, or as it came if it is not a time.
    #[must_use]
    pub(crate) fn long(&self, time: &str) -> String {
        self.calendar.date(time).map_or_else(|_| time.to_owned(), |date| date.long())
    }
}

/// Returns how far a clock moved, in its two largest units: `+3 h`, `−1 d 4 h`.
#[must_use]
pub(super) fn elapsed(seconds: i64) -> String {
    let sign = if seconds < 0 { '−' } else { '+' };
    let mut rest = seconds.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)] {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 s".to_owned() } else { format!("{sign}{}", parts.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_said_in_its_two_largest_units() {
        let said: Vec<_> = [10_800, -100_800, 0, 61, 90_061].map(elapsed).into();
        assert_eq!(said, ["+3 h", "−1 d 4 h", "0 s", "+1 min 1 s", "+1 d 1 h"]);
    }

    #[test]
    fn a_time_that_is_none_is_shown_as_it_came() {
        assert_eq!(Clock::default().long("the hour of the owl"), "the hour of the owl");
    }
}
