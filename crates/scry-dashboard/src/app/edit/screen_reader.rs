//! Changing the campaign by a typed line: the same edits as from the sheets, without a sheet.

use scry_protocol::EntityType;
use serde_json::Value;

use super::create::CreateForm;
use super::field::{EditField, FieldKind};
use super::resolve::ConflictSide;
use super::{Dialog, EditCommand, moment};
use crate::app::pending::{PendingEdit, PendingState, words};
use crate::app::screen_reader::{sentence, spelt};
use crate::app::value::say;
use crate::app::{App, AppEffect};

impl App {
    /// Carries out a command that changes something, with what was typed behind it.
    pub(in crate::app) fn command_line_edit(&mut self, edit_command: EditCommand, rest: &str) -> Vec<AppEffect> {
        if edit_command.changes_campaign() && self.rights().is_none() {
            self.reply(self.why_not());
            return Vec::new();
        }
        match edit_command {
            EditCommand::Fields if rest.is_empty() => self.answer_fields(),
            EditCommand::Fields => return self.field_line(rest),
            EditCommand::Create => return self.create_line(rest),
            EditCommand::Delete => return self.delete_line(rest),
            EditCommand::Clock => return self.clock_line(rest),
            EditCommand::Edits => self.answer_edits(),
            EditCommand::Again => return self.with_open_edit(rest, |app, held| app.send_again(held)),
            EditCommand::Discard => return self.with_open_edit(rest, |app, held| app.discard_edit(held)),
            EditCommand::Mine => {
                return self.with_open_edit(rest, |app, held| app.take_side(held, &ConflictSide::Mine));
            }
            EditCommand::Theirs => {
                return self.with_open_edit(rest, |app, held| app.take_side(held, &ConflictSide::Theirs));
            }
            EditCommand::Base => {
                return self.with_open_edit(rest, |app, held| app.take_side(held, &ConflictSide::Base));
            }
            EditCommand::Preferences => return self.preferences_line(rest),
            EditCommand::Undo
            | EditCommand::Open
            | EditCommand::Save
            | EditCommand::Cancel
            | EditCommand::Confirm
            | EditCommand::Other
            | EditCommand::Previous
            | EditCommand::Next
            | EditCommand::PreviousLine
            | EditCommand::NextLine
            | EditCommand::MarkRead
            | EditCommand::MarkAllRead
            | EditCommand::AcceptInvitation
            | EditCommand::DeclineInvitation
            | EditCommand::Text(_) => return self.begin(edit_command),
        }
        Vec::new()
    }

    fn answer_fields(&mut self) {
        let Some(entity) = self.selected() else {
            return self.reply("Nothing is selected; “detail NAME” selects something.");
        };
        let line = |field: &EditField| {
            let value = entity.field(&field.name).map_or_else(|| "nothing".to_owned(), say);
            let note = match (&field.kind, field.note.as_str()) {
                (FieldKind::List, _) => ", several parted by commas".to_owned(),
                (_, "") => String::new(),
                (_, note) => format!(", may be {}", note.replace(" | ", ", ")),
            };
            sentence(&format!("{}: {value}{note}", field.label))
        };
        let lines: Vec<_> = self.editable(&entity).iter().map(line).collect();
        let name = entity.name.to_string();
        self.reply(format!("“edit FIELD VALUE” changes one of these fields of {name}."));
        lines.into_iter().for_each(|line| self.reply(line));
    }

    /// Changes one field: its name, whole or by its beginning, then the value.
    fn field_line(&mut self, rest: &str) -> Vec<AppEffect> {
        let Some(entity) = self.selected() else {
            self.reply("Nothing is selected; “detail NAME” selects something.");
            return Vec::new();
        };
        let Some((field, typed)) = named(&self.editable(&entity), rest) else {
            let name = entity.name.to_string();
            self.reply(format!("{name} has no field at the start of “{rest}”; “edit” lists them."));
            return Vec::new();
        };
        let was = entity.field(&field.name).map(Value::from).unwrap_or_default();
        let key = entity.key.clone();
        // Several texts are written one to a line elsewhere; here a comma parts them.
        let typed = if field.kind == FieldKind::List { typed.replace(',', "\n") } else { typed };
        match field.kind.read(&typed, &field.unit) {
            Err(fault) => self.reply(format!("{} {fault}.", field.label)),
            Ok(value) if value == was => self.reply(format!("{} is {} already.", field.label, say(&value))),
            Ok(value) => {
                let version = self.version_of(&key);
                let effects = self.submit_update(&key, field.input(value), vec![(field.name, was)], version);
                self.answer_submitted();
                return effects;
            }
        }
        Vec::new()
    }

    fn create_line(&mut self, rest: &str) -> Vec<AppEffect> {
        let Some(plans) = self.cache.campaign().map(|campaign| self.plans(campaign)) else {
            self.reply("This campaign has not been loaded yet.");
            return Vec::new();
        };
        let (kind, name) = rest.split_once(' ').unwrap_or((rest, ""));
        let kind: EntityType = EntityType::from(kind);
        let Some(plan) = plans.iter().find(|plan| plan.kind == kind).filter(|_| !name.trim().is_empty()) else {
            self.reply("“create TYPE NAME” creates one of these, where you are:");
            plans.into_iter().for_each(|plan| self.reply(format!("{}.", plan.words)));
            return Vec::new();
        };
        let input = CreateForm::named(&plan.kind, name.trim());
        let effects = input.map(|input| self.create(plan, input)).unwrap_or_default();
        self.answer_submitted();
        effects
    }

