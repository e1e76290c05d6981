//! The types that queries and mutations answer with.

use async_graphql::{Enum, ID, SimpleObject};
use scry_protocol::catalogue::EventDisplay;
use scry_protocol::{self as protocol, Role as MemberRole};
use serde_json::Value;

use crate::domain::{self, CampaignView, Entity, WorldTimeMove};
use crate::journal::JournalRow;

/// Ranks what a member may do in a campaign; a higher role includes the lower ones.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "scry_protocol::Role")]
pub enum Role {
    Viewer,
    Editor,
    Owner,
}

/// Chooses what happens to an edit whose `expectedVersion` is no longer the current one.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "scry_protocol::OnConflict")]
pub enum OnConflict {
    /// Refuses whenever the version differs.
    Reject,
    /// Applies when the two sides touched different fields, refuses otherwise.
    Merge,
    /// Applies, and tells the user whose value was replaced.
    LastWriteWins,
}

/// A place in a campaign's journal.
#[derive(SimpleObject)]
pub(super) struct Position {
    epoch: String,
    seq: u64,
}

/// A campaign as the caller sees it.
#[derive(SimpleObject)]
pub(super) struct Campaign {
    id: ID,
    campaign_id: ID,
    name: String,
    version: i64,
    created_at: String,
    updated_at: String,
    description: String,
    world_time: String,
    calendar: Value,
    my_role: Role,
    /// The position that this state corresponds to.
    position: Position,
}

/// A kingdom.
#[derive(SimpleObject)]
pub(super) struct Kingdom {
    id: ID,
    campaign_id: ID,
    name: String,
    version: i64,
    created_at: String,
    updated_at: String,
    description: String,
}

/// A settlement of a kingdom.
#[derive(SimpleObject)]
pub(super) struct Settlement {
    id: ID,
    campaign_id: ID,
    name: String,
    version: i64,
    created_at: String,
    updated_at: String,
    /// Always there; nullable like a location's, so that one query may ask both for it.
    kingdom_id: Option<ID>,
    description: String,
    level: i64,
    variables: Value,
    variable_schemas: Value,
    computed: Value,
    conditions: Value,
}

/// A structure of a settlement.
#[derive(SimpleObject)]
pub(super) struct Structure {
    id: ID,
    campaign_id: ID,
    name: String,
    version: i64,
    created_at: String,
    updated_at: String,
    /// Always there; nullable like a location's, so that one query may ask both for it.
    settlement_id: Option<ID>,
    #[graphql(name = "type")]
    structure_type: String,
    description: String,
    level: i64,
    variables: Value,
    variable_schemas: Value,
    computed: Value,
    conditions: Value,
}

/// A place.
#[derive(SimpleObject)]
pub(super) struct Location {
    id: ID,
    campaign_id: ID,
    name: String,
    version: i64,
    created_at: String,
    updated_at: String,
    kingdom_id: Option<ID>,
    settlement_id: Option<ID>,
    description: String,
    #[graphql(name = "type")]
    location_type: String,
}

/// Something that may happen to the players.
#[derive(SimpleObject)]
pub(super) struct Encounter {
    id: ID,
    campaign_id: ID,
    name: String,
    version: i64,
    created_at: String,
    updated_at: String,
    location_id: Option<ID>,
    description: String,
    /// `planned`, `active` or `resolved`.
    status: String,
}

/// A user's membership of a campaign; `id` is the membership's, `name` the user's.
#[derive(SimpleObject)]
pub(super) struct Member {
    id: ID,
    campaign_id: ID,
    name: String,
    version: i64,
    created_at: String,
    updated_at: String,
    user_id: ID,
    role: Role,
}

/// A user.
#[derive(SimpleObject)]
pub(super) struct User {
    pub id: ID,
    pub username: String,
}

