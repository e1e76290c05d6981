//! Changing the campaign: the sheet that is open, and what is submitted from it.
//!
//! A sheet lies over the panes and takes every key until it is closed. Each kind of sheet has a file of its
//! own; what they lead to is one [`AppEffect::Submit`], which nobody without the right to
//! edit can make.

pub(crate) mod buffer;
pub(crate) mod clock;
pub(crate) mod command;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod edits;
pub(crate) mod field;
pub(crate) mod field_input;
pub(crate) mod fields;
pub(crate) mod moment;
pub(crate) mod preferences;
pub(crate) mod resolve;
mod rights;
mod screen_reader;
mod submit;
mod undo;

pub(crate) use rights::EditRights;
pub(super) use submit::KeyGenerator;
pub(super) use undo::UndoHistory;

use self::command::EditCommand;
use super::command::{Action, KeyContext};
use super::key::Key;
use super::{App, AppEffect};

/// A form over the panes, in which something is changed.
#[derive(Debug, Clone)]
pub enum Dialog {
    Fields(Box<fields::FieldsDialog>),
    Create(Box<create::CreateDialog>),
    Delete(delete::DeleteDialog),
    Clock(Box<clock::ClockDialog>),
    Edits(edits::EditsDialog),
    Resolve(Box<resolve::ResolveDialog>),
    Preferences(preferences::PreferencesDialog),
}

impl Dialog {
    /// Returns the key context of this dialog.
    #[must_use]
    pub(crate) fn context(&self) -> KeyContext {
        match self {
            Self::Fields(dialog) => dialog.open.as_ref().map_or(KeyContext::Fields, |open| open.field_input.context()),
            Self::Create(dialog) => dialog.context(),
            Self::Delete(_) => KeyContext::Confirm,
            Self::Clock(_) => KeyContext::Prompt,
            Self::Edits(_) => KeyContext::Edits,
            Self::Preferences(_) => KeyContext::Preferences,
            Self::Resolve(dialog) => {
                dialog.open.as_ref().map_or(KeyContext::Resolve, |open| open.field_input.context())
            }
        }
    }
}

impl App {
    /// Returns the sheet that is open.
    #[must_use]
    pub const fn dialog(&self) -> Option<&Dialog> {
        self.dialog.as_ref()
    }

    /// Opens the sheet for a command, or does what needs none.
    pub(super) fn begin(&mut self, edit_command: EditCommand) -> Vec<AppEffect> {
        match edit_command {
            EditCommand::Fields => self.open_fields(),
            EditCommand::Create => self.open_create(),
            EditCommand::Delete => self.open_delete(),
            EditCommand::Clock => return self.open_clock(),
            EditCommand::Undo => return self.undo_last(),
            EditCommand::Edits => self.open_edits(),
            EditCommand::Open
            | EditCommand::MarkRead
            | EditCommand::MarkAllRead
            | EditCommand::Preferences
            | EditCommand::AcceptInvitation
            | EditCommand::DeclineInvitation => return self.notice_command(edit_command),
            EditCommand::Save
            | EditCommand::Cancel
            | EditCommand::Again
            | EditCommand::Discard
            | EditCommand::Confirm
            | EditCommand::Base
            | EditCommand::Mine
            | EditCommand::Theirs
            | EditCommand::Other
            | EditCommand::Previous
            | EditCommand::Next
            | EditCommand::PreviousLine
            | EditCommand::NextLine
            | EditCommand::Text(_) => {}
        }
        Vec::new()
    }

    /// Takes a key while a sheet is open.
    pub(super) fn dialog_key(&mut self, key: Key) -> Vec<AppEffect> {
        match self.dialog.take() {
            Some(Dialog::Fields(dialog)) => self.fields_key(*dialog, key),
            Some(Dialog::Create(dialog)) => self.create_key(*dialog, key),
            Some(Dialog::Delete(dialog)) => self.delete_key(dialog, key),
            Some(Dialog::Clock(dialog)) => self.clock_key(*dialog, key),
            Some(Dialog::Edits(dialog)) => self.edits_key(dialog, key),
            Some(Dialog::Resolve(dialog)) => self.resolve_key(*dialog, key),
            Some(Dialog::Preferences(dialog)) => self.preferences_key(dialog, key),
            None => Vec::new(),
        }
    }

    /// Does what every sheet leaves to the dashboard: help, suspend, quit.
    fn unhandled(&mut self, action: Action) -> Vec<AppEffect> {
        let everywhere = matches!(action, Action::Help | Action::Suspend | Action::Quit);
        if everywhere { self.perform(action) } else { Vec::new() }
    }

    /// Types what was pasted into what is being written.
    pub(super) fn dialog_paste(&mut self, pasted: &str) {
        match &mut self.dialog {
            Some(Dialog::Fields(dialog)) => dialog.open.iter_mut().for_each(|open| open.field_input.paste(pasted)),
            Some(Dialog::Resolve(dialog)) => dialog.open.iter_mut().for_each(|open| open.field_input.paste(pasted)),
            Some(Dialog::Create(dialog)) => dialog.paste(pasted),
            Some(Dialog::Clock(dialog)) => dialog.paste(pasted),
            Some(Dialog::Delete(_) | Dialog::Edits(_) | Dialog::Preferences(_)) | None => {}
        }
    }

    /// Returns the width in which prose is written on a sheet.
    fn prose_columns(&self) -> usize {
        usize::from(self.layout().dialog().width).saturating_sub(4).max(2)
    }
}

/// Moves a cursor among `count` rows by a command; `None` if it is no move.
fn moved(cursor: usize, count: usize, action: Action) -> Option<usize> {
    let last = count.saturating_sub(1);
    let moves = [
        (Action::Up, cursor.saturating_sub(1)),
        (Action::Down, (cursor + 1).min(last)),
        (Action::First, 0),
        (Action::Last, last),
    ];
    moves.into_iter().find(|(known, _)| *known == action).map(|(_, to)| to)
}
