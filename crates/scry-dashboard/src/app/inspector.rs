//! The Inspector: one event in full, what it changed in the cache, what led to it and what it led to.

mod json;
mod lines;

use std::collections::BTreeSet;

pub(crate) use json::JsonLine;
pub(crate) use lines::{CauseLine, InspectorLine};
pub(super) use lines::{effects, reasons};

use super::App;
use super::command::Action;
use super::pane::Pane;

/// The place in the inspected event.
#[derive(Debug, Default)]
pub(super) struct Inspector {
    /// The number of the journal's entry.
    pub entry: Option<u64>,
    cursor: usize,
    offset: usize,
    /// The paths of folded objects and lists.
    folded: BTreeSet<String>,
}

impl App {
    /// Lists the Inspector's lines, with the one under the cursor and the first in view.
    #[must_use]
    pub(crate) fn inspected(&self) -> (Vec<InspectorLine>, usize, usize) {
        let lines = self.inspector.entry.map(|number| lines::of(self, number, &self.inspector.folded));
        let lines = lines.unwrap_or_default();
        let cursor = self.inspector.cursor.min(lines.len().saturating_sub(1));
        (lines, cursor, self.inspector.offset)
    }

    /// Returns the entry that is inspected.
    #[must_use]
    pub(crate) fn inspected_entry(&self) -> Option<&super::entry::JournalItem> {
        self.journal.entry(self.inspector.entry?)
    }

    /// Opens the journal's selected event; the journal stays where it is from then on.
    pub(super) fn inspect_selected(&mut self) {
        let Some(number) = self.journal.selected_number() else { return };
        self.push_place();
        let rows = self.layout().rows(Pane::Journal);
        self.journal.pause(rows);
        self.inspect(number);
        self.go_to_pane(Pane::Inspector);
    }

    fn inspect(&mut self, number: u64) {
        self.inspector = Inspector { entry: Some(number), ..Inspector::default() };
    }

    /// Shows the journal's selected event where another one was, once the Inspector is open.
    pub(super) fn inspect_selection(&mut self) {
        let is_open = self.further.is_some_and(|(pane, _)| pane == Pane::Inspector);
        if let Some(number) = self.journal.selected_number().filter(|_| is_open && !self.journal.is_following())
            && self.inspector.entry != Some(number)
        {
            self.inspect(number);
        }
    }

    /// Moves in the Inspector; tells whether the command was a move.
    pub(super) fn move_in_inspector(&mut self, action: Action, rows: usize) -> bool {
        let (lines, cursor, _) = self.inspected();
        let last = lines.len().saturating_sub(1);
        self.inspector.cursor = match (super::actions::step(action, rows), action) {
            (Some(by), _) => cursor.saturating_add_signed(by).min(last),
            (None, Action::First) => 0,
            (None, Action::Last) => last,
            _ => return false,
        };
        true
    }

    /// Keeps the cursor within the rows in view.
    pub(super) fn clamp_inspector(&mut self, rows: usize) {
        let rows = rows.max(1);
        let (lines, cursor, offset) = self.inspected();
        let most = lines.len().saturating_sub(rows);
        // The last line says how much is below, while anything is.
        let least = (cursor + 1).saturating_sub(rows.saturating_sub(usize::from(most > 0)).max(1));
        self.inspector.cursor = cursor;
        self.inspector.offset = offset.clamp(least, cursor.max(least)).min(most);
    }

    /// Puts the cursor on a line in view.
    pub(super) fn click_inspector(&mut self, row: usize) {
        self.inspector.cursor = self.inspector.offset + row;
    }

    /// Folds or unfolds what is under the cursor, or goes to the event it names.
    pub(super) fn open_in_inspector(&mut self) {
        let (lines, cursor, _) = self.inspected();
        match lines.get(cursor) {
            Some(InspectorLine::Json(JsonLine { path, folded: Some(folded), .. })) => {
                if *folded {
                    self.inspector.folded.remove(path);
                } else {
                    self.inspector.folded.insert(path.clone());
                }
            }
            Some(InspectorLine::Cause(CauseLine { number: Some(number), is_this: false, .. })) => {
                self.push_place();
                let rows = self.layout().rows(Pane::Journal);
                self.journal.go_to(*number, rows);
                self.inspect(*number);
            }
            Some(_) | None => {}
        }
    }

    /// Folds or unfolds what is under the cursor.
    pub(super) fn fold_in_inspector(&mut self, fold: bool) {
        let (lines, cursor, _) = self.inspected();
        if let Some(InspectorLine::Json(JsonLine { folded: Some(folded), .. })) = lines.get(cursor)
            && *folded != fold
        {
            self.open_in_inspector();
        }
    }
}
