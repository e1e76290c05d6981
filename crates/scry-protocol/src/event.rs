//! Durable events: what happened to a campaign, in the order in which it happened.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entity::{EntityRef, EntityType, Operation};
use super::id::Id;
use super::position::Position;
use super::room::Room;

/// Every durable event on the wire.
pub const DURABLE_EVENTS: [&str; 5] =
    ["entity_updated", "state_invalidated", "world_time_changed", "settlement_updated", "structure_updated"];

/// One durable event: `{type, payload, metadata}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    #[serde(flatten)]
    pub payload: Payload,
    /// Where the event came from and where it stands.
    #[serde(default)]
    pub metadata: Metadata,
}

/// What happened, by event type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum Payload {
    /// A campaign, kingdom, location, encounter or member changed.
    EntityUpdated(EntityUpdated),
    /// Computed values no longer hold.
    StateInvalidated(StateInvalidated),
    /// The campaign's clock moved.
    WorldTimeChanged(WorldTimeChanged),
    /// A settlement changed.
    SettlementUpdated(SettlementUpdated),
    /// A structure changed.
    StructureUpdated(StructureUpdated),
}

/// A change to a campaign, kingdom, location, encounter or member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityUpdated {
    /// The type of what changed.
    pub entity_type: EntityType,
    /// The id of what changed.
    pub entity_id: Id,
    /// The campaign that it belongs to.
    pub campaign_id: Id,
    /// Whether it was created, changed or deleted.
    pub operation: Operation,
    /// The fields that changed, by name; those of a table as `variables.food`.
    #[serde(default)]
    pub changed_fields: Vec<String>,
}

/// That computed values no longer hold.
///
/// `affected_fields` names them; an empty list means all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateInvalidated {
    /// How far the invalidation reaches.
    pub scope: InvalidationScope,
    /// The campaign that it belongs to.
    pub campaign_id: Id,
    /// The type of the one entity concerned, where the scope is an entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_type: Option<EntityType>,
    /// The id of the one entity concerned, where the scope is an entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<Id>,
    /// The values that no longer hold; empty for all of them.
    #[serde(default)]
    pub affected_fields: Vec<String>,
}

/// How far an invalidation reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvalidationScope {
    /// Everything in the campaign.
    Campaign,
    /// One entity.
    Entity,
}

/// A move of the campaign's clock; times are RFC 3339 UTC, `elapsed_seconds` may be negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorldTimeChanged {
    /// The campaign that it belongs to.
    pub campaign_id: Id,
    /// The world time before the move.
    pub previous_time: String,
    /// The world time after the move.
    pub new_time: String,
    /// The seconds of world time in between; negative for a move backwards.
    pub elapsed_seconds: i64,
}

/// A change to a settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettlementUpdated {
    /// The settlement that changed.
    pub settlement_id: Id,
    /// Whether it was created, changed or deleted.
    pub operation: Operation,
    /// The campaign that it belongs to.
    pub campaign_id: Id,
    /// The fields that changed, by name; those of a table as `variables.food`.
    #[serde(default)]
    pub changed_fields: Vec<String>,
}

/// A change to a structure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StructureUpdated {
    /// The structure that changed.
    pub structure_id: Id,
    /// The settlement that the structure stands in.
    pub settlement_id: Id,
    /// Whether it was created, changed or deleted.
    pub operation: Operation,
    /// The campaign that it belongs to.
    pub campaign_id: Id,
    /// The fields that changed, by name; those of a table as `variables.food`.
    #[serde(default)]
    pub changed_fields: Vec<String>,
}

/// Where an event came from and where it stands in its campaign's history.
///
/// Our server fills every field that is not `Option` in spirit; a foreign gateway may leave out all
/// of them, so the client reads each one as optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The version of this form; 1.
    #[serde(default = "metadata_version")]
    pub v: u32,
    /// When the change was committed: RFC 3339 UTC with milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The user who made the change; `None` for one of the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
    /// The part of the system that made the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What links the event to the request that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The `event_id` of the event that led to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Id>,
    /// The event's own id, for telling repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<Id>,
    /// The journal that `seq` counts in; another one after a restore from a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// The event's number in its campaign's journal, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Where the event's narrow rooms stood before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Prev>,
    /// The entity's version after this change: an answer with a lower one is older than this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The values that changed, where they are short; `changed_fields` names all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldDiff>,
    /// The scheduled effect that made the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<EffectRef>,
    /// Whether it is sent again to somebody who was away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

