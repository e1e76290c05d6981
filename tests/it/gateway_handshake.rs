//! Who is let in, over Node's official client.

use std::time::Duration;

use serde_json::{Value, json};

use scry_testkit::gateway::TestGateway;
use scry_testkit::node::NodeDriver;

fn websocket(token: Option<&str>) -> Value {
    json!({"transports": ["websocket"], "auth": {"token": token}})
}

/// Tries to connect and returns the code in front of the refusal.
async fn refusal(node: &NodeDriver, server: &TestGateway, options: Value) -> String {
    let answer = node.try_connect("refused", &server.url, options).await;
    assert_eq!(answer["connected"], false, "{answer}");
    let message = answer["error"].as_str().unwrap();
    let (code, sentence) = message.split_once(": ").unwrap();
    assert!(!sentence.is_empty(), "{message}");
    code.to_owned()
}

#[tokio::test]
async fn a_token_lets_in_by_auth_or_query_over_either_transport() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let token = server.token("gm");
    for transport in ["websocket", "polling"] {
        let by_auth = json!({"transports": [transport], "auth": {"token": token}});
        let by_query = json!({"transports": [transport], "query": {"token": token}});
        for (number, options) in [by_auth, by_query].into_iter().enumerate() {
            let name = format!("{transport}{number}");
            let socket = node.connect(&name, &server.url, options).await;
            assert_eq!(socket.ask("latency", json!({})).await["success"], true, "{name}");
        }
    }
    server.connected(4).await;
}

#[tokio::test]
async fn a_polling_connection_is_upgraded_and_goes_on() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let socket = node.connect("gm", &server.url, json!({"auth": {"token": server.token("gm")}})).await;
    for _ in 0..20 {
        assert_eq!(socket.ask("latency", json!({})).await["success"], true);
    }
}

#[tokio::test]
async fn every_refusal_has_its_name() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    assert_eq!(refusal(&node, &server, json!({"transports": ["websocket"]})).await, "TOKEN_MISSING");
    assert_eq!(refusal(&node, &server, websocket(Some("not a token"))).await, "TOKEN_INVALID");
    let expired = server.token_for("gm", Duration::ZERO);
    assert_eq!(refusal(&node, &server, websocket(Some(&expired))).await, "TOKEN_EXPIRED");
    let polling = json!({"transports": ["polling"], "auth": {"token": expired}});
    assert_eq!(refusal(&node, &server, polling).await, "TOKEN_EXPIRED");

    let token = server.token("gm");
    let browser = |origin: &str| json!({"transports": ["websocket"], "auth": {"token": token}, "extraHeaders": {"Origin": origin}});
    assert_eq!(refusal(&node, &server, browser("https://evil.example")).await, "ORIGIN_DENIED");

    server.log_out("viewer").await;
    assert_eq!(refusal(&node, &server, websocket(Some(&server.token("viewer")))).await, "TOKEN_INVALID");

    server.core.draining.cancel();
    assert_eq!(refusal(&node, &server, websocket(Some(&token))).await, "DRAINING");
    server.connected(0).await;
}

#[tokio::test]
async fn a_listed_origin_may_come_in() {
    let allow = |config: &mut scry_server::config::ServerConfig| {
        config.socket.allowed_origins.push("https://table.example".to_owned());
    };
    let (server, node) = (TestGateway::with(allow).await, NodeDriver::start().await);
    let options = json!({"transports": ["websocket"], "auth": {"token": server.token("gm")},
        "extraHeaders": {"Origin": "https://table.example"}});
    node.connect("page", &server.url, options).await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_gets_them_back() {
    let limit = |config: &mut scry_server::config::ServerConfig| config.socket.max_connections_per_ip = Some(2);
    let (server, node) = (TestGateway::with(limit).await, NodeDriver::start().await);
    let token = server.token("gm");
    let first = node.enter("first", &server.url, &token).await;
    node.enter("second", &server.url, &token).await;
    assert_eq!(refusal(&node, &server, websocket(Some(&token))).await, "TOO_MANY_CONNECTIONS");
    first.disconnect().await;
    server.connected(1).await;
    node.enter("third", &server.url, &token).await;
}

#[tokio::test]
async fn unauthenticated_connection_is_closed_after_the_deadline() {
    let brief = |config: &mut scry_server::config::ServerConfig| {
        config.socket.connect_timeout = Duration::from_millis(200);
        // So that it cannot be the missing pong that ends it.
        config.socket.ping_timeout = Duration::from_secs(20);
    };
    let server = TestGateway::with(brief).await;
    // An Engine.IO connection that never sends a CONNECT: no Socket.IO client would do that.
    let opened = http(&server, "/socket.io/?EIO=4&transport=polling").await;
    let open: Value = serde_json::from_str(opened.1.trim_start_matches('0')).unwrap();
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={}", open["sid"].as_str().unwrap());
    let closed = async { while http(&server, &path).await.0 != 400 {} };
    tokio::time::timeout(Duration::from_secs(5), closed).await.expect("the session should be unknown by now");
}

#[tokio::test]
async fn five_hundred_sockets_that_join_at_once_all_get_their_answer() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let options = websocket(Some(&server.token("gm")));
    let acks = node.crowd(&server.url, options, 500, "subscribe_campaign", json!({"campaignId": "c1"})).await;
    assert_eq!(acks.len(), 500);
    assert!(acks.iter().all(|ack| ack["success"] == true && ack["room"] == "campaign:c1"));
    server.connected(500).await;
    drop(node);
    server.connected(0).await;
}

async fn http(server: &TestGateway, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{}{path}", server.url)).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
