//! When effects fall due, by the campaign's own calendar.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use scry_calendar::{Calendar, WorldTime};
use scry_world::When;

/// One occurrence of one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// When it falls due.
    pub at: WorldTime,
    /// Which of the effects.
    pub effect: usize,
}

/// Says that more falls due, or has to be looked at, than may be asked for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyOccurrencesError;

/// Returns what falls due after `after` up to and including `until`, in the order in which it happens; of
/// two at one moment the effect listed first comes first.
///
/// # Errors
/// [`TooManyOccurrencesError`] for more than `most` occurrences, or more than `looks` days to look at.
pub fn due(
    calendar: &Calendar,
    effects: &[When],
    (after, until): (WorldTime, WorldTime),
    most: usize,
    looks: usize,
) -> Result<Vec<Occurrence>, TooManyOccurrencesError> {
    let first = first_due(calendar, effects, (after, until), most.saturating_add(1), looks)?;
    if first.len() > most { Err(TooManyOccurrencesError) } else { Ok(first) }
}

/// Returns the first `count` of what falls due in a stretch of time; what comes after them is not worked out.
///
/// # Errors
/// [`TooManyOccurrencesError`] for more than `looks` days to look at.
pub fn first_due(
    calendar: &Calendar,
    effects: &[When],
    (after, until): (WorldTime, WorldTime),
    count: usize,
    looks: usize,
) -> Result<Vec<Occurrence>, TooManyOccurrencesError> {
    let mut looks = looks;
    let mut sources: Vec<DayIterator<'_>> = effects.iter().map(|when| days(calendar, when, after, until)).collect();
    let mut next = BinaryHeap::new();
    for (effect, source) in sources.iter_mut().enumerate() {
        next.extend(next_of(source, after, until, &mut looks)?.map(|at| Reverse(Occurrence { at, effect })));
    }
    let mut all = Vec::new();
    while let Some(Reverse(due)) = next.pop().filter(|_| all.len() < count) {
        all.push(due);
        let later = next_of(&mut sources[due.effect], after, until, &mut looks)?;
        next.extend(later.map(|at| Reverse(Occurrence { at, effect: due.effect })));
    }
    Ok(all)
}

/// The days that may be occurrences of one effect, in their order. `None` stands for a day that a year does not have:
/// it has to be looked for all the same.
type DayIterator<'a> = Box<dyn Iterator<Item = Option<WorldTime>> + 'a>;

/// Returns the next occurrence of an effect within a stretch of time.
fn next_of(
    source: &mut DayIterator<'_>,
    after: WorldTime,
    until: WorldTime,
    looks: &mut usize,
) -> Result<Option<WorldTime>, TooManyOccurrencesError> {
    for at in source {
        *looks = looks.checked_sub(1).ok_or(TooManyOccurrencesError)?;
        match at {
            Some(at) if at > until => return Ok(None),
            Some(at) if at > after => return Ok(Some(at)),
            Some(_) | None => {}
        }
    }
    Ok(None)
}

