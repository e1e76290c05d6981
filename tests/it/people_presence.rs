//! Presence and typing, over Node's official client: who is told what, and who is not.

use std::time::Duration;

use serde_json::{Value, json};

use scry_testkit::gateway::TestGateway;
use scry_testkit::node::{NodeDriver, NodeSocket};

async fn join(socket: &NodeSocket<'_>, room: &str) -> Value {
    let ack = socket.ask(&format!("subscribe_{room}"), json!(if room == "campaign" { "c1" } else { "s1" })).await;
    assert_eq!(ack["success"], true, "{ack}");
    ack
}

/// Returns `(status, resources)` of everybody in the last `presence:state`.
async fn state(socket: &NodeSocket<'_>, count: usize) -> Vec<(String, String, Value)> {
    let states = socket.wait("presence:state", count).await;
    let users = states[count - 1]["users"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    users.iter().map(|user| (text(&user["userId"]), text(&user["status"]), user["resources"].clone())).collect()
}

fn update(state: &str, settlement: Option<&str>) -> Value {
    let resource = settlement.map(|id| json!({"type": "settlement", "id": id}));
    json!({"campaignId": "c1", "resource": resource, "state": state})
}

fn typing(entity_type: &str, id: &str) -> Value {
    json!({"campaignId": "c1", "entityType": entity_type, "entityId": id, "field": "level"})
}

#[tokio::test]
async fn joining_user_gets_presence_and_others_get_the_join() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    join(&gm, "campaign").await;
    assert_eq!(state(&gm, 1).await, [("gm".to_owned(), "online".to_owned(), json!([]))]);
    let viewer = node.enter("viewer", &server.url, &server.token("viewer")).await;
    assert_eq!(gm.wait("user:online", 1).await, [json!({"userId": "viewer", "name": "viewer"})]);
    join(&viewer, "campaign").await;
    let came = json!({"campaignId": "c1", "userId": "viewer", "name": "viewer", "status": "online", "resources": []});
    assert_eq!(gm.wait("presence:change", 1).await, [came]);
    let names: Vec<String> = state(&viewer, 1).await.into_iter().map(|(user, ..)| user).collect();
    assert_eq!(names, ["gm", "viewer"]);
    viewer.disconnect().await;
    assert_eq!(gm.wait("presence:change", 2).await[1]["status"], "offline");
    assert_eq!(gm.wait("user:offline", 1).await, [json!({"userId": "viewer", "name": "viewer"})]);
}

#[tokio::test]
async fn presence_is_merged_over_all_connections_of_a_user() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    server.set_role("viewer", "EDITOR").await;
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    join(&gm, "campaign").await;
    let desk = node.enter("desk", &server.url, &server.token("viewer")).await;
    let phone = node.enter("phone", &server.url, &server.token("viewer")).await;
    join(&desk, "campaign").await;
    join(&phone, "settlement").await;
    assert_eq!(desk.ask("presence:update", update("editing", Some("s1"))).await, json!({"success": true}));
    let changes = gm.wait("presence:change", 2).await;
    let editing = json!([{"type": "settlement", "id": "s1", "state": "editing"}]);
    assert_eq!(
        (&changes[1]["resource"], &changes[1]["state"], &changes[1]["resources"]),
        (&json!({"type": "settlement", "id": "s1"}), &json!("editing"), &editing)
    );
    phone.ask("presence:update", update("viewing", Some("s2"))).await;
    assert_eq!(gm.wait("presence:change", 3).await[2]["resources"].as_array().unwrap().len(), 2);
    desk.disconnect().await;
    let changes = gm.wait("presence:change", 4).await;
    assert_eq!(changes[3]["resources"], json!([{"type": "settlement", "id": "s2", "state": "viewing"}]));
    phone.ask("presence:update", update("idle", Some("s2"))).await;
    assert_eq!(gm.wait("presence:change", 5).await[4]["status"], "idle");
    phone.ask("subscribe_settlement", json!("s1")).await;
    assert_eq!(gm.wait("presence:change", 6).await[5]["status"], "online", "any request is a sign of life");
    phone.ask("unsubscribe_settlement", json!("s1")).await;
    assert_eq!(gm.wait("presence:change", 7).await[6]["status"], "offline");
    assert!(!gm.heard().await.iter().any(|(name, _)| name == "user:offline"), "she is still connected");
}

#[tokio::test]
async fn inactive_user_becomes_idle_despite_latency_requests() {
    let soon = |config: &mut scry_server::config::ServerConfig| {
        config.presence.idle_after = Duration::from_millis(600);
        config.socket.requests_per_minute = 1_000_000;
    };
    let (server, node) = (TestGateway::with(soon).await, NodeDriver::start().await);
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    join(&gm, "campaign").await;
    let waited = async {
        while gm.heard().await.iter().all(|(_, event)| event["status"] != "idle") {
            gm.ask("latency", json!({})).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waited).await.expect("who only measures latency is idle");
    gm.ask("presence:update", update("viewing", None)).await;
    assert_eq!(gm.wait("presence:change", 2).await[1]["status"], "online");
}

#[tokio::test]
async fn strangers_see_and_show_nothing() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let outsider = node.enter("outsider", &server.url, &server.token("outsider")).await;
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    join(&gm, "campaign").await;
    let unauthorized = json!({"success": false, "error": "Unauthorized", "code": "UNAUTHORIZED"});
    assert_eq!(outsider.ask("presence:update", update("viewing", None)).await, unauthorized);
    assert_eq!(outsider.ask("typing:start", typing("settlement", "s1")).await, unauthorized);
    assert_eq!(gm.ask("presence:update", update("viewing", Some("nowhere"))).await, unauthorized);
    assert_eq!(gm.ask("typing:start", typing("structure", "s1")).await, unauthorized, "an id of another kind");
    let elsewhere = json!({"campaignId": "c2", "entityType": "settlement", "entityId": "s1", "field": "level"});
    assert_eq!(gm.ask("typing:start", elsewhere).await, unauthorized, "an entity of another campaign");
    gm.ask("presence:update", update("viewing", Some("s1"))).await;
    gm.wait("presence:change", 1).await;
    outsider.ask("latency", json!({})).await;
    assert_eq!(outsider.heard().await, []);
}

