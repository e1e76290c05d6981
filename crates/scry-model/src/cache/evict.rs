//! The five eviction rules: what an event makes of the cache.

use std::time::Instant;

use jiff::Timestamp;
use scry_protocol::event::{StateInvalidated, WorldTimeChanged};
use scry_protocol::{EntityRef, EntityType, Event, InvalidationScope, Metadata, Operation, Payload};
use scry_text as text;
use scry_text::json::Json;

use super::changes::LatestChange;
use super::entity::{Entity, Stale};
use super::store::{Cache, PendingRefetch};

impl Cache {
    /// Applies an event: evicts what it makes stale, and plans the refetch.
    ///
    /// `now` drives the refetch plan, `at` is shown to people as the time of the change.
    pub fn event(&mut self, event: &Event, now: Instant, at: Timestamp) {
        if self.is_covered(event) {
            return;
        }
        self.clock += 1;
        self.revision += 1;
        self.latest = event.position().or_else(|| self.latest.take());
        match &event.payload {
            Payload::EntityUpdated(_) | Payload::SettlementUpdated(_) | Payload::StructureUpdated(_) => {
                self.entity_changed(event, now, at);
            }
            Payload::StateInvalidated(payload) => self.state_invalidated(payload, now),
            Payload::WorldTimeChanged(payload) => self.world_time_changed(payload, &event.metadata, now, at),
        }
    }

    /// Returns whether the last snapshot already contains this event.
    fn is_covered(&self, event: &Event) -> bool {
        match (&self.covered, event.position()) {
            (Some(covered), Some(position)) => covered.is_comparable_with(&position) && position.seq <= covered.seq,
            _ => false,
        }
    }

    fn entity_changed(&mut self, event: &Event, now: Instant, at: Timestamp) {
        let key = event.payload.subject();
        if event.payload.operation() == Operation::Delete {
            self.remove(&key);
            return;
        }
        let change = |from| LatestChange { from, at, by: event.metadata.user_id.clone(), seq: event.metadata.seq };
        let created = match self.entities.get_mut(&key) {
            Some(entity) => {
                let included = event.metadata.version.is_some_and(|version| version <= entity.version);
                for field in event.payload.changed_fields() {
                    let field = text::line(field).into_owned();
                    let from = value_before(&event.metadata, &field).or_else(|| entity.field(&field).cloned());
                    entity.changes.insert(&field, change(from));
                }
                if included {
                    // An earlier answer was already as new as this event.
                    return;
                }
                evict(entity, event.payload.changed_fields());
                None
            }
            None => Some(change(None)),
        };
        self.touch(&key, event.metadata.version, created);
        self.refetch_queue.request(key.id, now);
    }

    fn state_invalidated(&mut self, payload: &StateInvalidated, now: Instant) {
        let fields = computed_names(&payload.affected_fields);
        let hit: Vec<EntityRef> = match (payload.scope, &payload.entity_type, &payload.entity_id) {
            (InvalidationScope::Entity, Some(entity_type), Some(id)) => {
                vec![EntityRef::new(entity_type.clone(), id.clone())]
            }
            (InvalidationScope::Entity | InvalidationScope::Campaign, _, _) => self
                .entities
                .values()
                .filter(|entity| fields.iter().any(|field| entity.field(field).is_some()))
                .map(|entity| entity.key.clone())
                .collect(),
        };
        let with_conditions = |key: EntityRef| {
            let mut fields = fields.clone();
            let entity = self.entities.get(&key);
            if entity.is_some_and(|entity| payload.affected_fields.iter().any(|name| is_condition(entity, name))) {
                fields.push("conditions".to_owned());
            }
            (key, fields)
        };
        let hit: Vec<_> = hit.into_iter().map(with_conditions).collect();
        self.evict_fields(hit, now);
    }

    fn world_time_changed(&mut self, payload: &WorldTimeChanged, metadata: &Metadata, now: Instant, at: Timestamp) {
        let key = EntityRef::new(EntityType::Campaign, payload.campaign_id.clone());
        if let Some(campaign) = self.entities.get_mut(&key) {
            let from = campaign.field("worldTime").cloned();
            campaign.set("worldTime", Some(Json::Text(text::line(&payload.new_time).into())));
            let change = LatestChange { from, at, by: metadata.user_id.clone(), seq: metadata.seq };
            campaign.changes.insert("worldTime", change);
            campaign.version = metadata.version.unwrap_or(campaign.version);
        }
        // A refetch of the campaign that left before the clock moved would set it back.
        self.touch(&key, metadata.version, None);
        let timed: Vec<_> = self
            .entities
            .values()
            .map(|entity| (entity.key.clone(), time_dependent(entity)))
            .filter(|(_, fields)| !fields.is_empty())
            .collect();
        self.evict_fields(timed, now);
    }

    fn evict_fields(&mut self, hit: impl IntoIterator<Item = (EntityRef, Vec<String>)>, now: Instant) {
        for (key, fields) in hit {
            let Some(entity) = self.entities.get_mut(&key) else { continue };
            entity.stale.add(fields);
            self.touch(&key, None, None);
            self.refetch_queue.request(key.id, now);
        }
    }

    /// Remembers that an answer must be at least as new as this.
    fn touch(&mut self, key: &EntityRef, version: Option<i64>, created: Option<LatestChange>) {
        let clock = self.clock;
        let touch = self.pending_refetches.entry(key.id.clone()).or_insert(PendingRefetch {
            clock,
            version: None,
            unversioned: None,
            created: None,
        });
        touch.clock = clock;
        match version {
            Some(_) => touch.version = touch.version.max(version),
            None => touch.unversioned = Some(clock),
        }
        touch.created = touch.created.take().or(created);
    }
}

/// Evicts the changed fields, or all of them where the event does not say which.
fn evict(entity: &mut Entity, fields: &[String]) {
    if fields.is_empty() {
        entity.stale = Stale::Everything;
    } else {
        entity.stale.add(fields.iter().cloned());
    }
}

/// Returns the value that the event says a field had before, made safe.
fn value_before(metadata: &Metadata, field: &str) -> Option<Json> {
    metadata.changes.iter().find(|change| change.field == field).map(|change| Json::from(&change.from))
}

/// Returns the computed fields of an invalidation by the cache's names; none named means all of them.
fn computed_names(fields: &[String]) -> Vec<String> {
    if fields.is_empty() {
        return vec!["computed".to_owned(), "conditions".to_owned()];
    }
    let qualified = |field: &String| match field.as_str() {
        "computed" | "conditions" => field.clone(),
        name if name.starts_with("computed.") => field.clone(),
        name => format!("computed.{name}"),
    };
    fields.iter().map(qualified).collect()
}

/// Returns whether an entity has a condition of this name.
fn is_condition(entity: &Entity, name: &str) -> bool {
    let conditions = entity.field("conditions").and_then(Json::as_array).into_iter().flatten();
    conditions.into_iter().any(|condition| condition.get("name").and_then(Json::as_str) == Some(name))
}

/// Lists the computed fields that depend on time: those that say so, and those that say nothing at all.
fn time_dependent(entity: &Entity) -> Vec<String> {
    let Some(computed) = entity.field("computed").and_then(Json::as_object) else { return Vec::new() };
    let depends = |value: &Json| match value {
        Json::Object(rule) => rule.get("dependsOnTime").and_then(Json::as_bool).unwrap_or(false),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => true,
    };
    computed.iter().filter(|(_, value)| depends(value)).map(|(name, _)| format!("computed.{name}")).collect()
}
