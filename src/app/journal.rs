//! The journal: what happened, newest last, bounded, with a place to read from that stays put.

use std::collections::VecDeque;

use super::entry::Entry;

/// The number of the first entry that happens before our eyes; history is numbered downwards from it.
const START: u64 = 1 << 40;

/// Holds the entries, and where the person is in them.
///
/// An entry keeps its number for life, so a place in the journal means the same entry while others
/// arrive behind it or fall off the far end.
#[derive(Debug)]
pub struct Journal {
    entries: VecDeque<Entry>,
    /// The number of the oldest entry.
    first: u64,
    limit: usize,
    place: Place,
    dropped: u64,
    /// How many of the entries are events, rather than gaps and notices.
    events: usize,
}

/// Tells which entries are in view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The newest ones, always.
    Following,
    /// The ones from number `top` on; `arrived` have come since.
    Paused { top: u64, cursor: u64, arrived: u64 },
}

impl Journal {
    /// Builds a journal that keeps the latest `limit` entries.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: START,
            limit: limit.max(1),
            place: Place::Following,
            dropped: 0,
            events: 0,
        }
    }

    /// Adds what has just happened.
    pub fn push(&mut self, entry: Entry) {
        self.events += usize::from(entry.is_event());
        self.entries.push_back(entry);
        self.arrived_one();
    }

    fn arrived_one(&mut self) {
        if self.entries.len() > self.limit {
            let gone = self.entries.pop_front();
            self.events -= usize::from(gone.is_some_and(|entry| entry.is_event()));
            self.first += 1;
            self.dropped += 1;
        }
        if let Place::Paused { top, cursor, arrived } = &mut self.place {
            *arrived += 1;
            *top = (*top).max(self.first);
            *cursor = (*cursor).max(self.first);
        }
    }

    /// Adds earlier entries, each with its `seq`, oldest first, where they belong.
    ///
    /// What lies before everything held goes in front, as far as there is room; what fills a hole
    /// counts as arriving now.
    pub fn merge(&mut self, missing: Vec<Entry>) {
        let first = self.first_seq();
        let (before, holes): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|entry| first.is_none_or(|first| entry.seq.is_some_and(|seq| seq < first)));
        holes.into_iter().for_each(|entry| self.insert(entry));
        let room = self.limit.saturating_sub(self.entries.len());
        for entry in before.into_iter().rev().take(room) {
            self.events += usize::from(entry.is_event());
            self.entries.push_front(entry);
            self.first -= 1;
        }
    }

    /// Adds an entry before the first one with a higher `seq`.
    fn insert(&mut self, entry: Entry) {
        let later = self.entries.iter().rev().take_while(|held| held.seq.is_none_or(|seq| Some(seq) > entry.seq));
        // Rows without a position stay with the ones they came after.
        let later = later.collect::<Vec<_>>().iter().rposition(|held| held.seq.is_some()).map_or(0, |last| last + 1);
        let index = self.entries.len() - later;
        self.events += usize::from(entry.is_event());
        self.entries.insert(index, entry);
        self.arrived_one();
    }

    /// Lists the positions in the campaign's history that are held.
    pub fn seqs(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().filter_map(|entry| entry.seq)
    }

    /// Returns the highest position in the campaign's history that is held.
    #[must_use]
    pub fn last_seq(&self) -> Option<u64> {
        self.entries.iter().rev().find_map(|entry| entry.seq)
    }

    /// Counts the entries held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Counts the events held; a gap or a notice is none.
    #[must_use]
    pub const fn events(&self) -> usize {
        self.events
    }

    /// Tells whether nothing has happened yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Counts the entries that fell off the far end.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Tells whether the newest entry is kept in view.
    #[must_use]
    pub fn is_following(&self) -> bool {
        self.place == Place::Following
    }

    /// Counts what arrived since the pause.
    #[must_use]
    pub const fn arrived(&self) -> u64 {
        match self.place {
            Place::Following => 0,
            Place::Paused { arrived, .. } => arrived,
        }
    }

    /// Lists the `height` entries in view with whether each is selected, oldest first.
    pub fn view(&self, height: usize) -> impl Iterator<Item = (&Entry, bool)> {
        let top = self.top_index(height);
        let cursor = self.cursor_index();
        let shown = self.entries.iter().enumerate().skip(top).take(height);
        shown.map(move |(index, entry)| (entry, Some(index) == cursor))
    }

    /// Returns the entry under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<&Entry> {
        self.entries.get(self.cursor_index()?)
    }

    /// Keeps the newest entry in view from now on.
    pub const fn follow(&mut self) {
        self.place = Place::Following;
    }

    /// Keeps what is in view where it is from now on.
    pub fn pause(&mut self, height: usize) {
        if self.is_following() {
            let top = self.first + self.top_index(height) as u64;
            let cursor = self.first + self.entries.len().saturating_sub(1) as u64;
            self.place = Place::Paused { top, cursor, arrived: 0 };
        }
    }

    /// Moves the cursor by `by` entries and scrolls as little as needed; the journal pauses.
    pub fn step(&mut self, by: isize, height: usize) {
        if self.entries.is_empty() || (self.is_following() && by > 0) {
            return;
        }
        self.pause(height);
        let index = self.cursor_index().unwrap_or(0).saturating_add_signed(by).min(self.entries.len() - 1);
        self.go_to(index, height);
    }

    /// Puts the cursor on the oldest entry; the journal pauses.
    pub fn oldest(&mut self, height: usize) {
        if !self.entries.is_empty() {
            self.pause(height);
            self.go_to(0, height);
        }
    }

    fn first_seq(&self) -> Option<u64> {
        self.seqs().next()
    }

    fn go_to(&mut self, index: usize, height: usize) {
        let height = height.max(1);
        let top_index = self.top_index(height).clamp((index + 1).saturating_sub(height), index);
        if let Place::Paused { top, cursor, .. } = &mut self.place {
            *top = self.first + top_index as u64;
            *cursor = self.first + index as u64;
        }
    }

    fn top_index(&self, height: usize) -> usize {
        let lowest = self.entries.len().saturating_sub(height);
        match self.place {
            Place::Following => lowest,
            Place::Paused { top, cursor, .. } => {
                // A screen that grew shows more; one that shrank still shows the cursor.
                let wanted = usize::try_from(top - self.first).unwrap_or(0);
                let cursor = usize::try_from(cursor - self.first).unwrap_or(0);
                wanted.min(lowest).max((cursor + 1).saturating_sub(height))
            }
        }
    }

    fn cursor_index(&self) -> Option<usize> {
        match self.place {
            Place::Following => self.entries.len().checked_sub(1),
            Place::Paused { cursor, .. } => usize::try_from(cursor - self.first).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::app::entry::Kind;
    use crate::app::now::Now;

    fn entry(text: &str) -> Entry {
        Entry::notice(text, Now { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH })
    }

    fn filled(limit: usize, count: usize) -> Journal {
        let mut journal = Journal::new(limit);
        (0..count).for_each(|n| journal.push(entry(&n.to_string())));
        journal
    }

    fn shown(journal: &Journal, height: usize) -> Vec<String> {
        journal.view(height).map(|(entry, _)| entry.what.to_string()).collect()
    }

    #[test]
    fn a_paused_journal_stays_put_and_counts_what_arrives() {
        let mut journal = filled(100, 10);
        journal.step(-1, 3);
        let before = shown(&journal, 3);
        (10..15).for_each(|n| journal.push(entry(&n.to_string())));
        assert_eq!(shown(&journal, 3), before);
        assert_eq!((journal.arrived(), journal.is_following()), (5, false));
        journal.follow();
        assert_eq!(shown(&journal, 3), ["12", "13", "14"]);
        assert_eq!(journal.arrived(), 0);
    }

    fn placed(seq: u64) -> Entry {
        Entry { seq: Some(seq), kind: Kind::Invalidated, ..entry(&format!("#{seq}")) }
    }

    #[test]
    fn history_goes_in_front_and_moves_nothing() {
        let mut journal = Journal::new(100);
        (5..10).for_each(|seq| journal.push(placed(seq)));
        journal.step(-2, 3);
        let (before, cursor) = (shown(&journal, 3), journal.selected().cloned());
        journal.merge(vec![placed(3), placed(4)]);
        assert_eq!(shown(&journal, 3), before);
        assert_eq!((journal.selected().cloned(), journal.arrived()), (cursor, 0));
        journal.oldest(3);
        assert_eq!(shown(&journal, 3), ["#3", "#4", "#5"]);
    }

    #[test]
    fn what_fills_a_hole_goes_where_it_belongs() {
        let mut journal = Journal::new(100);
        for new in [placed(1), entry("gap"), placed(4), entry("note")] {
            journal.push(new);
        }
        journal.merge(vec![placed(2), placed(3), placed(5)]);
        assert_eq!(shown(&journal, 9), ["#1", "gap", "#2", "#3", "#4", "note", "#5"]);
    }

    #[test]
    fn only_events_are_counted_as_events() {
        let mut journal = Journal::new(4);
        for new in [placed(1), entry("note"), placed(4), entry("gap")] {
            journal.push(new);
        }
        assert_eq!((journal.events(), journal.len()), (2, 4));
        journal.push(placed(6));
        journal.merge(vec![placed(5)]);
        assert_eq!(shown(&journal, 9), ["#4", "gap", "#5", "#6"]);
        assert_eq!(journal.events(), 3, "those that fell off count no longer");
    }

    #[test]
    fn the_oldest_fall_off_and_are_counted() {
        let mut journal = filled(4, 10);
        assert_eq!((journal.len(), journal.dropped()), (4, 6));
        journal.merge(vec![placed(1)]);
        assert_eq!(shown(&journal, 9), ["6", "7", "8", "9"]);
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_in_view(steps in prop::collection::vec((-30isize..30, 1usize..12, 0usize..9), 1..60)) {
            let mut journal = filled(40, 3);
            for (by, height, arrivals) in steps {
                journal.step(by, height);
                (0..arrivals).for_each(|n| journal.push(entry(&n.to_string())));
                prop_assert!(journal.view(height).count() <= height);
                prop_assert!(journal.is_following() || journal.view(height).any(|(_, selected)| selected));
            }
        }
    }
}
