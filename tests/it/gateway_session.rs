//! The life of a connection: its token, its limits, its end.

use std::time::Duration;

use scry_protocol::{EntityType, Operation, Payload};
use serde_json::{Value, json};

use scry_testkit::gateway::{TestGateway, entity, kingdom, notification};
use scry_testkit::node::NodeDriver;

#[tokio::test]
async fn requests_of_one_socket_are_answered_in_order() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let toggles =
        (0..40).map(|turn| json!([if turn % 2 == 0 { "subscribe_campaign" } else { "unsubscribe_campaign" }, "c1"]));
    let acks = socket.burst(toggles.collect()).await;
    assert!(acks.iter().all(|ack| ack["success"] == true), "{acks:?}");
    server.record(kingdom()).await;
    socket.ask("subscribe_campaign", json!("c1")).await;
    assert_eq!(socket.seen().await, [], "the last of the forty was to leave");
}

#[tokio::test]
async fn too_many_requests_are_refused_with_the_time_to_wait() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let acks = socket.burst((0..110).map(|_| json!(["latency", {}])).collect()).await;
    let granted = acks.iter().filter(|ack| ack["success"] == true).count();
    assert!((100..=102).contains(&granted), "a burst of a hundred, not {granted}");
    let refused = acks.iter().find(|ack| ack["success"] == false).unwrap();
    assert_eq!(refused["code"], "RATE_LIMITED");
    let wait = refused["retryAfterMs"].as_u64().unwrap();
    assert!((1..=600).contains(&wait), "{refused}");
}

#[tokio::test]
async fn a_connection_has_so_many_rooms() {
    let few = |config: &mut scry_server::config::ServerConfig| config.socket.max_rooms = 2;
    let (server, node) = (TestGateway::with(few).await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    socket.ask("subscribe_settlement", json!("s1")).await;
    socket.ask("subscribe_settlement", json!("s2")).await;
    assert_eq!(socket.ask("subscribe_campaign", json!("c1")).await["code"], "TOO_MANY_ROOMS");
    assert_eq!(socket.ask("subscribe_settlement", json!("s1")).await["success"], true, "it is in that one");
    socket.ask("unsubscribe_settlement", json!("s1")).await;
    assert_eq!(socket.ask("subscribe_campaign", json!("c1")).await["success"], true);
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    let long = json!({"campaignId": "x".repeat(70_000)});
    assert!(socket.try_ask("subscribe_campaign", long).await.is_err(), "nobody answers it");
    let ended = socket.closed().await;
    assert!(ended.starts_with("transport"), "{ended}");
    server.connected(0).await;
}

#[tokio::test]
async fn a_token_is_announced_to_run_out_and_renewed_in_the_same_connection() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let short = server.token_for("viewer", Duration::from_secs(3));
    let socket = node.enter("viewer", &server.url, &short).await;
    let unrenewed = node.enter("unrenewed", &server.url, &short).await;
    let notice = socket.wait("token:expiring", 1).await;
    assert!(notice[0]["expiresAt"].as_str().unwrap().ends_with(".000Z"));
    let foreign = socket.ask("authenticate", json!({"token": server.token("gm")})).await;
    assert_eq!((&foreign["success"], &foreign["code"]), (&json!(false), &json!("TOKEN_INVALID")));
    assert_eq!(socket.ask("authenticate", json!({"token": "junk"})).await["code"], "TOKEN_INVALID");
    let expired = server.token_for("viewer", Duration::ZERO);
    assert_eq!(socket.ask("authenticate", json!({"token": expired})).await["code"], "TOKEN_EXPIRED");
    let renewed = socket.ask("authenticate", json!({"token": server.token("viewer")})).await;
    assert_eq!(renewed["success"], true);
    assert!(renewed["expiresAt"].as_str() > notice[0]["expiresAt"].as_str());
    assert_eq!(unrenewed.closed().await, "io server disconnect", "past the first token's end");
    assert_eq!(socket.ask("latency", json!({})).await["success"], true);
}

#[tokio::test]
async fn a_token_that_has_run_out_ends_the_connection() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token_for("viewer", Duration::from_secs(2))).await;
    assert_eq!(socket.closed().await, "io server disconnect");
    server.connected(0).await;
}

