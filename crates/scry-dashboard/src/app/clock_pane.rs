//! The Clock pane's content: the month, what is ahead, and the jumps of the clock with what each one changed.

use jiff::Timestamp;
use scry_calendar::{Calendar, DateParts, WorldDate, WorldTime};

use super::entry::RowKind;
use super::{App, inspector};

/// How many jumps are listed, and how many effects of each.
const MAX_LISTED_JUMPS: usize = 20;
const MAX_EFFECTS_PER_JUMP: usize = 4;
/// How many feasts ahead are listed.
const MAX_LISTED_FEASTS: usize = 4;

/// A line of the Clock pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClockLine {
    Blank,
    Heading(String),
    Pair {
        label: &'static str,
        value: String,
    },
    /// The names of a week's days.
    Week(Vec<String>),
    /// The days of a week; `None` before the first of the month and after its last.
    Days(Vec<Option<CalendarDay>>),
    Jump {
        number: u64,
        elapsed: String,
        way: String,
        who: String,
        at: Timestamp,
    },
    /// Something that a jump led to.
    Effect(String),
    Text(String),
}

/// A day of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CalendarDay {
    pub number: i64,
    pub is_today: bool,
    pub is_feast: bool,
}

/// Lists everything the pane shows.
#[must_use]
pub(crate) fn lines(app: &App) -> Vec<ClockLine> {
    let Some(today) = app.clock().today() else {
        return vec![ClockLine::Text("The campaign's clock has not been loaded yet.".to_owned())];
    };
    let calendar = app.clock().calendar();
    let mut lines = vec![ClockLine::Pair { label: "Now", value: today.long() }];
    lines.extend(today.season.clone().map(|season| ClockLine::Pair { label: "Season", value: season }));
    lines.extend(today.festival.clone().map(|feast| ClockLine::Pair { label: "Today", value: feast }));
    lines.extend(today.moons.iter().map(|(name, phase)| ClockLine::Pair {
        label: "Moon",
        value: format!("{} {name}, {}", phase.glyph(), phase.name()),
    }));
    lines.extend(month(&calendar, today));
    lines.extend(ahead(&calendar, today));
    lines.extend(jumps(app));
    lines
}

fn month(calendar: &Calendar, today: &WorldDate) -> Vec<ClockLine> {
    let title = format!("{} {}", today.month_name, today.year);
    let mut lines = vec![ClockLine::Blank, ClockLine::Heading(title)];
    if today.outside_months {
        lines.push(ClockLine::Text("These days are outside the months.".to_owned()));
        return lines;
    }
    let week = &calendar.definition().week;
    let length = week.len().clamp(1, 14);
    let mut row: Vec<Option<CalendarDay>> = Vec::new();
    if !week.is_empty() {
        lines.push(ClockLine::Week(week.iter().take(length).map(|name| name.chars().take(3).collect()).collect()));
    }
    for number in 1..=today.days_in_month.min(400) {
        let Some(date) = day(calendar, today.year, &today.month_name, number).map(|at| calendar.date_of(at)) else {
            continue;
        };
        let column = date.weekday_name.and_then(|name| week.iter().position(|day| *day == name));
        if number == 1 {
            row.resize(column.unwrap_or(0).min(length - 1), None);
        }
        row.push(Some(CalendarDay { number, is_today: number == today.day, is_feast: date.festival.is_some() }));
        if row.len() == length {
            lines.push(ClockLine::Days(std::mem::take(&mut row)));
        }
    }
    if !row.is_empty() {
        row.resize(length, None);
        lines.push(ClockLine::Days(row));
    }
    lines
}

/// Lists the feasts, the days outside the months and the season that come next.
fn ahead(calendar: &Calendar, today: &WorldDate) -> Vec<ClockLine> {
    let definition = calendar.definition();
    let Some(now) = day(calendar, today.year, &today.month_name, today.day) else { return Vec::new() };
    let day_length = i64::from(definition.day.hours) * i64::from(definition.day.minutes) * 60;
    let feasts = definition.festivals.iter().map(|feast| (feast.name.clone(), feast.month.as_str(), feast.day));
    let outside = definition.intercalary.iter().map(|days| (days.name.clone(), days.name.as_str(), 1));
    let seasons =
        definition.seasons.iter().map(|season| (format!("{} begins", season.name), season.month.as_str(), season.day));
    let next = |(name, month, number): (String, &str, i64)| {
        // What only leap years have may be some years ahead.
        let at =
            (today.year..=today.year + 8).filter_map(|year| day(calendar, year, month, number)).find(|at| *at > now)?;
        Some((at, name))
    };
    let mut found: Vec<_> = feasts.chain(outside).chain(seasons).filter_map(next).collect();
    found.sort();
    let said = found.into_iter().take(MAX_LISTED_FEASTS).map(|(at, name)| {
        let days = (at.as_second() - now.as_second()) / day_length.max(1);
        let noun = if days == 1 { "day" } else { "days" };
        let date = calendar.date_of(at);
        let when = if date.outside_months { String::new() } else { format!("{} {}, ", date.day, date.month_name) };
        ClockLine::Text(format!("{name}: {when}in {days} {noun}"))
    });
    let said: Vec<_> = said.collect();
    if said.is_empty() {
        said
    } else {
        [ClockLine::Blank, ClockLine::Heading("Ahead".to_owned())].into_iter().chain(said).collect()
    }
}

