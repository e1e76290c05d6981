//! What one member may do to the others: flood them, show them texts of their own, come back after an absence.

use std::time::Duration;

use scry_server::config::ServerConfig;
use scry_server::limits::LimitKind;
use serde_json::{Value, json};

use scry_testkit::gateway::{TestGateway, kingdom, settlement};
use scry_testkit::raw_socket::RawSocketClient;
use scry_testkit::server::TestServer;

const NOTIFY: &str = "mutation($to: [ID!]!, $title: String!, $body: String! = \"\") {
    notify(userIds: $to, title: $title, body: $body) }";
const LIST: &str = "{ notifications { title body } }";

/// Opens a socket; what waited for its user has come when this returns.
async fn socket(url: &str, token: &str) -> RawSocketClient {
    let mut raw = RawSocketClient::connect(url, token).await.unwrap();
    raw.ask("latency", &json!({})).await.unwrap();
    raw
}

/// Returns the titles of the notifications that a socket was sent.
fn delivered(raw: &RawSocketClient) -> Vec<String> {
    let titles = raw.events.iter().filter(|event| event[0] == "notification:new").map(|event| &event[1]["title"]);
    titles.map(|title| title.as_str().unwrap().to_owned()).collect()
}

async fn user_id(server: &TestServer, token: &str) -> Value {
    server.graphql(token, "{ me { id } }", json!({})).await["me"]["id"].clone()
}

#[tokio::test]
async fn a_flood_of_one_sender_leaves_the_messages_of_others_in_the_queue_and_in_the_list() {
    let fast = |config: &mut ServerConfig| {
        config.quota.notifications_per_minute = 10_000;
        config.quota.notifications_per_pair = 10_000;
    };
    let server = TestServer::with(fast).await;
    let (gm, player, viewer) = (server.login("gm").await, server.login("player").await, server.login("viewer").await);
    let to = user_id(&server, &gm).await;
    server.graphql(&player, NOTIFY, json!({"to": [to], "title": "IMPORTANT"})).await;
    // Several in one request: the flood is the same, and the test is short.
    for round in 0..26 {
        let one = |number: usize| format!("n{number}: notify(userIds: $to, title: \"{round}-{number}\")");
        let twenty: Vec<String> = (0..20).map(one).collect();
        let flood = format!("mutation($to: [ID!]!) {{ {} }}", twenty.join(" "));
        server.graphql(&viewer, &flood, json!({"to": [to]})).await;
    }
    let titles = delivered(&socket(&server.url, &gm).await);
    assert_eq!((titles.len(), &*titles[0], &*titles[499]), (500, "IMPORTANT", "25-19"));
    let listed = server.graphql(&gm, LIST, json!({})).await["notifications"].clone();
    let listed: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!((listed.len(), listed[0], listed[199]), (200, "25-19", "IMPORTANT"));
}

#[tokio::test]
async fn notifications_have_a_rate_for_each_pair_and_for_each_sender() {
    let few = |config: &mut ServerConfig| {
        config.quota.notifications_per_pair = 3;
        config.quota.notifications_per_minute = 5;
    };
    let server = TestServer::with(few).await;
    let (gm, player, viewer) = (server.login("gm").await, server.login("player").await, server.login("viewer").await);
    let (to_gm, to_player) = (user_id(&server, &gm).await, user_id(&server, &player).await);
    let send = |to: &Value| json!({"to": [to], "title": "Hi"});
    for _ in 0..3 {
        server.graphql(&viewer, NOTIFY, send(&to_gm)).await;
    }
    let refused = server.refused(&viewer, NOTIFY, send(&to_gm)).await;
    assert_eq!(refused["extensions"]["code"], "RATE_LIMITED");
    assert_eq!(refused["extensions"]["limit"], "notifications");
    let wait = refused["extensions"]["retryAfterMs"].as_u64().unwrap();
    assert!((1..=20_000).contains(&wait), "{refused}");
    for _ in 0..2 {
        server.graphql(&viewer, NOTIFY, send(&to_player)).await;
    }
    assert_eq!(server.refused(&viewer, NOTIFY, send(&to_player)).await["extensions"]["code"], "RATE_LIMITED");
    server.graphql(&player, NOTIFY, send(&to_gm)).await;
    assert_eq!(server.limit_metrics.of(LimitKind::Notifications), 2);
    let listed = server.graphql(&gm, LIST, json!({})).await["notifications"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 4, "what was refused reached nobody");
}

