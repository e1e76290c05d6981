//! Every limit of the server: it holds, it is counted, and it can be set.

use std::time::Duration;

use scry_server::config::{ServerConfig, Setting};
use scry_server::limits::{LimitKind, LimitMetrics};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use scry_testkit::emberfall::Emberfall;
use scry_testkit::gateway::{TestGateway, kingdom};
use scry_testkit::raw_socket::{RawSocketClient, WAIT_TIMEOUT, dial, exchange, frame, upgrade};
use scry_testkit::server::TestServer;
use scry_testkit::wait::until;

/// Waits until a breach was counted so often.
async fn counted(limit_metrics: &LimitMetrics, kind: LimitKind, count: u64) {
    until(kind.name(), async || limit_metrics.of(kind) >= count).await;
    assert_eq!(limit_metrics.of(kind), count, "{}", kind.name());
}

fn brief(config: &mut ServerConfig) {
    config.http.header_timeout = Duration::from_millis(300);
    config.http.body_timeout = Duration::from_millis(300);
    config.socket.connect_timeout = Duration::from_millis(300);
    config.socket.requests_per_minute = 5;
    config.socket.max_rooms = 1;
    config.max_body_bytes = 2_000;
    config.auth.login_attempts_per_address = 2;
}

#[tokio::test]
async fn requests_and_rooms_of_a_connection_are_counted() {
    let server = TestGateway::with(brief).await;
    let mut raw = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
    assert_eq!(raw.ask("subscribe_settlement", &json!("s1")).await.unwrap()["success"], true);
    assert_eq!(raw.ask("subscribe_settlement", &json!("s2")).await.unwrap()["code"], "TOO_MANY_ROOMS");
    counted(&server.core.limit_metrics, LimitKind::Rooms, 1).await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(raw.ask("latency", &json!({})).await.unwrap()["code"].clone());
    }
    assert_eq!(codes[..3], [Value::Null, Value::Null, Value::Null]);
    assert_eq!(codes[3..], ["RATE_LIMITED", "RATE_LIMITED", "RATE_LIMITED"]);
    counted(&server.core.limit_metrics, LimitKind::Events, 3).await;
}

#[tokio::test]
async fn events_that_no_client_should_send_are_answered_and_count_like_others() {
    let server = TestGateway::with(brief).await;
    let mut raw = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
    let answer = raw.ask("settlement_updated", &json!({"settlementId": "s1"})).await.unwrap();
    assert_eq!(answer["code"], "INVALID_PAYLOAD");
    assert_eq!(answer["error"], "no event named settlement_updated is known here");
    for _ in 0..4 {
        raw.ask("no such thing", &json!({})).await.unwrap();
    }
    assert_eq!(raw.ask("no such thing", &json!({})).await.unwrap()["code"], "RATE_LIMITED");
    counted(&server.core.limit_metrics, LimitKind::Events, 1).await;
}

#[tokio::test]
async fn a_storm_of_tiny_events_is_slowed_down_like_one_of_large_ones() {
    let server = TestGateway::with(|config| config.socket.bytes_per_second = 8 * 1024).await;
    let mut raw = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
    let mut honest = RawSocketClient::connect(&server.url, &server.token("gm")).await.unwrap();
    // Few bytes; but what is refused costs much more than its bytes.
    let storm = frame(0x81, b"421[\"latency\",{}]").repeat(1_000);
    for piece in storm.chunks(1_000) {
        raw.send_bytes(piece).await;
        honest.ask("subscribe_campaign", &json!("c1")).await.unwrap();
    }
    let refused = server.core.limit_metrics.of(LimitKind::Events);
    assert!(refused < 700, "{refused} of 900 were looked at at once");
}

/// Opens sockets over polling until it is too often, and returns the refusal.
async fn open_too_often(url: &str) -> String {
    let open = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for _ in 0..200 {
        let answer = exchange(url, open.as_bytes()).await;
        if !answer.starts_with("HTTP/1.1 200") {
            return answer;
        }
    }
    panic!("two hundred sockets were opened");
}

