//! The real `scry` in a pseudo-terminal, in front of a gateway that somebody else wrote.

use std::time::Duration;

use serde_json::{Value, json};

use scry_testkit::e2e_session::{UserMachine, WIDE_TERMINAL};
use scry_testkit::fake_gateway::FakeGateway;

const CAMPAIGN: &str = "01970000-0000-7000-8000-000000000001";

fn level_changed(settlement: &str) -> Value {
    json!([{
        "type": "settlement_updated",
        "payload": {"settlementId": settlement, "campaignId": CAMPAIGN, "operation": "update", "changedFields": ["level"]},
        "metadata": {"userId": "mira", "source": "api"},
    }])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_an_api_is_asked_once_and_watched_all_the_same() {
    let mut gateway = FakeGateway::start(json!({})).await;
    let seat = UserMachine::at(&gateway.url).with("SCRY_TOKEN", "any");
    let dashboard = seat.scry(&["--campaign", CAMPAIGN], WIDE_TERMINAL);
    dashboard.wait_until("a live connection", |pty| pty.screen().contains("● "));
    let room = format!("campaign:{CAMPAIGN}");
    gateway.emit(&room, "settlement_updated", level_changed("harrow")).await;
    dashboard.wait_for("harrow");
    dashboard.wait_for("cannot be asked for current values");
    let asked = gateway.ask("requests").await;
    gateway.emit(&room, "settlement_updated", level_changed("saltwick")).await;
    dashboard.wait_for("saltwick");
    // The sentence goes away in this time, and a second question would have come twice.
    dashboard.wait_for_silence(Duration::from_secs(5));
    assert_eq!(gateway.ask("requests").await, asked);
    assert_eq!(dashboard.screen().matches("cannot be asked").count(), 1, "{}", dashboard.screen());
}
