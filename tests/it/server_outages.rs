//! What operators live through: each part of a deployment goes, and comes back, while people work.
//!
//! Real nodes, a real Postgres, a real Redis and nginx; what happened is read where an operator reads it, in
//! `/health` and `/metrics`.

use std::time::Duration;

use scry_client::connection::StartPosition;
use scry_model::event::{ClientEvent, Phase};
use scry_protocol::Id;
use serde_json::json;
use tokio::time::Instant;

use scry_testkit::client::TestClient;
use scry_testkit::deployment::{Deployment, FailoverEditor};
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::nginx::Nginx;
use scry_testkit::node::NodeDriver;
use scry_testkit::people::{api, emberfall, login, watching};
use scry_testkit::process::ServerProcess;
use scry_testkit::wait::until;

/// What a busy machine may add to the second after which a node looks by itself.
const MAX_BUSY_DELAY: Duration = Duration::from_secs(4);

async fn watch(url: &str, campaign: &Id) -> TestClient {
    let reader = api(url, "gm").await;
    let mut options = watching(url, reader, campaign, StartPosition::Now);
    // What is tested is whether the server keeps its sockets, not how soon a client loses patience.
    options.timings.latency_timeout = Duration::from_secs(10);
    options.timings.silence = Duration::from_secs(60);
    TestClient::live(options).await
}

/// Returns whether a client never had to connect again.
fn stayed(client: &TestClient) -> bool {
    let lost = |event: &ClientEvent| matches!(event, ClientEvent::Status(status) if status.phase == Phase::Backoff);
    !client.told.iter().any(lost)
}

/// Fails if a client missed an event, got one twice or out of order, or was alarmed.
fn whole(client: &TestClient, last: u64) {
    assert_eq!(client.seqs(), (1..=last).collect::<Vec<_>>());
    assert_eq!(client.gaps(), []);
    let alarmed = |event: &ClientEvent| matches!(event, ClientEvent::Status(status) if status.phase == Phase::Open || status.phase == Phase::LoginRequired);
    assert!(!client.told.iter().any(alarmed), "{:?}", client.told);
}

#[tokio::test]
async fn without_redis_events_arrive_within_a_second_and_with_it_at_once() {
    let mut deployment = Deployment::start(2).await;
    let [here, there] = [0, 1].map(|node| deployment.nodes[node].url.clone());
    let campaign = emberfall(&api(&here, "gm").await).await;
    let mut clients = [watch(&here, &campaign).await, watch(&there, &campaign).await];
    let mut editor = FailoverEditor::at(&here, campaign.as_str()).await;
    deployment.redis.kill().await;
    for node in [0, 1] {
        deployment.until_health(node, 200, "degraded").await;
        assert_eq!(deployment.metrics(node).await.get("scry_redis_up"), 0.0);
    }
    for _ in 0..3 {
        let started = Instant::now();
        let seq = editor.edit(&here).await;
        for client in &mut clients {
            client.until_seq(seq).await;
        }
        assert!(started.elapsed() < Duration::from_secs(1) + MAX_BUSY_DELAY, "{:?}", started.elapsed());
    }
    let found = |by: &str| format!("scry_journal_wakes_total{{by=\"{by}\"}}");
    assert!(deployment.metrics(1).await.get(&found("poll")) >= 3.0, "nobody told the other node");
    assert!(deployment.metrics(0).await.get(&found("commit")) >= 3.0, "the node itself needs no Redis");
    deployment.redis.restart().await;
    for node in [0, 1] {
        deployment.until_health(node, 200, "ok").await;
        assert_eq!(deployment.metrics(node).await.get("scry_redis_up"), 1.0);
    }
    let (before, mut last) = (deployment.metrics(1).await, 0);
    for _ in 0..10 {
        last = editor.edit(&here).await;
        clients[1].until_seq(last).await;
    }
    let woken = async |by: &str| deployment.metrics(1).await.get(&found(by)) - before.get(&found(by));
    until("the other node to be told of each", async || woken("commit").await >= 10.0).await;
    assert!(woken("poll").await <= 5.0, "few were found before the word came");
    clients[0].until_seq(last).await;
    for client in &clients {
        whole(client, last);
        assert!(stayed(client));
    }
}

#[tokio::test]
async fn postgres_may_restart_under_open_sockets() {
    let deployment = Deployment::start(2).await;
    let [here, there] = [0, 1].map(|node| deployment.nodes[node].url.clone());
    let campaign = emberfall(&api(&here, "gm").await).await;
    let mut clients = [watch(&here, &campaign).await, watch(&there, &campaign).await];
    let mut editor = FailoverEditor::at(&here, campaign.as_str()).await;
    editor.edit(&here).await;
    deployment.postgres.stop().await;
    for node in [0, 1] {
        deployment.until_health(node, 503, "down").await;
        assert_eq!(deployment.metrics(node).await.get("scry_database_up"), 0.0);
        assert_eq!(deployment.metrics(node).await.get("scry_connections"), 1.0, "the socket stays");
    }
    let refused = editor.try_edit(&here).await.expect("the node still answers");
    assert!(!refused["data"]["advanceWorldTime"].is_object(), "what is not stored is not acknowledged: {refused}");
    let sentence =
        [&refused["error"]["message"], &refused["errors"][0]["message"]].into_iter().find_map(|it| it.as_str());
    assert_eq!(sentence, Some("the server failed; try again"));
    deployment.postgres.restart().await;
    for node in [0, 1] {
        deployment.until_health(node, 200, "ok").await;
        assert_eq!(deployment.metrics(node).await.get("scry_database_up"), 1.0);
    }
    let last = editor.edit(&there).await;
    assert_eq!(last, editor.accepted, "what was acknowledged was stored, and nothing else");
    for client in &mut clients {
        client.until_seq(last).await;
        whole(client, last);
        assert!(stayed(client));
    }
}

