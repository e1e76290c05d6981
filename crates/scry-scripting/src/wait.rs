//! `scry wait`, as a decision: which conditions have been met, and what came nearest to the others (pure).

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use scry_command::exit::Exit;
use scry_query::expr::{EventView, Expr, ExprError, KnownNames, MatchResult, Vars};
use scry_text as text;
use serde_json::{Value, json};

use super::command_exit::CommandExit;
use super::expect::engine::TimedEvent;
use super::expect::nearest;
use super::expect::outcome::NearMiss;
use super::watch::holds;

/// How many events are kept for the nearest miss.
const MAX_KEPT_EVENTS: usize = 2_000;

/// The conditions of a wait.
#[derive(Debug, Clone, Default)]
pub struct WaitOptions {
    /// The conditions to wait for, each of which one event or entity must meet.
    pub conditions: Vec<Expr>,
    /// One condition is enough.
    pub any: bool,
    /// The condition whose event ends the wait as “not met”.
    pub fail_if: Option<Expr>,
}

/// Follows one wait.
#[derive(Debug)]
pub struct Wait {
    options: WaitOptions,
    met: Vec<bool>,
    history: VecDeque<TimedEvent>,
    seen: u64,
}

impl WaitOptions {
    /// Lists the conditions, and what must not happen.
    pub fn all(&self) -> impl Iterator<Item = &Expr> {
        self.conditions.iter().chain(&self.fail_if)
    }

    /// Checks every condition against the names in use, see [`Expr::bind`].
    ///
    /// # Errors
    /// The option and what is wrong with its expression.
    pub fn bind(&mut self, names: Option<&KnownNames>) -> Result<(), (&'static str, ExprError)> {
        for condition in &mut self.conditions {
            *condition = condition.bind(names).map_err(|error| ("--for", error))?;
        }
        if let Some(fail_if) = &mut self.fail_if {
            *fail_if = fail_if.bind(names).map_err(|error| ("--fail-if", error))?;
        }
        Ok(())
    }
}

impl Wait {
    /// Starts a wait for which nothing is met.
    #[must_use]
    pub fn new(options: WaitOptions) -> Self {
        let count = options.conditions.len();
        Self { options, met: vec![false; count], history: VecDeque::new(), seen: 0 }
    }

