//! What a campaign's entities are at a place in its journal, taken on event by event (pure).

use std::collections::HashMap;
use std::sync::Arc;

use scry_protocol::{EntityType, Event, Id, Operation, Position};
use serde_json::{Value, json};

use super::rewind::KnownResults;
use super::values::{self, EntityField};

/// A campaign's entities as of a place in its journal.
#[derive(Debug, Clone)]
pub(crate) struct CampaignState {
    position: Position,
    entities: HashMap<Id, KnownEntity>,
    /// What events after the place leave out, as far as it has been found out.
    told: KnownResults,
    /// How often events were missing; what was known before and has not been confirmed since may be stale.
    holes: u32,
}

#[derive(Debug, Clone)]
struct KnownEntity {
    value: Arc<Value>,
    holes: u32,
}

/// What an entity was around one event.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct EntityAroundEvent {
    pub before: Option<Arc<Value>>,
    pub after: Option<Arc<Value>>,
    pub certainty: Certainty,
}

/// How much is known of an entity around an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Certainty {
    #[default]
    Whole,
    /// Some values are not known and left out.
    Partial,
    /// Nothing is known, although there is something.
    Nothing,
}

impl CampaignState {
    /// Takes a campaign's entities as they are at a place.
    #[must_use]
    pub(crate) fn new(
        position: Position,
        entities: impl IntoIterator<Item = (Id, Arc<Value>)>,
        told: KnownResults,
    ) -> Self {
        let known = |(id, value)| (id, KnownEntity { value, holes: 0 });
        Self { position, entities: entities.into_iter().map(known).collect(), told, holes: 0 }
    }

    /// Returns how far the state has come.
    #[must_use]
    pub(crate) const fn position(&self) -> &Position {
        &self.position
    }

    /// Lists the entities.
    pub(crate) fn entities(&self) -> impl Iterator<Item = (&Id, &Arc<Value>)> {
        self.entities.iter().map(|(id, known)| (id, &known.value))
    }

    /// Returns whether an event cannot be applied without asking for the entity that it is about.
    #[must_use]
    pub(crate) fn lacks(&self, event: &Event, seq: u64) -> bool {
        let id = event.payload.subject().id;
        match event.payload.operation() {
            Operation::Create => !self.told.created.contains_key(&id),
            Operation::Delete => false,
            Operation::Update => {
                let is_current = self.entities.get(&id).is_some_and(|known| known.holes == self.holes);
                let is_told = |touch: &values::ChangedValue| {
                    touch.told.is_some() || self.told.values.contains_key(&(seq, touch.field.clone()))
                };
                !is_current || !values::touched(event).iter().all(is_told)
            }
        }
    }

    /// Takes in what was found out about some entities at this place, and about the events after it.
    pub(crate) fn correct(&mut self, entities: HashMap<Id, Arc<Value>>, told: KnownResults) {
        let holes = self.holes;
        for (id, value) in entities {
            // What the events themselves led to is more than what could be taken back.
            if self.entities.get(&id).is_none_or(|known| known.holes != holes) {
                self.entities.insert(id, KnownEntity { value, holes });
            }
        }
        self.told.extend(told);
    }

    /// Goes on by one event at `seq`; events that are skipped are missing.
    pub(crate) fn apply(&mut self, event: &Event, seq: u64) -> EntityAroundEvent {
        if seq > self.position.seq + 1 {
            self.holes += 1;
        }
        let around = self.around(event, seq);
        self.position.seq = seq;
        around
    }

    fn around(&mut self, event: &Event, seq: u64) -> EntityAroundEvent {
        let id = event.payload.subject().id;
        let known = self.known(&id, event);
        match event.payload.operation() {
            Operation::Delete => {
                let certainty = if known.is_some() { Certainty::Whole } else { Certainty::Nothing };
                self.entities.remove(&id);
                EntityAroundEvent { before: known, after: None, certainty }
            }
            Operation::Create => {
                let told = self.told.created.remove(&id);
                let is_told = told.is_some();
                let mut after = told.or_else(|| values::created(event));
                let mut has_all = false;
                if let Some(after) = &mut after {
                    values::write_created(after, event);
                    has_all = event.payload.changed_fields().iter().all(|name| values::has(after, name));
                }
                let certainty = if is_told && has_all { Certainty::Whole } else { Certainty::Partial };
                self.keep(id, after.as_ref());
                EntityAroundEvent { before: None, after, certainty }
            }
            Operation::Update => match known {
                None => EntityAroundEvent { certainty: Certainty::Nothing, ..EntityAroundEvent::default() },
                Some(known) => {
                    let around = self.change(known, event, seq);
                    self.keep(id, around.after.as_ref());
                    around
                }
            },
        }
    }

    /// Returns what is known of an entity right before an event; nothing if events about it are missing.
    fn known(&mut self, id: &Id, event: &Event) -> Option<Arc<Value>> {
        let known = self.entities.get(id)?;
        let (mut value, is_current) = (Arc::clone(&known.value), known.holes == self.holes);
        let follows = match (value["version"].as_i64(), event.metadata.version) {
            (Some(known), Some(version)) => known + 1 == version,
            // Without versions only an unbroken stream shows that nothing is missing.
            (None, _) | (_, None) => is_current,
        };
        if !follows {
            return None;
        }
        if !is_current {
            // Every change of what is stored is a version, but what was worked out meanwhile is none.
            values::forget_worked_out(&mut value);
        }
        Some(value)
    }

    fn change(&mut self, before: Arc<Value>, event: &Event, seq: u64) -> EntityAroundEvent {
        let (mut before, mut certainty) = (before, Certainty::Whole);
        let mut after = Arc::clone(&before);
        for touch in values::touched(event) {
            let told = self.told.values.remove(&(seq, touch.field.clone()));
            match (&touch.told, told) {
                (Some((from, to)), _) => {
                    values::write(&mut before, &touch.field, from);
                    values::write(&mut after, &touch.field, to);
                }
                (None, Some(to)) => values::write(&mut after, &touch.field, &to),
                (None, None) => {
                    values::forget(&mut after, &touch.field);
                    certainty = Certainty::Partial;
                }
            }
        }
        values::stamp(&mut after, event);
        if event.payload.subject().entity_type == EntityType::Campaign && after.get("position").is_some() {
            let at = |seq: u64| json!({"epoch": self.position.epoch, "seq": seq});
            let position = EntityField::Stored("position".to_owned());
            values::write(&mut before, &position, &at(seq.saturating_sub(1)));
            values::write(&mut after, &position, &at(seq));
        }
        EntityAroundEvent { before: Some(before), after: Some(after), certainty }
    }

    fn keep(&mut self, id: Id, value: Option<&Arc<Value>>) {
        if let Some(value) = value {
            self.entities.insert(id, KnownEntity { value: Arc::clone(value), holes: self.holes });
        }
    }
}

#[cfg(test)]
mod tests;
