//! The clock and what it brings.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::index::{HistoryIndex, JournaledEvent};
use super::{ConsistencyRule, Findings};
use crate::consistency::history::MonthlyEffect;

/// More effects than this in one move are told together, which these runs leave to other tests.
const MAX_SINGLE_EFFECTS: usize = 200;

pub fn check(index: &HistoryIndex, findings: &mut Findings) {
    let brought = brought(index);
    let towns = towns(index.start);
    let mut time = time(&index.start["campaign"]["worldTime"]);
    let mut furthest = time;
    let mut causes = HashSet::new();
    for entry in index.journal.iter().filter(|entry| entry.name() == "world_time_changed") {
        let (previous, new) = (self::time(entry.payload("previousTime")), self::time(entry.payload("newTime")));
        let elapsed = entry.payload("elapsedSeconds").as_i64();
        let continuous = previous == time && new.zip(previous).map(|(a, b)| a.duration_since(b).as_secs()) == elapsed;
        findings.demand(continuous, ConsistencyRule::ClockIsContinuous, &[entry.line], || {
            format!("event {} does not go on from {time:?} by {elapsed:?} seconds", entry.seq)
        });
        let id = entry.metadata("eventId").as_str().unwrap_or_default();
        causes.insert(id);
        if let (Some(furthest), Some(new)) = (furthest, new) {
            let effects = brought.get(id).map_or(&[][..], Vec::as_slice);
            compare(entry, effects, &due(index.effects, furthest, new), &towns, findings);
        }
        time = new;
        furthest = furthest.max(new);
    }
    for (cause, effects) in &brought {
        let lines: Vec<usize> = effects.iter().map(|entry| entry.line).collect();
        findings.demand(causes.contains(cause), ConsistencyRule::EffectsAreTheCalendars, &lines, || {
            "effects whose cause is not a move of the clock".to_owned()
        });
    }
}

/// Sorts the effects by the event that caused them.
fn brought<'a, 'b>(index: &'b HistoryIndex<'a>) -> HashMap<&'b str, Vec<&'b JournaledEvent<'a>>> {
    let mut brought: HashMap<&str, Vec<&JournaledEvent>> = HashMap::new();
    for entry in index.journal.iter().filter(|entry| entry.source() == "scheduler") {
        brought.entry(entry.metadata("causedBy").as_str().unwrap_or_default()).or_default().push(entry);
    }
    brought
}

fn compare(
    moved: &JournaledEvent,
    brought: &[&JournaledEvent],
    due: &[(Timestamp, &MonthlyEffect)],
    towns: &HashMap<&str, &str>,
    findings: &mut Findings,
) {
    let rule = ConsistencyRule::EffectsAreTheCalendars;
    if due.len() > MAX_SINGLE_EFFECTS {
        return;
    }
    let lines: Vec<usize> = [moved.line].into_iter().chain(brought.iter().map(|entry| entry.line)).collect();
    findings.demand(brought.len() == due.len(), rule, &lines, || {
        format!("event {} should bring {} effects and brought {}", moved.seq, due.len(), brought.len())
    });
    for (entry, (at, effect)) in brought.iter().zip(due) {
        let told = entry.metadata("effect");
        let same = told["name"] == effect.name && time(&told["at"]) == Some(*at);
        let target = towns.get(effect.target.as_str()).copied();
        let raised = raised(entry) == Some(1) && entry.entity() == target;
        findings.demand(same && raised, rule, &[moved.line, entry.line], || {
            format!("event {} should be {} of {at} and is {told}", entry.seq, effect.name)
        });
    }
}

/// Returns by how much an effect raises its variable.
fn raised(entry: &JournaledEvent) -> Option<i64> {
    let [change] = entry.metadata("changes").as_array()?.as_slice() else { return None };
    (change["field"] == "variables.tithe").then_some(())?;
    Some(change["to"].as_i64()? - change["from"].as_i64()?)
}

/// Returns what falls due after one time up to another, by the Gregorian calendar.
fn due(effects: &[MonthlyEffect], after: Timestamp, until: Timestamp) -> Vec<(Timestamp, &MonthlyEffect)> {
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let (mut month, last) = (date(after).first_of_month(), date(until));
    let mut due = Vec::new();
    while month <= last {
        let in_month = effects.iter().map(|effect| (midnight(month, effect.day), effect));
        due.extend(in_month.filter(|(at, _)| after < *at && *at <= until));
        month = month.last_of_month().tomorrow().unwrap();
    }
    due.sort_by_key(|(at, _)| *at);
    due
}

fn midnight(month: Date, day: i8) -> Timestamp {
    let day = day.min(month.days_in_month());
    month.with().day(day).build().unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// Maps the names of the settlements to their ids.
fn towns(snapshot: &Value) -> HashMap<&str, &str> {
    let towns = snapshot["settlements"].as_array().into_iter().flatten();
    towns.filter_map(|town| Some((town["name"].as_str()?, town["id"].as_str()?))).collect()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::consistency::checker::fixture::{HistoryFixture, broken};

    fn effect(day: i8) -> MonthlyEffect {
        MonthlyEffect { name: format!("on {day}"), day, target: "Town".to_owned() }
    }

    #[test]
    fn effects_fall_due_at_midnight_and_on_the_last_day_of_a_short_month() {
        let effects = [effect(31), effect(1)];
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let due = due(&effects, at("1999-12-31T00:00:00Z"), at("2000-03-01T00:00:00Z"));
        let told: Vec<_> = due.iter().map(|(at, effect)| (at.strftime("%m-%d").to_string(), effect.day)).collect();
        let expected = [("01-01", 1), ("01-31", 31), ("02-01", 1), ("02-29", 31), ("03-01", 1)];
        assert_eq!(told, expected.map(|(day, effect)| (day.to_owned(), effect)));
    }

    #[test]
    fn a_clock_that_jumps_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(4, |event| event["payload"]["previousTime"] = json!("1200-01-01T00:00:01.000Z"));
        assert!(broken(&fixture).contains(&ConsistencyRule::ClockIsContinuous));
    }

    #[test]
    fn an_effect_that_is_missing_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(5, |event| event["metadata"]["source"] = json!("rules-engine"));
        assert!(broken(&fixture).contains(&ConsistencyRule::EffectsAreTheCalendars));
    }

    #[test]
    fn an_effect_that_comes_twice_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.repeat_change(5);
        assert!(broken(&fixture).contains(&ConsistencyRule::EffectsAreTheCalendars));
    }

    #[test]
    fn an_effect_of_another_day_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(5, |event| event["metadata"]["effect"]["at"] = json!("1200-01-03T00:00:00.000Z"));
        assert_eq!(broken(&fixture), [ConsistencyRule::EffectsAreTheCalendars]);
    }

    #[test]
    fn an_effect_that_does_more_than_it_should_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(5, |event| event["metadata"]["changes"][0]["to"] = json!(2));
        assert!(broken(&fixture).contains(&ConsistencyRule::EffectsAreTheCalendars));
    }

    #[test]
    fn an_effect_without_a_cause_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(5, |event| event["metadata"]["causedBy"] = json!("nothing"));
        assert!(broken(&fixture).contains(&ConsistencyRule::EffectsAreTheCalendars));
    }
}
