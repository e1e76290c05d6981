//! Who types where, and until when that is believed (pure).

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use scry_protocol::Id;
use scry_protocol::presence::{TypingRequest, UserTyping};

/// How long somebody counts as typing after they last said so.
pub(super) const EXPIRY: Duration = Duration::from_secs(6);
/// How often those who go on typing are announced again, so that receivers need no longer memory than [`EXPIRY`].
const REPEAT: Duration = Duration::from_secs(2);
/// In how many fields one connection may type at once; the oldest gives way.
const HANDS: usize = 8;

/// Names one user typing in one field; serialised for other nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spot {
    pub user_id: Id,
    pub name: String,
    pub field: TypingRequest,
    /// The settlement around a structure: its room sees the structure too.
    pub settlement: Option<Id>,
}

/// Holds who types; `K` names a connection.
#[derive(Debug)]
pub(super) struct Typing<K>(HashMap<Spot, Open<K>>);

#[derive(Debug)]
struct Open<K> {
    hands: HashMap<K, Instant>,
    said: Instant,
}

impl Spot {
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

impl<K> Default for Typing<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> Typing<K> {
    /// Notes that somebody types; returns what to announce, `true` for typing.
    pub(super) fn start(&mut self, key: K, spot: Spot, now: Instant) -> Vec<(Spot, bool)> {
        let mut announced = Vec::new();
        if let Some(oldest) = self.overflow(key, &spot) {
            announced.extend(self.stop(key, &oldest).then(|| (oldest.clone(), false)));
        }
        let is_new = !self.0.contains_key(&spot);
        let open = self.0.entry(spot.clone()).or_insert_with(|| Open { hands: HashMap::new(), said: now });
        open.hands.insert(key, now + EXPIRY);
        if is_new || now.saturating_duration_since(open.said) >= REPEAT {
            open.said = now;
            announced.push((spot, true));
        }
        announced
    }

    /// Notes that a connection stopped; true if nobody of that user types there any more.
    pub(super) fn stop(&mut self, key: K, spot: &Spot) -> bool {
        let Some(open) = self.0.get_mut(spot) else { return false };
        open.hands.remove(&key);
        open.hands.is_empty() && self.0.remove(spot).is_some()
    }

    /// Takes a connection that has gone out; returns where typing has ended.
    pub(super) fn leave(&mut self, key: K) -> Vec<Spot> {
        self.end(|hand, _| *hand == key)
    }

    /// Ends what was not renewed; returns where typing has ended.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Spot> {
        self.end(|_, until| *until <= now)
    }

    fn end(&mut self, over: impl Fn(&K, &Instant) -> bool) -> Vec<Spot> {
        let mut ended = Vec::new();
        self.0.retain(|spot, open| {
            open.hands.retain(|key, until| !over(key, until));
            if open.hands.is_empty() {
                ended.push(spot.clone());
            }
            !open.hands.is_empty()
        });
        ended
    }

    /// Returns the field that a connection must give up before it may type in another.
    fn overflow(&self, key: K, next: &Spot) -> Option<Spot> {
        let held: Vec<(&Spot, Instant)> =
            self.0.iter().filter_map(|(spot, open)| Some((spot, *open.hands.get(&key)?))).collect();
        if held.len() < HANDS || held.iter().any(|(spot, _)| *spot == next) {
            return None;
        }
        held.into_iter().min_by_key(|(_, until)| *until).map(|(spot, _)| spot.clone())
    }
}

#[cfg(test)]
mod tests {
    use scry_protocol::EntityType;

    use super::*;

    fn spot(field: &str) -> Spot {
        let id = |text| Id::parse(text).unwrap();
        let field = TypingRequest {
            campaign_id: id("c"),
            entity_type: EntityType::Settlement,
            entity_id: id("s"),
            field: field.to_owned(),
        };
        Spot { user_id: id("u"), name: "Mira".to_owned(), field, settlement: None }
    }

    #[test]
    fn typing_is_announced_renewed_and_ended_once() {
        let (mut typing, start) = (Typing::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(typing.start(1, spot("level"), start), [(spot("level"), true)]);
        assert_eq!(typing.start(1, spot("level"), at(1_000)), [], "others know already");
        assert_eq!(typing.start(1, spot("level"), at(3_000)), [(spot("level"), true)]);
        assert_eq!(typing.expire(at(8_999)), []);
        assert_eq!(typing.expire(at(9_000)), [spot("level")]);
        assert!(!typing.stop(1, &spot("level")), "it has ended already");
    }

    #[test]
    fn the_last_hand_counts() {
        let (mut typing, now) = (Typing::default(), Instant::now());
        typing.start(1, spot("level"), now);
        typing.start(2, spot("level"), now);
        assert!(!typing.stop(1, &spot("level")));
        assert_eq!(typing.leave(1), []);
        assert_eq!(typing.leave(2), [spot("level")]);
    }

    #[test]
    fn one_connection_types_in_a_few_fields_only() {
        let (mut typing, start) = (Typing::default(), Instant::now());
        for number in 0..8 {
            typing.start(1, spot(&number.to_string()), start + Duration::from_millis(number));
        }
        let announced = typing.start(1, spot("next"), start + Duration::from_secs(1));
        assert_eq!(announced, [(spot("0"), false), (spot("next"), true)]);
    }
}