/// A notification of the caller.
#[derive(SimpleObject)]
pub(super) struct Notification {
    id: ID,
    title: String,
    body: String,
    level: String,
    created_at: String,
    /// Who speaks: `message` for people, `conflict` where an edit met another, `rule` for the rules of a world,
    /// `invitation` for an invitation, whose id is then `entityId`.
    kind: String,
    read: bool,
    /// What it is about, where it is about one thing.
    entity_type: Option<String>,
    entity_id: Option<ID>,
}

/// What the caller is told at once; the rest only waits in the list of notifications.
#[derive(SimpleObject)]
pub(super) struct NotificationPreferences {
    /// Some of `info`, `success`, `warning`, `error`.
    levels: Vec<String>,
    /// Some of `message` (from people), `conflict` (edits that met), `rule` (the rules of a world), `invitation`.
    kinds: Vec<String>,
}

/// How a client shows an event that a catalogue declares.
#[derive(SimpleObject)]
pub(super) struct CatalogueEvent {
    name: String,
    /// A sentence with `{path}`s of the payload in it.
    summary: String,
    /// One of `info`, `success`, `warning`, `error`.
    severity: String,
}

impl From<EventDisplay> for CatalogueEvent {
    fn from(look: EventDisplay) -> Self {
        Self { name: look.name, summary: look.summary, severity: look.severity.as_str().to_owned() }
    }
}

/// An event as it was sent.
#[derive(SimpleObject)]
pub(super) struct JournalEvent {
    seq: u64,
    epoch: String,
    #[graphql(name = "type")]
    event_type: String,
    event: Value,
}

/// A whole campaign as it was at `position`.
#[derive(SimpleObject)]
pub(super) struct Snapshot {
    position: Position,
    campaign: Campaign,
    kingdoms: Vec<Kingdom>,
    settlements: Vec<Settlement>,
    structures: Vec<Structure>,
    locations: Vec<Location>,
    encounters: Vec<Encounter>,
    members: Vec<Member>,
}

/// Something that the campaign's clock will bring.
#[derive(SimpleObject)]
pub(super) struct DueEffect {
    /// World time, RFC 3339.
    at: String,
    name: String,
    description: String,
    entity_type: String,
    entity_id: ID,
}

/// A move of a campaign's clock.
#[derive(SimpleObject)]
pub(super) struct WorldTimeChange {
    previous_time: String,
    new_time: String,
    elapsed_seconds: i64,
    /// Scheduled effects happen after this time: the furthest that the clock has come since it was last rewound.
    effects_after: Option<String>,
}

impl From<protocol::Position> for Position {
    fn from(position: protocol::Position) -> Self {
        Self { epoch: position.epoch, seq: position.seq }
    }
}

impl Campaign {
    /// Builds the answer from a state that may be older than the view: a repeated request's first result.
    pub(super) fn new(entity: &Entity, role: MemberRole, position: protocol::Position) -> Self {
        Self {
            id: ID(entity.id.to_string()),
            campaign_id: ID(entity.campaign_id.to_string()),
            name: entity.name.clone(),
            version: entity.version,
            created_at: entity.created_at.clone(),
            updated_at: entity.updated_at.clone(),
            description: entity.text("description"),
            world_time: entity.text("worldTime"),
            calendar: entity.json("calendar"),
            my_role: role.into(),
            position: position.into(),
        }
    }
}

impl From<CampaignView> for Campaign {
    fn from(view: CampaignView) -> Self {
        Self::new(&view.entity, view.role, view.position)
    }
}

/// Builds a type from an entity: the common fields, then those given.
macro_rules! from_entity {
    ($kind:ident { $($field:ident: $read:ident($name:literal)),* $(,)? }) => {
        impl From<Entity> for $kind {
            fn from(entity: Entity) -> Self {
                Self {
                    $($field: read::$read(&entity, $name),)*
                    id: ID(entity.id.to_string()),
                    campaign_id: ID(entity.campaign_id.to_string()),
                    version: entity.version,
                    name: entity.name,
                    created_at: entity.created_at,
                    updated_at: entity.updated_at,
                }
            }
        }
    };
}

/// Reads a field of an entity as the type it has in the schema.
mod read {
    use super::{Entity, ID, Value};