#[tokio::test]
async fn notifications_are_stored_and_sent_without_control_or_direction_characters() {
    let server = TestServer::start().await;
    let (gm, viewer) = (server.login("gm").await, server.login("viewer").await);
    let to = user_id(&server, &gm).await;
    let hostile = json!({"to": [to], "title": "a\u{9b}31m\u{202e}b\nc", "body": "one\ntwo\u{1b}]0;x\u{7}\u{2066}"});
    server.graphql(&viewer, NOTIFY, hostile).await;
    let clean = json!({"title": "a\u{fffd}31mb c", "body": "one\ntwo\u{fffd}]0;x\u{fffd}"});
    assert_eq!(server.graphql(&gm, LIST, json!({})).await["notifications"], json!([clean]));
    assert_eq!(delivered(&socket(&server.url, &gm).await), ["a\u{fffd}31mb c"]);
    let invisible = server.refused(&viewer, NOTIFY, json!({"to": [to], "title": "\u{202e}\u{200b} "})).await;
    assert_eq!(invisible["extensions"]["code"], "INVALID_PAYLOAD");
}

fn typing(field: &str) -> Value {
    json!({"campaignId": "c1", "entityType": "settlement", "entityId": "s1", "field": field})
}

fn editing() -> Value {
    json!({"campaignId": "c1", "resource": {"type": "settlement", "id": "s1"}, "state": "editing"})
}

fn unauthorized() -> Value {
    json!({"success": false, "error": "Unauthorized", "code": "UNAUTHORIZED"})
}

#[tokio::test]
async fn typing_shows_only_fields_that_the_entity_has_and_only_of_editors() {
    let server = TestGateway::start().await;
    sqlx::query("UPDATE entities SET fields = '{\"variables\": {\"morale\": 3}}' WHERE id = 's1'")
        .execute(&server.core.db.writer)
        .await
        .unwrap();
    let mut watcher = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
    watcher.ask("subscribe_campaign", &json!("c1")).await.unwrap();
    let mut gm = RawSocketClient::connect(&server.url, &server.token("gm")).await.unwrap();
    let long = "x".repeat(200);
    for field in ["gm cheats \u{202e}", "variables.gold", "computed", "level.x", "members.gm", &long] {
        assert_eq!(gm.ask("typing:start", &typing(field)).await.unwrap(), unauthorized(), "{field}");
    }
    for event in ["typing:start", "presence:update"] {
        let payload = if event == "typing:start" { typing("level") } else { editing() };
        assert_eq!(watcher.ask(event, &payload).await.unwrap(), unauthorized(), "a viewer edits nothing");
    }
    for field in ["level", "name", "variables.morale"] {
        assert_eq!(gm.ask("typing:start", &typing(field)).await.unwrap(), json!({"success": true}), "{field}");
    }
    watcher.until("the last field", |event| event[1]["field"] == "variables.morale").await;
    let typed = watcher.events.iter().filter(|event| event[0] == "user:typing").map(|event| &event[1]["field"]);
    assert_eq!(typed.collect::<Vec<_>>(), ["level", "name", "variables.morale"]);
}

#[tokio::test]
async fn an_editor_who_becomes_a_viewer_is_no_longer_shown_as_editing() {
    let server = TestGateway::with(|config| config.presence.ttl = Duration::from_secs(1)).await;
    server.set_role("viewer", "EDITOR").await;
    let mut gm = RawSocketClient::connect(&server.url, &server.token("gm")).await.unwrap();
    gm.ask("subscribe_campaign", &json!("c1")).await.unwrap();
    let mut editor = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
    assert_eq!(editor.ask("presence:update", &editing()).await.unwrap(), json!({"success": true}));
    server.set_role("viewer", "VIEWER").await;
    let is_viewing = |event: &Value| event[0] == "presence:change" && event[1]["resources"][0]["state"] == "viewing";
    gm.until("the change", is_viewing).await;
}

#[tokio::test]
async fn a_resume_does_not_reach_across_an_absence() {
    let server = TestGateway::start().await;
    server.record_all(vec![kingdom(), settlement("s1")]).await;
    server.remove_member("viewer").await;
    server.record_all(vec![settlement("s1"), kingdom()]).await;
    server.admit("viewer").await;
    server.record(settlement("s1")).await;
    let since = |field: &str, id: &str, seq: u64| json!({field: id, "since": {"epoch": "first", "seq": seq}});
    for (event, field, id) in
        [("subscribe_campaign", "campaignId", "c1"), ("subscribe_settlement", "settlementId", "s1")]
    {
        let mut viewer = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
        let ack = viewer.ask(event, &since(field, id, 2)).await.unwrap();
        assert_eq!((&ack["success"], &ack["recovered"], &ack["replayed"]), (&json!(true), &json!(false), &json!(0)));
        assert!(viewer.events.iter().all(|event| event[1]["metadata"].is_null()), "{:?}", viewer.events);
        let mut gm = RawSocketClient::connect(&server.url, &server.token("gm")).await.unwrap();
        let ack = gm.ask(event, &since(field, id, 2)).await.unwrap();
        assert_eq!(ack["recovered"], true, "somebody else's removal is no absence of one's own");
    }
    let mut viewer = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
    let ack = viewer.ask("subscribe_campaign", &since("campaignId", "c1", 3)).await.unwrap();
    assert_eq!((&ack["recovered"], &ack["replayed"]), (&json!(true), &json!(3)), "from the removal on there was none");
}
