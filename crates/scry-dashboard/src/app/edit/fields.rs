//! Editing in place: choosing a field of what is selected, and writing its value.

use scry_protocol::EntityRef;
use scry_text::json::Json;
use serde_json::Value;

use super::field::EditField;
use super::field_input::{FieldInput, KeyOutcome};
use super::{Dialog, EditCommand, moved};
use crate::app::command::{Action, KeyContext};
use crate::app::key::Key;
use crate::app::value::say;
use crate::app::{App, AppEffect};

/// A dialog with the fields of one entity, and the one that is being written.
#[derive(Debug, Clone)]
pub struct FieldsDialog {
    pub(crate) subject: EntityRef,
    pub(crate) cursor: usize,
    pub(crate) open: Option<OpenField>,
}

/// A field under edit.
#[derive(Debug, Clone)]
pub(crate) struct OpenField {
    pub field: EditField,
    pub field_input: FieldInput,
    /// The value when the editor was opened.
    pub was: Value,
    /// The version it was part of.
    pub version: Option<i64>,
    pub error: Option<String>,
    /// The person wants to leave and has written something.
    pub asks: bool,
    /// The refused edit that this one takes the place of.
    pub replaces: Option<String>,
}

impl OpenField {
    pub(super) fn is_changed(&self) -> bool {
        self.replaces.is_some() || self.field_input.text() != FieldInput::from_value(&self.field.kind, &self.was).text()
    }

    /// Reads what is written, or remembers what is wrong with it.
    pub(super) fn read(&mut self) -> Option<Value> {
        match self.field.kind.read(self.field_input.text(), &self.field.unit) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.error = Some(format!("{} {fault}", self.field.label));
                None
            }
        }
    }
}

impl App {
    pub(super) fn open_fields(&mut self) {
        let Some(entity) = self.selected() else {
            return self.say("select something in the World first");
        };
        let subject = entity.key.clone();
        if self.cache.get(&subject).is_none() {
            return self.say("this is being created; it can be changed once the server has it");
        }
        if self.editable(&entity).is_empty() {
            return self.say(&format!("a {} has no fields that can be edited here", subject.entity_type));
        }
        let mut dialog = FieldsDialog { subject, cursor: 0, open: None };
        let here = self.detail_field().and_then(|row| row.field().map(ToOwned::to_owned));
        let fields = self.editable(&entity);
        if let Some(cursor) = here.and_then(|name| fields.iter().position(|field| field.name == name)) {
            dialog.cursor = cursor;
            self.open_at_cursor(&mut dialog);
        }
        self.dialog = Some(Dialog::Fields(Box::new(dialog)));
    }

    /// Opens the editor of one field with a text in it, in place of a refused edit.
    pub(super) fn open_field(
        &mut self,
        subject: EntityRef,
        name: &str,
        value: Option<&Value>,
        replaces: Option<String>,
    ) {
        let Some(entity) = self.seen_entity(&subject) else { return };
        let fields = self.editable(&entity);
        let Some(cursor) = fields.iter().position(|field| field.name == name) else {
            return self.say("this field does not exist, or is hidden in the players' view");
        };
        let mut dialog = FieldsDialog { subject, cursor, open: None };
        self.open_at_cursor(&mut dialog);
        if let (Some(open), Some(value)) = (&mut dialog.open, value) {
            open.field_input = FieldInput::from_value(&open.field.kind, value);
            open.replaces = replaces;
        }
        self.dialog = Some(Dialog::Fields(Box::new(dialog)));
    }

