//! Editing in place: choosing a field of what is selected, and writing its value.

use scry_protocol::EntityRef;
use scry_text::json::Json;
use serde_json::Value;

use super::draft::{Did, Draft};
use super::field::Field;
use super::{Deed, Sheet, moved};
use crate::app::command::{Action, Context};
use crate::app::key::Key;
use crate::app::value::say;
use crate::app::{App, Effect};

/// Holds the fields of one entity, and the one that is being written.
#[derive(Debug, Clone)]
pub struct FieldSheet {
    pub subject: EntityRef,
    pub cursor: usize,
    pub open: Option<Open>,
}

/// Holds a field under edit.
#[derive(Debug, Clone)]
pub struct Open {
    pub field: Field,
    pub draft: Draft,
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

impl Open {
    pub(super) fn is_changed(&self) -> bool {
        self.replaces.is_some() || self.draft.text() != Draft::of(&self.field.kind, &self.was).text()
    }

    /// Reads what is written, or remembers what is wrong with it.
    pub(super) fn read(&mut self) -> Option<Value> {
        match self.field.kind.read(self.draft.text(), &self.field.unit) {
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
            return self.say(&format!("a {} has no fields that are changed here", subject.entity_type));
        }
        let mut sheet = FieldSheet { subject, cursor: 0, open: None };
        let here = self.detail_field().and_then(|row| row.field().map(ToOwned::to_owned));
        let fields = self.editable(&entity);
        if let Some(cursor) = here.and_then(|name| fields.iter().position(|field| field.name == name)) {
            sheet.cursor = cursor;
            self.open_at_cursor(&mut sheet);
        }
        self.sheet = Some(Sheet::Fields(Box::new(sheet)));
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
            return self.say("this field is not there, or hidden in the players' view");
        };
        let mut sheet = FieldSheet { subject, cursor, open: None };
        self.open_at_cursor(&mut sheet);
        if let (Some(open), Some(value)) = (&mut sheet.open, value) {
            open.draft = Draft::of(&open.field.kind, value);
            open.replaces = replaces;
        }
        self.sheet = Some(Sheet::Fields(Box::new(sheet)));
    }

    pub(super) fn fields_key(&mut self, mut sheet: FieldSheet, key: Key) -> Vec<Effect> {
        let effects = if sheet.open.is_some() {
            self.value_key(&mut sheet, key)
        } else {
            let Some(action) = self.keymap.action(Context::Fields, key) else {
                self.sheet = Some(Sheet::Fields(Box::new(sheet)));
                return Vec::new();
            };
            let count = self.seen_entity(&sheet.subject).map_or(0, |entity| self.editable(&entity).len());
            match (moved(sheet.cursor, count, action), action) {
                (Some(cursor), _) => sheet.cursor = cursor,
                (None, Action::Edit(Deed::Open)) => self.open_at_cursor(&mut sheet),
                (None, Action::Edit(Deed::Cancel)) => return Vec::new(),
                (None, other) => {
                    self.sheet = Some(Sheet::Fields(Box::new(sheet)));
                    return self.beyond(other);
                }
            }
            Vec::new()
        };
        self.sheet = Some(Sheet::Fields(Box::new(sheet)));
        effects
    }

    fn open_at_cursor(&mut self, sheet: &mut FieldSheet) {
        let Some(entity) = self.seen_entity(&sheet.subject) else { return };
        let Some(field) = self.editable(&entity).into_iter().nth(sheet.cursor) else { return };
        let was = entity.field(&field.name).map(Value::from).unwrap_or_default();
        let most = field.kind.longest();
        if was.as_str().is_some_and(|text| text.chars().count() > most) {
            // What is shown is cut, and saving it would cut it for everybody.
            return self.say(&format!("this text is longer than {most} characters, too long to be edited here"));
        }
        let version = self.version_of(&sheet.subject);
        let draft = Draft::of(&field.kind, &was);
        sheet.open = Some(Open { field, draft, was, version, error: None, asks: false, replaces: None });
        // Whoever opens a field is about to write in it.
        self.typed_now();
    }

    fn value_key(&mut self, sheet: &mut FieldSheet, key: Key) -> Vec<Effect> {
        let columns = self.prose_columns();
        let Some(open) = &mut sheet.open else { return Vec::new() };
        let asked = std::mem::replace(&mut open.asks, false);
        match open.draft.key(key, &open.field, &self.keymap, columns) {
            Did::Changed => {
                open.error = None;
                self.typed_now();
            }
            Did::Nothing | Did::Go(_) => {}
            Did::Cancel if open.is_changed() && !asked => open.asks = true,
            Did::Cancel => sheet.open = None,
            Did::Save => return self.save_field(sheet),
            Did::Beyond(action) => return self.beyond(action),
        }
        Vec::new()
    }

    fn save_field(&mut self, sheet: &mut FieldSheet) -> Vec<Effect> {
        let Some(open) = &mut sheet.open else { return Vec::new() };
        let Some(value) = open.read() else { return Vec::new() };
        let Some(open) = sheet.open.take() else { return Vec::new() };
        if value == open.was && open.replaces.is_none() {
            return Vec::new();
        }
        if self.rights().is_none() {
            let error = Some(self.why_not().to_owned());
            sheet.open = Some(Open { error, ..open });
            return Vec::new();
        }
        let base = vec![(open.field.name.clone(), open.was)];
        let mut effects = Vec::new();
        if let Some(replaced) = open.replaces {
            self.pending.forget(&replaced);
            effects.push(Effect::DiscardEdit(replaced));
        }
        effects.extend(self.submit_update(&sheet.subject, open.field.input(value), base, open.version));
        effects
    }

    /// Says what a field under edit has become meanwhile, where somebody else has changed it.
    #[must_use]
    pub fn changed_meanwhile(&self, sheet: &FieldSheet) -> Option<String> {
        let open = sheet.open.as_ref()?;
        let entity = self.seen_entity(&sheet.subject)?;
        let now = entity.field(&open.field.name).unwrap_or(&Json::Null);
        if *now == open.was {
            return None;
        }
        let by = entity.changes.get(&open.field.name).and_then(|change| change.by.as_ref());
        let by = by.and_then(|id| self.cache.user_name(id)).unwrap_or("somebody else");
        Some(format!("{by} has changed it to {} meanwhile", say(now)))
    }
}
