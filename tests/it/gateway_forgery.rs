//! Whoever reaches Redis without the nodes' key changes nothing: each kind of message, forged and replayed.

use std::time::Duration;

use futures_util::StreamExt;
use redis::AsyncCommands;
use scry_catalogue::{BUNDLED, Catalogue, Catalogues};
use scry_server::cluster::{ClusterMessage, VerifyErrorKind};
use scry_server::config::{ConfigSecret, ServerConfig};
use serde_json::{Value, json};

use scry_testkit::gateway::{TestGateway, id, kingdom};
use scry_testkit::node::{NodeDriver, NodeSocket};
use scry_testkit::redis::Redis;
use scry_testkit::wait::until;

const CHANNEL: &str = "scry:messages";
/// A room whose events nodes pass on to each other without a journal.
const ROOM: &str = "company:acme";

/// One of each kind, as a stranger would like the nodes to believe them.
fn forged() -> Vec<Value> {
    let ghost = json!({"userId": "ghost", "name": "Ghost", "campaigns":
        {"c1": {"status": "online", "since": "2026-01-01T00:00:00.000Z", "resources": []}}});
    let typing = json!({"campaignId": "c1", "userId": "ghost", "name": "Ghost", "entityType": "settlement",
        "entityId": "s1", "field": "level", "typing": true});
    vec![
        json!({"is": "passing", "event": "notification:new", "body": "{\"forged\":true}", "rooms": [ROOM]}),
        json!({"is": "passing", "event": "world_time_changed", "body": "{\"forged\":true}", "rooms": [ROOM]}),
        json!({"is": "ended", "userId": "viewer", "sid": "session-of-viewer"}),
        json!({"is": "user", "userId": "ghost", "view": ghost}),
        json!({"is": "roll", "users": [ghost]}),
        json!({"is": "typing", "event": typing, "settlement": null}),
        json!({"is": "commits", "campaigns": ["c1"]}),
        json!({"is": "mail", "users": ["viewer"]}),
        json!({"is": "hello"}),
        json!({"is": "alive"}),
        json!({"is": "bye"}),
    ]
}

fn joined(redis: &Redis, config: &mut ServerConfig) {
    config.redis = Some(ConfigSecret::new(redis.url()));
    config.presence.ttl = Duration::from_secs(60);
    config.catalogues = Catalogues::new(vec![Catalogue::parse(BUNDLED[1].1).unwrap()]).unwrap();
}

async fn up(node: &TestGateway) {
    let cluster = node.core.bus.cluster().unwrap();
    until("the connection to redis", async || cluster.is_up()).await;
}

async fn enter<'a>(node: &'a NodeDriver, server: &TestGateway, user: &str) -> NodeSocket<'a> {
    let socket = node.enter(user, &server.url, &server.token(user)).await;
    assert_eq!(socket.ask("subscribe_campaign", json!("c1")).await["success"], true);
    scry_server::rooms::add(&server.core.db, &ROOM.parse().unwrap(), &id(user)).await.unwrap();
    assert_eq!(socket.ask("subscribe_room", json!({"room": ROOM})).await["success"], true);
    socket
}

fn refused(node: &TestGateway, reason: VerifyErrorKind) -> u64 {
    node.core.metrics.refused_messages().of(reason)
}

/// Checks that a socket has been told nothing that was forged, and that its login goes on.
async fn is_unharmed(server: &TestGateway, socket: &NodeSocket<'_>, events: usize) {
    server.record(kingdom()).await;
    socket.wait("entity_updated", events).await;
    assert_eq!(socket.ask("latency", json!({})).await["success"], true, "the session has not been ended");
    let told = socket.heard().await;
    let is_forged = |body: &Value| body["forged"] == true || body.to_string().contains("ghost");
    assert!(!told.iter().any(|(_, body)| is_forged(body)), "{told:?}");
    assert!(server.core.admit(&server.token("viewer")).await.is_ok());
}