fn day(calendar: &Calendar, year: i64, month: &str, day: i64) -> Option<WorldTime> {
    calendar.instant(DateParts { year, month, day, hour: 0, minute: 0 }).ok()?.parse().ok()
}

/// Lists the clock's moves that the journal holds, the latest first.
fn jumps(app: &App) -> Vec<ClockLine> {
    let mut lines = vec![ClockLine::Blank, ClockLine::Heading("Clock history".to_owned())];
    let moved =
        app.journal().numbered().rev().filter(|(_, entry)| entry.kind == RowKind::WorldTime).take(MAX_LISTED_JUMPS);
    for (number, entry) in moved {
        let (elapsed, way) = entry.what.split_once("   ").unwrap_or((&entry.what, ""));
        let who = entry.who.as_ref().map(|id| app.cache().user_name(id).unwrap_or(id.as_str()).to_owned());
        let source = || entry.source.as_ref().map(|source| source.as_str().to_owned());
        lines.push(ClockLine::Jump {
            number,
            elapsed: elapsed.to_owned(),
            way: way.to_owned(),
            who: who.or_else(source).unwrap_or_default(),
            at: entry.at,
        });
        let effects = inspector::effects(app, number);
        let more = effects.len().saturating_sub(MAX_EFFECTS_PER_JUMP);
        lines.extend(effects.into_iter().take(MAX_EFFECTS_PER_JUMP).map(ClockLine::Effect));
        if more > 0 {
            lines.push(ClockLine::Effect(format!("and {more} more")));
        }
    }
    if lines.len() == 2 {
        lines.push(ClockLine::Text("The clock has not moved since the journal began.".to_owned()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use scry_calendar::BUNDLED;

    use super::*;

    fn calendar(index: usize) -> Calendar {
        Calendar::from_toml(BUNDLED[index].1).unwrap()
    }

    #[test]
    fn a_month_is_laid_out_in_the_worlds_own_weeks() {
        let calendar = calendar(1);
        let today = calendar.date("1207-09-14T18:20:00.000Z").unwrap();
        let lines = month(&calendar, &today);
        let weeks = lines.iter().filter(|line| matches!(line, ClockLine::Days(_))).count();
        assert_eq!(weeks, 6, "thirty days in weeks of five: {lines:?}");
        let marked =
            lines.iter().flat_map(|line| if let ClockLine::Days(days) = line { days.clone() } else { Vec::new() });
        let marked: Vec<_> = marked.flatten().filter(|day| day.is_today || day.is_feast).collect();
        assert_eq!(
            marked.iter().map(|day| (day.number, day.is_today)).collect::<Vec<_>>(),
            [(14, true), (20, false), (21, false)]
        );
    }

    #[test]
    fn a_month_that_begins_within_a_week_leaves_its_first_days_empty() {
        let calendar = calendar(0);
        let today = calendar.date("2024-02-29T00:00:00.000Z").unwrap();
        let lines = month(&calendar, &today);
        let first =
            lines.iter().find_map(|line| if let ClockLine::Days(days) = line { Some(days.clone()) } else { None });
        let empty = first.unwrap().iter().take_while(|day| day.is_none()).count();
        assert!(empty == 3 || empty == 4, "1 February 2024 was a Thursday: {lines:?}");
    }

    #[test]
    fn time_ahead_is_counted_in_days_of_the_world() {
        let calendar = calendar(1);
        let today = calendar.date("1207-09-14T18:20:00.000Z").unwrap();
        let said = ahead(&calendar, &today);
        assert_eq!(said[2], ClockLine::Text("Apple Fair: 20 Rainmoon, in 6 days".to_owned()), "{said:?}");
    }
}
