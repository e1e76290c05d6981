//! Events of any name and shape arrive, and answers of any shape are understood, beside Node's own server.

use std::time::Duration;

use scry_client::connection::StartPosition;
use scry_model::event::{ClientEvent, Delivery, Phase, Transport};
use serde_json::{Value, json};

use scry_testkit::client::{TestClient, options};
use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::wait::until;

const ROOM: &str = "structure:t1";

async fn listening(setup: Value) -> (FakeGateway, TestClient) {
    let gateway = FakeGateway::start(setup).await;
    let client = TestClient::live(options(&gateway.url, "", &[(ROOM, StartPosition::Now)])).await;
    (gateway, client)
}

/// Reads the next event that the gateway sends.
async fn delivered(client: &mut TestClient) -> Delivery {
    let event = client.until(|event| matches!(event, ClientEvent::Delivered(_))).await;
    let ClientEvent::Delivered(delivery) = event else { panic!("{event:?}") };
    delivery
}

async fn arrives(client: &mut TestClient, name: &str, payload: Value) {
    let delivery = delivered(client).await;
    assert_eq!((&*delivery.name, &*delivery.raw), (name, &payload));
}

/// What is sent with each shape, and what arrives.
fn shapes() -> [(Value, Value); 7] {
    [
        (json!([]), json!(null)),
        (json!([null]), json!(null)),
        (json!(["hi"]), json!("hi")),
        (json!([1, {"a": [true]}]), json!([1, {"a": [true]}])),
        (json!([{"$bytes": [1]}]), json!({"$binary": "AQ=="})),
        (
            json!(["x", {"deep": [{"$bytes": []}, {"$bytes": [1, 2, 3]}]}]),
            json!(["x", {"deep": [{"$binary": ""}, {"$binary": "AQID"}]}]),
        ),
        (json!([[1, 2]]), json!([1, 2])),
    ]
}

#[tokio::test]
async fn events_of_any_name_and_shape_arrive_over_every_transport() {
    for transports in [json!(["websocket"]), json!(["polling"])] {
        let (mut gateway, mut client) = listening(json!({"server": {"transports": transports}})).await;
        for name in ["error", "open", "close", "message", "end", "data", "ping", "reconnect"] {
            gateway.emit(ROOM, name, json!([{"name": name}])).await;
            arrives(&mut client, name, json!({"name": name})).await;
        }
        for (sent, seen) in shapes() {
            gateway.emit(ROOM, "shape", sent).await;
            arrives(&mut client, "shape", seen).await;
        }
        assert_eq!(client.session.status.borrow().phase, Phase::Live);
    }
}

#[tokio::test]
async fn names_that_the_protocol_reserves_arrive_where_a_gateway_sends_them() {
    let (mut gateway, mut client) = listening(json!({})).await;
    for name in ["connect", "disconnect", "connect_error", "disconnecting"] {
        gateway.packet(&format!("2[\"{name}\",1]")).await;
        arrives(&mut client, name, json!(1)).await;
    }
}

#[tokio::test]
async fn large_binary_arguments_are_cut_and_say_so() {
    let (mut gateway, mut client) = listening(json!({})).await;
    gateway.emit(ROOM, "image", json!([{"$bytes": vec![0; 100_000]}])).await;
    let delivery = delivered(&mut client).await;
    assert_eq!((&delivery.raw["bytes"], &delivery.raw["truncated"]), (&json!(100_000), &json!(true)));
}

#[tokio::test]
async fn events_that_want_an_answer_are_shown_and_answered() {
    let (mut gateway, mut client) = listening(json!({})).await;
    gateway.request("question").await;
    arrives(&mut client, "question", json!(null)).await;
    until("the answer", async || !gateway.ask("acknowledged").await.as_array().unwrap().is_empty()).await;
    assert_eq!(gateway.ask("acknowledged").await, json!([[]]));
}

#[tokio::test]
async fn offsets_are_taken_off_and_used_to_go_on() {
    let (mut gateway, mut client) = listening(json!({"server": {"connectionStateRecovery": {}}})).await;
    gateway.emit(ROOM, "order", json!([{"id": 1}])).await;
    arrives(&mut client, "order", json!({"id": 1})).await;
    gateway.emit(ROOM, "bare", json!([])).await;
    arrives(&mut client, "bare", json!(null)).await;
    gateway.ask("close").await;
    client.until_phase(Phase::Backoff).await;
    gateway.emit(ROOM, "order", json!([{"id": 2}])).await;
    arrives(&mut client, "order", json!({"id": 2})).await;
    client.until_phase(Phase::Live).await;
    assert_eq!(gateway.ask("recovered").await, json!([false, true]));
    let auths = gateway.ask("auths").await;
    assert!(auths[0]["pid"].is_null() && auths[1]["pid"].is_string() && auths[1]["offset"].is_string(), "{auths}");
}

#[tokio::test]
async fn answers_of_any_shape_mean_joined() {
    let shapes = [json!([{"status": "ok"}]), json!([true]), json!([]), json!([null]), json!(["ok", {"room": "t1"}])];
    for acks in shapes {
        let (mut gateway, mut client) = listening(json!({"acks": acks})).await;
        gateway.emit(ROOM, "order", json!([1])).await;
        arrives(&mut client, "order", json!(1)).await;
        let named = client.notices().iter().filter(|notice| notice.contains("a form of its own")).count();
        assert_eq!(named, 1, "{acks}: {:?}", client.notices());
    }
}

#[tokio::test]
async fn answers_that_say_no_mean_refused() {
    for acks in [json!([{"success": false, "error": "not yours"}]), json!([{"error": "not yours"}])] {
        let gateway = FakeGateway::start(json!({"acks": acks})).await;
        let mut client = TestClient::start(options(&gateway.url, "", &[(ROOM, StartPosition::Now)]));
        let refused = client.until(|event| matches!(event, ClientEvent::Refused { .. })).await;
        let ClientEvent::Refused { message, .. } = refused else { panic!() };
        assert_eq!(message, "not yours");
    }
}

#[tokio::test]
async fn gateway_that_answers_nothing_but_sends_events_is_live() {
    // It answers no other request either, so there is nobody to ask over another connection.
    let gateway = FakeGateway::start(json!({"silent": true, "chatter": 20, "mute": true})).await;
    let mut impatient = options(&gateway.url, "", &[(ROOM, StartPosition::Now)]);
    impatient.timings.request = Duration::from_millis(300);
    let mut client = TestClient::start(impatient);
    client.until_phase(Phase::Live).await;
    assert!(
        client.notices().iter().any(|notice| notice.contains("does not acknowledge requests")),
        "{:?}",
        client.notices()
    );
}

#[tokio::test]
async fn polling_gateway_is_polled_from_the_start_after_a_reconnect() {
    let (mut gateway, mut client) = listening(json!({"server": {"transports": ["polling"]}})).await;
    gateway.ask("close").await;
    client.until_phase(Phase::Backoff).await;
    client.until_phase(Phase::Live).await;
    assert_eq!(client.session.status.borrow().transport, Transport::Polling);
}
