//! The journal: what happened, newest last, bounded, with a place to read from that stays put.

mod interner;
mod position;
mod skipped_rows;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use interner::Interner;
use scry_catalogue::EventDisplays;
use scry_model::cache::Entity;

use super::entry::JournalItem;
use super::filter::Filter;
use super::record;

/// The number of the first entry that happens before our eyes; history is numbered downwards from it.
const FIRST_LIVE_NUMBER: u64 = 1 << 40;
/// How many bytes the texts of events may take; the oldest go first, their rows stay.
const MAX_TEXT_BYTES: usize = 4 << 20;
/// For how many entries room is made from the start.
const RESERVED_ROWS: usize = 100_000;
/// How many of the latest entries are looked at for one that waits for its values.
const MAX_ROWS_SEARCHED: usize = 512;

/// The entries of the journal, and the place among them.
///
/// An entry keeps its number for life, so a place in the journal means the same entry while others
/// arrive behind it or fall off the far end.
#[derive(Debug)]
pub struct JournalView {
    entries: VecDeque<JournalItem>,
    /// The number of the oldest entry.
    first: u64,
    limit: usize,
    place: position::JournalPosition,
    dropped: u64,
    /// How many of the entries are events, rather than gaps and notices.
    events: usize,
    filter: Option<Filter>,
    /// The numbers of the entries that pass the filter; unused without one.
    passing: VecDeque<u64>,
    /// How many bytes the texts held take, and the number below which there are none.
    texts: usize,
    bare_below: u64,
    skipped: skipped_rows::SkippedRows,
    interner: Interner,
}

