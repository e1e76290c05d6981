//! What a flood does to the dashboard: it is folded into few frames, and what went by is counted.

use scry_dashboard::app::Msg;
use scry_model::event::ClientEvent;
use scry_protocol::Operation;
use serde_json::{Value, json};

use crate::support::table::{Table, delivery, settlement_event};

/// The rows of the journal in a terminal of this size.
const ROWS: u64 = 12;

fn changes(table: &Table, seqs: std::ops::Range<u64>) -> Vec<ClientEvent> {
    let event = |seq: u64| {
        let mut event = settlement_event("s1", json!([{"field": "level", "from": seq - 1, "to": seq}]));
        event["metadata"]["epoch"] = json!("x");
        event["metadata"]["seq"] = json!(seq);
        ClientEvent::Delivered(delivery(table.now.wall, event))
    };
    seqs.map(event).collect()
}

/// Lets events arrive together, as the terminal's loop takes them in.
fn together(table: &mut Table, events: Vec<ClientEvent>) {
    for event in events {
        table.app.take(table.now, Msg::Client(event));
    }
    table.app.settle(table.now);
}

/// Lets events arrive between two frames.
fn flood(table: &mut Table, events: Vec<ClientEvent>) {
    together(table, events);
    table.app.drawn();
}

#[test]
fn what_goes_by_between_two_frames_is_counted() {
    let mut table = Table::live(120, 40);
    table.app.drawn();
    let events = changes(&table, 1_201..1_301);
    flood(&mut table, events);
    let unseen = format!("follow, {} too fast to show", 100 - ROWS);
    assert!(table.screen().contains(&unseen), "{}", table.screen());
    table.keys("7");
    let told = format!("{} too fast to show, 100 at once at most", 100 - ROWS);
    assert!(table.screen().contains(&told), "{}", table.screen());
    table.keys("esc 3 k");
    assert!(table.screen().contains("paused") && !table.screen().contains("too fast"), "{}", table.screen());
    table.keys("f");
    assert!(!table.screen().contains("too fast"), "whoever comes back begins anew: {}", table.screen());
}

#[test]
fn what_was_shown_or_could_not_be_looked_at_is_not_counted() {
    let mut table = Table::live(120, 40);
    table.app.drawn();
    for seq in 1_201..1_301 {
        let event = changes(&table, seq..seq + 1);
        flood(&mut table, event);
    }
    table.keys("3 k");
    let events = changes(&table, 1_301..1_401);
    flood(&mut table, events);
    assert!(table.screen().contains("paused, 100 new"), "{}", table.screen());
    table.keys("f 1 z");
    let events = changes(&table, 1_401..1_501);
    flood(&mut table, events);
    table.keys("z");
    assert!(table.screen().contains("300 events") && !table.screen().contains("too fast"), "{}", table.screen());
}

#[test]
fn events_that_are_taken_in_together_lead_to_what_they_lead_to_one_by_one() {
    let removal = |table: &Table, seq: u64, structure: &str| -> ClientEvent {
        let event: Value = json!({"type": "structure_updated", "metadata": {"epoch": "x", "seq": seq}, "payload": {
            "structureId": structure, "settlementId": "s1", "campaignId": "c", "operation": Operation::Delete,
            "changedFields": []}});
        ClientEvent::Delivered(delivery(table.now.wall, event))
    };
    let play = |at_once: bool| {
        let mut table = Table::live(120, 40);
        table.server = None;
        table.keys("j j j j j");
        let rows = table.app.tree().rows().len();
        let mut events = changes(&table, 1_201..1_221);
        events.extend((1_221..).zip(["t1", "t2"]).map(|(seq, structure)| removal(&table, seq, structure)));
        if at_once {
            together(&mut table, events);
        } else {
            events.into_iter().for_each(|event| table.client(event));
        }
        assert_eq!(table.app.tree().rows().len(), rows - 2, "two structures are gone: {}", table.screen());
        table.keys("j");
        table.screen()
    };
    assert_eq!(play(true), play(false));
}
