//! The wire crate's client beside Node's own server: every transport, a namespace, attachments, the move to a WebSocket.

use std::time::Duration;

use scry_wire::client::{Client, ClientOptions, ConnectError, Connection, Incoming, Transports};
use scry_wire::codec::binary::placeholder;
use scry_wire::session::{CloseReason, Emission, TransportKind};
use serde_json::json;
use tokio::time::timeout;

use scry_testkit::fake_gateway::FakeGateway;

/// How long anything may take.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How many events are sent once a session has been moved.
const EVENTS_AFTER: u64 = 50;

fn client(gateway: &FakeGateway, transports: Transports) -> Client {
    let options = ClientOptions::new(gateway.url.parse().unwrap()).namespace("/echo").transports(transports);
    Client::new(options).unwrap()
}

async fn next(connection: &mut Connection) -> Incoming {
    timeout(TEST_TIMEOUT, connection.next()).await.expect("something comes").expect("the connection goes on")
}

/// Sends an event with attachments and expects it back, as an event and as the answer.
async fn says(connection: &mut Connection, number: u64) {
    let bytes = vec![vec![1, 2, 3].into(), Vec::new().into()];
    let arguments = [json!({"number": number, "files": [placeholder(0), placeholder(1)]}), json!("ü")];
    let emission = Emission { name: "say", arguments: &arguments, attachments: bytes.clone(), wants_answer: true };
    let id = connection.emit(emission).unwrap().unwrap();
    let Incoming::Event(event) = next(connection).await else { panic!("the event comes first") };
    assert_eq!((event.name.as_str(), &event.arguments[..], &event.attachments), ("said", &arguments[..], &bytes));
    let Incoming::Answer(answer) = next(connection).await else { panic!("the answer follows") };
    assert_eq!((answer.id, &answer.arguments[..], &answer.attachments), (id, &arguments[..], &bytes));
}

#[tokio::test]
async fn attachments_go_both_ways_over_every_transport() {
    let gateway = FakeGateway::start(json!({})).await;
    for transports in [Transports::WebSocket, Transports::Polling, Transports::WebSocketThenPolling] {
        let mut connection = client(&gateway, transports).connect(Some(json!({"key": "k"}))).await.unwrap();
        says(&mut connection, 1).await;
        says(&mut connection, 2).await;
        connection.close().await;
    }
}

#[tokio::test]
async fn session_moves_to_a_websocket_and_loses_nothing_on_the_way() {
    let gateway = FakeGateway::start(json!({})).await;
    let client = client(&gateway, Transports::PollingThenWebSocket);
    let mut connection = client.connect(Some(json!({"key": "k"}))).await.unwrap();
    assert_eq!(connection.transport(), TransportKind::Polling);
    let mut number = 0;
    let moved = async {
        while connection.transport() == TransportKind::Polling {
            says(&mut connection, number).await;
            number += 1;
        }
    };
    timeout(TEST_TIMEOUT, moved).await.expect("it moves in time");
    for number in number..number + EVENTS_AFTER {
        says(&mut connection, number).await;
    }
}

#[tokio::test]
async fn session_stays_with_polling_where_the_server_offers_nothing_else() {
    let gateway = FakeGateway::start(json!({"server": {"transports": ["polling"]}})).await;
    let client = client(&gateway, Transports::PollingThenWebSocket);
    let mut connection = client.connect(Some(json!({"key": "k"}))).await.unwrap();
    says(&mut connection, 1).await;
    assert_eq!(connection.transport(), TransportKind::Polling);
}

#[tokio::test]
async fn refused_namespaces_are_told_in_the_servers_words() {
    let gateway = FakeGateway::start(json!({})).await;
    let error = client(&gateway, Transports::default()).connect(None).await.unwrap_err();
    let ConnectError::Closed(CloseReason::Refused(refusal)) = error else { panic!("{error:?}") };
    assert_eq!(refusal.message, "no key");
    let options = ClientOptions::new(gateway.url.parse().unwrap()).namespace("/nowhere");
    let error = Client::new(options).unwrap().connect(None).await.unwrap_err();
    assert_eq!(error.to_string(), "the gateway refused the connection: Invalid namespace");
}