const fn metadata_version() -> u32 {
    1
}

/// One field's value before and after a change; the field is named as in `changedFields`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDiff {
    /// The field's name.
    pub field: String,
    /// The value before; null where there was none.
    #[serde(default)]
    pub from: Value,
    /// The value after; null where it was removed.
    #[serde(default)]
    pub to: Value,
}

/// A scheduled effect and the world time at which it fell due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRef {
    /// The effect's name in the world file.
    pub name: String,
    /// The world time at which it fell due, as RFC 3339.
    #[serde(default)]
    pub at: String,
}

/// The `seq` of the previous event that went to the same narrow room.
///
/// Zero means that this is the first one, so a holder of that room alone can prove that it missed
/// nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prev {
    /// The last event of the settlement's room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<u64>,
    /// The last event of the structure's room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structure: Option<u64>,
}

/// The part of the system that made a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A request of a user or a program.
    Api,
    /// A rule of the world.
    RulesEngine,
    /// An effect that fell due.
    Scheduler,
    /// A part only a foreign gateway knows; kept as it came.
    #[serde(untagged)]
    Other(String),
}

impl Source {
    /// Returns the name used on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Api => "api",
            Self::RulesEngine => "rules-engine",
            Self::Scheduler => "scheduler",
            Self::Other(name) => name,
        }
    }
}

impl Payload {
    /// Does what `Deserialize` does, without the copy of everything that an enum tagged from outside costs it.
    fn from_parts(name: &str, body: &Value) -> Option<Self> {
        let place = DURABLE_EVENTS.iter().position(|known| *known == name)?;
        match place {
            0 => EntityUpdated::deserialize(body).map(Self::EntityUpdated),
            1 => StateInvalidated::deserialize(body).map(Self::StateInvalidated),
            2 => WorldTimeChanged::deserialize(body).map(Self::WorldTimeChanged),
            3 => SettlementUpdated::deserialize(body).map(Self::SettlementUpdated),
            _ => StructureUpdated::deserialize(body).map(Self::StructureUpdated),
        }
        .ok()
    }

    /// Returns the event's name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::EntityUpdated(_) => DURABLE_EVENTS[0],
            Self::StateInvalidated(_) => DURABLE_EVENTS[1],
            Self::WorldTimeChanged(_) => DURABLE_EVENTS[2],
            Self::SettlementUpdated(_) => DURABLE_EVENTS[3],
            Self::StructureUpdated(_) => DURABLE_EVENTS[4],
        }
    }

    /// Returns the fields that changed; for an invalidation the computed fields that no longer hold.
    ///
    /// A variable is named by its key: `variables.population`.
    #[must_use]
    pub fn changed_fields(&self) -> &[String] {
        match self {
            Self::EntityUpdated(p) => &p.changed_fields,
            Self::StateInvalidated(p) => &p.affected_fields,
            Self::WorldTimeChanged(_) => &[],
            Self::SettlementUpdated(p) => &p.changed_fields,
            Self::StructureUpdated(p) => &p.changed_fields,
        }
    }

    /// Returns what was done to the subject; invalidations and clock moves count as updates.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::EntityUpdated(p) => p.operation,
            Self::SettlementUpdated(p) => p.operation,
            Self::StructureUpdated(p) => p.operation,
            Self::StateInvalidated(_) | Self::WorldTimeChanged(_) => Operation::Update,
        }
    }

    /// Returns the campaign this happened in.
    #[must_use]
    pub const fn campaign_id(&self) -> &Id {
        match self {
            Self::EntityUpdated(p) => &p.campaign_id,
            Self::StateInvalidated(p) => &p.campaign_id,
            Self::WorldTimeChanged(p) => &p.campaign_id,
            Self::SettlementUpdated(p) => &p.campaign_id,
            Self::StructureUpdated(p) => &p.campaign_id,
        }
    }

    /// Returns the entity this is about; the campaign itself when it is about all of it.
    #[must_use]
    pub fn subject(&self) -> EntityRef {
        let whole = || EntityRef::new(EntityType::Campaign, self.campaign_id().clone());
        match self {
            Self::EntityUpdated(p) => EntityRef::new(p.entity_type.clone(), p.entity_id.clone()),
            Self::StateInvalidated(p) => match (p.scope, &p.entity_type, &p.entity_id) {
                (InvalidationScope::Entity, Some(entity_type), Some(id)) => {
                    EntityRef::new(entity_type.clone(), id.clone())
                }
                (InvalidationScope::Entity | InvalidationScope::Campaign, _, _) => whole(),
            },
            Self::WorldTimeChanged(_) => whole(),
            Self::SettlementUpdated(p) => EntityRef::new(EntityType::Settlement, p.settlement_id.clone()),
            Self::StructureUpdated(p) => EntityRef::new(EntityType::Structure, p.structure_id.clone()),
        }
    }

    /// Returns the rooms an event goes to, the campaign's first.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        let mut rooms = vec![Room::Campaign(self.campaign_id().clone())];
        match self {
            Self::EntityUpdated(p) => rooms.extend(
                Room::of_entity(&p.entity_type, &p.entity_id).filter(|room| !matches!(room, Room::Campaign(_))),
            ),
            Self::StateInvalidated(_) | Self::WorldTimeChanged(_) => {}
            Self::SettlementUpdated(p) => rooms.push(Room::Settlement(p.settlement_id.clone())),
            Self::StructureUpdated(p) => {
                rooms.push(Room::Settlement(p.settlement_id.clone()));
                rooms.push(Room::Structure(p.structure_id.clone()));
            }
        }
        rooms
    }
}

