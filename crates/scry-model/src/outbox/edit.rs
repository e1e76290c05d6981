//! An edit: what a person wants changed, named so that asking twice changes nothing twice.

use jiff::Timestamp;
use scry_protocol::{EntityRef, EntityType, Id, OnConflict};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A change that a user made to a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    /// The idempotency key: a new UUIDv7, or whatever the person chose.
    pub key: String,
    /// The campaign that is changed.
    pub campaign: Id,
    /// When it was made.
    pub at: Timestamp,
    /// The run that the change belongs to, named in the events it leads to; without one they name the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The change itself.
    pub change: EditChange,
}

/// The content of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum EditChange {
    /// Sets fields of an entity; `input` is the mutation's input, in which `variables` is a patch.
    Update {
        /// The entity's type.
        entity_type: EntityType,
        /// The entity's id.
        id: Id,
        /// The mutation's input: the fields to set, with their new values.
        input: Map<String, Value>,
        /// The version that was seen when the edit was made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<i64>,
        /// What the server does where another user has changed the same fields since that version.
        #[serde(default)]
        on_conflict: OnConflict,
    },
    /// Creates an entity.
    Create {
        /// The new entity's type.
        entity_type: EntityType,
        /// The mutation's input: the new entity's fields.
        input: Map<String, Value>,
    },
    /// Deletes an entity with everything in it.
    Delete {
        /// The entity's type.
        entity_type: EntityType,
        /// The entity's id.
        id: Id,
        /// The version that was seen; a later one makes the server refuse the deletion.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<i64>,
    },
    /// Moves the campaign's clock, back where `seconds` is negative.
    AdvanceTime {
        /// The seconds of world time to add.
        seconds: i64,
    },
    /// Sets the campaign's clock to an RFC 3339 time.
    SetTime {
        /// The new world time.
        time: String,
        /// Whether scheduled effects after that time happen again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rewind: bool,
    },
}

impl EditChange {
    /// Builds an update that joins what others change meanwhile, as long as they change other fields.
    #[must_use]
    pub fn update(entity: &EntityRef, input: Map<String, Value>, expected_version: Option<i64>) -> Self {
        Self::Update {
            entity_type: entity.entity_type.clone(),
            id: entity.id.clone(),
            input,
            expected_version,
            on_conflict: OnConflict::Merge,
        }
    }

    /// Returns the entity that is changed or deleted; `None` for one that is created and for the clock.
    #[must_use]
    pub fn entity(&self) -> Option<EntityRef> {
        match self {
            Self::Update { entity_type, id, .. } | Self::Delete { entity_type, id, .. } => {
                Some(EntityRef::new(entity_type.clone(), id.clone()))
            }
            Self::Create { .. } | Self::AdvanceTime { .. } | Self::SetTime { .. } => None,
        }
    }

    /// Lists the fields that an update sets, each variable by its key: `level`, `variables.morale`.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let Self::Update { input, .. } = self else { return Vec::new() };
        let names = |(name, value): (&String, &Value)| match value.as_object().filter(|_| name == "variables") {
            Some(patch) => patch.keys().map(|key| format!("{name}.{key}")).collect(),
            None => vec![name.clone()],
        };
        input.iter().flat_map(names).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn update(input: Value) -> EditChange {
        let Value::Object(input) = input else { panic!("no object") };
        EditChange::update(&EntityRef::new(EntityType::Settlement, Id::parse("s").unwrap()), input, Some(3))
    }

    #[test]
    fn variables_are_fields_of_their_own() {
        let change = update(json!({"level": 4, "variables": {"morale": "high", "food": null}}));
        assert_eq!(change.fields(), ["level", "variables.morale", "variables.food"]);
    }

    #[test]
    fn an_edit_is_read_as_it_was_written() {
        let id = Id::parse("s").unwrap();
        let changes = [
            update(json!({"level": 4})),
            EditChange::Create { entity_type: EntityType::Kingdom, input: Map::new() },
            EditChange::Delete { entity_type: EntityType::Settlement, id: id.clone(), expected_version: None },
            EditChange::AdvanceTime { seconds: -60 },
            EditChange::SetTime { time: "1207-09-14T15:20:00.000Z".to_owned(), rewind: true },
        ];
        for change in changes {
            let edit = Edit {
                key: "k".to_owned(),
                campaign: id.clone(),
                at: Timestamp::UNIX_EPOCH,
                correlation: None,
                change,
            };
            let text = serde_json::to_string(&edit).unwrap();
            assert_eq!(serde_json::from_str::<Edit>(&text).unwrap(), edit, "{text}");
        }
    }
}
