//! What the server says of itself, and to whom.

use reqwest::StatusCode;
use scry_server::config::ConfigSecret;
use serde_json::{Value, json};

use scry_testkit::emberfall::Emberfall;
use scry_testkit::metrics::ScrapedMetrics;
use scry_testkit::node::NodeDriver;
use scry_testkit::server::TestServer;

#[tokio::test]
async fn requests_and_events_are_counted() {
    let (server, node) = (TestServer::start().await, NodeDriver::start().await);
    let world = Emberfall::on(&server).await;
    let listener = node.enter("gm", &server.url, &world.gm).await;
    let stranger = json!({"transports": ["websocket"], "auth": {"token": "stolen"}});
    assert_eq!(node.try_connect("stranger", &server.url, stranger).await["connected"], false);
    let ack = listener.ask("subscribe_campaign", json!(world.id)).await;
    world.advance(17).await;
    listener.wait("state_invalidated", 7).await;
    let since = json!({"campaignId": world.id, "since": ack["position"]});
    assert_eq!(listener.ask("subscribe_campaign", since).await["recovered"], true);
    let told = ScrapedMetrics::of(&server.url).await;
    let (text, metric) = (told.text(), |name: &str| told.get(name));
    let events = world.events(0).await;
    let counted = |kind: &str| metric(&format!("scry_deliveries_total{{type=\"{kind}\"}}"));
    assert!(counted("world_time_changed") >= 1.0 && counted("state_invalidated") >= 7.0, "{text}");
    #[expect(clippy::cast_precision_loss, reason = "a handful of events")]
    let all = events.len() as f64;
    assert_eq!(metric("scry_events_journaled_total{type=\"world_time_changed\",source=\"api\"}"), 1.0);
    assert!(metric("scry_events_journaled_total{type=\"settlement_updated\",source=\"scheduler\"}") >= 2.0);
    assert_eq!(metric("scry_events_replayed_total"), all, "the whole history came again");
    assert_eq!(metric("scry_delivery_seconds_count"), all);
    assert_eq!(metric("scry_subscriptions_total{outcome=\"fresh\"}"), 1.0);
    assert_eq!(metric("scry_subscriptions_total{outcome=\"recovered\"}"), 1.0);
    assert_eq!(metric("scry_handshakes_total{result=\"accepted\"}"), 1.0);
    assert_eq!(metric("scry_handshakes_total{result=\"TOKEN_INVALID\"}"), 1.0);
    assert_eq!(metric("scry_limited_total{limit=\"token\"}"), 1.0);
    assert_eq!((metric("scry_connections"), metric("scry_database_up")), (1.0, 1.0));
    assert_eq!((metric("scry_journal_head"), metric("scry_journal_lag_events")), (all, 0.0));
    assert!(!text.contains("stolen"), "a token is in no metric");
}

#[tokio::test]
async fn statistics_require_the_admin_token() {
    let (closed, node) = (TestServer::start().await, NodeDriver::start().await);
    let answer = closed.get("/socket-stats").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("SCRY_SERVER_ADMIN_TOKEN"));
    let token = "an admin token of this test";
    let server = TestServer::with(|config| config.auth.admin_token = Some(ConfigSecret::new(token))).await;
    let world = Emberfall::on(&server).await;
    let listener = node.enter("gm", &server.url, &world.gm).await;
    listener.ask("subscribe_campaign", json!(world.id)).await;
    world.advance(1).await;
    listener.wait("world_time_changed", 1).await;
    let ask = async |bearer: &str| {
        let request = reqwest::Client::new().get(format!("{}/socket-stats", server.url)).bearer_auth(bearer);
        let response = request.send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    for wrong in ["", "an admin token of this tesT", world.gm.as_str()] {
        assert_eq!(ask(wrong).await.0, StatusCode::UNAUTHORIZED);
    }
    let (status, stats) = ask(token).await;
    assert_eq!((status, &stats["connections"]), (StatusCode::OK, &json!(1)));
    assert_eq!(stats["rooms"][format!("campaign:{}", world.id)], 1);
    let journal = &stats["journals"][&world.id];
    assert!(journal["head"].as_u64().unwrap() > 0 && journal["head"] == journal["sent"], "{stats}");
    assert_eq!(stats["events"]["world_time_changed"], 1);
    assert_eq!(stats["presence"][&world.id][0]["name"], "gm", "{stats}");
}
