//! Taking one's own last change back: as a new change, which others see like any other.

use scry_model::outbox::EditChange;
use scry_protocol::EntityRef;
use serde_json::{Map, Value};

use super::field::input;
use crate::app::pending::{PendingEdit, PendingState, words};
use crate::app::value::field_name;
use crate::app::{App, AppEffect};

/// How many changes can be taken back.
const MAX_UNDO_STEPS: usize = 50;

/// Remembers the person's applied edits, the latest last.
#[derive(Debug, Default)]
pub(crate) struct UndoHistory {
    done: Vec<PendingEdit>,
    /// The keys of edits that themselves take something back.
    undoing: Vec<String>,
}

impl UndoHistory {
    /// Records that an edit is applied.
    pub(crate) fn applied(&mut self, held: &PendingEdit) {
        if self.undoing.contains(&held.edit.key) {
            return;
        }
        self.done.push(held.clone());
        let surplus = self.done.len().saturating_sub(MAX_UNDO_STEPS);
        self.done.drain(..surplus);
    }

    /// Records the entity that a created row has become.
    pub(crate) fn became(&mut self, row: &EntityRef, made: &EntityRef) {
        for held in &mut self.done {
            if held.row().is_some_and(|entity| entity.key == *row) {
                held.made = Some(made.clone());
            }
        }
    }
}

impl App {
    /// Takes the person's last change back: one that still waits is given up, an applied one is reversed.
    pub(super) fn undo_last(&mut self) -> Vec<AppEffect> {
        let waiting =
            self.pending.all().iter().rfind(|held| held.state.is_open() && held.state != PendingState::Sending);
        if let Some(held) = waiting {
            let (key, said) = (held.edit.key.clone(), self.sentence(held));
            self.say(&format!("discarded before it was sent: {said}"));
            return vec![AppEffect::DiscardEdit(key)];
        }
        let Some(held) = self.undo.done.pop() else {
            self.say("there is no change of yours to undo");
            return Vec::new();
        };
        let Some((change, base)) = inverse(&held) else {
            self.say(&format!("this cannot be undone: {}", self.sentence(&held)));
            return Vec::new();
        };
        self.say(&format!("undoing: {}", self.sentence(&held)));
        let effects = self.submit(change, base);
        if let Some(AppEffect::Submit { edit, .. }) = effects.first() {
            self.undo.undoing.push(edit.key.clone());
        }
        effects
    }

    /// Returns a sentence about an edit; without the value of a secret, since sentences stay in the journal.
    pub(in crate::app) fn sentence(&self, held: &PendingEdit) -> String {
        let subject = words::subject(held, &self.cache);
        if self.sets_secret(held) {
            let fields: Vec<_> = held.edit.change.fields().iter().map(|field| field_name(field)).collect();
            return format!("{subject} · {}", fields.join(", "));
        }
        format!("{subject} · {}", words::what(held))
    }
}

/// Returns the change that reverses an applied edit, with the values that it replaces.
fn inverse(held: &PendingEdit) -> Option<(EditChange, Vec<(String, Value)>)> {
    let PendingState::Applied { version } = held.state else { return None };
    match &held.edit.change {
        EditChange::Update { entity_type, id, .. } if !held.base.is_empty() => {
            let mut fields = Map::new();
            for (field, value) in &held.base {
                merge(&mut fields, input(field, value.clone()));
            }
            let entity = EntityRef::new(entity_type.clone(), id.clone());
            Some((EditChange::update(&entity, fields, version), held.values()))
        }
        EditChange::Create { .. } => {
            let EntityRef { entity_type, id } = held.made.clone()?;
            Some((EditChange::Delete { entity_type, id, expected_version: version }, Vec::new()))
        }
        EditChange::AdvanceTime { seconds } => {
            Some((EditChange::AdvanceTime { seconds: seconds.checked_neg()? }, Vec::new()))
        }
        EditChange::SetTime { .. } => {
            let (_, before) = held.base.first()?;
            Some((EditChange::SetTime { time: before.as_str()?.to_owned(), rewind: false }, Vec::new()))
        }
        EditChange::Update { .. } | EditChange::Delete { .. } => None,
    }
}

/// Puts one field's input to those of the others; variables are one patch.
fn merge(fields: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (fields.get_mut(&name).and_then(Value::as_object_mut), value) {
            (Some(table), Value::Object(patch)) => table.extend(patch),
            (_, value) => {
                fields.insert(name, value);
            }
        }
    }
}
