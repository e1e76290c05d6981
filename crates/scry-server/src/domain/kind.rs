//! The kinds of entity and their fields: the one table behind checks, defaults and storage.

use scry_protocol::EntityType;
use serde_json::{Map, Value, json};

/// A kind of entity that is stored with fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A campaign.
    Campaign,
    /// A kingdom.
    Kingdom,
    /// A settlement.
    Settlement,
    /// A structure.
    Structure,
    /// A location.
    Location,
    /// An encounter.
    Encounter,
}

/// One field of a kind, besides `name`.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// The field's name.
    pub name: &'static str,
    /// What it may hold.
    pub shape: FieldShape,
    /// Whether an update may name it; a create may name every field that is not computed.
    pub editable: bool,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldShape {
    /// A text.
    Text,
    /// A whole number that counts steps, from 0.
    Level,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// RFC 3339 UTC.
    Time,
    /// A JSON object, or null.
    Object,
    /// A variable's value or schema by name.
    Table,
    /// An entity of the same campaign without which this one cannot be.
    Parent(EntityKind),
    /// An entity of the same campaign, or null.
    Link(EntityKind),
    /// An object that only the rules engine writes.
    Computed,
    /// A list that only the rules engine writes.
    Conditions,
}

/// What an encounter may be; the first is what it starts as.
pub const ENCOUNTER_STATUS: [&str; 3] = ["planned", "active", "resolved"];

const fn field(name: &'static str, shape: FieldShape) -> FieldSpec {
    FieldSpec { name, shape, editable: true }
}

const fn fixed(name: &'static str, shape: FieldShape) -> FieldSpec {
    FieldSpec { name, shape, editable: false }
}

const CAMPAIGN: &[FieldSpec] = &[
    field("description", FieldShape::Text),
    fixed("worldTime", FieldShape::Time),
    field("calendar", FieldShape::Object),
];
const KINGDOM: &[FieldSpec] = &[field("description", FieldShape::Text)];
const SETTLEMENT: &[FieldSpec] = &[
    field("kingdomId", FieldShape::Parent(EntityKind::Kingdom)),
    field("description", FieldShape::Text),
    field("level", FieldShape::Level),
    field("variableSchemas", FieldShape::Table),
    field("variables", FieldShape::Table),
    fixed("computed", FieldShape::Computed),
    fixed("conditions", FieldShape::Conditions),
];
const STRUCTURE: &[FieldSpec] = &[
    fixed("settlementId", FieldShape::Parent(EntityKind::Settlement)),
    field("type", FieldShape::Text),
    field("description", FieldShape::Text),
    field("level", FieldShape::Level),
    field("variableSchemas", FieldShape::Table),
    field("variables", FieldShape::Table),
    fixed("computed", FieldShape::Computed),
    fixed("conditions", FieldShape::Conditions),
];
const LOCATION: &[FieldSpec] = &[
    field("kingdomId", FieldShape::Link(EntityKind::Kingdom)),
    field("settlementId", FieldShape::Link(EntityKind::Settlement)),
    field("description", FieldShape::Text),
    field("type", FieldShape::Text),
];
const ENCOUNTER: &[FieldSpec] = &[
    field("locationId", FieldShape::Link(EntityKind::Location)),
    field("description", FieldShape::Text),
    field("status", FieldShape::Choice(&ENCOUNTER_STATUS)),
];

impl EntityKind {
    /// All kinds, parents before children.
    pub const ALL: [Self; 6] =
        [Self::Campaign, Self::Kingdom, Self::Settlement, Self::Structure, Self::Location, Self::Encounter];

    /// Returns the name used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Kingdom => "kingdom",
            Self::Settlement => "settlement",
            Self::Structure => "structure",
            Self::Location => "location",
            Self::Encounter => "encounter",
        }
    }

    /// Reads a stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns the fields of this kind, besides `name`.
    #[must_use]
    pub const fn fields(self) -> &'static [FieldSpec] {
        match self {
            Self::Campaign => CAMPAIGN,
            Self::Kingdom => KINGDOM,
            Self::Settlement => SETTLEMENT,
            Self::Structure => STRUCTURE,
            Self::Location => LOCATION,
            Self::Encounter => ENCOUNTER,
        }
    }

    /// Returns the field that names the parent and the parent's kind, where there must be one.
    #[must_use]
    pub fn parent(self) -> Option<(&'static str, Self)> {
        self.fields().iter().find_map(|field| match field.shape {
            FieldShape::Parent(kind) => Some((field.name, kind)),
            FieldShape::Text
            | FieldShape::Level
            | FieldShape::Choice(_)
            | FieldShape::Time
            | FieldShape::Object
            | FieldShape::Table
            | FieldShape::Link(_)
            | FieldShape::Computed
            | FieldShape::Conditions => None,
        })
    }

    /// Returns the kinds and fields that may point at this kind without needing it.
    pub fn links(self) -> impl Iterator<Item = (Self, &'static str)> {
        Self::ALL.into_iter().flat_map(move |kind| {
            kind.fields().iter().filter(move |field| field.shape == FieldShape::Link(self)).map(move |f| (kind, f.name))
        })
    }

    /// Returns the fields of a new entity that names none; what it must name is null.
    #[must_use]
    pub fn defaults(self) -> Map<String, Value> {
        self.fields().iter().map(|field| (field.name.to_owned(), field.shape.default())).collect()
    }
}

impl FieldShape {
    fn default(self) -> Value {
        match self {
            Self::Text => json!(""),
            Self::Level => json!(1),
            Self::Choice(values) => json!(values.first()),
            Self::Table | Self::Computed => json!({}),
            Self::Conditions => json!([]),
            Self::Time | Self::Object | Self::Parent(_) | Self::Link(_) => Value::Null,
        }
    }
}

impl From<EntityKind> for EntityType {
    fn from(kind: EntityKind) -> Self {
        match kind {
            EntityKind::Campaign => Self::Campaign,
            EntityKind::Kingdom => Self::Kingdom,
            EntityKind::Settlement => Self::Settlement,
            EntityKind::Structure => Self::Structure,
            EntityKind::Location => Self::Location,
            EntityKind::Encounter => Self::Encounter,
        }
    }
}