#[tokio::test]
async fn handshakes_over_the_rate_are_delayed_and_open_sockets_stay() {
    let server = TestGateway::with(|config| config.socket.handshakes_per_minute = Some(40)).await;
    let mut inside = RawSocketClient::connect(&server.url, &server.token("gm")).await.unwrap();
    let refused = open_too_often(&server.url).await;
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("\"RATE_LIMITED\""), "{refused}");
    assert!(refused.contains("\r\nretry-after: 1\r\n") && refused.contains("\r\nconnection: close\r\n"), "{refused}");
    let mut over = dial(&server.url).await;
    let closed = timeout(WAIT_TIMEOUT, over.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "for a moment nothing is accepted: {closed:?}");
    assert!(server.core.limit_metrics.of(LimitKind::Handshakes) >= 2);
    assert_eq!(inside.ask("latency", &json!({})).await.unwrap()["success"], true);
    let get = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    until("the door to open again", async || !exchange(&server.url, get).await.is_empty()).await;
}

#[tokio::test]
async fn behind_a_proxy_one_who_opens_too_many_sockets_does_not_shut_out_others() {
    let server = TestGateway::with(|config| {
        config.socket.handshakes_per_minute = Some(4);
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let ask = async |whom: &str| {
        let open = format!(
            "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {whom}\r\nConnection: close\r\n\r\n"
        );
        exchange(&server.url, open.as_bytes()).await
    };
    assert!(ask("192.0.2.1").await.starts_with("HTTP/1.1 200"));
    for _ in 0..3 {
        assert!(ask("192.0.2.1").await.starts_with("HTTP/1.1 429"));
    }
    assert!(ask("192.0.2.2").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn repeated_violations_disconnect_and_are_counted() {
    let server = TestGateway::with(|config| {
        config.socket.requests_per_minute = 1;
        config.socket.violations_per_minute = 5;
        config.socket.max_fragments = 8;
    })
    .await;
    let refused = frame(0x81, b"42[\"latency\",{}]").repeat(8);
    let unasked = frame(0x81, b"43999[{\"success\":true}]").repeat(6);
    let pieces = [frame(0x01, b"4"), frame(0x00, b"2").repeat(8)].concat();
    for (bytes, count) in [(refused, 1), (unasked, 2), (pieces, 3)] {
        let mut raw = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
        raw.send_bytes(&bytes).await;
        raw.closed().await;
        counted(&server.core.limit_metrics, LimitKind::Flood, count).await;
    }
    // Up to the limits nothing happens.
    let mut raw = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
    raw.send_bytes(&frame(0x81, b"431[]").repeat(5)).await;
    let whole = [frame(0x01, b"421[\"latency\""), frame(0x00, b","), frame(0x80, b"{}]")].concat();
    raw.send_bytes(&whole).await;
    assert_eq!(raw.answer(1).await.unwrap()["success"], true);
    server.connected(1).await;
}

#[tokio::test]
async fn over_polling_as_well_who_goes_on_is_put_out() {
    let server = TestGateway::with(|config| {
        config.socket.requests_per_minute = 1;
        config.socket.violations_per_minute = 5;
    })
    .await;
    let (http, path) = (reqwest::Client::new(), format!("{}/socket.io/?EIO=4&transport=polling", server.url));
    let open = http.get(&path).send().await.unwrap().text().await.unwrap();
    let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
    let path = format!("{path}&sid={}", open["sid"].as_str().unwrap());
    let say = async |packets: String| http.post(&path).body(packets).send().await.unwrap().status();
    say(format!("40{}", json!({"token": server.token("viewer")}))).await;
    server.connected(1).await;
    say(["42[\"latency\",{}]"; 8].join("\u{1e}")).await;
    counted(&server.core.limit_metrics, LimitKind::Flood, 1).await;
    server.connected(0).await;
}

#[tokio::test]
async fn many_packets_in_one_request_take_as_long_as_over_a_websocket() {
    let server = TestGateway::with(|config| config.http.body_timeout = Duration::from_secs(1)).await;
    let (http, path) = (reqwest::Client::new(), format!("{}/socket.io/?EIO=4&transport=polling", server.url));
    let open = http.get(&path).send().await.unwrap().text().await.unwrap();
    let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
    let path = format!("{path}&sid={}", open["sid"].as_str().unwrap());
    let say = async |packets: String| http.post(&path).body(packets).send().await.unwrap().status().as_u16();
    assert_eq!(say(format!("40{}", json!({"token": server.token("viewer")}))).await, 200);
    // Before it is let in, a client that sends anything else is put out.
    server.connected(1).await;
    assert_eq!(say(["431[]"; 200].join("\u{1e}")).await, 200);
    assert_ne!(say(["431[]"; 2_000].join("\u{1e}")).await, 200);
    counted(&server.core.limit_metrics, LimitKind::BodyTime, 1).await;
}

#[tokio::test]
async fn oversized_or_malformed_packet_disconnects_and_is_counted() {
    let server = TestGateway::start().await;
    let token = server.token("viewer");
    let long = frame(0x81, &vec![b'x'; 64 * 1024 + 1]);
    // Only the head of a frame that says it has 64 MiB: nothing is kept for it.
    let announced = [&[0x81, 0xff][..], &(64_u64 << 20).to_be_bytes(), &[0; 4]].concat();
    let reserved = frame(0x83, b"x");
    let unmasked = vec![0x81, 0x01, b'2'];
    for (number, bytes) in [long, announced, reserved, unmasked].into_iter().enumerate() {
        let mut raw = RawSocketClient::connect(&server.url, &token).await.unwrap();
        raw.send_bytes(&bytes).await;
        raw.closed().await;
        counted(&server.core.limit_metrics, LimitKind::Message, number as u64 + 1).await;
    }
    let packets =
        ["451-[\"latency\",{\"_placeholder\":true,\"num\":0}]", "5999999999-[\"x\"]", "49", "42{", "9", "x", ""];
    for packet in packets {
        let before = server.core.limit_metrics.of(LimitKind::Packet);
        let mut raw = RawSocketClient::connect(&server.url, &token).await.unwrap();
        raw.send(packet).await;
        raw.closed().await;
        counted(&server.core.limit_metrics, LimitKind::Packet, before + 1).await;
    }
    // Binary messages are attachments of nothing.
    let mut raw = RawSocketClient::connect(&server.url, &token).await.unwrap();
    raw.send_bytes(&frame(0x82, &[1, 2, 3])).await;
    raw.closed().await;
    server.connected(0).await;
}

#[tokio::test]
async fn strangers_origins_and_late_comers_are_counted() {
    let server = TestGateway::with(brief).await;
    let limit_metrics = &server.core.limit_metrics;
    assert!(RawSocketClient::connect(&server.url, "junk").await.is_err());
    counted(limit_metrics, LimitKind::Token, 1).await;
    // Over WebSocket and over polling, nobody says who they are.
    let mut silent = RawSocketClient::open(&server.url, "").await;
    silent.closed().await;
    counted(limit_metrics, LimitKind::AuthTime, 1).await;
    let open = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(exchange(&server.url, open.as_bytes()).await.contains("\"sid\""));
    counted(limit_metrics, LimitKind::AuthTime, 2).await;
    let page = upgrade("").replace("Host: scry", "Host: scry\r\nOrigin: https://evil.example");
    let mut stream = dial(&server.url).await;
    stream.write_all(page.as_bytes()).await.unwrap();
    stream.write_all(&frame(0x81, format!("40{}", json!({"token": server.token("gm")})).as_bytes())).await.unwrap();
    counted(limit_metrics, LimitKind::Origin, 1).await;
}

#[tokio::test]
async fn connections_of_one_address_are_counted() {
    let few = |config: &mut ServerConfig| {
        config.socket.max_connections_per_ip = Some(1);
        config.http.max_tcp_connections_per_ip = Some(3);
    };
    let server = TestGateway::with(few).await;
    let first = RawSocketClient::connect(&server.url, &server.token("gm")).await.unwrap();
    let refused = RawSocketClient::connect(&server.url, &server.token("gm")).await.err().unwrap();
    assert!(refused.starts_with("TOO_MANY_CONNECTIONS: "), "{refused}");
    counted(&server.core.limit_metrics, LimitKind::Connections, 1).await;
    let mut held = vec![dial(&server.url).await, dial(&server.url).await, dial(&server.url).await];
    let mut over = dial(&server.url).await;
    let closed = timeout(WAIT_TIMEOUT, over.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    assert!(server.core.limit_metrics.of(LimitKind::TcpConnections) >= 1);
    held.clear();
    drop(first);
    server.connected(0).await;
    let again = async {
        loop {
            let stream = dial(&server.url).await;
            if let Some(mut raw) = RawSocketClient::over(stream, "").await
                && raw.greet(&json!({"token": server.token("gm")})).await.is_ok()
            {
                return;
            }
        }
    };
    timeout(WAIT_TIMEOUT, again).await.expect("places should be given back");
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_an_address_of_its_own() {
    let server = TestGateway::with(|config| {
        config.socket.max_connections_per_ip = Some(1);
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let token = json!({"token": server.token("gm")});
    let enter = async |client: &str| {
        let head = upgrade("").replace("Host: scry", &format!("Host: scry\r\nX-Forwarded-For: {client}"));
        let mut raw = RawSocketClient::with(dial(&server.url).await, &head).await.unwrap();
        raw.greet(&token).await.map(|()| raw)
    };
    let _first = enter("192.0.2.1").await.unwrap();
    let _second = enter("192.0.2.2").await.unwrap();
    let again = enter("203.0.113.9, 192.0.2.1").await.err().unwrap();
    assert!(again.starts_with("TOO_MANY_CONNECTIONS: "), "{again}");
    counted(&server.core.limit_metrics, LimitKind::Connections, 1).await;
}

#[tokio::test]
async fn client_that_does_not_read_is_disconnected_and_counted() {
    let little = |config: &mut ServerConfig| config.socket.buffer = 8;
    let server = TestGateway::with(little).await;
    let mut raw = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
    assert_eq!(raw.ask("subscribe_campaign", &json!("c1")).await.unwrap()["success"], true);
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while server.core.limit_metrics.of(LimitKind::SlowReader) == 0 {
        assert!(Instant::now() < deadline, "it still has room");
        server.record_all(vec![kingdom(); 2_000]).await;
    }
    server.connected(0).await;
    assert_eq!(server.core.limit_metrics.of(LimitKind::SlowReader), 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn client_that_reads_nothing_in_time_is_disconnected_whatever_is_buffered() {
    let server = TestGateway::with(|config| {
        config.socket.buffer = 1_000_000;
        config.socket.slow_reader_timeout = Duration::from_secs(1);
    })
    .await;
    let mut raw = RawSocketClient::connect(&server.url, &server.token("viewer")).await.unwrap();
    assert_eq!(raw.ask("subscribe_campaign", &json!("c1")).await.unwrap()["success"], true);
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while server.core.limit_metrics.of(LimitKind::SlowReader) == 0 {
        assert!(Instant::now() < deadline, "it is still waited for");
        server.record_all(vec![kingdom(); 2_000]).await;
    }
    server.connected(0).await;
    assert_eq!(server.core.limit_metrics.of(LimitKind::SlowReader), 1);
}

#[tokio::test]
async fn slow_heads_and_bodies_are_ended_and_idle_connections_are_not_blamed() {
    let server = TestServer::with(brief).await;
    let begun = Instant::now();
    exchange(&server.url, b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    exchange(&server.url, b"").await;
    counted(&server.limit_metrics, LimitKind::HeaderTime, 2).await;
    let body = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{";
    let refused = exchange(&server.url, body).await;
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("INVALID_PAYLOAD"), "{refused}");
    counted(&server.limit_metrics, LimitKind::BodyTime, 1).await;
    let healthy = exchange(&server.url, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(healthy.starts_with("HTTP/1.1 200"), "{healthy}");
    counted(&server.limit_metrics, LimitKind::HeaderTime, 2).await;
    assert!(begun.elapsed() < WAIT_TIMEOUT);
    let head = format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(64 * 1024));
    let refused = exchange(&server.url, head.as_bytes()).await;
    assert!(!refused.starts_with("HTTP/1.1 200"), "a head of 64 KiB");
    let many: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    let refused = exchange(&server.url, format!("GET /health HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
    counted(&server.limit_metrics, LimitKind::HeaderSize, 2).await;
}

#[tokio::test]
async fn a_slow_post_of_a_polling_client_is_ended() {
    let server = TestGateway::with(brief).await;
    let open = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let opened = exchange(&server.url, open.as_bytes()).await;
    let sid = opened.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let post = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n40{{"
    );
    exchange(&server.url, post.as_bytes()).await;
    counted(&server.core.limit_metrics, LimitKind::BodyTime, 1).await;
}

#[tokio::test]
async fn bodies_logins_and_queries_have_limits_of_their_own() {
    let server = TestServer::with(|config| {
        brief(config);
        config.http.query_complexity = 300;
    })
    .await;
    let token = server.login("gm").await;
    let wrong = |name: &'static str| {
        let server = &server;
        async move { server.post("/auth/login", &json!({"username": name, "password": "wrong"})).await }
    };
    assert_eq!(wrong("gm").await.status, 401);
    assert_eq!(wrong("player").await.status, 401);
    let spread = wrong("viewer").await;
    assert_eq!((spread.status.as_u16(), spread.code()), (429, "RATE_LIMITED"), "one password, many names");
    counted(&server.limit_metrics, LimitKind::Logins, 1).await;

    let large = server.post("/auth/login", &json!({"username": "x".repeat(3_000)})).await;
    assert_eq!(large.status, 413);
    counted(&server.limit_metrics, LimitKind::BodySize, 1).await;

    let deep = (0..15).fold("name".to_owned(), |inner, _| format!("ofType {{ {inner} }}"));
    let deep = format!("{{ __schema {{ types {{ fields {{ type {{ {deep} }} }} }} }} }}");
    let refused = server.refused(&token, &deep, json!({})).await;
    let named = json!({"code": "INVALID_PAYLOAD", "limit": "query_depth"});
    assert_eq!(refused["extensions"], named, "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("15 fields deep (query_depth)"), "{refused}");
    counted(&server.limit_metrics, LimitKind::QueryDepth, 1).await;
    let snapshots: String =
        (0..4).map(|n| format!("s{n}: snapshot(campaignId: \"c\") {{ position {{ seq }} }} ")).collect();
    let refused = server.refused(&token, &format!("{{ {snapshots} }}"), json!({})).await;
    let named = json!({"code": "INVALID_PAYLOAD", "limit": "query_complexity"});
    assert_eq!(refused["extensions"], named, "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("300 (query_complexity)"), "{refused}");
    counted(&server.limit_metrics, LimitKind::QueryComplexity, 1).await;
}

#[tokio::test]
async fn limits_without_a_setting_are_named_and_counted_like_others() {
    let server = TestServer::with(|config| config.max_campaign_entities = 60).await;
    let (world, bot) = (Emberfall::on(&server).await, server.login("bot").await);
    let town = world.entity("Cinderford").await["id"].clone();
    let reaches = async |kind: LimitKind, query: &str, variables: Value| {
        let refused = server.refused(&world.gm, query, variables).await;
        assert_eq!(refused["extensions"], json!({"code": "INVALID_PAYLOAD", "limit": kind.name()}), "{refused}");
        counted(&server.limit_metrics, kind, 1).await;
    };
    let names: serde_json::Map<String, Value> = (0..501).map(|n| (format!("v{n}"), Value::Null)).collect();
    let edit =
        "mutation ($id: ID!, $input: UpdateSettlementInput!) { updateSettlement(id: $id, input: $input) { id } }";
    reaches(LimitKind::EntitySize, edit, json!({"id": town, "input": {"variables": names}})).await;

    let calendar = |hours: u8| {
        json!({"name": "c", "anchor": {"instant": "1207-01-01T00:00:00Z", "year": 1207},
            "day": {"hours": hours, "minutes": 60}, "months": [{"name": "m", "days": 1}]})
    };
    let set = "mutation ($id: ID!, $input: UpdateCampaignInput!) { updateCampaign(id: $id, input: $input) { id } }";
    reaches(LimitKind::Calendar, set, json!({"id": world.id, "input": {"calendar": calendar(1)}})).await;
    server.graphql(&world.gm, set, json!({"id": world.id, "input": {"calendar": calendar(24)}})).await;
    let jump = "mutation ($id: ID!, $time: String!) { setWorldTime(campaignId: $id, time: $time) { newTime } }";
    reaches(LimitKind::Effects, jump, json!({"id": world.id, "time": "9999-01-01T00:00:00Z"})).await;

    let notify = "mutation ($ids: [ID!]!) { notify(userIds: $ids, title: \"t\", body: \"\") }";
    let many = |count: usize| (0..count).map(|n| json!(format!("u{n}"))).collect::<Vec<_>>();
    reaches(LimitKind::Notifications, notify, json!({"ids": many(101)})).await;
    let event = json!({"type": "state_invalidated", "payload": {"scope": "campaign", "campaignId": world.id,
        "affectedFields": many(501)}});
    let refused = server.post_as(&bot, "/events", &event).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "INVALID_PAYLOAD"), "{refused:?}");
    counted(&server.limit_metrics, LimitKind::EventSize, 1).await;

    let make = "mutation ($id: ID!) { createKingdom(input: {campaignId: $id, name: \"K\"}) { id } }";
    let is_full = async || {
        let answer = server.execute(&world.gm, make, json!({"id": world.id})).await;
        answer["errors"][0]["extensions"]["limit"] == "entities"
    };
    until("the campaign to be full", is_full).await;
    counted(&server.limit_metrics, LimitKind::Entities, 1).await;
    let told = scry_testkit::metrics::ScrapedMetrics::of(&server.url).await;
    for kind in [LimitKind::Deletions, LimitKind::HeaderSize] {
        let named = format!("scry_limited_total{{limit=\"{}\"}}", kind.name());
        assert_eq!(told.find(&named), Some(0.0), "{named} stands there from the start");
    }
}

#[test]
fn every_limit_can_be_set_and_changes_what_it_is_about() {
    let default = format!("{:?}", ServerConfig::new("/data"));
    for (key, value) in [
        ("ws_requests_per_minute", "7"),
        ("ws_max_payload", "7"),
        ("ws_max_rooms", "7"),
        ("ws_max_connections_per_ip", "7"),
        ("max_lines_per_ip", "7"),
        ("trusted_proxies", "10.0.0.0/8, ::1"),
        ("login_attempts_per_minute", "7"),
        ("login_attempts_per_address", "7"),
        ("session_lifetime", "7s"),
        ("max_campaign_entities", "7"),
        ("login_attempts_per_name", "7"),
        ("ws_connect_timeout", "7s"),
        ("ws_allowed_origins", "https://a.example"),
        ("ws_slow_reader_timeout", "7s"),
        ("ws_buffer", "7"),
        ("ws_bytes_per_second", "7"),
        ("ws_frames_per_second", "7"),
        ("ws_max_fragments", "7"),
        ("ws_offences_per_minute", "7"),
        ("ws_handshakes_per_minute", "7"),
        ("query_depth", "7"),
        ("query_complexity", "7"),
        ("query_timeout", "7s"),
        ("queries_per_user", "7"),
        ("max_answer_bytes", "7"),
        ("max_body_bytes", "7"),
        ("api_requests_per_minute", "7"),
        ("auth_requests_per_minute", "7"),
        ("max_campaigns_per_user", "7"),
        ("max_bytes_per_campaign", "7"),
        ("max_members_per_campaign", "7"),
        ("max_open_invitations", "7"),
        ("max_invitations_received", "7"),
        ("invitations_per_minute", "7"),
        ("invitation_ttl", "7h"),
        ("notifications_per_minute", "7"),
        ("notifications_per_pair", "7"),
        ("notifications_kept", "7"),
        ("notification_keep", "7h"),
        ("session_keep", "7h"),
        ("deleted_campaign_keep", "7h"),
        ("header_timeout", "7s"),
        ("body_timeout", "7s"),
    ] {
        let mut config = ServerConfig::new("/data");
        (Setting::find(key).unwrap_or_else(|| panic!("{key}")).set)(&mut config, value).unwrap();
        assert_ne!(format!("{config:?}"), default, "{key}");
    }
}
