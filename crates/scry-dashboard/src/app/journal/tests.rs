//! The journal's place, order, filter and bounds.

use std::time::Instant;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::app::entry::RowKind;
use crate::app::now::Now;

fn entry(text: &str) -> JournalItem {
    JournalItem::notice(text, Now { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH })
}

fn filled(limit: usize, count: usize) -> JournalView {
    let mut journal = JournalView::new(limit);
    (0..count).for_each(|n| journal.push(entry(&n.to_string()), true));
    journal
}

fn shown(journal: &JournalView, height: usize) -> Vec<String> {
    journal.view(height, |_| 1).iter().map(|(entry, _)| entry.what.to_string()).collect()
}

#[test]
fn a_paused_journal_stays_put_and_counts_what_arrives() {
    let mut journal = filled(100, 10);
    journal.step(-1, 3);
    let before = shown(&journal, 3);
    (10..15).for_each(|n| journal.push(entry(&n.to_string()), true));
    assert_eq!(shown(&journal, 3), before);
    assert_eq!((journal.arrived_since(), journal.is_following()), (5, false));
    journal.follow();
    assert_eq!(shown(&journal, 3), ["12", "13", "14"]);
    assert_eq!(journal.arrived_since(), 0);
}

fn placed(seq: u64) -> JournalItem {
    JournalItem { seq: Some(seq), kind: RowKind::Invalidated, ..entry(&format!("#{seq}")) }
}

#[test]
fn history_goes_in_front_and_moves_nothing() {
    let mut journal = JournalView::new(100);
    (5..10).for_each(|seq| journal.push(placed(seq), true));
    journal.step(-2, 3);
    let (before, cursor) = (shown(&journal, 3), journal.selected().cloned());
    journal.merge(vec![placed(3), placed(4)], |_, _| true);
    assert_eq!(shown(&journal, 3), before);
    assert_eq!((journal.selected().cloned(), journal.arrived_since()), (cursor, 0));
    journal.oldest(3);
    assert_eq!(shown(&journal, 3), ["#3", "#4", "#5"]);
}

#[test]
fn late_event_is_inserted_at_its_number() {
    let mut journal = JournalView::new(100);
    for new in [placed(1), entry("gap"), placed(4), entry("note")] {
        journal.push(new, true);
    }
    journal.merge(vec![placed(2), placed(3), placed(5)], |_, _| true);
    assert_eq!(shown(&journal, 9), ["#1", "gap", "#2", "#3", "#4", "note", "#5"]);
}

#[test]
fn notices_are_not_counted_as_events() {
    let mut journal = JournalView::new(4);
    for new in [placed(1), entry("note"), placed(4), entry("gap")] {
        journal.push(new, true);
    }
    assert_eq!((journal.events(), journal.len()), (2, 4));
    journal.push(placed(6), true);
    journal.merge(vec![placed(5)], |_, _| true);
    assert_eq!(shown(&journal, 9), ["#4", "gap", "#5", "#6"]);
    assert_eq!(journal.events(), 3, "those that fell off count no longer");
}

#[test]
fn the_oldest_fall_off_and_are_counted() {
    let mut journal = filled(4, 10);
    assert_eq!((journal.len(), journal.dropped()), (4, 6));
    journal.merge(vec![placed(1)], |_, _| true);
    assert_eq!(shown(&journal, 9), ["6", "7", "8", "9"]);
}

#[test]
fn a_filter_shows_only_what_passes_and_new_entries_are_judged_as_they_come() {
    let mut journal = filled(100, 10);
    let is_even = |entry: &JournalItem| entry.what.parse::<u32>().is_ok_and(|n| n % 2 == 0);
    journal.step(-2, 3);
    journal.set_filter(Filter::parse("even").unwrap(), |_, entry| is_even(entry));
    assert_eq!(shown(&journal, 3), ["4", "6", "8"]);
    assert_eq!(&*journal.selected().unwrap().what, "8", "the cursor's entry is gone, the next one has it");
    journal.push(entry("10"), true);
    journal.push(entry("11"), false);
    assert_eq!((journal.shown(), journal.arrived_since()), (6, 1));
    journal.oldest(3);
    assert_eq!(shown(&journal, 3), ["0", "2", "4"]);
    journal.set_filter(None, |_, _| true);
    assert_eq!(journal.shown(), 12);
    assert_eq!(journal.selected().unwrap().what.to_string(), "0");
}

#[test]
fn wrapped_entries_keep_the_cursor_in_view() {
    let mut journal = filled(100, 10);
    let lines = |entry: &JournalItem| if &*entry.what == "8" { 3 } else { 1 };
    let view = |journal: &JournalView| -> Vec<String> {
        journal.view(4, lines).iter().map(|(entry, _)| entry.what.to_string()).collect()
    };
    assert_eq!(view(&journal), ["8", "9"]);
    journal.step(-3, 4);
    assert_eq!(view(&journal), ["6", "7", "8"]);
}

#[test]
fn markers_are_walked() {
    let mut journal = filled(100, 4);
    for number in 1..3 {
        journal.push(JournalItem { kind: RowKind::Marker, ..entry(&format!("marker {number}")) }, true);
        journal.push(entry("after"), true);
    }
    assert!(journal.go_to_marker(false, 3) && journal.go_to_marker(false, 3));
    assert_eq!(&*journal.selected().unwrap().what, "marker 1");
    assert!(!journal.go_to_marker(false, 3) && journal.go_to_marker(true, 3));
    assert_eq!(&*journal.selected().unwrap().what, "marker 2");
}

proptest! {
    #[test]
    fn the_cursor_is_always_in_view(steps in prop::collection::vec((-30isize..30, 1usize..12, 0usize..9), 1..60)) {
        let mut journal = filled(40, 3);
        for (by, height, arrivals) in steps {
            journal.step(by, height);
            (0..arrivals).for_each(|n| journal.push(entry(&n.to_string()), true));
            prop_assert!(journal.view(height, |_| 1).len() <= height);
            prop_assert!(journal.is_following() || journal.view(height, |_| 1).iter().any(|(_, selected)| *selected));
        }
    }
}

#[test]
fn a_row_takes_ten_words_beside_what_it_says() {
    assert!(size_of::<JournalItem>() <= 80, "{}", size_of::<JournalItem>());
}