#[tokio::test]
async fn malformed_requests_about_people_name_the_field() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    let faults = [
        ("presence:update", json!([]), "state"),
        ("presence:update", json!([{"campaignId": "c1", "state": "dancing"}]), "state"),
        ("presence:update", json!([{"campaignId": 5, "state": "viewing"}]), "campaignId"),
        ("presence:update", json!([{"campaignId": "c1", "state": "viewing", "resource": "s1"}]), "resource.type"),
        ("typing:start", json!([{"campaignId": "c1"}]), "field"),
        (
            "typing:stop",
            json!([{"campaignId": "c1", "entityType": "member", "entityId": "s1", "field": "x"}]),
            "entityType",
        ),
    ];
    for (event, args, named) in faults {
        let ack = gm.ask(event, args.clone()).await;
        assert_eq!((&ack["success"], &ack["code"]), (&json!(false), &json!("INVALID_PAYLOAD")), "{event} {args}");
        assert!(ack["error"].as_str().unwrap().contains(named), "{event} {args}: {ack}");
    }
}

#[tokio::test]
async fn typing_is_shown_to_the_others_in_the_entitys_rooms_and_ends_by_itself() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    let second = node.enter("second", &server.url, &server.token("gm")).await;
    let wide = node.enter("wide", &server.url, &server.token("viewer")).await;
    let narrow = node.enter("narrow", &server.url, &server.token("viewer")).await;
    let elsewhere = node.enter("elsewhere", &server.url, &server.token("viewer")).await;
    for socket in [&gm, &second, &wide] {
        join(socket, "campaign").await;
    }
    narrow.ask("subscribe_settlement", json!("s1")).await;
    elsewhere.ask("subscribe_settlement", json!("s2")).await;
    for _ in 0..3 {
        assert_eq!(gm.ask("typing:start", typing("structure", "t1")).await, json!({"success": true}));
    }
    let event = |typing: bool| {
        json!({"campaignId": "c1", "userId": "gm", "name": "gm", "entityType": "structure", "entityId": "t1",
            "field": "level", "typing": typing})
    };
    for socket in [&wide, &narrow] {
        assert_eq!(socket.wait("user:typing", 1).await, [event(true)], "the settlement's room shows its structures");
    }
    gm.ask("typing:stop", typing("structure", "t1")).await;
    for socket in [&wide, &narrow] {
        assert_eq!(socket.wait("user:typing", 2).await[1], event(false));
    }
    gm.ask("typing:start", typing("structure", "t1")).await;
    let started = tokio::time::Instant::now();
    assert_eq!(wide.wait("user:typing", 4).await[2..], [event(true), event(false)]);
    let lasted = started.elapsed();
    assert!((5_500..15_000).contains(&lasted.as_millis()), "it expires after six seconds, not {lasted:?}");
    gm.ask("typing:start", typing("structure", "t1")).await;
    wide.wait("user:typing", 5).await;
    gm.disconnect().await;
    assert_eq!(wide.wait("user:typing", 6).await[5], event(false), "who has gone types no more");
    for socket in [&second, &elsewhere] {
        socket.ask("latency", json!({})).await;
        assert!(!socket.heard().await.iter().any(|(name, _)| name == "user:typing"));
    }
}

#[tokio::test]
async fn a_removed_member_is_no_longer_present_and_sees_nobody() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    let viewer = node.enter("viewer", &server.url, &server.token("viewer")).await;
    for socket in [&gm, &viewer] {
        join(socket, "campaign").await;
    }
    gm.wait("presence:change", 1).await;
    server.remove_member("viewer").await;
    assert_eq!(viewer.wait("access:revoked", 1).await, [json!({"room": "campaign:c1"})]);
    assert_eq!(gm.wait("presence:change", 2).await[1]["status"], "offline");
    let seen = viewer.heard().await.len();
    gm.ask("presence:update", update("editing", Some("s1"))).await;
    gm.ask("typing:start", typing("settlement", "s1")).await;
    gm.wait("presence:change", 3).await;
    viewer.ask("latency", json!({})).await;
    assert_eq!(viewer.heard().await.len(), seen);
}

#[tokio::test]
async fn a_member_who_announced_without_a_room_goes_with_the_membership() {
    let (server, node) =
        (TestGateway::with(|config| config.presence.ttl = Duration::from_secs(1)).await, NodeDriver::start().await);
    let gm = node.enter("gm", &server.url, &server.token("gm")).await;
    join(&gm, "campaign").await;
    let viewer = node.enter("viewer", &server.url, &server.token("viewer")).await;
    assert_eq!(viewer.ask("presence:update", update("viewing", Some("s2"))).await, json!({"success": true}));
    assert_eq!(gm.wait("presence:change", 1).await[0]["userId"], "viewer");
    server.remove_member("viewer").await;
    assert_eq!(gm.wait("presence:change", 2).await[1]["status"], "offline");
}
