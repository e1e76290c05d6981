//! Which events came near to what was awaited, and where they differ.

use std::time::Duration;

use scry_query::expr::{Clause, Expr, MatchResult, Vars};
use scry_text as text;
use serde_json::Value;

use super::engine::TimedEvent;
use super::outcome::{Difference, NearMiss};

/// How many events a failure shows.
const MAX_SHOWN_EVENTS: usize = 3;
/// How much of a value is shown, in characters.
const MAX_VALUE_CHARS: usize = 120;

/// Finds the events nearest to a condition; `counts` tells why a fitting event did not count.
pub(crate) fn find<'a>(
    expr: &Expr,
    vars: &Vars,
    events: impl Iterator<Item = &'a TimedEvent>,
    counts: impl Fn(&TimedEvent) -> Option<String>,
) -> Vec<NearMiss> {
    let mut ranked: Vec<(usize, Duration, &TimedEvent, Vec<Clause>)> = events
        .map(|seen| {
            let clauses = expr.explain(&seen.view(vars));
            let holding = clauses.iter().filter(|clause| clause.verdict == MatchResult::True).count();
            (holding, seen.at, seen, clauses)
        })
        .filter(|(holding, ..)| *holding > 0)
        .collect();
    ranked.sort_by_key(|(holding, at, ..)| (std::cmp::Reverse(*holding), std::cmp::Reverse(*at)));
    let show = |(_, at, seen, clauses): (usize, Duration, &TimedEvent, Vec<Clause>)| {
        let differences: Vec<Difference> = clauses.iter().filter_map(difference).collect();
        let note = if differences.is_empty() { counts(seen) } else { None };
        NearMiss { at, title: seen.title(), note, differences }
    };
    ranked.into_iter().take(MAX_SHOWN_EVENTS).map(show).collect()
}

/// Counts events by their names, in the order in which these first came.
pub(crate) fn names<'a>(events: impl Iterator<Item = &'a TimedEvent>) -> Vec<(String, usize)> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for name in events.map(|seen| text::line(&seen.event_context.delivery.name).into_owned()) {
        match counted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name, 1)),
        }
    }
    counted
}

/// Lists the values of the `$names` in a condition.
pub(crate) fn values(expr: &Expr, vars: &Vars) -> Vec<(String, String)> {
    let mut names = expr.variables();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter_map(|name| Some((format!("${name}"), show(vars.get(name)?)))).collect()
}

fn difference(clause: &Clause) -> Option<Difference> {
    let mut found: Vec<String> = clause
        .values
        .iter()
        .filter(|(name, _)| !name.starts_with('$'))
        .map(|(name, value)| match value {
            Some(value) => format!("{name} is {}", show(value)),
            None => format!("{name} is missing"),
        })
        .collect();
    match &clause.verdict {
        MatchResult::True => return None,
        MatchResult::False => {}
        MatchResult::Error(error) => found.push(error.clone()),
    }
    Some(Difference { wanted: clause.source.clone(), found: found.join(", ") })
}

fn show(value: &Value) -> String {
    let whole = text::line(&value.to_string()).into_owned();
    match whole.char_indices().nth(MAX_VALUE_CHARS) {
        Some((cut, _)) => format!("{}…", &whole[..cut]),
        None => whole,
    }
}
