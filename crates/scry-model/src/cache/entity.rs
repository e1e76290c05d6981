//! One cached entity: its values, which of them are stale, and what changed lately.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use scry_protocol::{EntityRef, Id};
use scry_text::json::{Json, Object};
use serde_json::{Map, Value};

use super::changes::LatestChanges;

/// An entity as the API last told it, with marks for what has happened since.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// The entity's type and id.
    pub key: EntityRef,
    /// The campaign that the entity belongs to; a campaign's own id for the campaign.
    pub campaign_id: Id,
    /// The entity this one stands under in the tree; `None` for the campaign itself.
    pub parent: Option<Id>,
    /// The name, made safe for display.
    pub name: Arc<str>,
    /// Rises by one with every accepted edit; zero when the gateway does not count.
    pub version: i64,
    /// Every value by its API name, nested ones (`variables`, `computed`) as objects, just as the API tells it.
    pub fields: Arc<Object>,
    /// The latest change of each field, by dotted name (`variables.population`).
    pub changes: LatestChanges,
    pub(super) stale: Stale,
}

/// The values of an entity that are older than an event that touched them.
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

    /// Returns whether the value with this dotted name, or the object it sits in, is stale.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Fields(fields) => {
                fields.contains(name) || name.split_once('.').is_some_and(|(head, _)| fields.contains(head))
            }
        }
    }
}

impl Entity {
    /// Returns a value by its dotted name, for example `level` or `variables.population`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Json> {
        let (head, rest) = name.split_once('.').map_or((name, None), |(head, rest)| (head, Some(rest)));
        let value = self.fields.get(head)?;
        match rest {
            Some(key) => value.get(key),
            None => Some(value),
        }
    }

    /// Sets a value by its dotted name; `None` removes it.
    pub fn set(&mut self, name: &str, value: Option<Json>) {
        let fields = match name.split_once('.') {
            None => self.fields.with(name, value),
            Some((head, key)) => match self.fields.get(head) {
                Some(Json::Object(table)) => self.fields.with(head, Some(Json::Object(table.with(key, value).into()))),
                Some(_) => return,
                None => self.fields.with(head, Some(Json::Object(Object::default().with(key, value).into()))),
            },
        };
        self.fields = fields.into();
    }

    /// Returns the entity as expressions see it: its values by API name, with `id`, `entityType` and `campaignId`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut fields = Map::from(&*self.fields);
        fields.shift_remove("__typename");
        fields.insert("id".to_owned(), self.key.id.as_str().into());
        fields.insert("entityType".to_owned(), self.key.entity_type.as_str().into());
        fields.insert("campaignId".to_owned(), self.campaign_id.as_str().into());
        Value::Object(fields)
    }

    /// Returns whether any value is stale.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale != Stale::Nothing
    }

    /// Returns whether the value with this dotted name, or the object it sits in, is stale.
    #[must_use]
    pub fn is_field_stale(&self, name: &str) -> bool {
        self.stale.has(name)
    }

    /// Returns when any field last changed.
    #[must_use]
    pub fn last_change(&self) -> Option<Timestamp> {
        self.changes.values().map(|change| change.at).max()
    }
}
