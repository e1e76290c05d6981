//! What a flood does to the dashboard: it is folded into few frames, and what went by is counted.

use scry_dashboard::app::Msg;
use scry_model::event::ClientEvent;
use scry_protocol::Operation;
use serde_json::{Value, json};

use scry_testkit::dashboard_fixture::{DashboardFixture, delivery, settlement_event};

/// The rows of the journal in a terminal of this size.
const ROWS: u64 = 12;

fn changes(dashboard: &DashboardFixture, seqs: std::ops::Range<u64>) -> Vec<ClientEvent> {
    let event = |seq: u64| {
        let mut event = settlement_event("s1", json!([{"field": "level", "from": seq - 1, "to": seq}]));
        event["metadata"]["epoch"] = json!("x");
        event["metadata"]["seq"] = json!(seq);
        ClientEvent::Delivered(delivery(dashboard.now.wall, event))
    };
    seqs.map(event).collect()
}

/// Lets events arrive together, as the terminal's loop takes them in.
fn together(dashboard: &mut DashboardFixture, events: Vec<ClientEvent>) {
    for event in events {
        dashboard.app.take(dashboard.now, Msg::Client(event));
    }
    dashboard.app.settle(dashboard.now);
}

/// Lets events arrive between two frames.
fn flood(dashboard: &mut DashboardFixture, events: Vec<ClientEvent>) {
    together(dashboard, events);
    dashboard.app.drawn();
}

#[test]
fn rows_skipped_between_two_frames_are_counted() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.app.drawn();
    let events = changes(&dashboard, 1_201..1_301);
    flood(&mut dashboard, events);
    let unseen = format!("follow, {} skipped", 100 - ROWS);
    assert!(dashboard.screen().contains(&unseen), "{}", dashboard.screen());
    dashboard.keys("7");
    let told = format!("{} skipped, 100 at most at once", 100 - ROWS);
    assert!(dashboard.screen().contains(&told), "{}", dashboard.screen());
    dashboard.keys("esc 3 k");
    assert!(dashboard.screen().contains("paused") && !dashboard.screen().contains("skipped"), "{}", dashboard.screen());
    dashboard.keys("f");
    assert!(!dashboard.screen().contains("skipped"), "whoever comes back begins anew: {}", dashboard.screen());
}

#[test]
fn shown_rows_and_rows_while_hidden_are_not_counted_as_skipped() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.app.drawn();
    for seq in 1_201..1_301 {
        let event = changes(&dashboard, seq..seq + 1);
        flood(&mut dashboard, event);
    }
    dashboard.keys("3 k");
    let events = changes(&dashboard, 1_301..1_401);
    flood(&mut dashboard, events);
    assert!(dashboard.screen().contains("paused, 100 new"), "{}", dashboard.screen());
    dashboard.keys("f 1 z");
    let events = changes(&dashboard, 1_401..1_501);
    flood(&mut dashboard, events);
    dashboard.keys("z");
    assert!(
        dashboard.screen().contains("300 events") && !dashboard.screen().contains("skipped"),
        "{}",
        dashboard.screen()
    );
}

#[test]
fn events_that_are_taken_in_together_lead_to_what_they_lead_to_one_by_one() {
    let removal = |dashboard: &DashboardFixture, seq: u64, structure: &str| -> ClientEvent {
        let event: Value = json!({"type": "structure_updated", "metadata": {"epoch": "x", "seq": seq}, "payload": {
            "structureId": structure, "settlementId": "s1", "campaignId": "c", "operation": Operation::Delete,
            "changedFields": []}});
        ClientEvent::Delivered(delivery(dashboard.now.wall, event))
    };
    let play = |at_once: bool| {
        let mut dashboard = DashboardFixture::live(120, 40);
        dashboard.server = None;
        dashboard.keys("j j j j j");
        let rows = dashboard.app.tree().rows().len();
        let mut events = changes(&dashboard, 1_201..1_221);
        events.extend((1_221..).zip(["t1", "t2"]).map(|(seq, structure)| removal(&dashboard, seq, structure)));
        if at_once {
            together(&mut dashboard, events);
        } else {
            events.into_iter().for_each(|event| dashboard.client(event));
        }
        assert_eq!(dashboard.app.tree().rows().len(), rows - 2, "two structures are gone: {}", dashboard.screen());
        dashboard.keys("j");
        dashboard.screen()
    };
    assert_eq!(play(true), play(false));
}
