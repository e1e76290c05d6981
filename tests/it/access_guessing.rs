//! Passwords guessed from many addresses, or on many nodes: counted together, slowed down, and nobody locked out.

use std::time::{Duration, Instant};

use scry_server::config::{ConfigSecret, ServerConfig};
use serde_json::{Value, json};

use scry_testkit::postgres::Postgres;
use scry_testkit::server::{BUNDLED_PASSWORD, TestServer};

/// Trusts the test to say which address it speaks for.
fn behind_proxy(config: &mut ServerConfig) {
    config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
}

/// Tries a password from an address; returns the status and how long the answer took.
async fn attempt(server: &TestServer, address: &str, name: &str, password: &str) -> (u16, Duration) {
    let started = Instant::now();
    let body = json!({"username": name, "password": password});
    let request = reqwest::Client::new().post(format!("{}/auth/login", server.url)).header("x-forwarded-for", address);
    let answer = request.json(&body).send().await.unwrap();
    let status = answer.status().as_u16();
    assert!(status != 429 || answer.headers().contains_key("retry-after"));
    let _: Value = answer.json().await.unwrap();
    (status, started.elapsed())
}

#[tokio::test]
async fn guesses_from_many_addresses_are_slowed_down_and_the_owner_gets_in() {
    let server = TestServer::with(|config| {
        behind_proxy(config);
        config.auth.login_attempts_per_name = 3;
    })
    .await;
    let home = "198.51.100.1";
    assert_eq!(attempt(&server, home, "gm", BUNDLED_PASSWORD).await.0, 200);
    for number in 1..=3 {
        assert_eq!(attempt(&server, &format!("203.0.113.{number}"), "gm", "wrong").await.0, 401);
    }
    let (status, took) = attempt(&server, "203.0.113.9", "gm", "wrong").await;
    assert_eq!(status, 401);
    assert!(took >= Duration::from_millis(250), "{took:?}");
    // Many at once: a few wait, the others are told to come again.
    let guesses = (10..110).map(|number| {
        let server = &server;
        async move { attempt(server, &format!("203.0.113.{number}"), "gm", "wrong").await.0 }
    });
    let answers = futures_util::future::join_all(guesses).await;
    let refused = answers.iter().filter(|status| **status == 429).count();
    assert!(refused >= 50 && answers.iter().all(|status| [401, 429].contains(status)), "{answers:?}");
    let (status, took) = attempt(&server, home, "gm", BUNDLED_PASSWORD).await;
    assert_eq!(status, 200);
    assert!(took < Duration::from_secs(4), "an address that is known does not wait: {took:?}");
    let (status, took) = attempt(&server, "192.0.2.77", "gm", BUNDLED_PASSWORD).await;
    assert_eq!(status, 200, "another one waits, and gets in");
    assert!(took >= Duration::from_secs(4), "{took:?}");
    assert_eq!(attempt(&server, "203.0.113.9", "player", BUNDLED_PASSWORD).await.0, 200);
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_share_their_attempts() {
    let server = TestServer::with(|config| {
        behind_proxy(config);
        config.auth.login_attempts_per_minute = 2;
    })
    .await;
    for host in ["2001:db8:7:1::1", "2001:db8:7:1::2"] {
        assert_eq!(attempt(&server, host, "gm", "wrong").await.0, 401);
    }
    assert_eq!(attempt(&server, "2001:db8:7:1:aaaa:bbbb:cccc:dddd", "gm", "wrong").await.0, 429);
    assert_eq!(attempt(&server, "2001:db8:7:2::1", "gm", "wrong").await.0, 401);
}

#[tokio::test]
async fn attempts_on_all_nodes_of_a_shared_database_count_together() {
    let postgres = Postgres::start().await;
    let here = TestServer::with(|config| {
        behind_proxy(config);
        config.database = Some(postgres.url.clone());
        config.auth.jwt_secret = Some(ConfigSecret::new("a secret that every node of this test knows"));
        config.auth.login_attempts_per_minute = 6;
        config.auth.login_attempts_per_name = 9;
    })
    .await;
    let there = TestServer::beside(&here).await;
    let mut taken = 0;
    for number in 0..10 {
        let node = if number % 2 == 0 { &here } else { &there };
        match attempt(node, "203.0.113.1", "gm", "wrong").await.0 {
            401 => taken += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(taken, 6, "six in all, not on each node");
    // The name is slowed down on a node that has seen few of the attempts itself.
    for number in 2..=5 {
        attempt(&here, &format!("203.0.113.{number}"), "gm", "wrong").await;
    }
    let (status, took) = attempt(&there, "203.0.113.99", "gm", "wrong").await;
    assert_eq!(status, 401);
    assert!(took >= Duration::from_millis(250), "{took:?}");
    assert_eq!(attempt(&there, "203.0.113.98", "gm", BUNDLED_PASSWORD).await.0, 200);
}