#[tokio::test]
async fn a_killed_node_is_made_up_for_and_a_new_one_joins() {
    let mut deployment = Deployment::start(2).await;
    let [doomed, other] = [0, 1].map(|node| deployment.nodes[node].url.clone());
    let balancer = FaultProxy::start(&doomed).await;
    let campaign = emberfall(&api(&other, "gm").await).await;
    let mut clients = vec![watch(&other, &campaign).await];
    for _ in 0..3 {
        clients.push(watch(&balancer.url, &campaign).await);
    }
    let mut editor = FailoverEditor::at(&other, campaign.as_str()).await;
    for _ in 0..5 {
        editor.edit(&other).await;
        editor.edit(&doomed).await;
    }
    deployment.nodes[0].kill().await;
    balancer.lead_to(&other);
    for _ in 0..5 {
        editor.edit(&other).await;
    }
    let connected = async || deployment.metrics(1).await.get("scry_connections") == 4.0;
    until("everybody to be on the node that is left", connected).await;
    deployment.add().await;
    let third = deployment.nodes[2].url.clone();
    clients.push(watch(&third, &campaign).await);
    let before = editor.head(&third).await;
    let told = async |node: usize| {
        let metrics = deployment.metrics(node).await;
        metrics.get("scry_journal_wakes_total{by=\"commit\"}")
    };
    let (earlier, mut last) = (told(1).await, before);
    for _ in 0..5 {
        last = editor.edit(&third).await;
        for client in &mut clients {
            client.until_seq(last).await;
        }
    }
    until("the new node to have told the other", async || told(1).await >= earlier + 5.0).await;
    let newcomer = clients.pop().unwrap();
    assert_eq!(newcomer.seqs(), (before + 1..=last).collect::<Vec<_>>());
    for client in &clients {
        whole(client, last);
    }
    assert!(stayed(&clients[0]), "who was not on the killed node noticed nothing");
    let told = deployment.metrics(2).await;
    assert_eq!((told.get("scry_connections"), told.get("scry_journal_lag_events")), (1.0, 0.0));
}

#[tokio::test]
async fn sqlite_node_migrates_to_three_nodes_behind_nginx() {
    let single = ServerProcess::start().await;
    let before = emberfall(&api(&single.url, "gm").await).await;
    drop(single);
    let mut deployment = Deployment::start(3).await;
    let urls: Vec<String> = deployment.nodes.iter().map(|node| node.url.clone()).collect();
    let campaign = emberfall(&api(&urls[0], "gm").await).await;
    assert_eq!(campaign, before, "the same world has the same ids");
    let mut nginx = Nginx::before(&urls.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let node = NodeDriver::start().await;
    let mut editor = FailoverEditor::at(&urls[0], campaign.as_str()).await;
    let login = login(&urls[0], "player").await;
    let options = json!({"transports": ["websocket"], "auth": {"token": login.access.expose()}, "rejectUnauthorized": false,
        "reconnection": true, "reconnectionDelay": 50, "reconnectionDelayMax": 200});
    let socket = node.connect("player", &nginx.url, options).await;
    let subscribed = socket.ask("subscribe_campaign", json!(campaign)).await;
    assert_eq!(subscribed["success"], true);
    let mut heard = 0;
    for url in &urls {
        editor.edit(url).await;
        heard += 1;
        socket.wait("world_time_changed", heard).await;
    }
    nginx.kill();
    until("the socket to be gone", async || open(&deployment, &[0, 1, 2]).await == 0.0).await;
    nginx.restart().await;
    until("the socket to be back", async || open(&deployment, &[0, 1, 2]).await == 1.0).await;
    let mut holder = 0;
    while open(&deployment, &[holder]).await == 0.0 {
        holder += 1;
    }
    deployment.nodes[holder].kill().await;
    let rest: Vec<usize> = (0..3).filter(|index| *index != holder).collect();
    until("the socket to be on another node", async || open(&deployment, &rest).await == 1.0).await;
    assert_eq!(nginx.get("/health").await, Some(200), "two nodes are enough");
    let since = json!({"campaignId": campaign, "since": subscribed["position"]});
    let resumed = socket.ask("subscribe_campaign", since).await;
    assert_eq!(
        (&resumed["recovered"], &resumed["replayed"]),
        (&json!(true), &json!(editor.head(&urls[rest[0]]).await))
    );
}

/// Returns how many sockets some nodes hold together.
async fn open(deployment: &Deployment, nodes: &[usize]) -> f64 {
    let mut sockets = 0.0;
    for node in nodes {
        sockets += deployment.metrics(*node).await.get("scry_connections");
    }
    sockets
}
