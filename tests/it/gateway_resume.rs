//! Coming back: what was missed is sent once, in order, and marked.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use scry_testkit::gateway::{TestGateway, kingdom, settlement, structure};
use scry_testkit::node::{NodeDriver, NodeSocket};

fn since(field: &str, id: &str, epoch: &str, seq: u64) -> Value {
    json!({field: id, "since": {"epoch": epoch, "seq": seq}})
}

/// Returns `(seq, replayed)` of every durable event that a socket has seen.
async fn marks(socket: &NodeSocket<'_>) -> Vec<(u64, bool)> {
    let seen = socket.seen().await;
    let metadata = seen.iter().map(|(_, event)| &event["metadata"]);
    metadata.map(|meta| (meta["seq"].as_u64().unwrap(), meta["replayed"] == true)).collect()
}

fn position(seq: u64) -> Value {
    json!({"epoch": "first", "seq": seq})
}

#[tokio::test]
async fn resume_replays_missed_events_marked_before_the_ack() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    server.record_all(vec![kingdom(), settlement("s1"), kingdom(), structure("t1", "s1"), settlement("s2")]).await;
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let ack = socket.ask("subscribe_campaign", since("campaignId", "c1", "first", 2)).await;
    assert_eq!(
        ack,
        json!({"success": true, "room": "campaign:c1", "position": position(5), "recovered": true, "replayed": 3})
    );
    assert_eq!(marks(&socket).await, [(3, true), (4, true), (5, true)]);
    server.record(kingdom()).await;
    socket.wait("entity_updated", 2).await;
    assert_eq!(marks(&socket).await.last(), Some(&(6, false)));
}

#[tokio::test]
async fn a_narrow_room_replays_its_own_events_only() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    server.record_all(vec![settlement("s1"), kingdom(), structure("t1", "s1"), structure("t2", "s2")]).await;
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let ack = socket.ask("subscribe_settlement", since("settlementId", "s1", "first", 0)).await;
    assert_eq!((&ack["recovered"], &ack["replayed"]), (&json!(true), &json!(2)));
    assert_eq!(ack["position"], position(4));
    assert_eq!(marks(&socket).await, [(1, true), (3, true)]);
}

#[tokio::test]
async fn resume_without_missed_events_is_acknowledged_as_recovered() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    server.record(kingdom()).await;
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let ack = socket.ask("subscribe_campaign", since("campaignId", "c1", "first", 1)).await;
    assert_eq!((&ack["recovered"], &ack["replayed"]), (&json!(true), &json!(0)));
}

#[tokio::test]
async fn another_history_is_not_replayed() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    server.record_all(vec![kingdom(), kingdom()]).await;
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    for (epoch, seq) in [("second", 1), ("first", 3)] {
        let ack = socket.ask("subscribe_campaign", since("campaignId", "c1", epoch, seq)).await;
        assert_eq!(
            ack,
            json!({"success": true, "room": "campaign:c1", "position": position(2), "recovered": false, "replayed": 0})
        );
        socket.ask("unsubscribe_campaign", json!("c1")).await;
    }
    assert_eq!(socket.seen().await, []);
}

#[tokio::test]
async fn a_history_that_is_no_longer_kept_is_not_replayed() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    server.record_all(vec![kingdom(), kingdom(), kingdom(), kingdom()]).await;
    let few = scry_server::config::JournalConfig { max_events: 2, ..Default::default() };
    server.core.journal.trim(&few, scry_server::clock::now()).await.unwrap();
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let ack = socket.ask("subscribe_campaign", since("campaignId", "c1", "first", 1)).await;
    assert_eq!((&ack["recovered"], &ack["replayed"], &ack["position"]), (&json!(false), &json!(0), &position(4)));
    socket.ask("unsubscribe_campaign", json!("c1")).await;
    let ack = socket.ask("subscribe_campaign", since("campaignId", "c1", "first", 2)).await;
    assert_eq!((&ack["recovered"], &ack["replayed"]), (&json!(true), &json!(2)));
}

#[tokio::test]
async fn a_second_room_brings_only_what_the_first_did_not() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    server.record_all(vec![settlement("s1"), kingdom(), settlement("s1"), kingdom()]).await;
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let narrow = socket.ask("subscribe_settlement", since("settlementId", "s1", "first", 2)).await;
    assert_eq!(narrow["replayed"], 1);
    let wide = socket.ask("subscribe_campaign", since("campaignId", "c1", "first", 0)).await;
    assert_eq!(wide["replayed"], 3, "the settlement's later event is there already, its earlier one is not");
    let same = socket.ask("subscribe_structure", since("structureId", "t1", "first", 0)).await;
    assert_eq!(same["replayed"], 0);
    assert_eq!(marks(&socket).await, [(3, true), (1, true), (2, true), (4, true)]);
}

#[tokio::test]
async fn a_room_asked_for_again_is_repaired() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    socket.ask("subscribe_campaign", json!("c1")).await;
    server.record_all(vec![kingdom(), kingdom()]).await;
    socket.wait("entity_updated", 2).await;
    let ack = socket.ask("subscribe_campaign", since("campaignId", "c1", "first", 1)).await;
    assert_eq!(ack["replayed"], 1, "who asks again says that something was lost");
    assert_eq!(marks(&socket).await, [(1, false), (2, false), (2, true)]);
}

/// Joins at arbitrary moments of a busy campaign; whatever the moment, nothing is lost or doubled.
#[tokio::test]
async fn resume_during_writes_loses_and_doubles_nothing() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    server.record_all((0..700).map(|_| kingdom()).collect()).await;
    let token = server.token("viewer");
    let writing = AtomicBool::new(true);
    let writer = async {
        while writing.load(Ordering::Relaxed) {
            server.record_all(vec![kingdom(), settlement("s1")]).await;
        }
    };
    let readers = async {
        for round in 0..6 {
            let socket = node.enter(&format!("reader{round}"), &server.url, &token).await;
            let ack = socket.ask("subscribe_campaign", since("campaignId", "c1", "first", 3)).await;
            assert_eq!(ack["recovered"], true);
            let joined_at = ack["position"]["seq"].as_u64().unwrap();
            assert_eq!(ack["replayed"], joined_at - 3);
            socket.wait("settlement_updated", usize::try_from((joined_at - 700) / 2).unwrap() + 5).await;
            let marks = marks(&socket).await;
            let expected: Vec<_> = (4..4 + marks.len() as u64).map(|seq| (seq, seq <= joined_at)).collect();
            assert_eq!(marks, expected);
            socket.disconnect().await;
        }
        writing.store(false, Ordering::Relaxed);
    };
    tokio::join!(writer, readers);
}

#[tokio::test]
async fn a_history_longer_than_the_buffer_arrives_whole() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    for _ in 0..5 {
        server.record_all((0..1_000).map(|_| kingdom()).collect()).await;
    }
    for transport in ["websocket", "polling"] {
        let options = json!({"transports": [transport], "auth": {"token": server.token("viewer")}});
        let socket = node.connect(transport, &server.url, options).await;
        let ack = socket.ask("subscribe_campaign", since("campaignId", "c1", "first", 0)).await;
        assert_eq!((&ack["recovered"], &ack["replayed"]), (&json!(true), &json!(5_000)), "{transport}");
        let marks = marks(&socket).await;
        assert_eq!(marks, (1..=5_000).map(|seq| (seq, true)).collect::<Vec<_>>(), "{transport}");
    }
}
