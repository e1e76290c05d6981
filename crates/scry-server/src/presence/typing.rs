//! Who types where, and until when that is believed (pure).

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use scry_protocol::Id;
use scry_protocol::presence::{TypingRequest, UserTyping};

/// How long somebody counts as typing after they last said so.
pub(super) const TYPING_TTL: Duration = Duration::from_secs(6);
/// How often those who go on typing are announced again, so that receivers need no longer memory than [`TYPING_TTL`].
const REANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
/// The number of fields that one connection may type in at once; the oldest gives way.
const MAX_TYPING_FIELDS: usize = 8;

/// One user typing in one field; serialised for other nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TypingTarget {
    /// The user.
    pub user_id: Id,
    /// Their name.
    pub name: String,
    /// The field.
    pub field: TypingRequest,
    /// The settlement around a structure: its room sees the structure too.
    pub settlement: Option<Id>,
}

/// Who types; `K` names a connection.
#[derive(Debug)]
pub(super) struct TypingRegistry<K>(HashMap<TypingTarget, ActiveTyping<K>>);

#[derive(Debug)]
struct ActiveTyping<K> {
    until_by_connection: HashMap<K, Instant>,
    announced_at: Instant,
}

impl TypingTarget {
    /// Returns the announcement that typing goes on, or has stopped.
    #[must_use]
    pub fn event(&self, typing: bool) -> UserTyping {
        UserTyping {
            campaign_id: self.field.campaign_id.clone(),
            user_id: self.user_id.clone(),
            name: self.name.clone(),
            entity_type: self.field.entity_type.clone(),
            entity_id: self.field.entity_id.clone(),
            field: self.field.field.clone(),
            typing,
        }
    }
}

impl<K> Default for TypingRegistry<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> TypingRegistry<K> {
    /// Notes that somebody types; returns what to announce, `true` for typing.
    pub(super) fn start(&mut self, key: K, target: TypingTarget, now: Instant) -> Vec<(TypingTarget, bool)> {
        let mut announced = Vec::new();
        if let Some(oldest) = self.overflow(key, &target) {
            announced.extend(self.stop(key, &oldest).then(|| (oldest.clone(), false)));
        }
        let is_new = !self.0.contains_key(&target);
        let active = self
            .0
            .entry(target.clone())
            .or_insert_with(|| ActiveTyping { until_by_connection: HashMap::new(), announced_at: now });
        active.until_by_connection.insert(key, now + TYPING_TTL);
        if is_new || now.saturating_duration_since(active.announced_at) >= REANNOUNCE_INTERVAL {
            active.announced_at = now;
            announced.push((target, true));
        }
        announced
    }

    /// Notes that a connection stopped; true if nobody of that user types there any more.
    pub(super) fn stop(&mut self, key: K, target: &TypingTarget) -> bool {
        let Some(active) = self.0.get_mut(target) else { return false };
        active.until_by_connection.remove(&key);
        active.until_by_connection.is_empty() && self.0.remove(target).is_some()
    }

    /// Takes a connection that has gone out; returns where typing has ended.
    pub(super) fn leave(&mut self, key: K) -> Vec<TypingTarget> {
        self.end(|connection, _| *connection == key)
    }

    /// Ends what was not renewed; returns where typing has ended.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<TypingTarget> {
        self.end(|_, until| *until <= now)
    }

    fn end(&mut self, over: impl Fn(&K, &Instant) -> bool) -> Vec<TypingTarget> {
        let mut ended = Vec::new();
        self.0.retain(|target, active| {
            active.until_by_connection.retain(|key, until| !over(key, until));
            if active.until_by_connection.is_empty() {
                ended.push(target.clone());
            }
            !active.until_by_connection.is_empty()
        });
        ended
    }

    /// Returns the field that a connection must give up before it may type in another.
    fn overflow(&self, key: K, next: &TypingTarget) -> Option<TypingTarget> {
        let held: Vec<(&TypingTarget, Instant)> = self
            .0
            .iter()
            .filter_map(|(target, active)| Some((target, *active.until_by_connection.get(&key)?)))
            .collect();
        if held.len() < MAX_TYPING_FIELDS || held.iter().any(|(target, _)| *target == next) {
            return None;
        }
        held.into_iter().min_by_key(|(_, until)| *until).map(|(target, _)| target.clone())
    }
}

#[cfg(test)]
mod tests {
    use scry_protocol::EntityType;

    use super::*;

    fn target(field: &str) -> TypingTarget {
        let id = |text| Id::parse(text).unwrap();
        let field = TypingRequest {
            campaign_id: id("c"),
            entity_type: EntityType::Settlement,
            entity_id: id("s"),
            field: field.to_owned(),
        };
        TypingTarget { user_id: id("u"), name: "Mira".to_owned(), field, settlement: None }
    }

    #[test]
    fn typing_is_announced_renewed_and_ended_once() {
        let (mut typing, start) = (TypingRegistry::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(typing.start(1, target("level"), start), [(target("level"), true)]);
        assert_eq!(typing.start(1, target("level"), at(1_000)), [], "others know already");
        assert_eq!(typing.start(1, target("level"), at(3_000)), [(target("level"), true)]);
        assert_eq!(typing.expire(at(8_999)), []);
        assert_eq!(typing.expire(at(9_000)), [target("level")]);
        assert!(!typing.stop(1, &target("level")), "it has ended already");
    }

    #[test]
    fn typing_ends_with_the_last_connection() {
        let (mut typing, now) = (TypingRegistry::default(), Instant::now());
        typing.start(1, target("level"), now);
        typing.start(2, target("level"), now);
        assert!(!typing.stop(1, &target("level")));
        assert_eq!(typing.leave(1), []);
        assert_eq!(typing.leave(2), [target("level")]);
    }

    #[test]
    fn one_connection_types_in_a_few_fields_only() {
        let (mut typing, start) = (TypingRegistry::default(), Instant::now());
        for number in 0..8 {
            typing.start(1, target(&number.to_string()), start + Duration::from_millis(number));
        }
        let announced = typing.start(1, target("next"), start + Duration::from_secs(1));
        assert_eq!(announced, [(target("0"), false), (target("next"), true)]);
    }
}
