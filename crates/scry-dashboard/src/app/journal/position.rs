//! The place in the journal: following the newest entry, or put somewhere and staying there.

use super::{JournalItem, JournalView};
use crate::app::entry::RowKind;

/// The entries in view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JournalPosition {
    /// The newest ones, always.
    Following,
    /// The ones from number `top` on; `arrived` have come since.
    Paused { top: u64, cursor: u64, arrived: u64 },
}

impl JournalView {
    /// Returns whether the newest entry is kept in view.
    #[must_use]
    pub(crate) fn is_following(&self) -> bool {
        self.place == JournalPosition::Following
    }

    /// Counts what arrived since the pause.
    #[must_use]
    pub(crate) const fn arrived_since(&self) -> u64 {
        match self.place {
            JournalPosition::Following => 0,
            JournalPosition::Paused { arrived, .. } => arrived,
        }
    }

    /// Lists the entries in view with whether each is selected, oldest first; `lines` tells how many lines one takes.
    pub fn view(&self, height: usize, lines: impl Fn(&JournalItem) -> usize) -> Vec<(&JournalItem, bool)> {
        let cursor = self.cursor_index();
        let shown = |index: usize| self.entry(self.number_at(index)).map(|entry| (entry, Some(index) == cursor));
        let (top, count) = (self.top_index(height), self.shown());
        let mut used = 0;
        let takes = |index: usize| shown(index).map_or(0, |(entry, _)| lines(entry));
        let from_top: Vec<_> = (top..count)
            .take_while(|index| {
                let fits = used < height;
                used += takes(*index);
                fits
            })
            .collect();
        let last = cursor.unwrap_or(0);
        let until_cursor: usize = (top..=last).take(height + 1).map(takes).sum();
        if cursor.is_none() || until_cursor <= height {
            return from_top.into_iter().filter_map(shown).collect();
        }
        // Wrapped lines push the cursor out of view; what is in view then ends with it.
        let mut room = height;
        let mut rows: Vec<_> = (0..=last)
            .rev()
            .take_while(|index| {
                let needed = takes(*index);
                let fits = needed <= room || *index == last;
                room = room.saturating_sub(needed);
                fits
            })
            .collect();
        rows.reverse();
        rows.into_iter().filter_map(shown).collect()
    }

    /// Returns the entry under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<&JournalItem> {
        self.entry(self.selected_number()?)
    }

    /// Returns the number of the entry under the cursor.
    #[must_use]
    pub(crate) fn selected_number(&self) -> Option<u64> {
        self.cursor_index().map(|index| self.number_at(index))
    }

    /// Keeps the newest entry in view from now on.
    pub(crate) const fn follow(&mut self) {
        self.place = JournalPosition::Following;
        self.skipped.begin();
    }

    /// Keeps what is in view where it is from now on.
    pub(crate) fn pause(&mut self, height: usize) {
        if self.is_following() && self.shown() > 0 {
            let top = self.number_at(self.top_index(height));
            let cursor = self.number_at(self.shown() - 1);
            self.place = JournalPosition::Paused { top, cursor, arrived: 0 };
        }
    }

    /// Moves the cursor by `by` entries and scrolls as little as needed; the journal pauses.
    pub(crate) fn step(&mut self, by: isize, height: usize) {
        if self.shown() == 0 || (self.is_following() && by > 0) {
            return;
        }
        self.pause(height);
        let index = self.cursor_index().unwrap_or(0).saturating_add_signed(by).min(self.shown() - 1);
        self.go_to_index(index, height);
    }

    /// Puts the cursor on the oldest entry; the journal pauses.
    pub(crate) fn oldest(&mut self, height: usize) {
        if self.shown() > 0 {
            self.pause(height);
            self.go_to_index(0, height);
        }
    }

    /// Puts the cursor on an entry, or the nearest one after it that the filter lets through; the journal pauses.
    pub(crate) fn go_to(&mut self, number: u64, height: usize) {
        if self.shown() > 0 {
            self.pause(height);
            self.go_to_index(self.index_of(number), height);
        }
    }

    /// Puts the cursor on the next marker, or the one before; tells whether there is one.
    pub(crate) fn go_to_marker(&mut self, forward: bool, height: usize) -> bool {
        let here = self.selected_number().unwrap_or(self.first);
        let markers = self.numbered().filter(|(_, entry)| entry.kind == RowKind::Marker).map(|(number, _)| number);
        let mut markers = markers.collect::<Vec<_>>().into_iter();
        let found =
            if forward { markers.find(|number| *number > here) } else { markers.rfind(|number| *number < here) };
        if let Some(number) = found {
            self.go_to(number, height);
        }
        found.is_some()
    }

    pub(super) fn arrived(&mut self, passes: bool) {
        self.skipped.arrived(passes);
        if let JournalPosition::Paused { top, cursor, arrived } = &mut self.place {
            *arrived += u64::from(passes);
            *top = (*top).max(self.first);
            *cursor = (*cursor).max(self.first);
        }
    }

    /// Keeps the cursor on an entry that is shown.
    pub(super) fn keep_place(&mut self) {
        if self.shown() == 0 {
            self.place = JournalPosition::Following;
        }
    }

    pub(super) fn number_at(&self, index: usize) -> u64 {
        match &self.filter {
            Some(_) => self.passing.get(index).copied().unwrap_or(self.first),
            None => self.first + index as u64,
        }
    }

    fn index_of(&self, number: u64) -> usize {
        let index = match &self.filter {
            Some(_) => self.passing.partition_point(|passing| *passing < number),
            None => usize::try_from(number.saturating_sub(self.first)).unwrap_or(0),
        };
        index.min(self.shown().saturating_sub(1))
    }

    fn go_to_index(&mut self, index: usize, height: usize) {
        let height = height.max(1);
        let top_index = self.top_index(height).clamp((index + 1).saturating_sub(height), index);
        let (top_number, number) = (self.number_at(top_index), self.number_at(index));
        if let JournalPosition::Paused { top, cursor, .. } = &mut self.place {
            *top = top_number;
            *cursor = number;
        }
    }

    fn top_index(&self, height: usize) -> usize {
        let lowest = self.shown().saturating_sub(height);
        match self.place {
            JournalPosition::Following => lowest,
            JournalPosition::Paused { top, cursor, .. } => {
                // A screen that grew shows more; one that shrank still shows the cursor.
                let cursor = self.index_of(cursor);
                self.index_of(top).min(lowest).max((cursor + 1).saturating_sub(height)).min(cursor)
            }
        }
    }

    fn cursor_index(&self) -> Option<usize> {
        match self.place {
            JournalPosition::Following => self.shown().checked_sub(1),
            JournalPosition::Paused { cursor, .. } => (self.shown() > 0).then(|| self.index_of(cursor)),
        }
    }
}