impl JournalView {
    /// Builds a journal that keeps the latest `limit` entries.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            // Room that is not used takes no memory, and a growing one would leave its smaller selves behind.
            entries: VecDeque::with_capacity(limit.min(RESERVED_ROWS) + 1),
            first: FIRST_LIVE_NUMBER,
            limit: limit.max(1),
            place: position::JournalPosition::Following,
            dropped: 0,
            events: 0,
            filter: None,
            passing: VecDeque::new(),
            texts: 0,
            bare_below: FIRST_LIVE_NUMBER,
            skipped: skipped_rows::SkippedRows::default(),
            interner: Interner::default(),
        }
    }

    /// Adds what has just happened; `passes` tells whether the filter lets it through.
    pub fn push(&mut self, mut entry: JournalItem, passes: bool) {
        if passes && self.filter.is_some() {
            self.passing.push_back(self.end());
        }
        self.count_in(&mut entry);
        self.entries.push_back(entry);
        self.make_room();
        self.arrived(passes);
    }

    /// Adds earlier entries, each with its `seq`, oldest first, where they belong.
    ///
    /// What lies before everything held goes in front, as far as there is room; what fills a hole
    /// counts as arriving now.
    pub(crate) fn merge(&mut self, missing: Vec<JournalItem>, passes: impl Fn(&Filter, &JournalItem) -> bool) {
        let first = self.seqs().next();
        let (before, holes): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|entry| first.is_none_or(|first| entry.seq.is_some_and(|seq| seq < first)));
        holes.into_iter().for_each(|entry| self.insert(entry));
        let room = self.limit.saturating_sub(self.entries.len());
        for mut entry in before.into_iter().rev().take(room) {
            self.count_in(&mut entry);
            self.entries.push_front(entry);
            self.first -= 1;
            self.bare_below = self.bare_below.min(self.first);
        }
        self.trim_texts();
        self.date_forward();
        self.refilter(passes);
    }

    /// Puts a filter over the entries, or takes it away; the cursor stays where it is as far as it can.
    pub(crate) fn set_filter(&mut self, filter: Option<Filter>, passes: impl Fn(&Filter, &JournalItem) -> bool) {
        self.filter = filter;
        self.refilter(passes);
    }

    /// Takes over what the API says of an entity, for the events that did not say it themselves.
    pub(crate) fn settle(&mut self, entity: &Entity) {
        for entry in self.entries.iter_mut().rev().take(MAX_ROWS_SEARCHED) {
            if let Some(record) = &mut entry.record
                && record::awaits(record, entry.common.subject.as_ref(), &entity.key)
            {
                record.settle(entity);
            }
        }
    }

    /// Words custom events anew, as their catalogues would have it.
    pub(crate) fn say(&mut self, looks: &EventDisplays) {
        self.entries.iter_mut().for_each(|entry| entry.say(looks));
    }

    /// Adds an entry before the first one with a higher `seq`.
    fn insert(&mut self, mut entry: JournalItem) {
        let later = self.entries.iter().rev().take_while(|held| held.seq.is_none_or(|seq| Some(seq) > entry.seq));
        // Rows without a position stay with the ones they came after.
        let later = later.collect::<Vec<_>>().iter().rposition(|held| held.seq.is_some()).map_or(0, |last| last + 1);
        let index = self.entries.len() - later;
        self.count_in(&mut entry);
        self.entries.insert(index, entry);
        self.make_room();
        self.arrived(true);
    }

    fn count_in(&mut self, entry: &mut JournalItem) {
        self.interner.intern(&mut entry.common);
        self.events += usize::from(entry.is_event());
        self.texts += entry.record.as_ref().map_or(0, |record| record.size());
    }

    fn make_room(&mut self) {
        if self.entries.len() > self.limit
            && let Some(gone) = self.entries.pop_front()
        {
            self.events -= usize::from(gone.is_event());
            self.texts -= gone.record.map_or(0, |record| record.size());
            self.first += 1;
            self.dropped += 1;
            while self.passing.front().is_some_and(|number| *number < self.first) {
                self.passing.pop_front();
            }
        }
        self.trim_texts();
    }

    /// Forgets the texts of the oldest events until the rest fits.
    fn trim_texts(&mut self) {
        while self.texts > MAX_TEXT_BYTES && self.bare_below < self.end() {
            let index = usize::try_from(self.bare_below.saturating_sub(self.first)).unwrap_or(0);
            let record = self.entries.get_mut(index).and_then(|entry| entry.record.take());
            self.texts -= record.map_or(0, |record| record.size());
            self.bare_below = self.bare_below.max(self.first) + 1;
        }
    }

    /// Dates in the world what happened after a known move of the clock.
    fn date_forward(&mut self) {
        let mut known = None;
        for entry in &mut self.entries {
            known = entry.world_time.or(known);
            entry.world_time = entry.world_time.or(known);
        }
    }

    fn refilter(&mut self, passes: impl Fn(&Filter, &JournalItem) -> bool) {
        self.passing.clear();
        if let Some(filter) = &self.filter {
            let numbered = (self.first..).zip(&self.entries);
            self.passing.extend(numbered.filter(|(_, entry)| passes(filter, entry)).map(|(number, _)| number));
        }
        self.keep_place();
    }

    /// Returns the number that what has just happened began with, before any history.
    #[must_use]
    pub(crate) const fn start(&self) -> u64 {
        FIRST_LIVE_NUMBER
    }

    /// Returns the number that the next entry gets.
    #[must_use]
    pub(crate) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Returns the filter over the entries.
    #[must_use]
    pub(crate) const fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// Counts the entries that the filter lets through; all of them without one.
    #[must_use]
    pub(crate) fn shown(&self) -> usize {
        if self.filter.is_some() { self.passing.len() } else { self.entries.len() }
    }

    /// Lists every entry with its number, oldest first, whatever the filter says.
    pub(crate) fn numbered(&self) -> impl DoubleEndedIterator<Item = (u64, &JournalItem)> {
        self.entries.iter().enumerate().map(|(index, entry)| (self.first + index as u64, entry))
    }

    /// Lists the entries after one, with their numbers, whatever the filter says.
    pub(crate) fn numbered_after(&self, number: u64) -> impl Iterator<Item = (u64, &JournalItem)> {
        let skipped = usize::try_from((number + 1).saturating_sub(self.first)).unwrap_or(0).min(self.entries.len());
        self.entries.range(skipped..).zip(self.first + skipped as u64..).map(|(entry, number)| (number, entry))
    }

    /// Lists the entries that the filter lets through, oldest first.
    pub fn passing(&self) -> impl Iterator<Item = &JournalItem> {
        (0..self.shown()).filter_map(|index| self.entry(self.number_at(index)))
    }

    /// Lists the latest `count` entries, oldest first.
    pub(crate) fn latest(&self, count: usize) -> impl Iterator<Item = &JournalItem> {
        self.entries.range(self.entries.len().saturating_sub(count)..)
    }

    /// Returns the entry with a number.
    #[must_use]
    pub(crate) fn entry(&self, number: u64) -> Option<&JournalItem> {
        self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Lists the positions in the campaign's history that are held.
    pub fn seqs(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().filter_map(|entry| entry.seq)
    }

    /// Returns the highest position in the campaign's history that is held.
    #[must_use]
    pub(crate) fn last_seq(&self) -> Option<u64> {
        self.entries.iter().rev().find_map(|entry| entry.seq)
    }

    /// Counts the entries held.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Counts the events held; a gap or a notice is none.
    #[must_use]
    pub(crate) const fn events(&self) -> usize {
        self.events
    }

    /// Returns whether there are no entries.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Counts the entries that fell off the far end.
    #[must_use]
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}
