//! When effects fall due, by the campaign's own calendar.

use jiff::Timestamp;

use crate::calendar::Calendar;
use crate::world::When;

/// Names one occurrence of one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    pub at: Timestamp,
    /// Which of the effects.
    pub effect: usize,
}

/// Says that more falls due than may be asked for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// Lists what falls due after `after` up to and including `until`, in the order in which it happens; of
/// two at one moment the effect listed first comes first.
///
/// # Errors
/// [`TooMany`] for more than `most` occurrences.
pub fn due(
    calendar: &Calendar,
    effects: &[When],
    after: Timestamp,
    until: Timestamp,
    most: usize,
) -> Result<Vec<Due>, TooMany> {
    let mut all = Vec::new();
    for (effect, when) in effects.iter().enumerate() {
        for at in occurrences(calendar, when, after, until) {
            if all.len() == most {
                return Err(TooMany);
            }
            all.push(Due { at, effect });
        }
    }
    all.sort();
    Ok(all)
}

/// Lists the occurrences of one effect, as late as possible: what repeats is unfolded as it is taken.
fn occurrences<'a>(
    calendar: &'a Calendar,
    when: &'a When,
    after: Timestamp,
    until: Timestamp,
) -> Box<dyn Iterator<Item = Timestamp> + 'a> {
    let years = calendar.year_of(after)..=calendar.year_of(until);
    let within = move |at: &Timestamp| after < *at && *at <= until;
    match when {
        When::Once { at } => Box::new(at.parse().ok().into_iter().filter(within)),
        When::Month { day } => {
            let in_year = move |year| calendar.months().filter_map(move |month| calendar.start_of(year, month, *day));
            Box::new(years.flat_map(in_year).filter(within))
        }
        When::Year { month, day } => {
            Box::new(years.filter_map(move |year| calendar.start_of(year, month, *day)).filter(within))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
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
        let due = due(&Calendar::gregorian(), &effects(), at(after), at(until), 99).unwrap();
        due.into_iter().map(|due| (due.at.strftime("%m-%d").to_string(), due.effect)).collect()
    }

    #[test]
    fn what_falls_due_comes_in_order_and_the_bounds_are_exact() {
        let expected = [("01-31", 0), ("01-31", 1), ("02-28", 0), ("02-28", 2), ("03-31", 0)];
        let expected = expected.map(|(day, effect)| (day.to_owned(), effect));
        assert_eq!(told("2027-01-30T23:59:59.999Z", "2027-03-31T00:00:00Z"), expected);
        assert_eq!(told("2027-01-31T00:00:00Z", "2027-03-30T23:59:59.999Z"), expected[2..4]);
        assert_eq!(told("2027-03-31T00:00:00Z", "2027-01-01T00:00:00Z"), []);
    }

    #[test]
    fn a_jump_through_the_ages_is_refused_without_being_unfolded() {
        let (from, to) = (at("0001-01-01T00:00:00Z"), at("9999-01-01T00:00:00Z"));
        assert_eq!(due(&Calendar::gregorian(), &effects(), from, to, 1_000), Err(TooMany));
    }

    proptest! {
        /// However a stretch is cut, each occurrence falls into exactly one piece.
        #[test]
        fn no_occurrence_is_lost_or_doubled_at_a_cut(hours in 0..9_000i64, cut in 0..9_000i64) {
            let calendar = Calendar::from_toml(crate::calendar::BUNDLED[1].1).unwrap();
            let effects = [
                When::Month { day: 1 },
                When::Year { month: "Emberfall".to_owned(), day: 2 },
                When::Once { at: "1207-03-01T05:00:00Z".to_owned() },
            ];
            let start = at("1207-01-01T00:00:00Z");
            let later = |hours: i64| start + jiff::SignedDuration::from_hours(hours);
            let (end, cut) = (later(hours), later(cut.min(hours)));
            let between = |from, to| due(&calendar, &effects, from, to, 999).unwrap();
            let mut pieces = between(start, cut);
            pieces.extend(between(cut, end));
            prop_assert_eq!(pieces, between(start, end));
        }
    }
}
