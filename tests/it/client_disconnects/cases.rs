// Every way in which a connection can end; written once for each link.

use std::time::{Duration, Instant};

use scry_client::connection::{StartPosition, Timings};
use scry_model::event::{ClientEvent, Phase, Status, Transport};
use serde_json::json;
use tokio::net::TcpListener;
use scry_client::session::SessionOptions;

use scry_testkit::client::{self, TestClient, quick};
use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::gateway::{TestGateway, kingdom, structure};

const CAMPAIGN: &str = "campaign:c1";

fn options(url: &str, token: &str, rooms: &[(&str, StartPosition)]) -> SessionOptions {
    SessionOptions { link: LINK, ..client::options(url, token, rooms) }
}

async fn behind_proxy() -> (TestGateway, FaultProxy, TestClient) {
    let gateway = TestGateway::start().await;
    let proxy = FaultProxy::start(&gateway.url).await;
    let token = gateway.token("gm");
    let client = TestClient::live(options(&proxy.url, &token, &[(CAMPAIGN, StartPosition::Now)])).await;
    (gateway, proxy, client)
}

/// Records an event before, while and after the connection is gone, and expects each once.
async fn resumes(gateway: &TestGateway, client: &mut TestClient, end: impl AsyncFnOnce()) {
    gateway.record(kingdom()).await;
    client.until_seq(1).await;
    end().await;
    gateway.record(kingdom()).await;
    client.until_phase(Phase::Backoff).await;
    gateway.record(kingdom()).await;
    client.until_phase(Phase::Live).await;
    gateway.record(kingdom()).await;
    client.until_seq(4).await;
    assert_eq!(client.seqs(), [1, 2, 3, 4]);
    assert_eq!(client.gaps(), []);
}

#[tokio::test]
async fn a_reset_is_noticed_and_every_event_comes_once() {
    let (gateway, proxy, mut client) = behind_proxy().await;
    resumes(&gateway, &mut client, async || proxy.cut()).await;
}

#[tokio::test]
async fn a_clean_end_is_noticed_and_every_event_comes_once() {
    let (gateway, proxy, mut client) = behind_proxy().await;
    resumes(&gateway, &mut client, async || proxy.close()).await;
}

