//! What is known about events before any has come: their fields, and which words these may hold.

use scry_protocol::event::DURABLE_EVENTS;

use super::names::NameKind;

/// The values a field may hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ValueShape {
    /// Anything; its fields are not known either.
    Any,
    Bool,
    Number,
    Text,
    /// One of these words and no other.
    Words(&'static [&'static str]),
    /// Usually one of these words; a foreign gateway may know more.
    UsualWords(&'static [&'static str]),
    List(&'static ValueShape),
    Record(&'static [FieldSchema]),
    /// The name of a field that changed, `variables.NAME` for one of the variables.
    ChangedField,
    /// Variables or computed values, whose names each campaign chooses.
    Names(NameKind),
}

pub(super) type FieldSchema = (&'static str, ValueShape);

const ENTITY_TYPES: ValueShape =
    ValueShape::UsualWords(&["campaign", "kingdom", "settlement", "structure", "location", "encounter", "member"]);
const OPERATION: ValueShape = ValueShape::Words(&["create", "update", "delete"]);
const CHANGED: ValueShape = ValueShape::List(&ValueShape::ChangedField);

/// Names what an entity can change, beside its own variables and computed values.
pub(super) const CHANGED_FIELDS: &[&str] = &[
    "name",
    "description",
    "level",
    "type",
    "status",
    "role",
    "calendar",
    "worldTime",
    "kingdomId",
    "settlementId",
    "locationId",
    "variables",
    "variableSchemas",
    "computed",
    "conditions",
];
const AFFECTED: ValueShape = ValueShape::List(&ValueShape::Text);

const ENTITY_UPDATED: &[FieldSchema] = &[
    ("entityType", ENTITY_TYPES),
    ("entityId", ValueShape::Text),
    ("campaignId", ValueShape::Text),
    ("operation", OPERATION),
    ("changedFields", CHANGED),
];
const STATE_INVALIDATED: &[FieldSchema] = &[
    ("scope", ValueShape::Words(&["campaign", "entity"])),
    ("campaignId", ValueShape::Text),
    ("entityType", ENTITY_TYPES),
    ("entityId", ValueShape::Text),
    ("affectedFields", AFFECTED),
];
const WORLD_TIME_CHANGED: &[FieldSchema] = &[
    ("campaignId", ValueShape::Text),
    ("previousTime", ValueShape::Text),
    ("newTime", ValueShape::Text),
    ("elapsedSeconds", ValueShape::Number),
];
const SETTLEMENT_UPDATED: &[FieldSchema] = &[
    ("settlementId", ValueShape::Text),
    ("operation", OPERATION),
    ("campaignId", ValueShape::Text),
    ("changedFields", CHANGED),
];
const STRUCTURE_UPDATED: &[FieldSchema] = &[
    ("structureId", ValueShape::Text),
    ("settlementId", ValueShape::Text),
    ("operation", OPERATION),
    ("campaignId", ValueShape::Text),
    ("changedFields", CHANGED),
];

/// The payload's fields of each durable event, in the order of [`DURABLE_EVENTS`].
pub(super) const PAYLOADS: [&[FieldSchema]; DURABLE_EVENTS.len()] =
    [ENTITY_UPDATED, STATE_INVALIDATED, WORLD_TIME_CHANGED, SETTLEMENT_UPDATED, STRUCTURE_UPDATED];

pub(super) const METADATA: &[FieldSchema] = &[
    ("v", ValueShape::Number),
    ("timestamp", ValueShape::Text),
    ("userId", ValueShape::Text),
    ("source", ValueShape::UsualWords(&["api", "rules-engine", "scheduler"])),
    ("correlationId", ValueShape::Text),
    ("causedBy", ValueShape::Text),
    ("eventId", ValueShape::Text),
    ("epoch", ValueShape::Text),
    ("seq", ValueShape::Number),
    ("prev", ValueShape::Record(&[("settlement", ValueShape::Number), ("structure", ValueShape::Number)])),
    ("version", ValueShape::Number),
    (
        "changes",
        ValueShape::List(&ValueShape::Record(&[
            ("field", ValueShape::ChangedField),
            ("from", ValueShape::Any),
            ("to", ValueShape::Any),
        ])),
    ),
    ("replayed", ValueShape::Bool),
];

/// What any cached entity may hold; which of it one has depends on its type.
pub(super) const ENTITY: &[FieldSchema] = &[
    ("id", ValueShape::Text),
    ("entityType", ENTITY_TYPES),
    ("campaignId", ValueShape::Text),
    ("kingdomId", ValueShape::Text),
    ("settlementId", ValueShape::Text),
    ("locationId", ValueShape::Text),
    ("userId", ValueShape::Text),
    ("name", ValueShape::Text),
    ("description", ValueShape::Text),
    ("type", ValueShape::Text),
    ("status", ValueShape::Text),
    ("role", ValueShape::Text),
    ("myRole", ValueShape::Text),
    ("level", ValueShape::Number),
    ("version", ValueShape::Number),
    ("createdAt", ValueShape::Text),
    ("updatedAt", ValueShape::Text),
    ("worldTime", ValueShape::Text),
    ("calendar", ValueShape::Any),
    ("position", ValueShape::Any),
    ("variables", ValueShape::Names(NameKind::Variable)),
    ("variableSchemas", ValueShape::Names(NameKind::Variable)),
    ("computed", ValueShape::Names(NameKind::Computed)),
    ("conditions", ValueShape::List(&ValueShape::Record(CONDITION))),
];

/// A computed value.
pub(super) const COMPUTED: &[FieldSchema] = &[
    ("value", ValueShape::Any),
    ("formula", ValueShape::Text),
    ("unit", ValueShape::Text),
    ("dependsOnTime", ValueShape::Bool),
    ("reason", ValueShape::Text),
];

const CONDITION: &[FieldSchema] = &[
    ("name", ValueShape::Text),
    ("holds", ValueShape::Any),
    ("expression", ValueShape::Text),
    ("because", ValueShape::Text),
];

/// What `world_date` returns.
pub(super) const WORLD_DATE: &[FieldSchema] = &[
    ("year", ValueShape::Number),
    ("month", ValueShape::Text),
    ("day", ValueShape::Number),
    ("weekday", ValueShape::Text),
    ("hour", ValueShape::Number),
    ("minute", ValueShape::Number),
    ("season", ValueShape::Text),
    ("festival", ValueShape::Text),
    ("text", ValueShape::Text),
];

/// The event types that are still possible at some point of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types {
    /// One bit for each of [`DURABLE_EVENTS`].
    known: u8,
    /// Whether an event of another form is possible.
    other: bool,
}

impl Types {
    const ALL_BITS: u8 = (1 << DURABLE_EVENTS.len()) - 1;
    pub(super) const ALL: Self = Self { known: Self::ALL_BITS, other: true };
    pub(super) const NONE: Self = Self { known: 0, other: false };

    /// Returns the set of the one type with this name.
    pub(super) fn named(name: &str) -> Self {
        DURABLE_EVENTS
            .iter()
            .position(|known| *known == name)
            .map_or(Self { known: 0, other: true }, |index| Self { known: 1 << index, other: false })
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self { known: self.known & other.known, other: self.other && other.other }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self { known: self.known | other.known, other: self.other || other.other }
    }

    /// Returns everything but the five's types in this set; an unnamed type always stays possible.
    pub(super) const fn complement(self) -> Self {
        Self { known: Self::ALL_BITS & !self.known, other: true }
    }

    pub(super) fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Returns whether only events of another form are left, whose payloads are not known.
    pub(super) const fn only_other(self) -> bool {
        self.known == 0 && self.other
    }

    /// Returns the types of entities that these events can be about; `None` for any type.
    pub(super) fn entity_types(self) -> Option<Vec<&'static str>> {
        let about = |event: &'static str| match event {
            "settlement_updated" => Some("settlement"),
            "structure_updated" => Some("structure"),
            "world_time_changed" => Some("campaign"),
            _ => None,
        };
        if self.other || self.is_none() { None } else { self.names().map(about).collect() }
    }

    /// Returns the known types in the set.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.indices().map(|index| DURABLE_EVENTS[index])
    }

    /// Returns the payload fields of the known types in the set.
    pub(super) fn payloads(self) -> Vec<&'static [FieldSchema]> {
        self.indices().map(|index| PAYLOADS[index]).collect()
    }

    fn indices(self) -> impl Iterator<Item = usize> {
        (0..DURABLE_EVENTS.len()).filter(move |index| self.known & (1 << index) != 0)
    }
}