    pub(super) fn fields_key(&mut self, mut dialog: FieldsDialog, key: Key) -> Vec<AppEffect> {
        let effects = if dialog.open.is_some() {
            self.value_key(&mut dialog, key)
        } else {
            let Some(action) = self.keymap.action(KeyContext::Fields, key) else {
                self.dialog = Some(Dialog::Fields(Box::new(dialog)));
                return Vec::new();
            };
            let count = self.seen_entity(&dialog.subject).map_or(0, |entity| self.editable(&entity).len());
            match (moved(dialog.cursor, count, action), action) {
                (Some(cursor), _) => dialog.cursor = cursor,
                (None, Action::Edit(EditCommand::Open)) => self.open_at_cursor(&mut dialog),
                (None, Action::Edit(EditCommand::Cancel)) => return Vec::new(),
                (None, other) => {
                    self.dialog = Some(Dialog::Fields(Box::new(dialog)));
                    return self.unhandled(other);
                }
            }
            Vec::new()
        };
        self.dialog = Some(Dialog::Fields(Box::new(dialog)));
        effects
    }

    fn open_at_cursor(&mut self, dialog: &mut FieldsDialog) {
        let Some(entity) = self.seen_entity(&dialog.subject) else { return };
        let Some(field) = self.editable(&entity).into_iter().nth(dialog.cursor) else { return };
        let was = entity.field(&field.name).map(Value::from).unwrap_or_default();
        let most = field.kind.longest();
        if was.as_str().is_some_and(|text| text.chars().count() > most) {
            // What is shown is cut, and saving it would cut it for everybody.
            return self.say(&format!("this text is longer than {most} characters, too long to be edited here"));
        }
        let version = self.version_of(&dialog.subject);
        let field_input = FieldInput::from_value(&field.kind, &was);
        dialog.open = Some(OpenField { field, field_input, was, version, error: None, asks: false, replaces: None });
        // A user who opens a field is about to write in it.
        self.note_typing();
    }

    fn value_key(&mut self, dialog: &mut FieldsDialog, key: Key) -> Vec<AppEffect> {
        let columns = self.prose_columns();
        let Some(open) = &mut dialog.open else { return Vec::new() };
        let asked = std::mem::replace(&mut open.asks, false);
        match open.field_input.key(key, &open.field, &self.keymap, columns) {
            KeyOutcome::Changed => {
                open.error = None;
                self.note_typing();
            }
            KeyOutcome::Nothing | KeyOutcome::Go(_) => {}
            KeyOutcome::Cancel if open.is_changed() && !asked => open.asks = true,
            KeyOutcome::Cancel => dialog.open = None,
            KeyOutcome::Save => return self.save_field(dialog),
            KeyOutcome::Unhandled(action) => return self.unhandled(action),
        }
        Vec::new()
    }

    fn save_field(&mut self, dialog: &mut FieldsDialog) -> Vec<AppEffect> {
        let Some(open) = &mut dialog.open else { return Vec::new() };
        let Some(value) = open.read() else { return Vec::new() };
        let Some(open) = dialog.open.take() else { return Vec::new() };
        if value == open.was && open.replaces.is_none() {
            return Vec::new();
        }
        if self.rights().is_none() {
            let error = Some(self.why_not().to_owned());
            dialog.open = Some(OpenField { error, ..open });
            return Vec::new();
        }
        let base = vec![(open.field.name.clone(), open.was)];
        let mut effects = Vec::new();
        if let Some(replaced) = open.replaces {
            self.pending.forget(&replaced);
            effects.push(AppEffect::DiscardEdit(replaced));
        }
        effects.extend(self.submit_update(&dialog.subject, open.field.input(value), base, open.version));
        effects
    }

    /// Returns what a field under edit has become meanwhile, where another user has changed it.
    #[must_use]
    pub(crate) fn changed_meanwhile(&self, dialog: &FieldsDialog) -> Option<String> {
        let open = dialog.open.as_ref()?;
        let entity = self.seen_entity(&dialog.subject)?;
        let now = entity.field(&open.field.name).unwrap_or(&Json::Null);
        if *now == open.was {
            return None;
        }
        let by = entity.changes.get(&open.field.name).and_then(|change| change.by.as_ref());
        let by = by.and_then(|id| self.cache.user_name(id)).unwrap_or("somebody else");
        Some(format!("{by} has changed it to {} meanwhile", say(now)))
    }
}
