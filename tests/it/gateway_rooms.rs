//! Rooms, answers and the five events, over Node's official client.

use std::time::Duration;

use scry_protocol::{EntityType, Operation};
use serde_json::{Value, json};

use scry_testkit::gateway::{TestGateway, clock_moved, entity, id, invalidation, kingdom, settlement, structure};
use scry_testkit::node::{NodeDriver, NodeSocket};

const ROOMS: [(&str, &str, &str); 3] =
    [("campaign", "campaignId", "c1"), ("settlement", "settlementId", "s1"), ("structure", "structureId", "t1")];

async fn join(socket: &NodeSocket<'_>, kind: &str, id: &str) -> Value {
    let ack = socket.ask(&format!("subscribe_{kind}"), json!(id)).await;
    assert_eq!(ack["success"], true, "{ack}");
    ack
}

/// Returns the `seq`s of the durable events that a socket has seen, in the order in which they came.
async fn seqs(socket: &NodeSocket<'_>) -> Vec<u64> {
    socket.seen().await.iter().filter_map(|(_, event)| event["metadata"]["seq"].as_u64()).collect()
}

/// Waits until a socket of the campaign's room was sent all that was committed: the answer comes behind it.
async fn settle(server: &TestGateway, socket: &NodeSocket<'_>) {
    let head = server.core.journal.head(&id("c1")).await.unwrap().unwrap();
    let caught_up = async {
        while socket.ask("subscribe_campaign", json!({"campaignId": "c1"})).await["position"]["seq"] != head.seq {}
    };
    tokio::time::timeout(Duration::from_secs(20), caught_up).await.expect("the relay falls behind");
}

#[tokio::test]
async fn each_room_is_joined_by_object_or_bare_id_and_left_by_either() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    server.record(kingdom()).await;
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    for (kind, field, id) in ROOMS {
        let granted = json!({"success": true, "room": format!("{kind}:{id}"),
            "position": {"epoch": "first", "seq": 1}, "recovered": false, "replayed": 0});
        let left = json!({"success": true, "room": format!("{kind}:{id}")});
        for payload in [json!(id), json!({field: id})] {
            assert_eq!(socket.ask(&format!("subscribe_{kind}"), payload.clone()).await, granted);
            assert_eq!(socket.ask(&format!("unsubscribe_{kind}"), payload).await, left);
        }
        assert_eq!(socket.ask(&format!("unsubscribe_{kind}"), json!(id)).await, left, "leaving twice is no fault");
    }
}

#[tokio::test]
async fn a_malformed_payload_is_answered_with_the_field() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    for (kind, field, id) in ROOMS {
        let (subscribe, unsubscribe) = (format!("subscribe_{kind}"), format!("unsubscribe_{kind}"));
        let faults = [
            (&subscribe, json!([]), field),
            (&subscribe, json!([null]), field),
            (&subscribe, json!([7]), field),
            (&subscribe, json!([{field: ["x"]}]), field),
            (&subscribe, json!([{field: id, "since": 5}]), "since"),
            (&subscribe, json!([{field: id, "since": {"epoch": "first", "seq": -1}}]), "since.seq"),
            (&unsubscribe, json!([]), field),
            (&unsubscribe, json!([{"id": id}]), field),
        ];
        for (event, args, named) in faults {
            let ack = socket.ask(event, args.clone()).await;
            assert_eq!((&ack["success"], &ack["code"]), (&json!(false), &json!("INVALID_PAYLOAD")), "{event} {args}");
            assert!(ack["error"].as_str().unwrap().contains(named), "{event} {args}: {ack}");
        }
    }
    let ack = socket.ask("authenticate", json!({"token": 5})).await;
    assert_eq!((&ack["code"], &ack["error"]), (&json!("INVALID_PAYLOAD"), &json!("token must be a string")));
}

