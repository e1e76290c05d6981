//! An entity as the domain holds it.

use scry_protocol::event::{EntityUpdated, SettlementUpdated, StructureUpdated};
use scry_protocol::{Id, Operation, Payload};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EntityKind, FieldMap};
use crate::rules::fields::{self, Flat};

/// A campaign or anything in it; `fields` are those of its [`EntityKind`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// Its id.
    pub id: Id,
    /// The campaign that it belongs to.
    pub campaign_id: Id,
    /// What kind of entity it is.
    pub kind: EntityKind,
    /// Its name.
    pub name: String,
    /// Starts at 1 and rises by one with each change.
    pub version: i64,
    /// RFC 3339 UTC with milliseconds, like `updated_at`.
    pub created_at: String,
    /// When it was last changed, as RFC 3339 UTC.
    pub updated_at: String,
    /// Its fields, as GraphQL names them.
    pub fields: FieldMap,
}

impl Entity {
    /// Returns the fields in the form in which edits are compared.
    #[must_use]
    pub fn flat(&self) -> Flat {
        fields::flatten(&self.name, &self.fields)
    }

    /// Returns a field's text; empty where there is none.
    #[must_use]
    pub fn text(&self, field: &str) -> String {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Returns a field's value; null where there is none.
    #[must_use]
    pub fn json(&self, field: &str) -> Value {
        self.fields.get(field).cloned().unwrap_or_default()
    }

    /// Returns the id that a field holds.
    #[must_use]
    pub fn link(&self, field: &str) -> Option<Id> {
        self.fields.get(field).and_then(Value::as_str).and_then(|text| Id::parse(text).ok())
    }

    /// Returns the id of the parent without which this entity could not be.
    #[must_use]
    pub fn parent(&self) -> Option<Id> {
        self.kind.parent().and_then(|(field, _)| self.link(field))
    }

    /// Builds the event that reports a change to this entity.
    #[must_use]
    pub fn event(&self, operation: Operation, changed_fields: Vec<String>) -> Payload {
        let (id, campaign_id) = (self.id.clone(), self.campaign_id.clone());
        match (self.kind, self.parent()) {
            (EntityKind::Settlement, _) => Payload::SettlementUpdated(SettlementUpdated {
                settlement_id: id,
                operation,
                campaign_id,
                changed_fields,
            }),
            (EntityKind::Structure, Some(settlement_id)) => Payload::StructureUpdated(StructureUpdated {
                structure_id: id,
                settlement_id,
                operation,
                campaign_id,
                changed_fields,
            }),
            (kind, _) => Payload::EntityUpdated(EntityUpdated {
                entity_type: kind.into(),
                entity_id: id,
                campaign_id,
                operation,
                changed_fields,
            }),
        }
    }
}
