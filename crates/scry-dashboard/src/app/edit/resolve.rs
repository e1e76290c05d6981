//! Resolving a conflict: for each field what was there before, mine, and theirs.

use scry_model::outbox::EditChange;
use scry_protocol::EntityRef;
use serde_json::{Map, Value};

use super::field::{self, EditField, input};
use super::field_input::{FieldInput, KeyOutcome};
use super::fields::OpenField;
use super::{Dialog, EditCommand, moved};
use crate::app::command::{Action, KeyContext};
use crate::app::key::Key;
use crate::app::pending::{PendingState, patch};
use crate::app::{App, AppEffect};

/// A dialog with a refused edit, and what the user decides about each of its fields.
#[derive(Debug, Clone)]
pub struct ResolveDialog {
    /// The key of the refused edit.
    pub(crate) key: String,
    /// What both sides changed; `None` for a deletion, which is decided as a whole.
    pub(crate) subject: EntityRef,
    pub(crate) current_version: i64,
    pub(crate) rows: Vec<ConflictField>,
    pub(crate) cursor: usize,
    /// The value that is being written instead.
    pub(crate) open: Option<OpenField>,
}

/// A field of a conflict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConflictField {
    pub field: EditField,
    pub base: Value,
    pub mine: Value,
    pub theirs: Value,
    pub taken: ConflictSide,
}

/// The value that a field is to have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ConflictSide {
    Base,
    Mine,
    Theirs,
    Other(Value),
}

impl ConflictField {
    /// Returns the value the field is to have.
    #[must_use]
    pub(crate) const fn value(&self) -> &Value {
        match &self.taken {
            ConflictSide::Base => &self.base,
            ConflictSide::Mine => &self.mine,
            ConflictSide::Theirs => &self.theirs,
            ConflictSide::Other(value) => value,
        }
    }
}

impl App {
    pub(super) fn open_resolve(&mut self, key: &str) {
        let Some(held) = self.pending.find(key).cloned() else { return };
        let (PendingState::Refused(refusal), Some(subject)) = (&held.state, held.edit.change.entity()) else { return };
        let Some(conflict) = refusal.conflict.clone() else { return };
        if self.hides_edit(&held) {
            return self.say("this conflict is hidden in the players' view; leave that first");
        }
        let Some(entity) = self.cache.get(&subject) else {
            return self.say("the entity has been deleted meanwhile; d discards the edit");
        };
        let rows = conflict.fields.into_iter().map(|row| {
            let field = field::field(entity, &row.field).unwrap_or_else(|| EditField {
                label: crate::app::value::label(&row.field),
                name: row.field.clone(),
                kind: field::FieldKind::Line,
                unit: String::new(),
                note: String::new(),
            });
            ConflictField { field, base: row.base, mine: row.mine, theirs: row.theirs, taken: ConflictSide::Mine }
        });
        let dialog = ResolveDialog {
            key: key.to_owned(),
            subject,
            current_version: conflict.current_version,
            rows: rows.collect(),
            cursor: 0,
            open: None,
        };
        self.dialog = Some(Dialog::Resolve(Box::new(dialog)));
    }

    /// Returns the name of the user who last changed one of these fields.
    #[must_use]
    pub(crate) fn changed_by(&self, subject: &EntityRef, fields: &[&str]) -> Option<String> {
        let entity = self.cache.get(subject)?;
        let by = fields.iter().filter_map(|field| entity.changes.get(field)?.by.as_ref()).next()?;
        self.cache.user_name(by).map(ToOwned::to_owned)
    }

    pub(super) fn resolve_key(&mut self, mut dialog: ResolveDialog, key: Key) -> Vec<AppEffect> {
        if dialog.open.is_some() {
            return self.other_key(dialog, key);
        }
        let Some(action) = self.keymap.action(KeyContext::Resolve, key) else {
            self.dialog = Some(Dialog::Resolve(Box::new(dialog)));
            return Vec::new();
        };
        let cursor = moved(dialog.cursor, dialog.rows.len(), action);
        let row = dialog.rows.get_mut(dialog.cursor);
        match (cursor, action, row) {
            (Some(cursor), ..) => dialog.cursor = cursor,
            (None, Action::Edit(EditCommand::Base), Some(row)) => row.taken = ConflictSide::Base,
            (None, Action::Edit(EditCommand::Mine), Some(row)) => row.taken = ConflictSide::Mine,
            (None, Action::Edit(EditCommand::Theirs), Some(row)) => row.taken = ConflictSide::Theirs,
            (None, Action::Edit(EditCommand::Other), Some(row)) => {
                let (field, was) = (row.field.clone(), row.value().clone());
                let field_input = FieldInput::from_value(&field.kind, &was);
                dialog.open = Some(OpenField {
                    field,
                    field_input,
                    was,
                    version: None,
                    error: None,
                    asks: false,
                    replaces: None,
                });
            }
            (None, Action::Edit(EditCommand::Cancel), _) => {
                self.open_edits();
                return Vec::new();
            }
            (None, Action::Edit(EditCommand::Save), _) => return self.resolved(&dialog),
            (None, other, _) => {
                self.dialog = Some(Dialog::Resolve(Box::new(dialog)));
                return self.unhandled(other);
            }
        }
        self.dialog = Some(Dialog::Resolve(Box::new(dialog)));
        Vec::new()
    }