#[tokio::test]
async fn forbidden_and_missing_rooms_get_the_same_answer() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let outsider = node.enter("outsider", &server.url, &server.token("outsider")).await;
    let viewer = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let unauthorized = json!({"success": false, "error": "Unauthorized", "code": "UNAUTHORIZED"});
    for (kind, _, id) in ROOMS {
        for id in [id, "nowhere"] {
            assert_eq!(outsider.ask(&format!("subscribe_{kind}"), json!(id)).await, unauthorized, "{kind} {id}");
        }
    }
    assert_eq!(viewer.ask("subscribe_campaign", json!("c2")).await, unauthorized);
    assert_eq!(viewer.ask("subscribe_campaign", json!("s1")).await, unauthorized, "an id of another kind");
    server.record_all(vec![kingdom(), settlement("s1"), structure("t1", "s1")]).await;
    join(&viewer, "campaign", "c1").await;
    assert_eq!(outsider.seen().await, []);
}

#[tokio::test]
async fn each_of_the_five_reaches_its_rooms_and_no_other() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let token = server.token("viewer");
    let mut sockets = Vec::new();
    for (kind, id) in
        [("campaign", "c1"), ("settlement", "s1"), ("settlement", "s2"), ("structure", "t1"), ("structure", "t2")]
    {
        let socket = node.enter(id, &server.url, &token).await;
        join(&socket, kind, id).await;
        sockets.push(socket);
    }
    let events = server
        .record_all(vec![
            entity(EntityType::Kingdom, "k1", Operation::Create),
            invalidation(),
            clock_moved(),
            settlement("s1"),
            structure("t1", "s1"),
            structure("t2", "s2"),
            entity(EntityType::Campaign, "c1", Operation::Update),
        ])
        .await;
    settle(&server, &sockets[0]).await;
    // c1, s1, s2, t1, t2
    let expected: [&[u64]; 5] = [&[1, 2, 3, 4, 5, 6, 7], &[4, 5], &[6], &[5], &[6]];
    for (socket, expected) in sockets.iter().zip(expected) {
        // An answer of its own comes behind all that was sent to it before.
        socket.ask("latency", json!({})).await;
        assert_eq!(seqs(socket).await, expected);
    }
    for ((name, seen), event) in sockets[0].seen().await.iter().zip(&events) {
        assert_eq!(name, event.payload.name());
        assert_eq!(seen, &serde_json::to_value(event).unwrap());
    }
}

#[tokio::test]
async fn the_five_have_exactly_the_agreed_shapes() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    join(&socket, "campaign", "c1").await;
    server.record_all(vec![kingdom(), invalidation(), clock_moved(), settlement("s1"), structure("t1", "s1")]).await;
    let last = socket.wait("structure_updated", 1).await;
    assert_eq!(
        last[0]["payload"],
        json!({"structureId": "t1", "settlementId": "s1", "operation": "update", "campaignId": "c1",
            "changedFields": ["level"]})
    );
    let payloads: Vec<(String, Value)> =
        socket.seen().await.into_iter().map(|(name, event)| (name, event["payload"].clone())).collect();
    let expected = [
        (
            "entity_updated",
            json!({"entityType": "kingdom", "entityId": "k1", "campaignId": "c1",
            "operation": "update", "changedFields": ["name"]}),
        ),
        ("state_invalidated", json!({"scope": "campaign", "campaignId": "c1", "affectedFields": ["defense"]})),
        (
            "world_time_changed",
            json!({"campaignId": "c1", "previousTime": "1207-09-14T18:20:00.000Z",
            "newTime": "1207-09-14T19:20:00.000Z", "elapsedSeconds": 3600}),
        ),
        (
            "settlement_updated",
            json!({"settlementId": "s1", "operation": "update", "campaignId": "c1",
            "changedFields": ["variables.population"]}),
        ),
        ("structure_updated", last[0]["payload"].clone()),
    ];
    let expected: Vec<(String, Value)> = expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(payloads, expected);
    let metadata = &last[0]["metadata"];
    assert_eq!(last[0]["type"], "structure_updated");
    assert_eq!((&metadata["v"], &metadata["userId"], &metadata["source"]), (&json!(1), &json!("gm"), &json!("api")));
    assert_eq!((&metadata["epoch"], &metadata["seq"]), (&json!("first"), &json!(5)));
    assert_eq!(metadata["prev"], json!({"settlement": 4, "structure": 0}));
    assert_eq!(metadata["correlationId"], "test");
    assert!(metadata["eventId"].is_string() && metadata["timestamp"].is_string());
    assert_eq!(metadata.get("replayed"), None);
}

