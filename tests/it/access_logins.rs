//! A login that is over is over on every node: its sockets close, its tokens open nothing.

use std::time::Duration;

use scry_server::config::ConfigSecret;
use serde_json::{Value, json};

use scry_testkit::raw_socket::RawSocketClient;
use scry_testkit::redis::Redis;
use scry_testkit::server::{BUNDLED_PASSWORD, TestServer};
use scry_testkit::wait::until;

#[tokio::test]
async fn a_logout_and_a_reused_refresh_token_close_the_sockets_of_that_login_only() {
    let server = TestServer::with(|config| config.auth.refresh_grace = Duration::from_nanos(1)).await;
    ends(&server, &server).await;
}

#[tokio::test]
async fn a_login_that_ends_on_one_node_ends_on_the_other() {
    let redis = Redis::start().await;
    let here = TestServer::with(|config| {
        config.auth.refresh_grace = Duration::from_nanos(1);
        config.redis = Some(ConfigSecret::new(redis.url()));
    })
    .await;
    let there = TestServer::beside(&here).await;
    for node in [&here, &there] {
        until("redis", async || node.get("/health").await.body["redis"] == "ok").await;
    }
    ends(&here, &there).await;
}

/// Ends logins on one node, one by a logout and one by a reused refresh token, while their sockets are on another.
async fn ends(here: &TestServer, there: &TestServer) {
    let login =
        || async { here.post("/auth/login", &json!({"username": "gm", "password": BUNDLED_PASSWORD})).await.body };
    let (left, stolen, kept) = (login().await, login().await, login().await);
    let enter = |pair: &Value| {
        let token = pair["accessToken"].as_str().unwrap().to_owned();
        async move { RawSocketClient::connect(&there.url, &token).await.unwrap() }
    };
    let (mut first, mut second, mut third) = (enter(&left).await, enter(&stolen).await, enter(&kept).await);
    // The login that a connection was renewed from is the one that counts.
    let mut renewed = enter(&kept).await;
    let ack = renewed.ask("authenticate", &json!({"token": stolen["accessToken"]})).await.unwrap();
    assert_eq!(ack["success"], true);

    assert_eq!(here.post("/auth/logout", &json!({"refreshToken": left["refreshToken"]})).await.status, 204);
    refused(here, there, &left).await;
    first.closed().await;
    assert_eq!(second.ask("latency", &json!({})).await.unwrap()["success"], true);

    let refresh = json!({"refreshToken": stolen["refreshToken"]});
    assert_eq!(here.post("/auth/refresh", &refresh).await.status, 200);
    let used = jiff::Timestamp::now().as_millisecond();
    until("the next millisecond", async || jiff::Timestamp::now().as_millisecond() > used).await;
    assert_eq!(there.post("/auth/refresh", &refresh).await.code(), "TOKEN_REUSED");
    refused(here, there, &stolen).await;
    second.closed().await;
    renewed.closed().await;
    assert_eq!(third.ask("latency", &json!({})).await.unwrap()["success"], true);
}

/// Brings an access token whose login has just ended to both nodes: neither waits to be told.
async fn refused(here: &TestServer, there: &TestServer, pair: &Value) {
    let token = pair["accessToken"].as_str().unwrap();
    for node in [here, there] {
        let answer = node.post_as(token, "/graphql", &json!({"query": "{ me { id } }"})).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "TOKEN_INVALID"));
        let refusal = RawSocketClient::connect(&node.url, token).await.err().unwrap_or_default();
        assert!(refusal.starts_with("TOKEN_INVALID: "), "{refusal}");
    }
}