    /// Writes another value than either side's.
    fn other_key(&mut self, mut dialog: ResolveDialog, key: Key) -> Vec<AppEffect> {
        let columns = self.prose_columns();
        let mut effects = Vec::new();
        if let Some(mut open) = dialog.open.take() {
            match open.field_input.key(key, &open.field, &self.keymap, columns) {
                KeyOutcome::Cancel => {}
                KeyOutcome::Save => match (open.read(), dialog.rows.get_mut(dialog.cursor)) {
                    (Some(value), Some(row)) => row.taken = ConflictSide::Other(value),
                    (None, _) | (_, None) => dialog.open = Some(open),
                },
                outcome
                @ (KeyOutcome::Changed | KeyOutcome::Nothing | KeyOutcome::Go(_) | KeyOutcome::Unhandled(_)) => {
                    if outcome == KeyOutcome::Changed {
                        open.error = None;
                    }
                    dialog.open = Some(open);
                    if let KeyOutcome::Unhandled(action) = outcome {
                        effects = self.unhandled(action);
                    }
                }
            }
        }
        self.dialog = Some(Dialog::Resolve(Box::new(dialog)));
        effects
    }

    /// Sends what was decided as a new edit of the current version, in place of the refused one.
    pub(super) fn resolved(&mut self, dialog: &ResolveDialog) -> Vec<AppEffect> {
        let Some(held) = self.pending.find(&dialog.key).cloned() else { return Vec::new() };
        if self.rights().is_none() {
            self.say(self.why_not());
            self.dialog = Some(Dialog::Resolve(Box::new(dialog.clone())));
            return Vec::new();
        }
        let mut effects = vec![AppEffect::DiscardEdit(dialog.key.clone())];
        self.pending.forget(&dialog.key);
        let version = Some(dialog.current_version);
        match &held.edit.change {
            EditChange::Delete { entity_type, id, .. } => {
                let change =
                    EditChange::Delete { entity_type: entity_type.clone(), id: id.clone(), expected_version: version };
                effects.extend(self.submit(change, Vec::new()));
            }
            change @ (EditChange::Update { .. }
            | EditChange::Create { .. }
            | EditChange::AdvanceTime { .. }
            | EditChange::SetTime { .. }) => {
                let (fields, base) = decided(dialog, &patch(change), &held.base);
                if fields.is_empty() {
                    self.say(&format!("left unchanged: {}", self.sentence(&held)));
                } else {
                    effects.extend(self.submit_update(&dialog.subject, fields, base, version));
                }
            }
        }
        effects
    }
}

/// Returns the input of the edit that carries out what was decided, and what its fields held before.
fn decided(
    dialog: &ResolveDialog,
    wanted: &[(String, Value)],
    base: &[(String, Value)],
) -> (Map<String, Value>, Vec<(String, Value)>) {
    let mut fields: Map<String, Value> = Map::new();
    let mut before = Vec::new();
    let mut set = |name: &str, value: &Value, was: Value| {
        for (head, value) in input(name, value.clone()) {
            match (fields.get_mut(&head).and_then(Value::as_object_mut), value) {
                (Some(table), Value::Object(patch)) => table.extend(patch),
                (_, value) => {
                    fields.insert(head, value);
                }
            }
        }
        before.push((name.to_owned(), was));
    };
    for row in &dialog.rows {
        if *row.value() != row.theirs {
            // What was written, not what was told back of it: that may have been made safe for a screen.
            let own = wanted.iter().find(|(name, _)| row.taken == ConflictSide::Mine && *name == row.field.name);
            set(&row.field.name, own.map_or(row.value(), |(_, value)| value), row.theirs.clone());
        }
    }
    // What nobody else touched is wanted as before.
    let met = |name: &String| dialog.rows.iter().any(|row| row.field.name == *name);
    for (name, value) in wanted.iter().filter(|(name, _)| !met(name)) {
        let was = base.iter().find(|(known, _)| known == name).map_or(Value::Null, |(_, was)| was.clone());
        set(name, value, was);
    }
    (fields, before)
}