#[tokio::test]
async fn a_socket_in_all_rooms_of_an_event_gets_it_once() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    for (kind, _, id) in ROOMS {
        join(&socket, kind, id).await;
    }
    server.record_all(vec![structure("t1", "s1"), settlement("s1"), structure("t1", "s1")]).await;
    settle(&server, &socket).await;
    assert_eq!(seqs(&socket).await, [1, 2, 3]);
}

#[tokio::test]
async fn events_of_many_editors_come_in_the_journals_order() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let token = server.token("viewer");
    let (wide, narrow) =
        (node.enter("wide", &server.url, &token).await, node.enter("narrow", &server.url, &token).await);
    join(&wide, "campaign", "c1").await;
    join(&narrow, "settlement", "s1").await;
    let editors = (0..16).map(|editor| {
        let server = &server;
        async move {
            for _ in 0..20 {
                server.record(if editor % 2 == 0 { settlement("s1") } else { kingdom() }).await;
            }
        }
    });
    futures_util::future::join_all(editors).await;
    narrow.wait("settlement_updated", 160).await;
    settle(&server, &wide).await;
    assert_eq!(seqs(&wide).await, (1..=320).collect::<Vec<u64>>());
    let seen = narrow.seen().await;
    let chain: Vec<(u64, u64)> = seen
        .iter()
        .map(|(_, event)| {
            let metadata = &event["metadata"];
            (metadata["prev"]["settlement"].as_u64().unwrap(), metadata["seq"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(chain[0].0, 0);
    assert!(chain.windows(2).all(|pair| pair[0].1 == pair[1].0), "each names the one before it: {chain:?}");
}

#[tokio::test]
async fn unsubscribed_socket_gets_no_events_of_the_room() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    join(&socket, "campaign", "c1").await;
    join(&socket, "structure", "t1").await;
    socket.ask("unsubscribe_campaign", json!("c1")).await;
    server.record_all(vec![kingdom(), structure("t1", "s1")]).await;
    socket.wait("structure_updated", 1).await;
    assert_eq!(seqs(&socket).await, [2]);
    server.record(kingdom()).await;
    join(&socket, "campaign", "c1").await;
    assert_eq!(seqs(&socket).await, [2]);
}

#[tokio::test]
async fn removed_member_leaves_every_room_before_later_events() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let viewer = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    for (kind, _, id) in ROOMS {
        join(&viewer, kind, id).await;
    }
    join(&gm, "campaign", "c1").await;
    server.record(kingdom()).await;
    server.remove_member("viewer").await;
    server.record_all(vec![kingdom(), structure("t1", "s1")]).await;
    let revoked = viewer.wait("access:revoked", 3).await;
    assert_eq!(revoked, ROOMS.map(|(kind, _, id)| json!({"room": format!("{kind}:{id}")})));
    gm.wait("structure_updated", 1).await;
    assert_eq!(seqs(&gm).await, [1, 2, 3, 4]);
    let again = viewer.ask("subscribe_structure", json!({"structureId": "t1", "since": {"epoch": "first", "seq": 0}}));
    assert_eq!(again.await["code"], "UNAUTHORIZED");
    assert_eq!(seqs(&viewer).await, [1]);
}