impl Event {
    /// Reads an event in the form of the five; `None` for anything else, which is then shown raw.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let payload = Payload::from_parts(value.get("type")?.as_str()?, value.get("payload")?)?;
        let metadata = value.get("metadata").map(Metadata::deserialize).transpose().ok()?;
        Some(Self { payload, metadata: metadata.unwrap_or_default() })
    }

    /// Returns the event's place in its campaign's history, where the gateway keeps one.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        Some(Position::new(self.metadata.epoch.clone()?, self.metadata.seq?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn structure_event() -> Value {
        json!({
            "type": "structure_updated",
            "payload": {"structureId": "t", "settlementId": "s", "operation": "update", "campaignId": "c", "changedFields": ["level"]},
            "metadata": {"v": 1, "timestamp": "2026-01-01T00:00:00.000Z", "userId": "u", "source": "rules-engine",
                         "eventId": "e", "epoch": "x", "seq": 7, "prev": {"settlement": 3, "structure": 0}},
        })
    }

    #[test]
    fn an_event_is_written_as_it_was_read() {
        let value = structure_event();
        let event = Event::from_value(&value).unwrap();
        assert_eq!(event.position(), Some(Position::new("x", 7)));
        assert_eq!(serde_json::to_value(&event).unwrap(), value);
    }

    #[test]
    fn a_structure_reaches_the_rooms_of_its_parents() {
        let event = Event::from_value(&structure_event()).unwrap();
        let rooms: Vec<_> = event.payload.rooms().iter().map(ToString::to_string).collect();
        assert_eq!(rooms, ["campaign:c", "settlement:s", "structure:t"]);
    }

    #[test]
    fn a_foreign_event_needs_no_positions() {
        let value = json!({"type": "world_time_changed", "payload":
            {"campaignId": "c", "previousTime": "a", "newTime": "b", "elapsedSeconds": 60}});
        let event = Event::from_value(&value).unwrap();
        assert_eq!(event.position(), None);
        assert_eq!(event.payload.subject().id.as_str(), "c");
    }

    #[test]
    fn an_unknown_source_is_kept() {
        let metadata: Metadata = serde_json::from_value(json!({"source": "weather"})).unwrap();
        assert_eq!(metadata.source.unwrap().as_str(), "weather");
    }

    #[test]
    fn both_ways_of_reading_agree() {
        let cut = |path: &str| {
            let mut value = structure_event();
            *value.pointer_mut(path).unwrap() = Value::Null;
            value
        };
        let paths =
            ["/type", "/payload", "/metadata", "/payload/structureId", "/payload/changedFields", "/metadata/seq"];
        for value in paths.into_iter().map(cut).chain([structure_event(), json!({"type": "world_time_changed"})]) {
            assert_eq!(Event::from_value(&value), Event::deserialize(&value).ok(), "{value}");
        }
    }

    #[test]
    fn anything_else_is_not_one_of_the_five() {
        assert_eq!(Event::from_value(&json!({"type": "invoice:paid", "payload": {}})), None);
        assert_eq!(Event::from_value(&json!("hello")), None);
    }
}
