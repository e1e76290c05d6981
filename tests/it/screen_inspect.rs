//! Inspecting an event: what it was, what it changed, why it happened.

use serde_json::{Value, json};

use scry_testkit::dashboard_fixture::{DashboardFixture, settlement_event};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

fn with_ids(mut event: Value, own: &str, cause: Option<&str>) -> Value {
    event["metadata"]["eventId"] = json!(own);
    if let Some(cause) = cause {
        event["metadata"]["causedBy"] = json!(cause);
        event["metadata"]["source"] = json!("rules-engine");
    }
    event
}

/// Plays a cause with an effect, and an effect of that.
fn chain(dashboard: &mut DashboardFixture) {
    let level = settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}]));
    dashboard.event(1_201, with_ids(level, "event-a", None));
    let invalidated = json!({"type": "state_invalidated", "metadata": {"v": 1}, "payload": {"scope": "entity",
        "campaignId": "c", "entityType": "settlement", "entityId": "s1", "affectedFields": ["defence"]}});
    dashboard.edit("s1", |node| node["computed"]["defence"]["value"] = json!(16));
    dashboard.event(1_202, with_ids(invalidated, "event-b", Some("event-a")));
    dashboard.wait(std::time::Duration::from_millis(100));
    let morale = settlement_event("s1", json!([{"field": "variables.morale", "from": "steady", "to": "high"}]));
    dashboard.event(1_203, with_ids(morale, "event-c", Some("event-b")));
}

#[test]
fn an_event_is_shown_with_its_changes_causes_and_text() {
    for (width, height) in SIZES {
        let mut dashboard = DashboardFixture::live(width, height);
        chain(&mut dashboard);
        dashboard.keys("3 k enter");
        insta::assert_snapshot!(format!("inspector_{width}x{height}"), dashboard.screen());
    }
}

#[test]
fn values_missing_from_an_event_come_from_the_cache() {
    let mut dashboard = DashboardFixture::live(120, 40);
    chain(&mut dashboard);
    dashboard.keys("3 k enter");
    assert!(dashboard.screen().contains("12 → 16"), "{}", dashboard.screen());
}

#[test]
fn the_chain_of_causes_is_walked() {
    let mut dashboard = DashboardFixture::live(120, 60);
    chain(&mut dashboard);
    dashboard.keys("3 k enter");
    // Down to the first cause: it is the line after the heading.
    let causes = dashboard.screen().lines().position(|line| line.contains(" Causes")).unwrap();
    let top = dashboard.screen().lines().position(|line| line.contains("Inspector: ")).unwrap();
    dashboard.keys(&"j ".repeat(causes - top));
    dashboard.keys("enter");
    assert!(dashboard.screen().contains("event #1201"), "{}", dashboard.screen());
    dashboard.keys("[");
    assert!(dashboard.screen().contains("event #1202"), "back to where one was: {}", dashboard.screen());
}

#[test]
fn json_is_folded_and_unfolded() {
    let mut dashboard = DashboardFixture::live(120, 60);
    chain(&mut dashboard);
    dashboard.keys("3 enter");
    assert!(dashboard.screen().contains("\"changedFields\": ["), "{}", dashboard.screen());
    let line = dashboard.screen().lines().position(|line| line.contains("\"payload\": {")).unwrap();
    let top = dashboard.screen().lines().position(|line| line.contains("Inspector: ")).unwrap();
    dashboard.keys(&"j ".repeat(line - top - 1));
    dashboard.keys("h");
    assert!(dashboard.screen().contains("\"payload\": { 4 … }"), "{}", dashboard.screen());
    dashboard.keys("l");
    assert!(dashboard.screen().contains("\"changedFields\": ["), "{}", dashboard.screen());
}

#[test]
fn the_inspector_goes_along_with_the_journal() {
    let mut dashboard = DashboardFixture::live(120, 40);
    chain(&mut dashboard);
    dashboard.keys("3 enter");
    assert!(dashboard.screen().contains("event #1203"), "{}", dashboard.screen());
    dashboard.keys("3 k k");
    assert!(dashboard.screen().contains("event #1201"), "{}", dashboard.screen());
}
