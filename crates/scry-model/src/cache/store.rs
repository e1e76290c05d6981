//! The entities, the tree they form, and what the API says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::Timestamp;
use scry_protocol::{EntityRef, EntityType, Id, Position};
use scry_text::json::Json;

use super::changes::LatestChange;
use super::entity::Entity;
use super::node;
use super::refetch::{Refetch, RefetchQueue, RequestId, Version};
use crate::event::Snapshot;

/// A campaign's entities as the API last returned them, with marks for those that are stale.
#[derive(Debug, Default)]
pub struct Cache {
    pub(super) entities: BTreeMap<EntityRef, Entity>,
    pub(super) children: BTreeMap<Id, BTreeSet<EntityRef>>,
    pub(super) pending_refetches: BTreeMap<Id, PendingRefetch>,
    pub(super) refetch_queue: RefetchQueue,
    pub(super) clock: Version,
    /// What a snapshot already contains; events up to there change nothing.
    pub(super) covered: Option<Position>,
    /// The latest event that was applied since that snapshot.
    pub(super) latest: Option<Position>,
    /// Rises whenever anything changes.
    pub(super) revision: u64,
}

/// Remembers the latest event about an entity whose refetch has not landed yet.
#[derive(Debug, Clone)]
pub(super) struct PendingRefetch {
    /// When an event last said what it must be at least.
    pub(super) clock: Version,
    /// The version an answer must have to include that event; `None` where the event did not say.
    pub(super) version: Option<i64>,
    /// When an event last came that an answer's version can prove nothing about.
    pub(super) unversioned: Option<Version>,
    /// Set when the entity is new to us, so that its arrival is marked as a change.
    pub(super) created: Option<LatestChange>,
}

impl Cache {
    /// Returns the campaign itself, once it is known.
    #[must_use]
    pub fn campaign(&self) -> Option<&Entity> {
        self.of_type(&EntityType::Campaign).next()
    }

    /// Returns an entity.
    #[must_use]
    pub fn get(&self, key: &EntityRef) -> Option<&Entity> {
        self.entities.get(key)
    }