#[tokio::test]
async fn a_logout_closes_the_sockets_of_that_session_only() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let first = node.enter("first", &server.url, &server.token("viewer")).await;
    let polling = json!({"transports": ["polling"], "auth": {"token": server.token("viewer")}});
    let second = node.connect("second", &server.url, polling).await;
    let other = node.enter("other", &server.url, &server.token("gm")).await;
    server.connected(3).await;
    server.log_out("viewer").await;
    assert_eq!(first.closed().await, "io server disconnect");
    assert_eq!(second.closed().await, "io server disconnect");
    assert_eq!(other.ask("latency", json!({})).await["success"], true);
    server.connected(1).await;
}

#[tokio::test]
async fn a_message_to_a_user_reaches_all_their_sockets_and_nobody_else() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let token = server.token("viewer");
    let mine = [node.enter("one", &server.url, &token).await, node.enter("two", &server.url, &token).await];
    let other = node.enter("other", &server.url, &server.token("gm")).await;
    server.connected(3).await;
    // Who answers has been given what waited, and is told what comes now.
    for socket in &mine {
        socket.ask("latency", json!({})).await;
    }
    server.tell("viewer", &notification("n1")).await;
    for socket in &mine {
        let expected = json!({"id": "n1", "title": "Harvest", "body": "The mill is idle.", "level": "warning",
            "createdAt": "2026-01-01T00:00:00.000Z", "kind": "message"});
        assert_eq!(socket.wait("notification:new", 1).await, [expected]);
    }
    other.ask("latency", json!({})).await;
    assert_eq!(other.seen().await, []);
}

#[tokio::test]
async fn a_shutdown_says_when_to_come_back_and_closes_cleanly() {
    let (mut server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let websocket = node.enter("websocket", &server.url, &server.token("viewer")).await;
    let options = json!({"transports": ["polling"], "auth": {"token": server.token("viewer")}});
    let polling = node.connect("polling", &server.url, options).await;
    server.connected(2).await;
    server.shut_down().await;
    for socket in [&websocket, &polling] {
        let told: Vec<Value> = socket.wait("server:draining", 1).await;
        assert!(told[0]["reconnectAfterMs"].as_u64().unwrap() >= 1_000);
        let reason = socket.closed().await;
        assert!(reason.starts_with("transport"), "a reason after which clients come back: {reason}");
    }
    server.connected(0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_the_others_do_not_wait() {
    let little = |config: &mut scry_server::config::ServerConfig| {
        config.socket.buffer = 64;
        config.socket.requests_per_minute = 100_000;
    };
    let (server, node) = (TestGateway::with(little).await, NodeDriver::start().await);
    let slow = node.enter("slow", &server.url, &server.token("viewer")).await;
    let quick = node.enter("quick", &server.url, &server.token("gm")).await;
    server.connected(2).await;
    for socket in [&slow, &quick] {
        socket.ask("subscribe_campaign", json!("c1")).await;
    }
    slow.stop_reading().await;
    // Far more than the kernel's buffers for one connection and ours take together.
    let body = "x".repeat(100_000);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(15);
    while server.core.connected.load(std::sync::atomic::Ordering::Relaxed) == 2 {
        assert!(tokio::time::Instant::now() < deadline, "the slow client is still there");
        let Payload::EntityUpdated(mut long) = kingdom() else { panic!("a kingdom's event") };
        long.changed_fields.push(body.clone());
        server.record(Payload::EntityUpdated(long)).await;
        assert_eq!(quick.ask("latency", json!({})).await["success"], true);
    }
}

#[tokio::test]
async fn a_deleted_campaign_says_so_before_its_rooms_close() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.enter("viewer", &server.url, &server.token("viewer")).await;
    socket.ask("subscribe_campaign", json!("c1")).await;
    server.record(entity(EntityType::Campaign, "c1", Operation::Delete)).await;
    assert_eq!(socket.wait("access:revoked", 1).await, [json!({"room": "campaign:c1"})]);
    let names: Vec<String> = socket.seen().await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["entity_updated", "access:revoked"]);
}