    pub(super) fn text(entity: &Entity, field: &str) -> String {
        entity.text(field)
    }

    pub(super) fn json(entity: &Entity, field: &str) -> Value {
        entity.json(field)
    }

    pub(super) fn integer(entity: &Entity, field: &str) -> i64 {
        entity.fields.get(field).and_then(Value::as_i64).unwrap_or_default()
    }

    pub(super) fn link(entity: &Entity, field: &str) -> Option<ID> {
        entity.link(field).map(|id| ID(id.to_string()))
    }
}

from_entity!(Kingdom { description: text("description") });
from_entity!(Settlement {
    kingdom_id: link("kingdomId"),
    description: text("description"),
    level: integer("level"),
    variables: json("variables"),
    variable_schemas: json("variableSchemas"),
    computed: json("computed"),
    conditions: json("conditions"),
});
from_entity!(Structure {
    settlement_id: link("settlementId"),
    structure_type: text("type"),
    description: text("description"),
    level: integer("level"),
    variables: json("variables"),
    variable_schemas: json("variableSchemas"),
    computed: json("computed"),
    conditions: json("conditions"),
});
from_entity!(Location {
    kingdom_id: link("kingdomId"),
    settlement_id: link("settlementId"),
    description: text("description"),
    location_type: text("type"),
});
from_entity!(Encounter { location_id: link("locationId"), description: text("description"), status: text("status") });

impl From<domain::Member> for Member {
    fn from(member: domain::Member) -> Self {
        Self {
            id: ID(member.id.to_string()),
            campaign_id: ID(member.campaign_id.to_string()),
            name: member.name,
            version: member.version,
            created_at: member.created_at,
            updated_at: member.updated_at,
            user_id: ID(member.user_id.to_string()),
            role: member.role.into(),
        }
    }
}

impl From<domain::Notification> for Notification {
    fn from(it: domain::Notification) -> Self {
        let id = ID(it.id.to_string());
        let entity_type = it.subject.as_ref().map(|subject| subject.entity_type.to_string());
        let entity_id = it.subject.map(|subject| ID(subject.id.to_string()));
        let domain::Notification { title, body, level, created_at, kind, read, .. } = it;
        Self { id, title, body, level, created_at, kind, read, entity_type, entity_id }
    }
}

impl From<domain::DeliveryPreferences> for NotificationPreferences {
    fn from(it: domain::DeliveryPreferences) -> Self {
        Self { levels: it.levels, kinds: it.kinds }
    }
}

impl From<JournalRow> for JournalEvent {
    fn from(row: JournalRow) -> Self {
        let event = serde_json::from_str(&row.body).unwrap_or_default();
        Self { seq: row.seq, epoch: row.epoch, event_type: row.event_type, event }
    }
}

impl From<domain::CampaignSnapshot> for Snapshot {
    fn from(snapshot: domain::CampaignSnapshot) -> Self {
        Self {
            position: snapshot.position.into(),
            campaign: snapshot.campaign.into(),
            kingdoms: all(snapshot.kingdoms),
            settlements: all(snapshot.settlements),
            structures: all(snapshot.structures),
            locations: all(snapshot.locations),
            encounters: all(snapshot.encounters),
            members: all(snapshot.members),
        }
    }
}

impl From<domain::EffectOccurrence> for DueEffect {
    fn from(due: domain::EffectOccurrence) -> Self {
        Self {
            at: due.at,
            name: due.name,
            description: due.description,
            entity_type: due.entity_type.as_str().to_owned(),
            entity_id: ID(due.entity_id.to_string()),
        }
    }
}

impl From<WorldTimeMove> for WorldTimeChange {
    fn from(moved: WorldTimeMove) -> Self {
        let WorldTimeMove { previous_time, new_time, elapsed_seconds, effects_after } = moved;
        Self { previous_time, new_time, elapsed_seconds, effects_after }
    }
}

/// Converts a list.
pub(super) fn all<A, B: From<A>>(items: Vec<A>) -> Vec<B> {
    items.into_iter().map(B::from).collect()
}
