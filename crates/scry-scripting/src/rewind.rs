//! Taking entities back to an earlier place in their campaign's journal (pure).
//!
//! What a value was at the earlier place is what the first event after it says it was before; where no event touches it,
//! it is what it is later. What an event does not tell of its own result, the next event that touches the same value
//! may tell, or the later state where no event does.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use scry_protocol::{Event, Id, Operation};
use serde_json::Value;

use super::values::{self, EntityField};

/// What events leave out of their own results, found elsewhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownResults {
    /// A value right after the event with this number.
    pub values: HashMap<(u64, EntityField), Value>,
    /// An entity right after the event that created it.
    pub created: HashMap<Id, Arc<Value>>,
}

impl KnownResults {
    /// Adds what was found out since.
    pub(crate) fn extend(&mut self, other: Self) {
        self.values.extend(other.values);
        self.created.extend(other.created);
    }
}

/// Reads events in order, and takes a later state back to the place before the first of them.
#[derive(Debug, Default)]
pub(crate) struct Rewind {
    entities: HashMap<Id, EntityTrack>,
    told: KnownResults,
}

/// What the events say of one entity.
#[derive(Debug, Default)]
struct EntityTrack {
    is_created: bool,
    /// Each touched value as it was before the first event that touched it; absent where that does not tell.
    first: HashMap<EntityField, Option<Value>>,
    /// The last event that touched a value without telling the result.
    open: HashMap<EntityField, u64>,
    first_version: Option<i64>,
    last_version: Option<i64>,
    /// A version is missing among the events.
    has_hole: bool,
}

impl Rewind {
    /// Takes in the next event; `seq` is its place.
    pub(crate) fn take(&mut self, event: &Event, seq: u64) {
        let id = event.payload.subject().id;
        let track = self.entities.entry(id).or_default();
        match event.payload.operation() {
            Operation::Create => *track = EntityTrack { is_created: true, ..EntityTrack::default() },
            Operation::Update | Operation::Delete => {}
        }
        for touch in values::touched(event) {
            let is_told = touch.told.is_some();
            let before = touch.told.map(|(before, _)| before);
            if let (Some(open), Some(before)) = (track.open.remove(&touch.field), &before) {
                self.told.values.insert((open, touch.field.clone()), before.clone());
            }
            if !is_told {
                track.open.insert(touch.field.clone(), seq);
            }
            track.first.entry(touch.field).or_insert(before);
        }
        if let Some(version) = event.metadata.version {
            track.has_hole |= track.last_version.is_some_and(|last| last + 1 != version);
            track.first_version.get_or_insert(version);
            track.last_version = Some(version);
        }
    }

    /// Returns what entities were before the first event, and what the events left out.
    ///
    /// `nodes` are the entities as the API told them at a time when the events up to `upto` had happened; the events
    /// must go on to what had happened by then. What cannot be known is left out.
    #[must_use]
    pub(crate) fn finish(
        self,
        nodes: impl IntoIterator<Item = (Id, Arc<Value>)>,
        upto: u64,
    ) -> (HashMap<Id, Arc<Value>>, KnownResults) {
        let Self { mut entities, mut told } = self;
        let mut start = HashMap::new();
        let mut seen = HashSet::new();
        for (id, node) in nodes {
            seen.insert(id.clone());
            let Some(track) = entities.remove(&id) else {
                start.insert(id, node);
                continue;
            };
            let version = node["version"].as_i64();
            if track.has_hole || version.zip(track.last_version).is_some_and(|(version, last)| version > last) {
                continue;
            }
            for (field, seq) in track.open.iter().filter(|(_, seq)| **seq <= upto) {
                told.values.insert((*seq, field.clone()), values::read(&node, field));
            }
            let is_created = track.is_created;
            let entity = track.undo(node);
            if is_created {
                told.created.insert(id, entity);
            } else {
                start.insert(id, entity);
            }
        }
        (start, told)
    }
}

impl EntityTrack {
    fn undo(self, mut entity: Arc<Value>) -> Arc<Value> {
        for (field, value) in &self.first {
            match value {
                Some(value) => values::write(&mut entity, field, value),
                None => values::forget(&mut entity, field),
            }
        }
        if let Some(version) = self.first_version {
            // A creation is the first version itself; before another event there was the one before.
            let version = if self.is_created { version } else { version - 1 };
            values::write(&mut entity, &EntityField::Stored("version".to_owned()), &version.into());
            let updated = EntityField::Stored("updatedAt".to_owned());
            match entity.get("createdAt").cloned().filter(|_| self.is_created) {
                Some(created) => values::write(&mut entity, &updated, &created),
                None => values::forget(&mut entity, &updated),
            }
        }
        entity
    }
}
