//! Presence under fire: connections come, go, crash and freeze, and what is shown stays true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use scry_server::config::{ConfigSecret, ServerConfig};
use serde_json::{Value, json};
use tokio::time::Instant;

use scry_testkit::gateway::{CAMPAIGN, TestGateway};
use scry_testkit::node::{NodeDriver, NodeSocket};
use scry_testkit::redis::Redis;
use scry_testkit::user_pool::{TestUser, add_members};
use scry_testkit::wait::becomes_true;

const CONNECTIONS: usize = 200;
const USERS: usize = 50;
/// The time within which what is shown must be the truth: what a silent connection may take, and a little more.
const MAX_PRESENCE_DELAY: Duration = Duration::from_secs(30);

fn settings(config: &mut ServerConfig) {
    config.socket.ping_interval = Duration::from_secs(2);
    // Long enough that a busy machine does not make a living client look dead.
    config.socket.ping_timeout = Duration::from_secs(8);
    config.presence.ttl = Duration::from_secs(3);
}

async fn join(socket: &NodeSocket<'_>) {
    let ack = socket.ask("subscribe_campaign", json!(CAMPAIGN)).await;
    assert_eq!(ack["success"], true, "{ack}");
}

/// Returns who is present, by what a socket was told: first as a whole, then change by change.
async fn told(socket: &NodeSocket<'_>) -> BTreeSet<String> {
    let mut users = BTreeSet::new();
    let id = |user: &Value| user["userId"].as_str().unwrap().to_owned();
    for (name, body) in socket.heard().await {
        match name.as_str() {
            "presence:state" => users = body["users"].as_array().unwrap().iter().map(id).collect(),
            "presence:change" if body["status"] == "offline" => assert!(users.remove(&id(&body)), "{body}"),
            "presence:change" => {
                users.insert(id(&body));
            }
            _ => {}
        }
    }
    users
}

async fn storm(servers: &[&TestGateway], seed: u64) {
    let node = NodeDriver::start().await;
    let people: Vec<TestUser> = add_members(&servers[0].core.config, CAMPAIGN, "VIEWER", USERS).await;
    let mut observers = Vec::new();
    for (number, server) in servers.iter().enumerate() {
        let observer = node.enter(&format!("observer-{number}"), &server.url, &server.token("gm")).await;
        join(&observer).await;
        observers.push(observer);
    }
    let mut random = fastrand::Rng::with_seed(seed);
    let open = |number: usize| {
        let (node, server, person) = (&node, servers[number % servers.len()], &people[number % USERS]);
        async move {
            let socket = node.enter(&format!("{number}"), &server.url, &person.token).await;
            join(&socket).await;
            (number, socket)
        }
    };
    let mut alive: BTreeMap<usize, NodeSocket<'_>> = join_all((0..CONNECTIONS).map(open)).await.into_iter().collect();
    let everybody: BTreeSet<String> = people.iter().map(|person| person.id.clone()).collect();
    check(&node, servers, &observers, &everybody, "all have come").await;
    let mut next = CONNECTIONS;
    for round in 0..3 {
        for number in alive.keys().copied().collect::<Vec<_>>() {
            match random.u32(0..6) {
                0 => alive.remove(&number).unwrap().disconnect().await,
                1 => alive.remove(&number).unwrap().terminate().await,
                2 => alive.remove(&number).unwrap().stop_reading().await,
                3 => {
                    alive[&number].ask("unsubscribe_campaign", json!(CAMPAIGN)).await;
                    join(&alive[&number]).await;
                }
                _ => {}
            }
        }
        let fresh = join_all((next..next + 20).map(open)).await;
        next += 20;
        alive.extend(fresh);
        let truth = alive.keys().map(|number| people[number % USERS].id.clone()).collect();
        check(&node, servers, &observers, &truth, &format!("round {round}")).await;
    }
    for (number, socket) in alive {
        if number % 2 == 0 { socket.terminate().await } else { socket.stop_reading().await }
    }
    check(&node, servers, &observers, &BTreeSet::new(), "all have gone").await;
}

/// Waits until every observer, and a newcomer on every node, is told exactly the truth.
async fn check(
    node: &NodeDriver,
    servers: &[&TestGateway],
    observers: &[NodeSocket<'_>],
    truth: &BTreeSet<String>,
    when: &str,
) {
    let started = Instant::now();
    let mut expected = truth.clone();
    expected.insert("gm".to_owned());
    for (observer, server) in observers.iter().zip(servers) {
        let mut shown = BTreeSet::new();
        let settled = becomes_true(MAX_PRESENCE_DELAY.saturating_sub(started.elapsed()), async || {
            shown = told(observer).await;
            shown == expected
        });
        assert!(
            settled.await,
            "{when}: ghosts {:?}, missing {:?}",
            shown.difference(&expected).collect::<Vec<_>>(),
            expected.difference(&shown).collect::<Vec<_>>()
        );
        let newcomer = node.enter(&format!("{when} {}", server.url), &server.url, &server.token("gm")).await;
        join(&newcomer).await;
        newcomer.wait("presence:state", 1).await;
        assert_eq!(told(&newcomer).await, expected, "{when}: what a newcomer is told");
        newcomer.disconnect().await;
    }
    eprintln!("{when}: {} users present, true after {:?}", truth.len(), started.elapsed());
}

#[tokio::test]
async fn two_hundred_connections_leave_no_ghost_on_one_node() {
    let server = TestGateway::with(settings).await;
    storm(&[&server], 7).await;
    server.connected(1).await;
}

#[tokio::test]
async fn two_hundred_connections_leave_no_ghost_on_two_nodes() {
    let redis = Redis::start().await;
    let joined = |config: &mut ServerConfig| {
        settings(config);
        config.redis = Some(ConfigSecret::new(redis.url()));
    };
    let here = TestGateway::with(joined).await;
    let there = here.beside(joined).await;
    storm(&[&here, &there], 11).await;
    for server in [&here, &there] {
        server.connected(1).await;
    }
}
