//! The deployment under test: real programs, each of which may be killed at any moment.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use scry_world::World;
use tokio::sync::{Mutex, watch};

use super::history::MonthlyEffect;
use scry_testkit::postgres::Postgres;
use scry_testkit::process::ServerProcess;
use scry_testkit::redis::Redis;

/// Few things, so that edits meet, and effects whose days are easy to count.
const TEST_WORLD: &str = include_str!("world.toml");
/// The limits that a busy table would reach, out of the way; pings so often that a dead socket is noticed.
const CLUSTER_SETTINGS: [(&str, &str); 15] = [
    ("SCRY_SERVER_ACCESS_TOKEN_TTL", "2h"),
    ("SCRY_SERVER_API_REQUESTS_PER_MINUTE", "1000000"),
    ("SCRY_SERVER_AUTH_REQUESTS_PER_MINUTE", "1000000"),
    ("SCRY_SERVER_INVITATIONS_PER_MINUTE", "1000000"),
    ("SCRY_SERVER_JOURNAL_MAX_EVENTS", "100000000"),
    ("SCRY_SERVER_MAX_BYTES_PER_CAMPAIGN", "100000000000"),
    ("SCRY_SERVER_NOTIFICATIONS_PER_MINUTE", "1000000"),
    ("SCRY_SERVER_NOTIFICATIONS_PER_PAIR", "1000000"),
    ("SCRY_SERVER_LOGIN_ATTEMPTS_PER_MINUTE", "100000"),
    ("SCRY_SERVER_LOGIN_ATTEMPTS_PER_ADDRESS", "100000"),
    ("SCRY_SERVER_SHUTDOWN_TIMEOUT", "3s"),
    ("SCRY_SERVER_WS_REQUESTS_PER_MINUTE", "100000"),
    ("WS_PING_INTERVAL", "5000"),
    ("WS_PING_TIMEOUT", "3000"),
    ("WS_PRESENCE_TTL", "3"),
];

/// The parts of a deployment.
pub struct TestCluster {
    pub nodes: Vec<Arc<Mutex<ServerProcess>>>,
    pub redis: Option<Arc<Mutex<Redis>>>,
    pub postgres: Option<Arc<Postgres>>,
    urls: watch::Sender<Vec<Option<String>>>,
}

/// Knows where the nodes listen that run now.
#[derive(Debug, Clone)]
pub struct NodeAddresses(watch::Receiver<Vec<Option<String>>>);

impl TestCluster {
    /// One node over a file.
    pub async fn on_sqlite() -> Self {
        let node = ServerProcess::of(&World::parse(TEST_WORLD).unwrap(), &CLUSTER_SETTINGS).await;
        Self::of(vec![node], None, None)
    }

    /// Two nodes over a Postgres and a Redis of their own.
    pub async fn on_postgres() -> Self {
        let (postgres, redis) = tokio::join!(Postgres::start(), Redis::start());
        let url = redis.url();
        let mut settings = CLUSTER_SETTINGS.to_vec();
        settings.extend([
            ("SCRY_SERVER_DATABASE", postgres.url.as_str()),
            ("SCRY_SERVER_REDIS", url.as_str()),
            ("SCRY_SERVER_JWT_SECRET", "a secret that every node of this test knows"),
        ]);
        let first = ServerProcess::of(&World::parse(TEST_WORLD).unwrap(), &settings).await;
        let second = first.beside().await;
        Self::of(vec![first, second], Some(redis), Some(postgres))
    }

    fn of(nodes: Vec<ServerProcess>, redis: Option<Redis>, postgres: Option<Postgres>) -> Self {
        let urls = nodes.iter().map(|node| Some(node.url.clone())).collect();
        Self {
            nodes: nodes.into_iter().map(|node| Arc::new(Mutex::new(node))).collect(),
            redis: redis.map(|redis| Arc::new(Mutex::new(redis))),
            postgres: postgres.map(Arc::new),
            urls: watch::Sender::new(urls),
        }
    }

    pub fn addresses(&self) -> NodeAddresses {
        NodeAddresses(self.urls.subscribe())
    }

    /// Returns where to say that a node has gone, or come.
    pub fn urls(&self) -> watch::Sender<Vec<Option<String>>> {
        self.urls.clone()
    }

    /// Returns what the programs said when they panicked, which they must not.
    pub async fn panics(&self) -> String {
        let log = self.nodes[0].lock().await.log();
        let lines: Vec<&str> = log.lines().collect();
        let panicked = lines.windows(2).filter(|pair| pair[0].contains("panicked at"));
        panicked.map(|pair| format!("{}\n{}\n", pair[0], pair[1])).collect()
    }
}

impl NodeAddresses {
    /// Returns one of the nodes that run, or waits for one.
    pub async fn pick(&mut self, rng: &mut Rng) -> (usize, String) {
        let running = self.0.wait_for(|urls| urls.iter().any(Option::is_some)).await.unwrap();
        let running: Vec<_> = running.iter().enumerate().filter_map(|(node, url)| Some((node, url.clone()?))).collect();
        running[rng.usize(..running.len())].clone()
    }

    /// Returns another node than one where there is one.
    pub fn beside(&self, node: usize) -> Option<(usize, String)> {
        let urls = self.0.borrow();
        urls.iter().enumerate().filter(|(other, _)| *other != node).find_map(|(other, url)| Some((other, url.clone()?)))
    }
}

/// Returns the effects of the world, as the file has them.
pub fn effects() -> Vec<MonthlyEffect> {
    let file: toml::Table = TEST_WORLD.parse().unwrap();
    let campaign = &file["campaigns"][0];
    let town = |slug: &str| {
        let towns = campaign["settlements"].as_array().unwrap();
        let town = towns.iter().find(|town| town["slug"].as_str() == Some(slug)).unwrap();
        town["name"].as_str().unwrap().to_owned()
    };
    let effect = |effect: &toml::Value| MonthlyEffect {
        name: effect["name"].as_str().unwrap().to_owned(),
        day: i8::try_from(effect["day"].as_integer().unwrap()).unwrap(),
        target: town(effect["target"].as_str().unwrap()),
    };
    campaign["effects"].as_array().unwrap().iter().map(effect).collect()
}

/// Returns a time between two, in milliseconds.
pub fn millis(rng: &mut Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(range))
}
