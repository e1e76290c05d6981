//! Several nodes over one database and a Redis of their own, which comes and goes.

use std::time::Duration;

use scry_server::config::{ConfigSecret, ServerConfig};
use serde_json::{Value, json};
use tokio::time::Instant;

use scry_testkit::gateway::{TestGateway, kingdom, notification};
use scry_testkit::node::{NodeDriver, NodeSocket};
use scry_testkit::process::ServerProcess;
use scry_testkit::redis::Redis;
use scry_testkit::server::TestServer;
use scry_testkit::wait::until;

/// Joins a node to a Redis; presence outlives a node by two seconds at most.
fn joined(redis: &Redis) -> impl Fn(&mut ServerConfig) + use<> {
    let url = redis.url();
    move |config| {
        config.redis = Some(ConfigSecret::new(&url));
        config.presence.ttl = Duration::from_secs(2);
    }
}

async fn pair(redis: &Redis) -> (TestGateway, TestGateway) {
    let here = TestGateway::with(joined(redis)).await;
    let there = here.beside(joined(redis)).await;
    for node in [&here, &there] {
        up(node, true).await;
    }
    (here, there)
}

/// Waits until a node has, or has not, a connection to the others.
async fn up(node: &TestGateway, wanted: bool) {
    let cluster = node.core.bus.cluster().unwrap();
    until("the connection to redis", async || cluster.is_up() == wanted).await;
}

async fn enter<'a>(node: &'a NodeDriver, server: &TestGateway, user: &str, name: &str) -> NodeSocket<'a> {
    let socket = node.enter(name, &server.url, &server.token(user)).await;
    let ack = socket.ask("subscribe_campaign", json!("c1")).await;
    assert_eq!(ack["success"], true, "{ack}");
    socket
}

/// Applies what a socket was told about presence; returns the users and their status.
async fn present(socket: &NodeSocket<'_>) -> Vec<(String, String)> {
    let mut users = std::collections::BTreeMap::new();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for (name, body) in socket.heard().await {
        match name.as_str() {
            "presence:state" => {
                let list = body["users"].as_array().unwrap().iter();
                users = list.map(|user| (text(&user["userId"]), text(&user["status"]))).collect();
            }
            "presence:change" if body["status"] == "offline" => {
                users.remove(body["userId"].as_str().unwrap());
            }
            "presence:change" => {
                users.insert(text(&body["userId"]), text(&body["status"]));
            }
            _ => {}
        }
    }
    users.into_iter().collect()
}

async fn sees(socket: &NodeSocket<'_>, wanted: &[&str]) {
    let what = format!("{wanted:?} present");
    until(&what, async || present(socket).await.iter().map(|(user, _)| user.as_str()).collect::<Vec<_>>() == wanted)
        .await;
}

#[tokio::test]
async fn a_change_on_one_node_is_at_once_on_the_other() {
    let (redis, node) = (Redis::start().await, NodeDriver::start().await);
    let (here, there) = pair(&redis).await;
    let socket = enter(&node, &there, "viewer", "viewer").await;
    let started = Instant::now();
    for number in 1..=20 {
        here.record(kingdom()).await;
        socket.wait("entity_updated", number).await;
    }
    // By polling alone each of them would take until the next look, a second later.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn presence_typing_and_messages_cross_nodes() {
    let (redis, node) = (Redis::start().await, NodeDriver::start().await);
    let (here, there) = pair(&redis).await;
    let gm = enter(&node, &here, "gm", "gm").await;
    let viewer = enter(&node, &there, "viewer", "viewer").await;
    sees(&gm, &["gm", "viewer"]).await;
    sees(&viewer, &["gm", "viewer"]).await;
    assert_eq!(gm.wait("user:online", 1).await, [json!({"userId": "viewer", "name": "viewer"})]);
    let record = redis.command(&["HGETALL", "ws:presence:viewer"]).await;
    assert!(record.contains(there.core.node.as_ref()) && record.contains("\"c1\""), "{record}");

    here.set_role("viewer", "EDITOR").await;
    let spot = json!({"campaignId": "c1", "entityType": "structure", "entityId": "t1", "field": "level"});
    viewer.ask("typing:start", spot).await;
    assert_eq!(gm.wait("user:typing", 1).await[0]["typing"], true);
    let update = json!({"campaignId": "c1", "resource": {"type": "settlement", "id": "s1"}, "state": "editing"});
    viewer.ask("presence:update", update).await;
    let edits =
        async || present_resources(&gm).await.contains(&json!({"type": "settlement", "id": "s1", "state": "editing"}));
    until("what the viewer edits", edits).await;

    let both = node.enter("both", &here.url, &here.token("viewer")).await;
    both.ask("latency", json!({})).await;
    here.tell("viewer", &notification("n1")).await;
    for socket in [&viewer, &both] {
        assert_eq!(socket.wait("notification:new", 1).await.len(), 1);
    }
    viewer.disconnect().await;
    sees(&gm, &["gm"]).await;
    assert!(!gm.heard().await.iter().any(|(name, _)| name == "user:offline"), "she is still on the other node");
    both.disconnect().await;
    gm.wait("user:offline", 1).await;
    until("the record's end", async || redis.command(&["EXISTS", "ws:presence:viewer"]).await.trim() == "0").await;
}

