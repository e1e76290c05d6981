//! Messages to one user while their connections come and go on two nodes: each is told once, in order, and none is
//! lost between "somebody else took it" and "I was not there yet".

use std::time::Duration;

use futures_util::future::join_all;
use scry_server::config::{ConfigSecret, ServerConfig};
use serde_json::json;
use tokio::time::Instant;

use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::gateway::{TestGateway, notification};
use scry_testkit::node::{NodeDriver, NodeSocket};
use scry_testkit::redis::Redis;

const ROUNDS: usize = 12;

/// A message and when it was certainly not written yet.
#[derive(Debug, Clone)]
struct SentMessage {
    name: String,
    began: Instant,
}

/// A connection and when it was certainly there.
struct RaceConnection<'a> {
    socket: NodeSocket<'a>,
    connected: Instant,
    got: Vec<String>,
}

impl RaceConnection<'_> {
    /// Reads on until the last message is there, behind which nothing comes.
    async fn read_upto(&mut self, last: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.got.last().is_none_or(|name| name != last) {
            assert!(Instant::now() < deadline, "{last} never came; what did: {:?}", self.got);
            let seen = self.socket.seen().await.into_iter();
            let news = seen.filter(|(name, _)| name == "notification:new");
            self.got = news.map(|(_, body)| body["id"].as_str().unwrap().to_owned()).collect();
        }
    }
}

/// Writes messages, one after the other, over random nodes, resting now and then.
async fn tell(nodes: &[&TestGateway], names: Vec<String>, seed: u64) -> Vec<SentMessage> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut told = Vec::new();
    for name in names {
        for _ in 0..random.usize(0..60) {
            tokio::task::yield_now().await;
        }
        let began = Instant::now();
        nodes[random.usize(0..nodes.len())].tell("viewer", &notification(&name)).await;
        told.push(SentMessage { name, began });
    }
    told
}

/// Checks what the connections of one round got, of what waited for them and of what came meanwhile.
fn check(connections: &[RaceConnection<'_>], waited: &[SentMessage], meanwhile: &[SentMessage], when: &str) {
    let order: Vec<&str> = waited.iter().chain(meanwhile).map(|told| told.name.as_str()).collect();
    for connection in connections {
        let places: Vec<_> = connection.got.iter().map(|name| order.iter().position(|known| known == name)).collect();
        assert!(places.iter().all(Option::is_some), "{when}: nothing of earlier rounds in {:?}", connection.got);
        assert!(places.is_sorted_by(|a, b| a < b), "{when}: in order and once, not {:?}", connection.got);
        for told in meanwhile.iter().filter(|told| told.began > connection.connected) {
            assert!(
                connection.got.contains(&told.name),
                "{when}: {} was told to all who were there: {:?}",
                told.name,
                connection.got
            );
        }
    }
    let receivers =
        |told: &SentMessage| connections.iter().filter(|connection| connection.got.contains(&told.name)).count();
    for told in waited {
        assert_eq!(receivers(told), 1, "{when}: {} waited, and is told once", told.name);
    }
    for told in meanwhile {
        assert!(receivers(told) > 0, "{when}: {} is lost", told.name);
    }
}

async fn storm(nodes: &[&TestGateway], seed: u64) {
    let driver = NodeDriver::start().await;
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..ROUNDS {
        let when = format!("seed {seed}, round {round}");
        let names = |kind: &str, count: usize| (0..count).map(|n| format!("{round}-{kind}{n}")).collect::<Vec<_>>();
        let waited = tell(nodes, names("w", random.usize(0..6)), random.u64(..)).await;
        let enter = |number: usize| {
            let server = nodes[random.usize(0..nodes.len())];
            let (name, driver) = (format!("{round}-{number}"), &driver);
            async move {
                let socket = driver.enter(&name, &server.url, &server.token("viewer")).await;
                RaceConnection { socket, connected: Instant::now(), got: Vec::new() }
            }
        };
        let entering: Vec<_> = (0..4).map(enter).collect();
        let (mut connections, mut meanwhile) =
            tokio::join!(join_all(entering), tell(nodes, names("m", 30), seed.wrapping_add(round as u64)));
        meanwhile.extend(tell(nodes, names("last", 1), 0).await);
        for connection in &mut connections {
            connection.read_upto(&format!("{round}-last0")).await;
        }
        check(&connections, &waited, &meanwhile, &when);
        for connection in connections {
            connection.socket.disconnect().await;
        }
        for node in nodes {
            node.connected(0).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_to_racing_connections_are_told_once_and_in_order() {
    let server = TestGateway::start().await;
    storm(&[&server], 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_to_racing_connections_are_told_once_across_nodes() {
    let redis = Redis::start().await;
    let joined = |config: &mut ServerConfig| config.redis = Some(ConfigSecret::new(redis.url()));
    let here = TestGateway::with(joined).await;
    let there = here.beside(joined).await;
    storm(&[&here, &there], 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn message_unread_by_a_silent_connection_is_delivered_once_to_a_live_one() {
    let hasty = |config: &mut ServerConfig| {
        config.socket.ping_interval = Duration::from_secs(1);
        config.socket.ping_timeout = Duration::from_secs(1);
    };
    let server = TestGateway::with(hasty).await;
    let (driver, proxy) = (NodeDriver::start().await, FaultProxy::start(&server.url).await);
    let token = server.token("viewer");
    let dead = driver.enter("dead", &proxy.url, &token).await;
    dead.ask("latency", json!({})).await;
    proxy.mute();
    server.tell("viewer", &notification("n1")).await;
    let living = driver.enter("living", &server.url, &token).await;
    living.wait("notification:new", 1).await;
    server.connected(1).await;
    let later = driver.enter("later", &server.url, &token).await;
    server.tell("viewer", &notification("n2")).await;
    for (socket, wanted) in [(&living, vec!["n1", "n2"]), (&later, vec!["n2"])] {
        let told = socket.wait("notification:new", wanted.len()).await;
        assert_eq!(told.iter().map(|body| body["id"].as_str().unwrap()).collect::<Vec<_>>(), wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn message_read_by_a_crashed_client_is_not_delivered_again() {
    let (server, driver) = (TestGateway::start().await, NodeDriver::start().await);
    let token = server.token("viewer");
    let first = driver.enter("first", &server.url, &token).await;
    server.tell("viewer", &notification("n1")).await;
    first.wait("notification:new", 1).await;
    first.terminate().await;
    server.connected(0).await;
    let next = driver.enter("next", &server.url, &token).await;
    server.tell("viewer", &notification("n2")).await;
    assert_eq!(next.wait("notification:new", 1).await[0]["id"], "n2");
}