    /// Deletes what is selected, if its whole name is typed: that takes the place of a question.
    fn delete_line(&mut self, rest: &str) -> Vec<AppEffect> {
        self.open_delete();
        let Some(Dialog::Delete(dialog)) = self.dialog.take() else { return Vec::new() };
        let name = self.cache.get(&dialog.subject).map(|entity| entity.name.to_string()).unwrap_or_default();
        if rest != name {
            let losses = self.losses(&dialog.subject);
            let losses = losses.iter().map(|loss| format!("{} {}: {}", loss.count, loss.what, loss.names));
            let with = losses.collect::<Vec<_>>().join("; ");
            let with = if with.is_empty() { String::new() } else { format!(" With it go {with}.") };
            self.reply(format!("“delete {name}” deletes this {}.{with}", dialog.subject.entity_type));
            return Vec::new();
        }
        let effects = self.delete(dialog);
        self.answer_submitted();
        effects
    }

    fn clock_line(&mut self, rest: &str) -> Vec<AppEffect> {
        let Some(now) = self.seen_world_time() else {
            self.reply("This campaign's clock has not been loaded yet.");
            return Vec::new();
        };
        match moment::read(rest, &self.clock.calendar(), &now) {
            Err(fault) => {
                self.reply(sentence(&fault));
                Vec::new()
            }
            Ok(goal) => {
                let effects = self.move_clock(&goal);
                self.answer_submitted();
                effects
            }
        }
    }

    fn answer_edits(&mut self) {
        let lines: Vec<_> = self
            .pending
            .unsettled()
            .enumerate()
            .map(|(index, held)| {
                let reason = self.edit_reason(held).map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("{}. {}, {}{reason}.", index + 1, self.sentence(held), words::state(&held.state))
            })
            .collect();
        if lines.is_empty() {
            return self.reply("All your changes are saved.");
        }
        lines.into_iter().for_each(|line| self.reply(spelt(&line)));
        self.reply("“try-again”, “discard-edit”, “take-mine” and “take-theirs” take a number of this list.");
    }

    /// Does something with the edit of a number in the list of edits.
    fn with_open_edit(
        &mut self,
        number: &str,
        act: impl FnOnce(&mut Self, &PendingEdit) -> Vec<AppEffect>,
    ) -> Vec<AppEffect> {
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let held = index.and_then(|index| self.pending.unsettled().nth(index).cloned());
        match held {
            Some(held) => act(self, &held),
            None => {
                self.reply("Say which by its number; “edits” lists them.");
                Vec::new()
            }
        }
    }

    /// Resolves a conflict as a whole, for one side.
    fn take_side(&mut self, held: &PendingEdit, side: &ConflictSide) -> Vec<AppEffect> {
        self.open_resolve(&held.edit.key);
        let Some(Dialog::Resolve(mut dialog)) = self.dialog.take() else {
            if !matches!(&held.state, PendingState::Refused(refusal) if refusal.conflict.is_some()) {
                self.reply("This edit is in no conflict.");
            }
            return Vec::new();
        };
        dialog.rows.iter_mut().for_each(|row| row.taken = side.clone());
        let effects = self.resolved(&dialog);
        self.dialog = None;
        effects
    }

    /// Answers what the last edit is, and whether it goes out now or later.
    fn answer_submitted(&mut self) {
        let Some(held) = self.pending.all().last() else { return };
        let said = self.sentence(held);
        let said = spelt(&said);
        let live = self.connection.is_live();
        self.reply(if live {
            format!("Sending: {said}.")
        } else {
            format!("Kept until there is a connection: {said}.")
        });
    }
}

/// Finds the field that a line begins with, and returns what comes behind its name.
fn named(fields: &[EditField], line: &str) -> Option<(EditField, String)> {
    let lower = line.to_lowercase();
    let whole = |field: &EditField| {
        let names = [field.label.to_lowercase(), field.name.clone(), plain_name(field)];
        let begins = |name: &String| {
            lower.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        names.into_iter().find(begins).map(|name| name.len())
    };
    let longest = fields.iter().filter_map(|field| Some((whole(field)?, field))).max_by_key(|(length, _)| *length);
    let word = lower.split(' ').next().unwrap_or_default();
    let short =
        || fields.iter().find(|field| field.label.to_lowercase().starts_with(word)).map(|field| (word.len(), field));
    let (length, field) = longest.or_else(short).filter(|_| !word.is_empty())?;
    // The name may be longer or shorter in other letters' case; then the whole line is in doubt.
    let value = line.get(length..)?.trim().to_owned();
    Some((field.clone(), value))
}

fn plain_name(field: &EditField) -> String {
    field.name.rsplit('.').next().unwrap_or_default().to_lowercase()
}
