//! Where the person is among the fields of Detail, and which of them is explained.

use super::DetailRow;
use crate::app::command::Action;
use crate::app::pane::Pane;
use crate::app::{App, actions, explain, measure};

/// The row under the cursor and the first one in view.
#[derive(Debug, Clone, Default)]
pub struct DetailPosition {
    row: usize,
    /// The field on that row: it keeps the cursor when rows come and go above it.
    field: Option<String>,
    offset: usize,
    explained: Option<String>,
}

impl DetailPosition {
    /// Begins at a field, wherever it stands.
    #[must_use]
    pub(crate) const fn at(field: String) -> Self {
        Self { row: 1, field: Some(field), offset: 0, explained: None }
    }

    /// Returns the first row in view.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the row under the cursor.
    #[must_use]
    pub const fn row(&self) -> usize {
        self.row
    }
}

impl App {
    /// Returns where the person is in Detail.
    #[must_use]
    pub const fn detail_place(&self) -> &DetailPosition {
        &self.detail_place
    }

    /// Returns how many rows Detail has for fields, below the line that says who else is here.
    #[must_use]
    pub fn detail_room(&self) -> usize {
        let rows = self.layout().rows(Pane::Detail);
        rows - usize::from(rows >= 3 && self.has_company())
    }

    /// Returns whether other users are at the entity that Detail shows.
    #[must_use]
    pub(crate) fn has_company(&self) -> bool {
        let here = self.tree.entity().map(|key| self.people.at(key, self.me()).len());
        here.unwrap_or(0) > 0
    }

    /// Returns the row under the cursor, while Detail has the focus.
    pub(in crate::app) fn detail_field(&self) -> Option<DetailRow> {
        if self.focus != Pane::Detail {
            return None;
        }
        let (rows, _) = self.detail(self.detail_columns());
        rows.into_iter().nth(self.detail_place.row).filter(is_stop)
    }

    /// Moves among the rows; tells whether the command was a move.
    pub(in crate::app) fn move_in_detail(&mut self, action: Action, page: usize) -> bool {
        let (rows, _) = self.detail(self.detail_columns());
        let last = rows.len().saturating_sub(1);
        let here = self.detail_place.row;
        let (wanted, forward) = match (actions::step(action, page), action) {
            (Some(by), _) => (here.saturating_add_signed(by).min(last), by > 0),
            (None, Action::First) => (0, true),
            (None, Action::Last) => (last, false),
            _ => return false,
        };
        let mut beyond = rows.iter().enumerate().skip(wanted).filter(|(_, row)| is_stop(row));
        let mut before = rows.iter().enumerate().take(wanted + 1).rev().filter(|(_, row)| is_stop(row));
        let found =
            if forward { beyond.next().or_else(|| before.next()) } else { before.next().or_else(|| beyond.next()) };
        if let Some((row, found)) = found {
            self.detail_place.row = row;
            self.detail_place.field = found.field().map(ToOwned::to_owned);
        }
        // The headings above the first field belong to it.
        if self.detail_place.row == 0 || found.is_none() {
            self.detail_place.offset = 0;
        }
        true
    }

    /// Puts the cursor on a row in view.
    pub(in crate::app) fn click_detail(&mut self, row: usize) {
        let company = self.layout().rows(Pane::Detail) - self.detail_room();
        let Some(row) = row.checked_sub(company).map(|row| row + self.detail_place.offset) else { return };
        let (rows, _) = self.detail(self.detail_columns());
        if let Some(found) = rows.get(row).filter(|row| is_stop(row)) {
            self.detail_place.row = row;
            self.detail_place.field = found.field().map(ToOwned::to_owned);
        }
    }

    /// Explains the field under the cursor, or no longer.
    pub(in crate::app) fn explain_or_not(&mut self) {
        let field = self.detail_field().and_then(|row| row.field().map(ToOwned::to_owned));
        let same = field.is_some() && self.detail_place.explained == field;
        self.detail_place.explained = field.filter(|_| !same);
    }

    /// Lists the rows that explain a field, where it is the one to be explained.
    pub(in crate::app) fn why(&self, field: Option<&str>, columns: usize) -> Vec<DetailRow> {
        let wanted = self.detail_place.explained.as_deref();
        let Some((field, entity)) = field.filter(|field| wanted == Some(field)).zip(self.selected()) else {
            return Vec::new();
        };
        let lines = explain::field(self, &entity, field);
        let wrapped = lines.iter().flat_map(|line| measure::wrap(line, columns.saturating_sub(4).max(10)));
        wrapped.map(DetailRow::Why).collect()
    }

    /// Keeps the cursor on its field and in view.
    pub(in crate::app) fn clamp_detail(&mut self) {
        let untouched = self.detail_place.row == 0 && self.detail_place.offset == 0;
        if untouched && self.focus != Pane::Detail {
            return;
        }
        let (rows, offset) = self.detail(self.detail_columns());
        let place = &mut self.detail_place;
        let kept = place.field.as_deref().and_then(|field| rows.iter().position(|row| row.field() == Some(field)));
        let wanted = kept.unwrap_or(place.row).min(rows.len().saturating_sub(1));
        let stop = rows.iter().skip(wanted).position(is_stop).map(|further| wanted + further);
        place.row = stop.or_else(|| rows.iter().rposition(is_stop)).unwrap_or(0);
        place.field = rows.get(place.row).and_then(DetailRow::field).map(ToOwned::to_owned);
        // What explains a row is to be seen with it.
        let end =
            place.row + rows.iter().skip(place.row + 1).take_while(|row| matches!(row, DetailRow::Why(_))).count();
        let room = self.detail_room().max(1);
        let most = rows.len().saturating_sub(room);
        // The last line says how much is below, while anything is.
        let seen = room.saturating_sub(usize::from(most > 0)).max(1);
        let place = &mut self.detail_place;
        let least = (end.min(place.row + seen - 1) + 1).saturating_sub(seen);
        place.offset = offset.clamp(least.min(place.row), place.row.max(least)).min(most.max(least.min(place.row)));
        if place.row == rows.iter().position(is_stop).unwrap_or(0) {
            place.offset = 0;
        }
    }

    fn detail_columns(&self) -> usize {
        usize::from(self.layout().columns(Pane::Detail)).saturating_sub(2)
    }
}

/// Returns whether the cursor stops at a row.
fn is_stop(row: &DetailRow) -> bool {
    row.field().is_some() || matches!(row, DetailRow::Text(_))
}