#[tokio::test]
async fn a_cut_in_the_middle_of_a_frame_loses_nothing() {
    let (gateway, proxy, mut client) = behind_proxy().await;
    gateway.record(kingdom()).await;
    client.until_seq(1).await;
    proxy.cut_after(100);
    gateway.record_all((0..5).map(|_| kingdom()).collect()).await;
    client.until_phase(Phase::Backoff).await;
    proxy.pass();
    client.until_phase(Phase::Live).await;
    assert_eq!(client.seqs(), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_line_that_falls_silent_is_given_up_in_time() {
    let (gateway, proxy, mut client) = behind_proxy().await;
    client.session.status.wait_for(|status| status.round_trip.is_some()).await.unwrap();
    proxy.stall();
    let stalled = Instant::now();
    gateway.record(kingdom()).await;
    let status = client.until_phase(Phase::Backoff).await;
    let limit = quick().latency_interval + quick().latency_timeout + Duration::from_millis(500);
    assert!(stalled.elapsed() < limit, "{:?}", stalled.elapsed());
    assert!(status.reason.unwrap().starts_with("no answer from the gateway"));
    proxy.pass();
    client.until_phase(Phase::Live).await;
    assert_eq!(client.seqs(), [1]);
}

#[tokio::test]
async fn a_long_way_is_measured() {
    let (_gateway, proxy, mut client) = behind_proxy().await;
    proxy.delay(Duration::from_millis(60));
    let long = |status: &Status| status.round_trip.is_some_and(|trip| trip >= Duration::from_millis(60));
    client.session.status.wait_for(long).await.unwrap();
    assert_eq!(client.session.status.borrow().phase, Phase::Live);
}

#[tokio::test]
async fn a_narrow_way_brings_everything_late_and_once() {
    let (gateway, proxy, mut client) = behind_proxy().await;
    proxy.throttle(16 * 1024);
    let began = Instant::now();
    gateway.record_all((0..20).map(|_| kingdom()).collect()).await;
    client.until_seq(20).await;
    // Twenty events of some 350 bytes are more than a third of what passes in a second.
    assert!(began.elapsed() > Duration::from_millis(250), "{:?}", began.elapsed());
    assert_eq!(client.seqs(), (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_address_that_never_answers_is_given_up() {
    // The system accepts for a listener that nobody serves, so this connection opens and stays silent.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut quiet = options(&format!("http://{}", silent.local_addr().unwrap()), "", &[]);
    quiet.timings.connect = Duration::from_millis(300);
    let mut client = TestClient::start(quiet);
    let status = client.until_phase(Phase::Backoff).await;
    assert_eq!(status.reason.as_deref(), Some("no handshake from the gateway within 1 s"));
}

#[tokio::test]
async fn ten_refused_attempts_open_the_circuit_and_a_person_closes_it() {
    let (gateway, proxy, mut client) = behind_proxy().await;
    proxy.refuse();
    let before = proxy.accepted();
    proxy.cut();
    let status = client.until_phase(Phase::Open).await;
    assert_eq!((status.attempt, proxy.accepted() - before), (10, 10));
    proxy.pass();
    gateway.record(kingdom()).await;
    client.session.handle.retry_now();
    client.until_phase(Phase::Live).await;
    assert_eq!(client.seqs(), [1]);
}

#[tokio::test]
async fn a_server_that_comes_back_elsewhere_is_found() {
    let (gateway, proxy, mut client) = behind_proxy().await;
    let other = TestGateway::start().await;
    proxy.lead_to(&other.url);
    drop(gateway);
    proxy.cut();
    // Another server signs with another key, so what it says is that we are nobody there.
    client.until_phase(Phase::LoginRequired).await;
}

#[tokio::test]
async fn a_gateway_that_ends_the_namespace_or_the_transport_is_reconnected() {
    for end in ["disconnect", "close"] {
        let mut gateway = FakeGateway::start(json!({})).await;
        let mut client = TestClient::live(options(&gateway.url, "", &[("structure:t1", StartPosition::Now)])).await;
        gateway.ask(end).await;
        client.until_phase(Phase::Backoff).await;
        client.until_phase(Phase::Live).await;
        assert_eq!(gateway.ask("subscriptions").await, json!(["structure:t1", "structure:t1"]), "{end}");
    }
}

#[tokio::test]
async fn a_gateway_that_acknowledges_nothing_is_listened_to() {
    let mut gateway = FakeGateway::start(json!({"silent": true})).await;
    let mut impatient = options(&gateway.url, "", &[("structure:t1", StartPosition::Now), ("structure:t2", StartPosition::Now)]);
    impatient.timings.request = Duration::from_millis(300);
    let mut client = TestClient::live(impatient).await;
    asked_for(&mut gateway, 2).await;
    gateway.emit("structure:t2", "structure_updated", json!([{"type": "structure_updated", "payload": {}}])).await;
    client.until(|event| matches!(event, ClientEvent::Delivered(_))).await;
    let named = client.notices().iter().filter(|notice| notice.contains("does not acknowledge requests")).count();
    assert_eq!(named, 1, "{:?}", client.notices());
    // It is the same after a reconnect, at once and without another word.
    gateway.ask("close").await;
    client.until_phase(Phase::Backoff).await;
    client.until_phase(Phase::Live).await;
    asked_for(&mut gateway, 4).await;
    gateway.emit("structure:t1", "structure_updated", json!([{"type": "structure_updated", "payload": {}}])).await;
    client.until(|event| matches!(event, ClientEvent::Delivered(_))).await;
    assert_eq!(client.notices().iter().filter(|notice| notice.contains("does not acknowledge requests")).count(), 1);
}

/// Waits until the gateway has been asked for this many rooms; without answers the client cannot know.
async fn asked_for(gateway: &mut FakeGateway, rooms: usize) {
    let asked = async {
        while gateway.ask("subscriptions").await.as_array().unwrap().len() < rooms {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asked).await.expect("every room is asked for");
}

#[tokio::test]
async fn a_foreign_line_that_falls_silent_is_given_up_too() {
    let gateway = FakeGateway::start(json!({})).await;
    let proxy = FaultProxy::start(&gateway.url).await;
    let mut client = TestClient::live(options(&proxy.url, "", &[("structure:t1", StartPosition::Now)])).await;
    client.until(|event| matches!(event, ClientEvent::Notice(text) if text.contains("latency"))).await;
    // Long enough for several looks: a quiet gateway is no dead one.
    let quiet = client.session.status.wait_for(|status| status.phase != Phase::Live);
    assert!(tokio::time::timeout(quick().silence * 3, quiet).await.is_err());
    proxy.stall();
    client.until_phase(Phase::Backoff).await;
    proxy.pass();
    client.until_phase(Phase::Live).await;
}

#[tokio::test]
async fn a_refused_handshake_is_told_in_the_gateways_words() {
    let gateway = FakeGateway::start(json!({"refuse": "the inn is full"})).await;
    let mut client = TestClient::start(options(&gateway.url, "", &[]));
    let status = client.until_phase(Phase::Backoff).await;
    assert_eq!(status.reason.as_deref(), Some("the inn is full"));

    let gateway = FakeGateway::start(json!({"refuse": "Authentication error"})).await;
    let mut client = TestClient::start(options(&gateway.url, "", &[]));
    client.until_phase(Phase::LoginRequired).await;
}

#[tokio::test]
async fn a_token_the_gateway_refuses_asks_for_a_login() {
    let gateway = TestGateway::start().await;
    let mut client = TestClient::start(options(&gateway.url, "not-a-token", &[(CAMPAIGN, StartPosition::Now)]));
    let status = client.until_phase(Phase::LoginRequired).await;
    assert_eq!(status.attempt, 0, "that is no failure of the network");
}

#[tokio::test]
async fn without_websocket_it_polls_and_says_so() {
    let mut gateway = FakeGateway::start(json!({"server": {"transports": ["polling"]}})).await;
    let mut client = TestClient::live(options(&gateway.url, "", &[("structure:t1", StartPosition::Now)])).await;
    assert_eq!(client.session.status.borrow().transport, Transport::Polling);
    gateway.emit("structure:t1", "structure_updated", json!([{"type": "structure_updated", "payload": {}}])).await;
    client.until(|event| matches!(event, ClientEvent::Delivered(_))).await;
    assert_eq!(gateway.ask("transports").await, json!(["polling"]));
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_caught_up() {
    let gateway = TestGateway::start().await;
    let mut slow = options(&gateway.url, &gateway.token("gm"), &[(CAMPAIGN, StartPosition::Now)]);
    slow.capacity = 8;
    // A minute without a pulse: what is tested is the reader.
    slow.timings = Timings { latency_interval: Duration::from_secs(60), ..quick() };
    let mut client = TestClient::live(slow).await;
    gateway.record_all((0..200).map(|_| structure("t1", "s1")).collect()).await;
    client.session.status.wait_for(|status| status.phase == Phase::Resyncing).await.unwrap();
    client.until_seq(200).await;
    assert_eq!(client.seqs(), (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_closed_session_leaves_the_gateway() {
    let gateway = TestGateway::start().await;
    let client = TestClient::live(options(&gateway.url, &gateway.token("gm"), &[(CAMPAIGN, StartPosition::Now)])).await;
    gateway.connected(1).await;
    client.session.handle.close().await;
    gateway.connected(0).await;
}