    /// Looks for conditions that hold already; each entity is looked at as the `entity` of an event without a type.
    ///
    /// Returns the entities that met one.
    ///
    /// # Errors
    /// A sentence when a condition cannot be judged.
    pub(crate) fn state<'a>(
        &mut self,
        entities: impl Iterator<Item = &'a Arc<Value>>,
    ) -> Result<Vec<Arc<Value>>, String> {
        let empty = json!({});
        let mut found = Vec::new();
        for entity in entities {
            let view = EventView::new("", &empty, Some(&empty)).with_entity(Some(entity), Some(entity));
            for (condition, met) in self.options.conditions.iter().zip(&mut self.met) {
                // What says nothing about the entity, `true` for one, has not been met by it.
                if *met || !condition.uses_entities() {
                    continue;
                }
                match condition.matches(&view) {
                    MatchResult::True => {
                        *met = true;
                        found.push(Arc::clone(entity));
                    }
                    MatchResult::False => {}
                    MatchResult::Error(error) => {
                        let name = entity["name"].as_str().map(text::line).unwrap_or_default();
                        return Err(format!("--for “{}” cannot be judged on {name}: {error}", condition.source()));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Handles one event; tells whether it met a condition, and how the wait ends, if it does.
    pub(crate) fn event(&mut self, seen: TimedEvent) -> (bool, Option<CommandExit>) {
        self.seen += 1;
        let judged = self.judge(&seen);
        if self.history.len() == MAX_KEPT_EVENTS {
            self.history.pop_front();
        }
        self.history.push_back(seen);
        match judged {
            Ok((useful, None)) => (useful, self.is_met().then(CommandExit::met)),
            Ok((useful, Some(failure))) => (useful, Some(CommandExit::with(Exit::NotMet, failure))),
            Err(why) => (false, Some(CommandExit::with(Exit::NotMet, why))),
        }
    }

    /// Judges one event: whether it met a condition, and which failure it is, if it is one.
    ///
    /// # Errors
    /// A sentence when a condition cannot be judged.
    fn judge(&mut self, seen: &TimedEvent) -> Result<(bool, Option<String>), String> {
        let mut failure = None;
        if holds("--fail-if", self.options.fail_if.as_ref(), &seen.event_context)? == Some(true) {
            let condition = self.options.fail_if.as_ref().map(Expr::source).unwrap_or_default();
            failure = Some(format!("{} meets --fail-if {condition}", seen.title()));
        }
        let mut useful = false;
        for (condition, met) in self.options.conditions.iter().zip(&mut self.met) {
            if !*met && holds("--for", Some(condition), &seen.event_context)? == Some(true) {
                *met = true;
                useful = true;
            }
        }
        Ok((useful, failure))
    }

    /// Returns whether something that must not happen is looked for, so that what was not seen matters.
    #[must_use]
    pub(crate) const fn forbids(&self) -> bool {
        self.options.fail_if.is_some()
    }

    /// Returns why entities that cannot be looked up end the wait, if they do.
    #[must_use]
    pub(crate) fn ended_by_lookup_failure(&self, trouble: &str) -> Option<CommandExit> {
        self.options.all().any(Expr::uses_entities).then(|| CommandExit::lookup_failed(trouble))
    }

    /// Returns whether enough conditions are met.
    #[must_use]
    pub(crate) fn is_met(&self) -> bool {
        if self.options.any { self.met.contains(&true) } else { self.met.iter().all(|met| *met) }
    }

    /// Returns a report: what was not met, what was seen, and what came nearest.
    #[must_use]
    pub(crate) fn report(&self) -> String {
        let mut report = String::new();
        let open = self.options.conditions.iter().zip(&self.met).filter(|(_, met)| !**met);
        for (condition, _) in open {
            // Writing to a String cannot fail.
            let _ = writeln!(report, "not met: {}", condition.source());
            for near in nearest::find(condition, &Vars::new(), self.history.iter(), |_| None) {
                describe(&mut report, &near);
            }
        }
        let _ = write!(report, "{} events were seen", self.seen);
        report
    }
}

fn describe(report: &mut String, near: &NearMiss) {
    // Writing to a String cannot fail.
    let _ = writeln!(report, "  nearest +{:.3}s {}", near.at.as_secs_f64(), near.title);
    for difference in &near.differences {
        let _ = writeln!(report, "    wanted {}\n    found  {}", difference.wanted, difference.found);
    }
}

/// Writes an entity that met a condition before any event did.
#[must_use]
pub(crate) fn state_line(entity: &Value, at: jiff::Timestamp) -> String {
    let received_at = super::line::rfc3339(at);
    super::line::json(&json!({"v": 1, "kind": "state", "receivedAt": received_at, "entity": entity}))
}

/// Measures a moment of a run by the arrival of an event.
#[must_use]
pub(crate) fn since(start: jiff::Timestamp, arrival: jiff::Timestamp) -> Duration {
    Duration::try_from(start.duration_until(arrival)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use scry_model::event::Delivery;
    use scry_protocol::Event;

    use super::*;
    use crate::event_context::EventContext;

    fn clock(elapsed: i64) -> TimedEvent {
        let raw = json!({"type": "world_time_changed", "payload": {"campaignId": "c", "previousTime": "a", "newTime": "b",
            "elapsedSeconds": elapsed}, "metadata": {"v": 1, "seq": 4}});
        let event = Event::from_value(&raw).map(Arc::new);
        let name = "world_time_changed".into();
        let delivery = Delivery { received_at: Timestamp::UNIX_EPOCH, room: None, name, raw: Arc::new(raw), event };
        TimedEvent { at: Duration::from_secs(1), event_context: EventContext::without_entity(delivery) }
    }

    fn wait(conditions: &[&str], any: bool) -> Wait {
        let conditions = conditions.iter().map(|source| Expr::parse(source).unwrap()).collect();
        Wait::new(WaitOptions { conditions, any, fail_if: Some(Expr::parse("payload.elapsedSeconds < 0").unwrap()) })
    }

    #[test]
    fn all_conditions_or_any_of_them() {
        let conditions = ["payload.elapsedSeconds == 1", "payload.elapsedSeconds == 2"];
        let mut all = wait(&conditions, false);
        assert_eq!(all.event(clock(2)), (true, None));
        assert_eq!(all.event(clock(2)), (false, None));
        assert_eq!(all.event(clock(1)), (true, Some(CommandExit::met())));
        assert_eq!(wait(&conditions, true).event(clock(2)), (true, Some(CommandExit::met())));
    }

    #[test]
    fn fail_if_event_ends_the_wait() {
        let mut wait = wait(&["payload.elapsedSeconds == 1"], false);
        let ended = wait.event(clock(-1)).1.unwrap();
        assert_eq!(ended.exit, Exit::NotMet);
        assert!(ended.why.starts_with("#4 world_time_changed (update campaign c) meets --fail-if"));
    }

    #[test]
    fn condition_that_already_holds_is_met() {
        let town = Arc::new(json!({"entityType": "settlement", "name": "Saltwick", "level": 3}));
        let mut waiting = wait(&["entity.name == 'Saltwick' && entity.level >= 3"], false);
        assert_eq!(waiting.state([&town].into_iter()).unwrap().len(), 1);
        assert!(waiting.is_met());
        let mut waiting = wait(&["true", "type == 'world_time_changed'"], true);
        assert!(waiting.state([&town].into_iter()).unwrap().is_empty());
    }

    #[test]
    fn condition_that_cannot_be_judged_is_not_met() {
        let town = Arc::new(json!({"entityType": "settlement", "name": "Saltwick", "level": "three"}));
        let why = wait(&["entity.level >= 3"], false).state([&town].into_iter()).unwrap_err();
        assert!(why.starts_with("--for “entity.level >= 3” cannot be judged on Saltwick"), "{why}");
        let mut waiting = wait(&["metadata.seq > metadata.changes[0].to"], false);
        let mut event = clock(1);
        let raw = json!({"payload": {}, "metadata": {"seq": 1, "changes": [{"to": "x"}]}});
        event.event_context.delivery.raw = Arc::new(raw);
        let ended = waiting.event(event).1.unwrap();
        assert_eq!(ended.exit, Exit::NotMet);
        assert!(ended.why.contains("cannot be judged"), "{}", ended.why);
    }

    #[test]
    fn the_nearest_miss_is_told() {
        let mut wait = wait(&["type == 'world_time_changed' && payload.elapsedSeconds > 3600"], false);
        wait.event(clock(60));
        insta::assert_snapshot!(wait.report());
    }
}
