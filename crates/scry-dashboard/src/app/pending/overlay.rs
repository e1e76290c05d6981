//! How edits lie above what the server says.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use scry_model::cache::{Entity, provisional};
use scry_model::outbox::{Edit, EditChange};
use scry_protocol::{EntityRef, EntityType, Id};
use scry_text as text;
use scry_text::json::Json;
use serde_json::Value;

use super::{PendingEdit, PendingEdits, PendingState};

/// The reason why a value is shown that the server has not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PendingMark {
    /// It waits for its turn, or for a connection.
    Waiting,
    /// It is on its way.
    Sending,
    /// The server has it; only the refetch is awaited.
    Applied,
}

impl PendingEdits {
    /// Returns an entity as the person's edits make it.
    #[must_use]
    pub(crate) fn above<'a>(&self, entity: &'a Entity) -> Cow<'a, Entity> {
        let mut shown = Cow::Borrowed(entity);
        for held in self.updates(&entity.key) {
            for (field, value) in held.values() {
                set(shown.to_mut(), &field, value);
            }
        }
        shown
    }

    /// Returns the progress of the edit that a field shows; `None` where it shows none.
    #[must_use]
    pub(crate) fn mark(&self, key: &EntityRef, field: &str) -> Option<PendingMark> {
        let touches = |held: &&PendingEdit| held.values().iter().any(|(name, _)| name == field);
        self.updates(key).filter(touches).last().and_then(PendingEdit::mark)
    }

    /// Returns the progress of the edit that an entity shows, of the one furthest behind where it shows several.
    #[must_use]
    pub(crate) fn mark_of(&self, key: &EntityRef) -> Option<PendingMark> {
        let own = self.held.iter().filter(|held| held.row().is_some_and(|row| row.key == *key));
        let marks = self.updates(key).chain(own).filter_map(PendingEdit::mark);
        marks.min_by_key(|mark| match mark {
            PendingMark::Waiting => 0,
            PendingMark::Sending => 1,
            PendingMark::Applied => 2,
        })
    }

    /// Returns whether an entity is about to be deleted.
    #[must_use]
    pub fn is_deleted(&self, key: &EntityRef) -> bool {
        let deletes = |held: &PendingEdit| match &held.edit.change {
            EditChange::Delete { entity_type, id, .. } => *entity_type == key.entity_type && *id == key.id,
            EditChange::Update { .. }
            | EditChange::Create { .. }
            | EditChange::AdvanceTime { .. }
            | EditChange::SetTime { .. } => false,
        };
        self.held.iter().any(|held| !held.state.is_refused() && deletes(held))
    }

    /// Lists the rows of what is about to be created.
    pub(crate) fn created(&self) -> impl Iterator<Item = &Entity> {
        self.held.iter().filter(|held| !held.state.is_refused()).filter_map(PendingEdit::row)
    }

    /// Returns what the campaign's clock will show, given what the server says, if an edit moves it.
    #[must_use]
    pub(crate) fn world_time(&self, told: &str) -> Option<String> {
        let mut time: Option<Timestamp> = None;
        for held in self.held.iter().filter(|held| !held.state.is_refused()) {
            match &held.edit.change {
                EditChange::SetTime { time: to, .. } => time = to.parse().ok(),
                EditChange::AdvanceTime { seconds } => {
                    let from = time.or_else(|| told.parse().ok())?;
                    time = from.checked_add(SignedDuration::from_secs(*seconds)).ok();
                }
                EditChange::Update { .. } | EditChange::Create { .. } | EditChange::Delete { .. } => {}
            }
        }
        time.map(|time| format!("{time:.3}"))
    }

    fn updates(&self, key: &EntityRef) -> impl Iterator<Item = &PendingEdit> {
        self.held.iter().filter(move |held| {
            let EditChange::Update { entity_type, id, .. } = &held.edit.change else { return false };
            !held.state.is_refused() && *entity_type == key.entity_type && *id == key.id
        })
    }
}

impl PendingEdit {
    /// Lists the values the edit shows.
    #[must_use]
    pub(crate) fn values(&self) -> Vec<(String, Value)> {
        let mut values = patch(&self.edit.change);
        values.retain(|(field, _)| !self.overtaken.contains(field));
        values
    }

    /// Returns the progress of the edit, while its values are shown.
    #[must_use]
    pub(crate) const fn mark(&self) -> Option<PendingMark> {
        match self.state {
            PendingState::Submitted | PendingState::Waiting => Some(PendingMark::Waiting),
            PendingState::Sending => Some(PendingMark::Sending),
            PendingState::Applied { .. } => Some(PendingMark::Applied),
            PendingState::Refused(_) | PendingState::Lost(_) => None,
        }
    }
}

/// Lists the fields an update sets, each variable by its key, with the value to show.
#[must_use]
pub(crate) fn patch(change: &EditChange) -> Vec<(String, Value)> {
    let EditChange::Update { input, .. } = change else { return Vec::new() };
    let mut fields = Vec::new();
    for (name, value) in input {
        match value.as_object().filter(|_| name == "variables") {
            Some(patch) => fields.extend(patch.iter().map(|(key, value)| (format!("variables.{key}"), value.clone()))),
            None => fields.push((name.clone(), value.clone())),
        }
    }
    fields
}

/// Writes a value where its dotted name says, made safe for display like every other.
fn set(entity: &mut Entity, field: &str, value: Value) {
    let value = Json::from(value);
    if field == "name"
        && let Some(name) = value.as_str()
    {
        entity.name = text::line(name).into();
    }
    // Null removes a variable.
    let removes = value == Json::Null && field.contains('.');
    entity.set(field, Some(value).filter(|_| !removes));
}

/// Builds the row of a create; it goes by the edit's key until the server has named it.
pub(super) fn row(edit: &Edit) -> Option<Entity> {
    let EditChange::Create { entity_type, input } = &edit.change else { return None };
    let mut fields = input.clone();
    fields.insert("__typename".to_owned(), entity_type.as_str().into());
    fields.insert("id".to_owned(), row_id(&edit.key)?.as_str().into());
    fields.insert("campaignId".to_owned(), edit.campaign.as_str().into());
    if matches!(entity_type, EntityType::Settlement | EntityType::Structure) && !fields.contains_key("level") {
        fields.insert("level".to_owned(), 1.into());
    }
    provisional(Value::Object(fields))
}

fn row_id(key: &str) -> Option<Id> {
    Id::parse(key).ok()
}
