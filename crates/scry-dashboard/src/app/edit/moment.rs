//! Reading how far, or to when, the clock is to be moved: `3h`, `2 days`, `14 Rainmoon 1207, 18:20`.

use jiff::SignedDuration;
use scry_calendar::{Calendar, DateParts, WorldTime};

/// The goal of a move of the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClockGoal {
    /// This many seconds on, or back.
    By(i64),
    /// To this RFC 3339 time.
    To(String),
}

impl ClockGoal {
    /// Returns the world time it leads to from `now`, both RFC 3339.
    #[must_use]
    pub(crate) fn from(&self, now: &str) -> Option<String> {
        match self {
            Self::To(time) => Some(time.clone()),
            Self::By(seconds) => {
                let now: WorldTime = now.parse().ok()?;
                now.checked_add(SignedDuration::from_secs(*seconds)).map(|time| time.to_string())
            }
        }
    }
}

/// Reads what was typed, in a world whose time is `now` by its `calendar`.
///
/// # Errors
/// One sentence that says what can be written.
pub(crate) fn read(typed: &str, calendar: &Calendar, now: &str) -> Result<ClockGoal, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err("write a duration, such as 3h or 2 days, or a date".to_owned());
    }
    if let Some(seconds) = span(typed, calendar) {
        return if seconds == 0 { Err("this does not move the clock".to_owned()) } else { Ok(ClockGoal::By(seconds)) };
    }
    if let Ok(time) = typed.parse::<WorldTime>() {
        return Ok(ClockGoal::To(time.to_string()));
    }
    date(typed, calendar, now)
}

/// Reads a length of time; days and weeks are as long as the world's.
fn span(typed: &str, calendar: &Calendar) -> Option<i64> {
    let (sign, rest) = match typed.strip_prefix(['-', '−']) {
        Some(rest) => (-1, rest),
        None => (1, typed.strip_prefix('+').unwrap_or(typed)),
    };
    let mut total: i64 = 0;
    let mut rest = rest.trim_start();
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.len() - after.trim_start_matches(char::is_alphabetic).len();
        let (unit, after) = after.split_at(letters);
        let length = unit_length(unit, calendar)?;
        total = count.parse::<i64>().ok()?.checked_mul(length)?.checked_add(total)?;
        rest = after.trim_start_matches([' ', ',']);
    }
    Some(sign * total)
}

fn unit_length(unit: &str, calendar: &Calendar) -> Option<i64> {
    let day = calendar.definition().day;
    let hour = i64::from(day.minutes) * 60;
    let days = i64::from(day.hours) * hour;
    let week = i64::try_from(calendar.definition().week.len()).ok().filter(|length| *length > 0);
    match unit.to_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => Some(1),
        "m" | "min" | "minute" | "minutes" => Some(60),
        "h" | "hour" | "hours" => Some(hour),
        "d" | "day" | "days" => Some(days),
        "w" | "week" | "weeks" => week.map(|length| length * days),
        _ => None,
    }
}

/// Reads a date; what is left out, the year or the time of day, stays as it is.
fn date(typed: &str, calendar: &Calendar, now: &str) -> Result<ClockGoal, String> {
    let today = calendar.date(now).map_err(|error| error.to_string())?;
    let mut words: Vec<&str> = typed.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    // A weekday in front is for people; the date says it too.
    if let Some(first) = words.first()
        && calendar.definition().week.iter().any(|day| day.eq_ignore_ascii_case(first))
    {
        words.remove(0);
    }
    let time = words.last().and_then(|word| time_of_day(word));
    if time.is_some() {
        words.pop();
    }
    let (hour, minute) = time.unwrap_or((today.hour, today.minute));
    let year = match words.last().and_then(|word| word.parse::<i64>().ok()) {
        Some(year) if words.len() > 1 => {
            words.pop();
            year
        }
        _ => today.year,
    };
    let (day, month) = match words.split_first() {
        None if time.is_some() => (today.day, today.month_name.clone()),
        Some((first, rest)) => match first.parse::<i64>() {
            Ok(day) if !rest.is_empty() => (day, rest.join(" ")),
            Ok(_) => return Err(unknown(calendar)),
            Err(_) => (1, words.join(" ")),
        },
        None => return Err(unknown(calendar)),
    };
    let month = named(&month, calendar).ok_or_else(|| unknown(calendar))?;
    let moment = DateParts { year, month: &month, day, hour, minute };
    calendar.instant(moment).map(ClockGoal::To).map_err(|error| error.to_string())
}

fn time_of_day(word: &str) -> Option<(i64, i64)> {
    let (hour, minute) = word.split_once(':')?;
    Some((hour.parse().ok()?, minute.parse().ok()?))
}

/// Finds a month, or days outside the months, by its name or the beginning of it.
fn named(typed: &str, calendar: &Calendar) -> Option<String> {
    let definition = calendar.definition();
    let months = definition.months.iter().map(|month| &month.name);
    let names: Vec<_> = months.chain(definition.intercalary.iter().map(|days| &days.name)).collect();
    let typed = typed.to_lowercase();
    let exact = names.iter().find(|name| name.to_lowercase() == typed);
    let mut begins = names.iter().filter(|name| name.to_lowercase().starts_with(&typed));
    exact.or_else(|| begins.next().filter(|_| begins.next().is_none())).map(|name| (*name).clone())
}

fn unknown(calendar: &Calendar) -> String {
    let month = calendar.definition().months.first().map_or("", |month| month.name.as_str());
    format!("write a duration, such as 3h, 2 days or -1h, or a date, such as 14 {month} or 18:20")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST_NOW: &str = "1207-09-14T18:20:00.000Z";

    fn emberfall() -> Calendar {
        Calendar::from_toml(scry_calendar::BUNDLED[1].1).unwrap()
    }

    fn goal(typed: &str) -> Result<ClockGoal, String> {
        read(typed, &emberfall(), TEST_NOW)
    }

    #[test]
    fn spans_are_read_as_people_say_them() {
        for (typed, seconds) in [
            ("3h", 10_800),
            ("2 days", 2 * 86_400),
            ("-1 d", -86_400),
            ("1 day 4 h, 30 min", 86_400 + 4 * 3_600 + 1_800),
            ("+90 minutes", 5_400),
        ] {
            assert_eq!(goal(typed), Ok(ClockGoal::By(seconds)), "{typed}");
        }
        assert_eq!(goal("0h").unwrap_err(), "this does not move the clock");
    }

    #[test]
    fn dates_are_those_of_the_world() {
        let calendar = emberfall();
        let today = calendar.date(TEST_NOW).unwrap();
        let long = |goal: ClockGoal| calendar.date(&goal.from(TEST_NOW).unwrap()).unwrap().long();
        assert_eq!(long(goal(&today.long()).unwrap()), today.long(), "a date is read as it is said");
        let later = goal("19:05").unwrap();
        assert_eq!(long(later), today.long().replace(&format!("{:02}:{:02}", today.hour, today.minute), "19:05"));
        let month = &calendar.definition().months[0].name;
        let said = long(goal(&format!("3 {} 1208", &month.to_lowercase()[..4])).unwrap());
        assert!(said.contains(&format!("3 {month} 1208")), "{said}");
    }

    #[test]
    fn unreadable_goal_names_the_accepted_forms() {
        for typed in ["soon", "3 parsecs", "31", "", "99 Rainmoon 1207", "25:00", "9999999999999999999 days"] {
            let error = goal(typed).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{typed}");
        }
    }
}