#[tokio::test]
async fn unsigned_messages_of_every_kind_change_nothing() {
    let (redis, node) = (Redis::start().await, NodeDriver::start().await);
    let server = TestGateway::with(|config| joined(&redis, config)).await;
    up(&server).await;
    let viewer = enter(&node, &server, "viewer").await;
    let mut sent = 0;
    for word in forged() {
        let bare = json!({"from": "stranger", "word": word});
        let numbered = json!({"from": "stranger", "sentAtMs": jiff::Timestamp::now().as_millisecond(),
            "sequence": 1_000_000, "word": word});
        for (text, reason) in [
            (bare.to_string(), VerifyErrorKind::Malformed),
            (format!("{} {numbered}", "0".repeat(64)), VerifyErrorKind::Signature),
        ] {
            let before = refused(&server, reason);
            redis.command(&["PUBLISH", CHANNEL, &text]).await;
            until("the refusal", async || refused(&server, reason) > before).await;
            sent += 1;
        }
    }
    assert_eq!(sent, 22);
    is_unharmed(&server, &viewer, 1).await;
}

#[tokio::test]
async fn messages_signed_with_another_secret_change_nothing() {
    let (redis, node) = (Redis::start().await, NodeDriver::start().await);
    let server = TestGateway::with(|config| {
        joined(&redis, config);
        config.auth.jwt_secret = Some(ConfigSecret::new("the secret of the nodes of this installation"));
    })
    .await;
    let stranger = TestGateway::with(|config| {
        joined(&redis, config);
        config.auth.jwt_secret = Some(ConfigSecret::new("a secret that another installation has made up"));
    })
    .await;
    up(&server).await;
    up(&stranger).await;
    let viewer = enter(&node, &server, "viewer").await;
    for word in forged() {
        let before = refused(&server, VerifyErrorKind::Signature);
        let word: ClusterMessage = serde_json::from_value(word).unwrap();
        stranger.core.bus.publish(word);
        until("the refusal", async || refused(&server, VerifyErrorKind::Signature) > before).await;
    }
    is_unharmed(&server, &viewer, 1).await;
}

#[tokio::test]
async fn message_heard_on_redis_and_sent_again_is_not_delivered_twice() {
    let (redis, node) = (Redis::start().await, NodeDriver::start().await);
    let here = TestGateway::with(|config| joined(&redis, config)).await;
    let there = here.beside(|config| joined(&redis, config)).await;
    up(&here).await;
    up(&there).await;
    let viewer = enter(&node, &there, "viewer").await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut heard = client.get_async_pubsub().await.unwrap();
    heard.subscribe(CHANNEL).await.unwrap();
    let mut heard = heard.into_on_message();
    let word = json!({"is": "passing", "event": "stock:updated", "body": "{\"stock\":1}", "rooms": [ROOM]});
    here.core.bus.publish(serde_json::from_value(word).unwrap());
    viewer.wait("stock:updated", 1).await;
    let copy = loop {
        let message = heard.next().await.unwrap();
        let text: String = message.get_payload().unwrap();
        if text.contains("stock:updated") {
            break text;
        }
    };
    let mut commands = client.get_multiplexed_async_connection().await.unwrap();
    let before = refused(&there, VerifyErrorKind::Replayed);
    for _ in 0..3 {
        let _: () = commands.publish(CHANNEL, &copy).await.unwrap();
    }
    until("the refusals", async || refused(&there, VerifyErrorKind::Replayed) == before + 3).await;
    is_unharmed(&there, &viewer, 1).await;
    let told = viewer.heard().await.into_iter().filter(|(name, _)| name == "stock:updated").count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn installations_with_different_prefixes_share_a_redis_without_hearing_each_other() {
    let redis = Redis::start().await;
    let first = TestGateway::with(|config| joined(&redis, config)).await;
    let second = TestGateway::with(|config| {
        joined(&redis, config);
        config.redis_prefix = "second:".to_owned();
        config.auth.jwt_secret = Some(ConfigSecret::new("a secret that another installation has made up"));
    })
    .await;
    up(&first).await;
    up(&second).await;
    for node in [&first, &second] {
        node.core.bus.publish(ClusterMessage::Heartbeat);
    }
    // What each has said has come back to itself by the time that Redis answers a later question.
    let listening = async || redis.command(&["PUBSUB", "CHANNELS"]).await;
    until("both channels", async || {
        let channels = listening().await;
        channels.lines().any(|name| name == CHANNEL) && channels.lines().any(|name| name == "second:scry:messages")
    })
    .await;
    for node in [&first, &second] {
        assert_eq!(VerifyErrorKind::ALL.map(|reason| refused(node, reason)), [0; 4]);
    }
}