    /// Returns an empty cache for another campaign; answers to this one's queries mean nothing to it.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self { refetch_queue: self.refetch_queue.successor(), revision: self.revision + 1, ..Self::default() }
    }

    /// Returns the current world time, RFC 3339 UTC.
    #[must_use]
    pub fn world_time(&self) -> Option<&str> {
        self.campaign()?.field("worldTime")?.as_str()
    }

    /// Lists what an entity stands under, from near to far.
    ///
    /// It ends whatever a server says stands where: each is of a type above the one before.
    pub fn ancestors<'a>(&'a self, entity: &'a Entity) -> impl Iterator<Item = &'a Entity> {
        let next = |entity: &&'a Entity| {
            let above = match entity.key.entity_type {
                EntityType::Campaign => return None,
                EntityType::Structure => EntityType::Settlement,
                EntityType::Settlement => EntityType::Kingdom,
                EntityType::Kingdom
                | EntityType::Location
                | EntityType::Encounter
                | EntityType::Member
                | EntityType::Other(_) => EntityType::Campaign,
            };
            self.entities.get(&EntityRef::new(above, entity.parent.clone()?))
        };
        std::iter::successors(Some(entity), next).skip(1)
    }

    /// Lists the entities of one type that stand under `parent`, by name.
    #[must_use]
    pub fn children(&self, parent: &Id, entity_type: &EntityType) -> Vec<&Entity> {
        let keys = self.children.get(parent).into_iter().flatten();
        let mut found: Vec<_> =
            keys.filter(|key| key.entity_type == *entity_type).filter_map(|key| self.entities.get(key)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.key.cmp(&b.key)));
        found
    }

    /// Lists every entity of one type.
    pub fn of_type<'a>(&'a self, entity_type: &'a EntityType) -> impl Iterator<Item = &'a Entity> {
        // Keys are in the order of their types.
        let from = EntityRef::new(entity_type.clone(), Id::lowest());
        self.entities
            .range(from..)
            .map(|(_, entity)| entity)
            .take_while(|entity| entity.key.entity_type == *entity_type)
    }

    /// Returns the name of the member with this user id.
    #[must_use]
    pub fn user_name(&self, user_id: &Id) -> Option<&str> {
        self.of_type(&EntityType::Member)
            .find(|member| member.field("userId").and_then(Json::as_str) == Some(user_id.as_str()))
            .map(|member| &*member.name)
    }

    /// Counts the entities held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Returns whether nothing is known yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Counts the entities with a value that waits for its refetch.
    #[must_use]
    pub fn stale_count(&self) -> usize {
        self.entities.values().filter(|entity| entity.is_stale()).count()
    }

    /// Counts the refetch queries issued since the start.
    #[must_use]
    pub const fn refetches(&self) -> u64 {
        self.refetch_queue.issued()
    }

    /// Takes a whole campaign as the API tells it; what it does not contain is gone.
    pub fn snapshot(&mut self, snapshot: Snapshot, at: Timestamp) {
        let mut before = std::mem::take(&mut self.entities);
        self.children.clear();
        self.pending_refetches.clear();
        self.refetch_queue.clear();
        self.revision += 1;
        self.covered = snapshot.position;
        self.latest = None;
        let told = snapshot.nodes.into_iter().filter_map(node::read).map(|mut entity| {
            if let Some(old) = before.remove(&entity.key) {
                follow(old, &mut entity, at);
            }
            (entity.key.clone(), entity)
        });
        // In one go: a map that grows entity by entity ends up half empty.
        self.entities = told.collect();
        for entity in self.entities.values() {
            if let Some(parent) = &entity.parent {
                self.children.entry(parent.clone()).or_default().insert(entity.key.clone());
            }
        }
    }

    /// Returns the campaign as a snapshot, to be taken in again later; `None` while the campaign is unknown.
    ///
    /// Its position is one up to which nothing is missing: values that are awaited put it back to the last
    /// snapshot's.
    #[must_use]
    pub fn export(&self) -> Option<Snapshot> {
        let campaign_id = self.campaign()?.campaign_id.clone();
        let latest = self.latest.as_ref().filter(|_| self.stale_count() == 0);
        let position = latest.or(self.covered.as_ref()).cloned();
        Some(Snapshot { campaign_id, position, nodes: self.entities.values().map(node::write).collect() })
    }

    /// Returns a number that differs after anything has changed.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns when [`Cache::refetch_due`] will have something; `None` while nothing is wanted or a query is under way.
    #[must_use]
    pub fn refetch_deadline(&self) -> Option<Instant> {
        self.refetch_queue.deadline()
    }

    /// Takes the next batch of evicted entities to ask for, if it is due.
    #[must_use]
    pub fn refetch_due(&mut self, now: Instant) -> Option<Refetch> {
        self.refetch_queue.take(now, self.clock)
    }

    /// Applies the answer to a refetch: what it lacks is gone, what is older than a later event is asked for again.
    pub fn answered(&mut self, request_id: RequestId, nodes: Vec<Json>, now: Instant, at: Timestamp) {
        let Some((left, asked)) = self.refetch_queue.complete(request_id) else { return };
        self.revision += 1;
        let mut told: BTreeMap<Id, Entity> =
            nodes.into_iter().filter_map(node::read).map(|entity| (entity.key.id.clone(), entity)).collect();
        for id in asked {
            let answer = told.remove(&id);
            if self.is_outdated(&id, answer.as_ref(), left) {
                self.refetch_queue.request(id, now);
                continue;
            }
            // Events that came meanwhile are included too; nothing is left to ask.
            self.refetch_queue.forget(&id);
            let touch = self.pending_refetches.remove(&id);
            match answer {
                Some(entity) => self.replace(entity, touch, at),
                None => self.remove_id(&id),
            }
        }
    }

    /// Records that a refetch failed; its entities stay stale and are asked for again after a pause.
    pub fn failed(&mut self, request_id: RequestId, now: Instant) {
        self.refetch_queue.fail(request_id, now);
    }

    /// Records that the server cannot be asked for entities; what is stale stays so until the next snapshot.
    ///
    /// Returns whether this was news.
    pub fn cannot_refetch(&mut self) -> bool {
        self.refetch_queue.disable()
    }

    /// Returns whether an event came after the query left that its answer may not include.
    fn is_outdated(&self, id: &Id, answer: Option<&Entity>, left: Version) -> bool {
        let Some(touch) = self.pending_refetches.get(id).filter(|touch| touch.clock > left) else { return false };
        if touch.unversioned.is_some_and(|clock| clock > left) {
            return true;
        }
        match (answer, touch.version) {
            (Some(entity), Some(version)) => entity.version < version,
            _ => true,
        }
    }

    fn replace(&mut self, mut entity: Entity, touch: Option<PendingRefetch>, at: Timestamp) {
        if let Some(alike) = self.entities.get(&entity.key).or_else(|| self.sibling(&entity)) {
            entity.fields = entity.fields.sharing(&alike.fields).into();
        }
        self.detach(&entity.key);
        if let Some(old) = self.entities.remove(&entity.key) {
            follow(old, &mut entity, at);
        } else if let Some(created) = touch.and_then(|touch| touch.created) {
            entity.changes.insert("name", created);
        }
        self.insert(entity);
    }

    /// Returns some entity of the same type under the same parent: it has much in common with a new one.
    fn sibling(&self, entity: &Entity) -> Option<&Entity> {
        let mut siblings = self.children.get(entity.parent.as_ref()?)?.iter();
        self.entities.get(siblings.find(|key| key.entity_type == entity.key.entity_type)?)
    }

    fn insert(&mut self, entity: Entity) {
        if let Some(parent) = &entity.parent {
            self.children.entry(parent.clone()).or_default().insert(entity.key.clone());
        }
        self.entities.insert(entity.key.clone(), entity);
    }

    /// Takes an entity out of its parent's list.
    fn detach(&mut self, key: &EntityRef) {
        let Some(parent) = self.entities.get(key).and_then(|entity| entity.parent.clone()) else { return };
        if let Some(siblings) = self.children.get_mut(&parent) {
            siblings.remove(key);
        }
    }

    fn remove_id(&mut self, id: &Id) {
        let keys: Vec<_> = self.entities.keys().filter(|key| key.id == *id).cloned().collect();
        for key in keys {
            self.remove(&key);
        }
    }

    /// Removes an entity and everything that stands under it.
    pub(super) fn remove(&mut self, key: &EntityRef) {
        self.refetch_queue.forget(&key.id);
        self.pending_refetches.remove(&key.id);
        self.detach(key);
        self.entities.remove(key);
        for child in self.children.remove(&key.id).unwrap_or_default() {
            self.remove(&child);
        }
    }
}

/// Takes over what changed lately, and marks what differs from the old values and was not announced by an event,
/// such as a computed field.
fn follow(old: Entity, new: &mut Entity, at: Timestamp) {
    new.changes = old.changes;
    if old.fields == new.fields {
        return;
    }
    let (before, after) = (node::flatten(&old.fields), node::flatten(&new.fields));
    for (name, value) in &after {
        let from = before.get(name);
        // An event has marked this field with its author, and the value was awaited since.
        let announced = new.changes.contains_key(name) && old.stale.has(name);
        if from != Some(value) && !announced {
            new.changes.insert(name, LatestChange { from: from.copied().cloned(), at, by: None, seq: None });
        }
    }
}
