//! `scry wait`, as a decision: which conditions have been met, and what came nearest to the others (pure).

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::expect::engine::Seen;
use super::expect::nearest;
use super::expect::outcome::Near;
use crate::exit::Exit;
use crate::expr::{EventView, Expr, Vars, Verdict};

/// How many events are kept for the nearest miss.
const KEPT: usize = 2_000;

/// Holds what to wait for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub conditions: Vec<Expr>,
    /// One condition is enough.
    pub any: bool,
    pub fail_if: Option<Expr>,
}

/// Follows one wait.
#[derive(Debug)]
pub struct Wait {
    wanted: Wanted,
    met: Vec<bool>,
    mistakes: Vec<Option<String>>,
    history: VecDeque<Seen>,
    seen: u64,
}

impl Wait {
    /// Starts a wait for which nothing is met.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        let count = wanted.conditions.len();
        Self { wanted, met: vec![false; count], mistakes: vec![None; count], history: VecDeque::new(), seen: 0 }
    }

    /// Looks for conditions that hold already; each entity is looked at as the `entity` of an event without a type.
    ///
    /// Returns the entities that met one.
    pub fn state<'a>(&mut self, entities: impl Iterator<Item = &'a Arc<Value>>) -> Vec<Arc<Value>> {
        let empty = json!({});
        let mut found = Vec::new();
        for entity in entities {
            let view = EventView::new("", &empty, Some(&empty)).with_entity(Some(entity), Some(entity));
            for (condition, met) in self.wanted.conditions.iter().zip(&mut self.met) {
                // What says nothing about the entity, `true` for one, has not been met by it.
                if !*met && condition.looks_at_entities() && condition.holds(&view) {
                    *met = true;
                    found.push(Arc::clone(entity));
                }
            }
        }
        found
    }

    /// Handles one event; tells whether it met a condition, and how the wait ends, if it does.
    pub fn event(&mut self, seen: Seen) -> (bool, Option<Exit>) {
        self.seen += 1;
        let mut useful = false;
        let failed = self.wanted.fail_if.as_ref().is_some_and(|fail_if| fail_if.holds(&seen.sighting.view()));
        for (index, condition) in self.wanted.conditions.iter().enumerate() {
            if self.met[index] {
                continue;
            }
            match condition.matches(&seen.sighting.view()) {
                Verdict::True => {
                    useful = true;
                    self.met[index] = true;
                }
                Verdict::False => {}
                Verdict::Error(error) => {
                    self.mistakes[index].get_or_insert(error);
                }
            }
        }
        if self.history.len() == KEPT {
            self.history.pop_front();
        }
        self.history.push_back(seen);
        let exit = if failed { Some(Exit::NotMet) } else { self.is_met().then_some(Exit::Met) };
        (useful, exit)
    }

    /// Tells whether enough has been met.
    #[must_use]
    pub fn is_met(&self) -> bool {
        if self.wanted.any { self.met.contains(&true) } else { self.met.iter().all(|met| *met) }
    }

    /// Says what was not met, what was seen, and what came nearest.
    #[must_use]
    pub fn report(&self) -> String {
        let mut report = String::new();
        let open = self.wanted.conditions.iter().zip(&self.met).zip(&self.mistakes).filter(|((_, met), _)| !**met);
        for ((condition, _), mistake) in open {
            // Writing to a String cannot fail.
            let _ = writeln!(report, "not met: {}", condition.source());
            if let Some(mistake) = mistake {
                let _ = writeln!(report, "  it failed on an event: {mistake}");
            }
            for near in nearest::find(condition, &Vars::new(), self.history.iter(), |_| None) {
                describe(&mut report, &near);
            }
        }
        let _ = write!(report, "{} events were seen", self.seen);
        report
    }

    /// Describes the event that the wait failed on.
    #[must_use]
    pub fn failure(&self) -> String {
        let condition = self.wanted.fail_if.as_ref().map(Expr::source).unwrap_or_default();
        let event = self.history.back().map(Seen::title).unwrap_or_default();
        format!("{event} meets --fail-if {condition}")
    }
}

fn describe(report: &mut String, near: &Near) {
    // Writing to a String cannot fail.
    let _ = writeln!(report, "  nearest +{:.3}s {}", near.at.as_secs_f64(), near.title);
    for difference in &near.differences {
        let _ = writeln!(report, "    wanted {}\n    found  {}", difference.wanted, difference.found);
    }
}

/// Writes an entity that met a condition before any event did.
#[must_use]
pub fn state_line(entity: &Value, at: jiff::Timestamp) -> String {
    json!({"v": 1, "kind": "state", "receivedAt": super::line::rfc3339(at), "entity": entity}).to_string()
}

/// Measures a moment of a run by the arrival of an event.
#[must_use]
pub fn since(start: jiff::Timestamp, arrival: jiff::Timestamp) -> Duration {
    Duration::try_from(start.duration_until(arrival)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::client::event::Delivery;
    use crate::headless::sighting::Sighting;
    use crate::protocol::Event;

    fn clock(elapsed: i64) -> Seen {
        let raw = json!({"type": "world_time_changed", "payload": {"campaignId": "c", "previousTime": "a", "newTime": "b",
            "elapsedSeconds": elapsed}, "metadata": {"v": 1, "seq": 4}});
        let event = Event::from_value(&raw).map(Arc::new);
        let name = "world_time_changed".into();
        let delivery = Delivery { received_at: Timestamp::UNIX_EPOCH, room: None, name, raw: Arc::new(raw), event };
        Seen { at: Duration::from_secs(1), sighting: Sighting::bare(delivery) }
    }

    fn wait(conditions: &[&str], any: bool) -> Wait {
        let conditions = conditions.iter().map(|source| Expr::parse(source).unwrap()).collect();
        Wait::new(Wanted { conditions, any, fail_if: Some(Expr::parse("payload.elapsedSeconds < 0").unwrap()) })
    }

    #[test]
    fn all_conditions_or_any_of_them() {
        let conditions = ["payload.elapsedSeconds == 1", "payload.elapsedSeconds == 2"];
        let mut all = wait(&conditions, false);
        assert_eq!(all.event(clock(2)), (true, None));
        assert_eq!(all.event(clock(2)), (false, None));
        assert_eq!(all.event(clock(1)), (true, Some(Exit::Met)));
        assert_eq!(wait(&conditions, true).event(clock(2)), (true, Some(Exit::Met)));
    }

    #[test]
    fn a_feared_event_ends_it() {
        let mut wait = wait(&["payload.elapsedSeconds == 1"], false);
        assert_eq!(wait.event(clock(-1)).1, Some(Exit::NotMet));
        assert!(wait.failure().starts_with("#4 world_time_changed (update campaign c) meets --fail-if"));
    }

    #[test]
    fn what_holds_already_counts() {
        let town = Arc::new(json!({"entityType": "settlement", "name": "Saltwick", "level": 3}));
        let mut waiting = wait(&["entity.name == 'Saltwick' && entity.level >= 3"], false);
        assert_eq!(waiting.state([&town].into_iter()).len(), 1);
        assert!(waiting.is_met());
        let mut waiting = wait(&["true", "type == 'world_time_changed'"], true);
        assert!(waiting.state([&town].into_iter()).is_empty());
    }

    #[test]
    fn the_nearest_miss_is_told() {
        let mut wait = wait(&["type == 'world_time_changed' && payload.elapsedSeconds > 3600"], false);
        wait.event(clock(60));
        insta::assert_snapshot!(wait.report());
    }
}
