//! One cached entity: its values, which of them are stale, and what changed lately.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::protocol::{EntityRef, Id};

/// Holds an entity as the API last told it, with marks for what has happened since.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    pub key: EntityRef,
    pub campaign_id: Id,
    /// The entity this one stands under in the tree; `None` for the campaign itself.
    pub parent: Option<Id>,
    pub name: Arc<str>,
    /// Rises by one with every accepted edit; zero when the gateway does not count.
    pub version: i64,
    /// Every value by its API name, nested ones (`variables`, `computed`) as objects. Safe for display.
    pub fields: Map<String, Value>,
    /// The latest change of each field, by dotted name (`variables.population`).
    pub changes: BTreeMap<String, FieldChange>,
    pub(super) stale: Stale,
}

/// Describes the latest change of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// The value before, where it was known.
    pub from: Option<Value>,
    pub at: Timestamp,
    pub by: Option<Id>,
    pub seq: Option<u64>,
}

/// Tells which values of an entity are older than an event that touched them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Stale {
    #[default]
    Nothing,
    /// Only these fields, by dotted name.
    Fields(BTreeSet<String>),
    Everything,
}

impl Stale {
    pub(super) fn add(&mut self, fields: impl IntoIterator<Item = String>) {
        match self {
            Self::Everything => {}
            Self::Fields(known) => known.extend(fields),
            Self::Nothing => *self = Self::Fields(fields.into_iter().collect()),
        }
    }
}

impl Entity {
    /// Returns a value by its dotted name, for example `level` or `variables.population`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        let (head, rest) = name.split_once('.').map_or((name, None), |(head, rest)| (head, Some(rest)));
        let value = self.fields.get(head)?;
        match rest {
            Some(key) => value.get(key),
            None => Some(value),
        }
    }

    /// Tells whether any value is stale.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale != Stale::Nothing
    }

    /// Tells whether the value with this dotted name, or the object it sits in, is stale.
    #[must_use]
    pub fn is_field_stale(&self, name: &str) -> bool {
        match &self.stale {
            Stale::Nothing => false,
            Stale::Everything => true,
            Stale::Fields(fields) => {
                fields.contains(name) || name.split_once('.').is_some_and(|(head, _)| fields.contains(head))
            }
        }
    }

    /// Returns when any field last changed.
    #[must_use]
    pub fn last_change(&self) -> Option<Timestamp> {
        self.changes.values().map(|change| change.at).max()
    }
}
