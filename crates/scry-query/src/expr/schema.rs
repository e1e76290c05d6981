//! What is known about events before any has come: their fields, and which words these may hold.

use scry_protocol::event::DURABLE_EVENTS;

use super::names::NameKind;

/// Describes the values a field may hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Anything; its fields are not known either.
    Any,
    Bool,
    Number,
    Text,
    /// One of these words and no other.
    Words(&'static [&'static str]),
    /// Usually one of these words; a foreign gateway may know more.
    UsualWords(&'static [&'static str]),
    List(&'static Shape),
    Record(&'static [Field]),
    /// The name of a field that changed, `variables.NAME` for one of the variables.
    ChangedField,
    /// Variables or computed values, whose names each campaign chooses.
    Names(NameKind),
}

pub(super) type Field = (&'static str, Shape);

const ENTITY_TYPES: Shape =
    Shape::UsualWords(&["campaign", "kingdom", "settlement", "structure", "location", "encounter", "member"]);
const OPERATION: Shape = Shape::Words(&["create", "update", "delete"]);
const CHANGED: Shape = Shape::List(&Shape::ChangedField);

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
const AFFECTED: Shape = Shape::List(&Shape::Text);

const ENTITY_UPDATED: &[Field] = &[
    ("entityType", ENTITY_TYPES),
    ("entityId", Shape::Text),
    ("campaignId", Shape::Text),
    ("operation", OPERATION),
    ("changedFields", CHANGED),
];
const STATE_INVALIDATED: &[Field] = &[
    ("scope", Shape::Words(&["campaign", "entity"])),
    ("campaignId", Shape::Text),
    ("entityType", ENTITY_TYPES),
    ("entityId", Shape::Text),
    ("affectedFields", AFFECTED),
];
const WORLD_TIME_CHANGED: &[Field] = &[
    ("campaignId", Shape::Text),
    ("previousTime", Shape::Text),
    ("newTime", Shape::Text),
    ("elapsedSeconds", Shape::Number),
];
const SETTLEMENT_UPDATED: &[Field] =
    &[("settlementId", Shape::Text), ("operation", OPERATION), ("campaignId", Shape::Text), ("changedFields", CHANGED)];
const STRUCTURE_UPDATED: &[Field] = &[
    ("structureId", Shape::Text),
    ("settlementId", Shape::Text),
    ("operation", OPERATION),
    ("campaignId", Shape::Text),
    ("changedFields", CHANGED),
];

/// Lists the payload's fields of each durable event, in the order of [`DURABLE_EVENTS`].
pub(super) const PAYLOADS: [&[Field]; DURABLE_EVENTS.len()] =
    [ENTITY_UPDATED, STATE_INVALIDATED, WORLD_TIME_CHANGED, SETTLEMENT_UPDATED, STRUCTURE_UPDATED];

pub(super) const METADATA: &[Field] = &[
    ("v", Shape::Number),
    ("timestamp", Shape::Text),
    ("userId", Shape::Text),
    ("source", Shape::UsualWords(&["api", "rules-engine", "scheduler"])),
    ("correlationId", Shape::Text),
    ("causedBy", Shape::Text),
    ("eventId", Shape::Text),
    ("epoch", Shape::Text),
    ("seq", Shape::Number),
    ("prev", Shape::Record(&[("settlement", Shape::Number), ("structure", Shape::Number)])),
    ("version", Shape::Number),
    (
        "changes",
        Shape::List(&Shape::Record(&[("field", Shape::ChangedField), ("from", Shape::Any), ("to", Shape::Any)])),
    ),
    ("replayed", Shape::Bool),
];

/// Lists what any cached entity may hold; which of it one has depends on its type.
pub(super) const ENTITY: &[Field] = &[
    ("id", Shape::Text),
    ("entityType", ENTITY_TYPES),
    ("campaignId", Shape::Text),
    ("kingdomId", Shape::Text),
    ("settlementId", Shape::Text),
    ("locationId", Shape::Text),
    ("userId", Shape::Text),
    ("name", Shape::Text),
    ("description", Shape::Text),
    ("type", Shape::Text),
    ("status", Shape::Text),
    ("role", Shape::Text),
    ("myRole", Shape::Text),
    ("level", Shape::Number),
    ("version", Shape::Number),
    ("createdAt", Shape::Text),
    ("updatedAt", Shape::Text),
    ("worldTime", Shape::Text),
    ("calendar", Shape::Any),
    ("position", Shape::Any),
    ("variables", Shape::Names(NameKind::Variable)),
    ("variableSchemas", Shape::Names(NameKind::Variable)),
    ("computed", Shape::Names(NameKind::Computed)),
    ("conditions", Shape::List(&Shape::Record(CONDITION))),
];

/// Describes a computed value.
pub(super) const COMPUTED: &[Field] = &[
    ("value", Shape::Any),
    ("formula", Shape::Text),
    ("unit", Shape::Text),
    ("dependsOnTime", Shape::Bool),
    ("reason", Shape::Text),
];

const CONDITION: &[Field] =
    &[("name", Shape::Text), ("holds", Shape::Any), ("expression", Shape::Text), ("because", Shape::Text)];

/// Describes what `world_date` returns.
pub(super) const WORLD_DATE: &[Field] = &[
    ("year", Shape::Number),
    ("month", Shape::Text),
    ("day", Shape::Number),
    ("weekday", Shape::Text),
    ("hour", Shape::Number),
    ("minute", Shape::Number),
    ("season", Shape::Text),
    ("festival", Shape::Text),
    ("text", Shape::Text),
];

/// Holds the event types that are still possible at some point of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types {
    /// One bit for each of [`DURABLE_EVENTS`].
    known: u8,
    /// Whether an event of another form is possible.
    other: bool,
}

impl Types {
    const EVERY: u8 = (1 << DURABLE_EVENTS.len()) - 1;
    pub(super) const ALL: Self = Self { known: Self::EVERY, other: true };
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
        Self { known: Self::EVERY & !self.known, other: true }
    }

    pub(super) fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Tells whether only events of another form are left, whose payloads are not known.
    pub(super) const fn only_other(self) -> bool {
        self.known == 0 && self.other
    }

    /// Lists the types of entities that these events can be about; `None` for any type.
    pub(super) fn entity_types(self) -> Option<Vec<&'static str>> {
        let about = |event: &'static str| match event {
            "settlement_updated" => Some("settlement"),
            "structure_updated" => Some("structure"),
            "world_time_changed" => Some("campaign"),
            _ => None,
        };
        if self.other || self.is_none() { None } else { self.names().map(about).collect() }
    }

    /// Lists the known types in the set.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.indices().map(|index| DURABLE_EVENTS[index])
    }

    /// Lists the payload fields of the known types in the set.
    pub(super) fn payloads(self) -> Vec<&'static [Field]> {
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
            let known = |fields: &[Field]| {
                let mut names: Vec<String> = fields.iter().map(|(name, _)| (*name).to_owned()).collect();
                names.sort();
                names
            };
            assert_eq!(keys(&written["payload"]), known(fields), "{name}");
            assert_eq!(keys(&written["metadata"]), known(METADATA), "{name}");
        }
    }
}