/// Returns the days that may be occurrences of one effect, as late as possible: what repeats is unfolded as it is
/// taken.
fn days<'a>(calendar: &'a Calendar, when: &'a When, after: WorldTime, until: WorldTime) -> DayIterator<'a> {
    if until <= after {
        return Box::new(std::iter::empty());
    }
    let years = calendar.year_of(after)..=calendar.year_of(until);
    match when {
        When::Once { at } => Box::new(std::iter::once(at.parse().ok())),
        When::Month { day } => {
            let in_year = move |year| calendar.month_slots().map(move |slot| calendar.start_in(year, slot, *day));
            Box::new(years.flat_map(in_year))
        }
        When::Year { month, day } => {
            // A calendar without that month has none of these days, in whatever year.
            let slot = calendar.slot_of(month).into_iter();
            Box::new(slot.flat_map(move |slot| years.clone().map(move |year| calendar.start_in(year, slot, *day))))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> WorldTime {
        text.parse().unwrap()
    }

    fn effects() -> Vec<When> {
        vec![
            When::Month { day: 31 },
            When::Once { at: "2027-01-31T00:00:00Z".to_owned() },
            When::Year { month: "February".to_owned(), day: 29 },
        ]
    }

    fn told(after: &str, until: &str) -> Vec<(String, usize)> {
        let due = due(&Calendar::gregorian(), &effects(), (at(after), at(until)), 99, 999).unwrap();
        due.into_iter().map(|due| (due.at.to_string()[5..10].to_owned(), due.effect)).collect()
    }

    #[test]
    fn occurrences_are_ordered_within_exact_bounds() {
        let expected = [("01-31", 0), ("01-31", 1), ("02-28", 0), ("02-28", 2), ("03-31", 0)];
        let expected = expected.map(|(day, effect)| (day.to_owned(), effect));
        assert_eq!(told("2027-01-30T23:59:59.999Z", "2027-03-31T00:00:00Z"), expected);
        assert_eq!(told("2027-01-31T00:00:00Z", "2027-03-30T23:59:59.999Z"), expected[2..4]);
        assert_eq!(told("2027-03-31T00:00:00Z", "2027-01-01T00:00:00Z"), []);
    }

    #[test]
    fn jump_with_too_many_occurrences_is_refused_early() {
        let (from, to) = (at("0001-01-01T00:00:00Z"), at("9999-01-01T00:00:00Z"));
        let calendar = Calendar::gregorian();
        assert_eq!(due(&calendar, &effects(), (from, to), 1_000, usize::MAX), Err(TooManyOccurrencesError));
        // A preview of it works out no more than it shows: two effects are looked at once more than they are shown.
        let first = first_due(&calendar, &effects(), (from, to), 10, 30).unwrap();
        assert_eq!(first, due(&calendar, &effects(), (from, at("0001-11-01T00:00:00Z")), 99, 999).unwrap()[..10]);
    }

    #[test]
    fn years_without_an_occurrence_count_as_well() {
        let calendar = Calendar::from_json(&serde_json::json!({
            "name": "c", "anchor": {"instant": "1207-01-01T00:00:00Z", "year": 1207},
            "leap": {"every": 1_000_000}, "months": [{"name": "m", "days": 1}],
            "intercalary": [{"name": "never", "after": "m", "days": 0, "leap": 1}],
        }));
        let calendar = calendar.unwrap();
        let effects = [When::Year { month: "never".to_owned(), day: 1 }];
        let due = |until: &str| due(&calendar, &effects, (at("1207-01-01T00:00:00Z"), at(until)), 1, 1_000);
        assert_eq!(due("1207-06-01T00:00:00Z"), Ok(Vec::new()));
        assert_eq!(due("9999-01-01T00:00:00Z"), Err(TooManyOccurrencesError));
    }

    #[test]
    fn yearly_effect_of_an_unknown_month_costs_nothing() {
        let effects = vec![When::Year { month: "Mudmoon".to_owned(), day: 1 }];
        let (from, to) = (at("0001-01-01T00:00:00Z"), at("9999-01-01T00:00:00Z"));
        assert_eq!(due(&Calendar::gregorian(), &effects, (from, to), 1, 1), Ok(Vec::new()));
    }

    proptest! {
        /// However a stretch is cut, each occurrence falls into exactly one piece.
        #[test]
        fn no_occurrence_is_lost_or_doubled_at_a_cut(hours in 0..9_000i64, cut in 0..9_000i64) {
            let calendar = Calendar::from_toml(scry_calendar::BUNDLED[1].1).unwrap();
            let effects = [
                When::Month { day: 1 },
                When::Year { month: "Emberfall".to_owned(), day: 2 },
                When::Once { at: "1207-03-01T05:00:00Z".to_owned() },
            ];
            let start = at("1207-01-01T00:00:00Z");
            let later = |hours: i64| start.checked_add(jiff::SignedDuration::from_hours(hours)).unwrap();
            let (end, cut) = (later(hours), later(cut.min(hours)));
            let between = |from, to| due(&calendar, &effects, (from, to), 999, 99_999).unwrap();
            let mut pieces = between(start, cut);
            pieces.extend(between(cut, end));
            prop_assert_eq!(pieces, between(start, end));
        }
    }
}
