//! Every figure that a node gives of itself: it is there, it is described, it moves, and the dashboard shows it.

use std::collections::BTreeSet;

use scry_catalogue::{BUNDLED, Catalogue, Catalogues};
use scry_server::config::ConfigSecret;
use serde_json::{Value, json};

use scry_testkit::emberfall::Emberfall;
use scry_testkit::metrics::ScrapedMetrics;
use scry_testkit::node::NodeDriver;
use scry_testkit::redis::Redis;
use scry_testkit::server::TestServer;
use scry_testkit::wait::until;

const DASHBOARD: &str = include_str!("../../assets/deploy/grafana/scry.json");
const MANUAL: &str = include_str!("../../docs/operations.md");

/// Collects the names of metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let name = regex::Regex::new(r"\bscry_[a-z0-9_]+").unwrap();
    name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

/// Collects the queries of a dashboard, wherever they stand.
fn queries(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| queries(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Starts a server with all that has figures of its own.
async fn with_everything(redis: &str) -> TestServer {
    let server = TestServer::with(|config| {
        config.redis = Some(ConfigSecret::new(redis));
        config.catalogues = Catalogues::new(vec![Catalogue::parse(BUNDLED[1].1).unwrap()]).unwrap();
    });
    server.await
}

#[tokio::test]
async fn every_family_moves() {
    let (mut redis, node) = (Redis::start().await, NodeDriver::start().await);
    let url = redis.url();
    let server = with_everything(&url).await;
    let other = TestServer::beside(&server).await;
    until("redis", async || ScrapedMetrics::of(&server.url).await.find("scry_redis_up") == Some(1.0)).await;
    let before = ScrapedMetrics::of(&server.url).await;

    let world = Emberfall::on(&server).await;
    let listener = node.enter("gm", &server.url, &world.gm).await;
    let stranger = json!({"transports": ["websocket"], "auth": {"token": "stolen"}});
    node.try_connect("stranger", &server.url, stranger).await;
    let position = listener.ask("subscribe_campaign", json!(world.id)).await["position"].clone();
    world.advance(1).await;
    listener.wait("world_time_changed", 1).await;
    listener.ask("subscribe_campaign", json!({"campaignId": world.id, "since": position})).await;
    for _ in 0..20 {
        server.post("/auth/login", &json!({"username": "gm", "password": "guessed"})).await;
    }
    world.entity("Saltwick").await;
    let deleted = json!({"type": "project:deleted", "payload": {"companyId": "acme", "projectId": "p"}});
    assert_eq!(server.post_as(&server.login("bot").await, "/events", &deleted).await.status, 200);
    redis.command(&["PUBLISH", "scry:messages", "a message that no node has signed"]).await;
    let refused = async || {
        ScrapedMetrics::of(&server.url).await.text().contains("messages_refused_total{reason=\"malformed\"} 1")
    };
    until("the stranger's message to be refused", refused).await;
    redis.kill().await;
    until("redis to be missed", async || ScrapedMetrics::of(&server.url).await.get("scry_redis_up") == 0.0).await;
    let after = ScrapedMetrics::of(&server.url).await;

    let still: BTreeSet<&str> =
        // What only moves under load, at the end, or when the database goes has tests of its own.
        [
            "scry_journal_lag_events",
            "scry_draining",
            "scry_database_up",
            "scry_database_connections",
            // The longest turn so far may have been one of the beginning.
            "scry_writer_longest_turn_seconds",
            "scry_writer_waiting_changes",
        ]
        .into();
    for family in after.families().keys() {
        let moved = after.family(family) != before.family(family);
        assert!(moved || still.contains(family.as_str()), "{family} stays {:?}", after.family(family));
        assert!(!after.family(family).is_empty(), "{family} has no value");
    }
    assert!(after.get("scry_memory_per_connection_bytes") >= 0.0);
    assert!(after.get("scry_resident_memory_bytes") > 1e6);

    // Nobody wakes a node without Redis, so that until its next look it is behind.
    let far = node.enter("far", &other.url, &world.gm).await;
    far.ask("subscribe_campaign", json!(world.id)).await;
    let behind = async || {
        world.advance(1).await;
        ScrapedMetrics::of(&other.url).await.get("scry_journal_lag_events") > 0.0
    };
    until("the other node to be behind", behind).await;
    let caught_up = async || ScrapedMetrics::of(&other.url).await.get("scry_journal_lag_events") == 0.0;
    until("the other node to catch up", caught_up).await;
}

#[tokio::test]
async fn the_manual_describes_what_there_is() {
    let redis = Redis::start().await;
    let server = with_everything(&redis.url()).await;
    let told = ScrapedMetrics::of(&server.url).await;
    let table: String = MANUAL.lines().filter(|line| line.starts_with("| `scry_")).collect();
    let described: BTreeSet<String> =
        names(&table).into_iter().map(|name| name.strip_suffix("_total").map_or(name.clone(), str::to_owned)).collect();
    assert_eq!(described, told.families().into_keys().collect());
}

#[tokio::test]
async fn the_dashboard_asks_for_what_there_is() {
    let redis = Redis::start().await;
    let server = with_everything(&redis.url()).await;
    let samples: BTreeSet<String> = ScrapedMetrics::of(&server.url).await.samples().into_iter().collect();
    let mut asked = Vec::new();
    queries(&serde_json::from_str(DASHBOARD).unwrap(), &mut asked);
    assert!(asked.len() > 10, "{asked:?}");
    for query in &asked {
        let unknown: Vec<String> = names(query).difference(&samples).cloned().collect();
        assert!(unknown.is_empty(), "{query} asks for {unknown:?}");
    }
    let shown: BTreeSet<String> = asked.iter().flat_map(|query| names(query)).collect();
    for wanted in ["scry_redis_up", "scry_database_up", "scry_journal_lag_events", "scry_delivery_seconds_bucket"] {
        assert!(shown.contains(wanted), "{wanted} is on no panel");
    }
}
