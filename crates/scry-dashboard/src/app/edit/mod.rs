//! Changing the campaign: the sheet that is open, and what is submitted from it.
//!
//! A sheet lies over the panes and takes every key until it is closed. Each kind of sheet has a file of its
//! own; what they lead to is one [`Effect::Submit`], which nobody without the right to
//! edit can make.

pub mod buffer;
pub mod clock;
pub mod command;
pub mod create;
pub mod delete;
pub mod draft;
pub mod edits;
pub mod field;
pub mod fields;
pub mod moment;
pub mod preferences;
pub mod resolve;
mod rights;
mod spoken;
mod submit;
mod undo;

pub use rights::Rights;
pub(super) use submit::Keys;
pub(super) use undo::Undo;

use self::command::Deed;
use super::command::{Action, Context};
use super::key::Key;
use super::{App, Effect};

/// Holds what is being changed.
#[derive(Debug, Clone)]
pub enum Sheet {
    Fields(Box<fields::FieldSheet>),
    Create(Box<create::CreateSheet>),
    Delete(delete::DeleteSheet),
    Clock(Box<clock::ClockSheet>),
    Edits(edits::EditsSheet),
    Resolve(Box<resolve::ResolveSheet>),
    Preferences(preferences::PreferencesSheet),
}

impl Sheet {
    /// Names what the keys mean on this sheet.
    #[must_use]
    pub fn context(&self) -> Context {
        match self {
            Self::Fields(sheet) => sheet.open.as_ref().map_or(Context::Fields, |open| open.draft.context()),
            Self::Create(sheet) => sheet.context(),
            Self::Delete(_) => Context::Confirm,
            Self::Clock(_) => Context::Prompt,
            Self::Edits(_) => Context::Edits,
            Self::Preferences(_) => Context::Preferences,
            Self::Resolve(sheet) => sheet.open.as_ref().map_or(Context::Resolve, |open| open.draft.context()),
        }
    }
}

impl App {
    /// Returns the sheet that is open.
    #[must_use]
    pub const fn sheet(&self) -> Option<&Sheet> {
        self.sheet.as_ref()
    }

    /// Opens the sheet for a command, or does what needs none.
    pub(super) fn begin(&mut self, deed: Deed) -> Vec<Effect> {
        match deed {
            Deed::Fields => self.open_fields(),
            Deed::Create => self.open_create(),
            Deed::Delete => self.open_delete(),
            Deed::Clock => return self.open_clock(),
            Deed::Undo => return self.undo_last(),
            Deed::Edits => self.open_edits(),
            Deed::Open
            | Deed::MarkRead
            | Deed::MarkAllRead
            | Deed::Preferences
            | Deed::AcceptInvitation
            | Deed::DeclineInvitation => return self.notice_deed(deed),
            Deed::Save
            | Deed::Cancel
            | Deed::Again
            | Deed::Discard
            | Deed::Confirm
            | Deed::Base
            | Deed::Mine
            | Deed::Theirs
            | Deed::Other
            | Deed::Previous
            | Deed::Next
            | Deed::PreviousLine
            | Deed::NextLine
            | Deed::Text(_) => {}
        }
        Vec::new()
    }

    /// Takes a key while a sheet is open.
    pub(super) fn sheet_key(&mut self, key: Key) -> Vec<Effect> {
        match self.sheet.take() {
            Some(Sheet::Fields(sheet)) => self.fields_key(*sheet, key),
            Some(Sheet::Create(sheet)) => self.create_key(*sheet, key),
            Some(Sheet::Delete(sheet)) => self.delete_key(sheet, key),
            Some(Sheet::Clock(sheet)) => self.clock_key(*sheet, key),
            Some(Sheet::Edits(sheet)) => self.edits_key(sheet, key),
            Some(Sheet::Resolve(sheet)) => self.resolve_key(*sheet, key),
            Some(Sheet::Preferences(sheet)) => self.preferences_key(sheet, key),
            None => Vec::new(),
        }
    }

    /// Does what every sheet leaves to the dashboard: help, suspend, quit.
    fn beyond(&mut self, action: Action) -> Vec<Effect> {
        let everywhere = matches!(action, Action::Help | Action::Suspend | Action::Quit);
        if everywhere { self.perform(action) } else { Vec::new() }
    }

    /// Types what was pasted into what is being written.
    pub(super) fn sheet_paste(&mut self, pasted: &str) {
        match &mut self.sheet {
            Some(Sheet::Fields(sheet)) => sheet.open.iter_mut().for_each(|open| open.draft.paste(pasted)),
            Some(Sheet::Resolve(sheet)) => sheet.open.iter_mut().for_each(|open| open.draft.paste(pasted)),
            Some(Sheet::Create(sheet)) => sheet.paste(pasted),
            Some(Sheet::Clock(sheet)) => sheet.paste(pasted),
            Some(Sheet::Delete(_) | Sheet::Edits(_) | Sheet::Preferences(_)) | None => {}
        }
    }

    /// Returns the width in which prose is written on a sheet.
    fn prose_columns(&self) -> usize {
        usize::from(self.layout().sheet().width).saturating_sub(4).max(2)
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