#[cfg(test)]
mod tests {
    use scry_protocol::Event;
    use serde_json::json;

    use super::*;

    /// Every field that the wire types write is known here, so that the two cannot drift apart.
    #[test]
    fn the_fields_are_those_of_the_wire() {
        let full = json!({"entityType": "settlement", "entityId": "e", "campaignId": "c", "operation": "update",
            "changedFields": [], "scope": "entity", "affectedFields": [], "previousTime": "a", "newTime": "b",
            "elapsedSeconds": 1, "settlementId": "s", "structureId": "t"});
        let metadata = json!({"v": 1, "timestamp": "t", "userId": "u", "source": "api", "correlationId": "c",
            "causedBy": "e", "eventId": "e", "epoch": "e", "seq": 1, "prev": {"settlement": 1, "structure": 2},
            "version": 1, "changes": [{"field": "level", "from": 1, "to": 2}], "replayed": true});
        for (name, fields) in DURABLE_EVENTS.iter().zip(PAYLOADS) {
            let event = json!({"type": name, "payload": full, "metadata": metadata});
            let written = serde_json::to_value(Event::from_value(&event).unwrap()).unwrap();
            let keys = |value: &serde_json::Value| {
                let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
                keys.sort();
                keys
            };
            let known = |fields: &[FieldSchema]| {
                let mut names: Vec<String> = fields.iter().map(|(name, _)| (*name).to_owned()).collect();
                names.sort();
                names
            };
            assert_eq!(keys(&written["payload"]), known(fields), "{name}");
            assert_eq!(keys(&written["metadata"]), known(METADATA), "{name}");
        }
    }
}
