//! Edits in words: what is changed, and how far that has come.

use scry_model::cache::Cache;
use scry_model::outbox::EditChange;
use scry_protocol::{Conflict, FieldConflict};
use scry_text as text;
use serde_json::Value;

use super::{PendingEdit, PendingState, overlay};
use crate::app::clock;
use crate::app::measure::fit;
use crate::app::value::{field_name, say};

/// How much of one value is said.
const MAX_VALUE_CHARS: usize = 30;

/// Returns the subject of an edit: an entity's name, or the clock.
#[must_use]
pub(crate) fn subject(held: &PendingEdit, cache: &Cache) -> String {
    match &held.edit.change {
        EditChange::Update { .. } | EditChange::Delete { .. } => {
            let known = held.edit.change.entity().and_then(|key| cache.get(&key).map(|entity| entity.name.to_string()));
            known.unwrap_or_else(|| "something deleted".to_owned())
        }
        EditChange::Create { input, .. } => {
            let name = input.get("name").and_then(Value::as_str).unwrap_or_default();
            text::line(name).into_owned()
        }
        EditChange::AdvanceTime { .. } | EditChange::SetTime { .. } => "the clock".to_owned(),
    }
}

/// Returns what an edit does: `level 3 → 4`, `new settlement`, `delete`.
#[must_use]
pub(crate) fn what(held: &PendingEdit) -> String {
    match &held.edit.change {
        EditChange::Update { .. } => {
            let fields = overlay::patch(&held.edit.change);
            let parts: Vec<_> = fields.iter().map(|(field, value)| field_change(held, field, value)).collect();
            parts.join(", ")
        }
        EditChange::Create { entity_type, .. } => format!("new {entity_type}"),
        EditChange::Delete { .. } => "delete".to_owned(),
        EditChange::AdvanceTime { seconds } => clock::elapsed(*seconds),
        EditChange::SetTime { time, .. } => format!("set to {}", text::line(time)),
    }
}

fn field_change(held: &PendingEdit, field: &str, value: &Value) -> String {
    let name = field_name(field);
    let to = short(value);
    match held.base.iter().find(|(known, _)| known == field) {
        Some((_, from)) => format!("{name} {} → {to}", short(from)),
        None => format!("{name} {to}"),
    }
}

fn short(value: &Value) -> String {
    fit(&say(value), MAX_VALUE_CHARS)
}

/// Returns the progress of an edit, in a word or two.
#[must_use]
pub(crate) fn state(state: &PendingState) -> &'static str {
    match state {
        PendingState::Submitted | PendingState::Waiting => "waiting",
        PendingState::Sending => "sending",
        PendingState::Applied { .. } => "saved",
        PendingState::Refused(refusal) if refusal.conflict.is_some() => "conflict",
        PendingState::Refused(_) => "refused",
        PendingState::Lost(_) => "not kept",
    }
}

/// Returns the name of the user who set all values that an edit met, where it is one user and already known.
fn winner<'a>(held: &PendingEdit, conflict: &Conflict, cache: &'a Cache) -> Option<&'a str> {
    let entity = cache.get(&held.edit.change.entity()?)?;
    let by = |met: &FieldConflict| {
        let is_told = entity.field(&met.field).is_some_and(|told| *told == met.theirs);
        entity.changes.get(&met.field).filter(|_| is_told).and_then(|change| change.by.as_ref())
    };
    let mut authors = conflict.fields.iter().map(by);
    let first = authors.next()??;
    authors.all(|author| author == Some(first)).then(|| cache.user_name(first))?
}

/// Returns why an edit was rolled back: `Mira changed level meanwhile`.
#[must_use]
pub(crate) fn reason(held: &PendingEdit, cache: &Cache) -> Option<String> {
    match &held.state {
        PendingState::Refused(refusal) => match &refusal.conflict {
            Some(conflict) => {
                let fields: Vec<_> = conflict.fields.iter().map(|field| field_name(&field.field)).collect();
                let who = winner(held, conflict, cache).unwrap_or("somebody else");
                Some(match fields.as_slice() {
                    [] => format!("{who} changed it meanwhile"),
                    fields => format!("{who} changed {} meanwhile", fields.join(", ")),
                })
            }
            None => Some(text::line(&refusal.message).into_owned()),
        },
        PendingState::Lost(reason) => Some(text::line(reason).into_owned()),
        PendingState::Submitted | PendingState::Waiting | PendingState::Sending | PendingState::Applied { .. } => None,
    }
}