async fn present_resources(socket: &NodeSocket<'_>) -> Vec<Value> {
    let changes = socket.heard().await.into_iter().filter(|(name, _)| name == "presence:change");
    changes.flat_map(|(_, body)| body["resources"].as_array().unwrap().clone()).collect()
}

#[tokio::test]
async fn a_logout_and_a_removal_reach_the_sockets_on_every_node() {
    let (redis, node) = (Redis::start().await, NodeDriver::start().await);
    let (here, there) = pair(&redis).await;
    let gm = enter(&node, &there, "gm", "gm").await;
    let viewer = enter(&node, &there, "viewer", "viewer").await;
    here.remove_member("viewer").await;
    assert_eq!(viewer.wait("access:revoked", 1).await, [json!({"room": "campaign:c1"})]);
    sees(&gm, &["gm"]).await;
    here.log_out("viewer").await;
    assert_eq!(viewer.closed().await, "io server disconnect");
}

#[tokio::test]
async fn without_redis_everything_still_arrives_and_with_it_all_is_as_before() {
    let (mut redis, node) = (Redis::start().await, NodeDriver::start().await);
    let (here, there) = pair(&redis).await;
    let gm = enter(&node, &here, "gm", "gm").await;
    let viewer = enter(&node, &there, "viewer", "viewer").await;
    sees(&gm, &["gm", "viewer"]).await;
    redis.kill().await;
    up(&here, false).await;
    for number in 1..=3 {
        here.record(kingdom()).await;
        for socket in [&gm, &viewer] {
            socket.wait("entity_updated", number).await;
        }
    }
    here.tell("viewer", &notification("n1")).await;
    assert_eq!(viewer.wait("notification:new", 1).await.len(), 1);
    sees(&gm, &["gm"]).await;
    sees(&viewer, &["viewer"]).await;
    redis.restart().await;
    for node in [&here, &there] {
        up(node, true).await;
    }
    sees(&gm, &["gm", "viewer"]).await;
    sees(&viewer, &["gm", "viewer"]).await;
    here.record(kingdom()).await;
    assert_eq!(viewer.wait("entity_updated", 4).await.len(), 4, "nothing came twice");
    redis.kill().await;
    up(&there, false).await;
    here.log_out("viewer").await;
    assert_eq!(viewer.closed().await, "io server disconnect", "a logout needs no redis either");
}

#[tokio::test]
async fn a_node_that_stops_takes_its_people_along_at_once() {
    let (redis, node) = (Redis::start().await, NodeDriver::start().await);
    let slow = |config: &mut ServerConfig| {
        joined(&redis)(config);
        config.presence.ttl = Duration::from_secs(300);
    };
    let here = TestGateway::with(slow).await;
    let mut there = here.beside(slow).await;
    let gm = enter(&node, &here, "gm", "gm").await;
    let _viewer = enter(&node, &there, "viewer", "viewer").await;
    sees(&gm, &["gm", "viewer"]).await;
    there.shut_down().await;
    sees(&gm, &["gm"]).await;
}

#[tokio::test]
async fn a_killed_node_leaves_no_ghost() {
    let (redis, node) = (Redis::start().await, NodeDriver::start().await);
    let url = redis.url();
    let settings = [("SCRY_SERVER_REDIS", url.as_str()), ("WS_PRESENCE_TTL", "2")];
    let here = ServerProcess::with(&settings).await;
    let mut there = here.beside().await;
    let core = scry_server::AppState::open(here.config()).await.unwrap();
    let people = scry_testkit::user_pool::members(&core, "Emberfall").await;
    let (campaign, gm, player) = (&people[0].0, &people[1].1, &people[2].1);
    let gm = node.enter("gm", &here.url, gm).await;
    gm.ask("subscribe_campaign", json!(campaign)).await;
    let player = node.enter("player", &there.url, player).await;
    player.ask("subscribe_campaign", json!(campaign)).await;
    until("both", async || present(&gm).await.len() == 2).await;
    there.kill().await;
    let killed = Instant::now();
    until("the end of the ghost", async || present(&gm).await.len() == 1).await;
    assert!(killed.elapsed() < Duration::from_secs(6), "{:?}", killed.elapsed());
    core.db.close().await;
}

#[tokio::test]
async fn health_tells_how_redis_is() {
    let absent = ConfigSecret::new("redis+unix:///nowhere/redis.sock");
    let server = TestServer::with(|config| config.redis = Some(absent)).await;
    let health = server.get("/health").await;
    assert_eq!(
        (health.status.as_u16(), &health.body["status"], &health.body["redis"]),
        (200, &json!("degraded"), &json!("down"))
    );
    let redis = Redis::start().await;
    let server = TestServer::with(|config| config.redis = Some(ConfigSecret::new(redis.url()))).await;
    until("redis", async || server.get("/health").await.body["redis"] == "ok").await;
    assert_eq!(server.get("/health").await.body["status"], "ok");
}
