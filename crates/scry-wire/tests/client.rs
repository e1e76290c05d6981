//! The client against servers and proxies that misbehave, each in one way.

#![allow(unreachable_pub, reason = "nobody outside reaches a test or a benchmark")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so")]

mod support;

use std::time::{Duration, Instant};

use scry_wire::client::{Client, ClientOptions, ConnectError, Incoming, Proxies, Transports};
use scry_wire::session::{CloseReason, TransportKind};
use serde_json::json;

use self::support::{Behaviour, Canned, LIMIT, OnUpgrade, TestPeer, http_proxy, listen, next, server, socks_proxy};

/// Connects and reads the one event that the server sends.
async fn hello(client: &Client) -> TransportKind {
    let connecting = client.connect(Some(json!({"token": "t"})));
    let mut connection = tokio::time::timeout(LIMIT, connecting).await.expect("it connects in time").unwrap();
    let Incoming::Event(event) = next(&mut connection).await else { panic!("an event comes") };
    assert_eq!((event.name.as_str(), event.arguments), ("hello", vec![json!(1)]));
    connection.transport()
}

async fn refused(client: &Client) -> ConnectError {
    tokio::time::timeout(LIMIT, client.connect(None)).await.expect("it is refused in time").unwrap_err()
}

#[tokio::test]
async fn websocket_is_used_where_it_works() {
    let peer = server(Behaviour::new(OnUpgrade::Accept)).await;
    assert_eq!(hello(&peer.client()).await, TransportKind::WebSocket);
    assert_eq!(peer.asked(), ["upgrade"]);
}

#[tokio::test]
async fn connecting_takes_no_longer_than_the_packets_need() {
    let peer = server(Behaviour::new(OnUpgrade::Accept)).await;
    let client = peer.client();
    hello(&client).await;
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        hello(&client).await;
        times.push(began.elapsed());
    }
    times.sort();
    // A packet held back by Nagle's algorithm costs 40 ms.
    assert!(times[0] < Duration::from_millis(35), "{times:?}");
}

#[tokio::test]
async fn polling_follows_every_kind_of_failed_upgrade_and_is_remembered() {
    for on_upgrade in [OnUpgrade::Refuse, OnUpgrade::Reset, OnUpgrade::Hang, OnUpgrade::SilentAfter101] {
        let peer = server(Behaviour::new(on_upgrade)).await;
        let client = peer.client();
        assert_eq!(hello(&client).await, TransportKind::Polling, "{on_upgrade:?}");
        assert_eq!(hello(&client).await, TransportKind::Polling, "{on_upgrade:?}");
        let upgrades = peer.count("transport=websocket") + peer.count("upgrade");
        assert_eq!(upgrades, 1, "{on_upgrade:?} is tried once");
    }
}

#[tokio::test]
async fn slow_chunked_polling_answers_are_read_whole() {
    let event = format!(r#"42["hello",1]{}"#, " ".repeat(3000)).replace(']', "") + "]";
    let behaviour =
        Behaviour { chunk: Some((64, Duration::from_millis(2))), event, ..Behaviour::new(OnUpgrade::Refuse) };
    let peer = server(behaviour).await;
    assert_eq!(hello(&peer.client()).await, TransportKind::Polling);
}

#[tokio::test]
async fn polling_answers_are_bounded() {
    let behaviour = Behaviour { event: "4".repeat(5000), ..Behaviour::new(OnUpgrade::Refuse) };
    let peer = server(behaviour).await;
    let client = Client::new(peer.options().max_message(2000)).unwrap();
    let mut connection = client.connect(None).await.unwrap();
    let closed = next(&mut connection).await;
    let Incoming::Closed(CloseReason::TransportFailed(reason)) = closed else { panic!("{closed:?}") };
    assert!(reason.contains("2000 bytes"), "{reason}");
    assert_eq!(connection.next().await, None);
}

#[tokio::test]
async fn websocket_messages_are_bounded() {
    let behaviour = Behaviour { event: "4".repeat(5000), ..Behaviour::new(OnUpgrade::Accept) };
    let peer = server(behaviour).await;
    let client = Client::new(peer.options().max_message(2000)).unwrap();
    let mut connection = client.connect(None).await.unwrap();
    assert!(matches!(next(&mut connection).await, Incoming::Closed(CloseReason::TransportFailed(_))));
}

#[tokio::test]
async fn cookies_headers_query_and_path_are_sent() {
    let peer = server(Behaviour::new(OnUpgrade::Refuse)).await;
    let options =
        peer.options().path("/x/io/").query("key", "a b").header("X-Own", "1").transports(Transports::Polling);
    hello(&Client::new(options).unwrap()).await;
    let asked = peer.asked();
    assert!(asked[0].starts_with("GET /x/io/?key=a+b&EIO=4&transport=polling HTTP/1.1\r\n"), "{}", asked[0]);
    assert!(asked.iter().all(|request| request.contains("x-own: 1")), "{asked:?}");
    assert!(asked[1..].iter().all(|request| request.contains("cookie: node=n1")), "{asked:?}");
    assert!(asked.iter().any(|request| request.ends_with(r#"40{"token":"t"}"#)), "{asked:?}");
}

async fn canned(head: &'static str, body: &'static str) -> TestPeer {
    server(Behaviour { canned: Some(Canned { head, body }), ..Behaviour::new(OnUpgrade::Accept) }).await
}

#[tokio::test]
async fn answers_that_are_not_socket_io_are_said_in_words() {
    let cases = [
        ("503 Service Unavailable\r\nContent-Type: text/html", "<html>", "the server answered 503"),
        ("403 Forbidden", r#"{"code":4,"message":"Forbidden"}"#, "the server answered 403 (Forbidden)"),
        ("200 OK\r\nContent-Type: text/html", "<!doctype html>", "an HTML page"),
        ("200 OK", "hello there", "does not speak Socket.IO at this address: hello there"),
        ("200 OK", r#"97:0{"sid":"a"}2:40"#, "Socket.IO v2"),
    ];
    for (head, body, words) in cases {
        let peer = canned(head, body).await;
        let error = refused(&peer.client()).await.to_string();
        assert!(error.contains(words), "{head}: {error}");
    }
}

#[tokio::test]
async fn redirects_are_named_and_never_followed() {
    let elsewhere = server(Behaviour::new(OnUpgrade::Accept)).await;
    for status in ["301 Moved", "307 Temporary", "308 Permanent"] {
        let head = format!("{status}\r\nLocation: {}/socket.io/", elsewhere.url());
        let peer = canned(head.leak(), "").await;
        let error = refused(&peer.client()).await;
        assert!(
            matches!(&error, ConnectError::Redirected { location, .. } if *location == format!("{}/socket.io/", elsewhere.url()))
        );
        assert_eq!(peer.asked().len(), 1, "a redirect does not lead to polling");
        let options = peer.options().transports(Transports::Polling);
        assert!(matches!(refused(&Client::new(options).unwrap()).await, ConnectError::Redirected { .. }));
    }
    assert_eq!(elsewhere.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn hint_to_come_more_seldom_is_not_answered_by_another_request() {
    let peer = canned("429 Too Many Requests", "slow down").await;
    assert_eq!(refused(&peer.client()).await.to_string(), "the server answered 429 (slow down)");
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn refused_tcp_connection_is_not_followed_by_polling() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let error = refused(&Client::new(ClientOptions::new(url.parse().unwrap())).unwrap()).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn plain_port_behind_an_https_address_is_said() {
    let peer = canned("400 Bad Request", "").await;
    let url = peer.url().replace("http:", "https:");
    let error = refused(&Client::new(ClientOptions::new(url.parse().unwrap())).unwrap()).await;
    assert!(matches!(error, ConnectError::Tls(_)), "{error}");
}

fn through(name: &str, proxy: String) -> Proxies {
    Proxies::from_variables(|asked| (asked == name).then(|| proxy.clone()))
}

#[tokio::test]
async fn websocket_goes_through_an_http_proxy() {
    let peer = server(Behaviour::new(OnUpgrade::Accept)).await;
    let proxy = http_proxy(true, peer.port).await;
    let proxies = through("HTTP_PROXY", format!("http://me:secret@127.0.0.1:{}", proxy.port));
    let options = ClientOptions::new("http://scry.invalid:81".parse().unwrap()).proxies(proxies);
    assert_eq!(hello(&Client::new(options).unwrap()).await, TransportKind::WebSocket);
    let asked = proxy.asked();
    assert!(asked[0].starts_with("CONNECT scry.invalid:81 HTTP/1.1\r\n"), "{asked:?}");
    assert!(asked[0].contains("Proxy-Authorization: Basic bWU6c2VjcmV0"), "{asked:?}");
}

#[tokio::test]
async fn proxy_without_tunnels_still_carries_polling() {
    let peer = server(Behaviour::new(OnUpgrade::Accept)).await;
    let proxy = http_proxy(false, peer.port).await;
    let proxies = through("http_proxy", format!("127.0.0.1:{}", proxy.port));
    let options = ClientOptions::new("http://scry.invalid".parse().unwrap()).proxies(proxies);
    assert_eq!(hello(&Client::new(options).unwrap()).await, TransportKind::Polling);
    let asked = proxy.asked();
    assert!(asked.iter().any(|request| request.starts_with("GET http://scry.invalid/socket.io/?")), "{asked:?}");
}

#[tokio::test]
async fn websocket_goes_through_a_socks_proxy_that_resolves_names() {
    let peer = server(Behaviour::new(OnUpgrade::Accept)).await;
    let proxy = socks_proxy(peer.port).await;
    let proxies = through("ALL_PROXY", format!("socks5h://me:secret@127.0.0.1:{}", proxy.port));
    let options = ClientOptions::new("http://scry.invalid:81".parse().unwrap()).proxies(proxies);
    assert_eq!(hello(&Client::new(options).unwrap()).await, TransportKind::WebSocket);
    assert_eq!(proxy.asked(), ["scry.invalid:81"]);

    let wrong = through("ALL_PROXY", format!("socks5h://me:wrong@127.0.0.1:{}", proxy.port));
    let options = ClientOptions::new("http://scry.invalid:81".parse().unwrap()).proxies(wrong);
    let error = refused(&Client::new(options).unwrap()).await.to_string();
    assert!(error.contains("refused the user name or the password") && !error.contains("wrong"), "{error}");
}

#[tokio::test]
async fn proxy_that_wants_a_password_is_said() {
    let proxy = listen(|mut stream, _| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    })
    .await;
    let proxies = through("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port));
    let options = ClientOptions::new("https://scry.invalid".parse().unwrap()).proxies(proxies);
    let error = refused(&Client::new(options).unwrap()).await.to_string();
    assert!(error.contains("user name and a password (407)"), "{error}");
}

#[tokio::test]
async fn silence_after_the_welcome_ends_the_connection() {
    let peer = listen(|stream, _| async move {
        use futures_util::{SinkExt, StreamExt};
        use tokio_tungstenite::tungstenite::Message;
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let open = r#"0{"sid":"e1","upgrades":[],"pingInterval":100,"pingTimeout":100}"#;
        socket.send(Message::text(open)).await.unwrap();
        socket.next().await;
        socket.send(Message::text(r#"40{"sid":"s1"}"#)).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let mut connection = peer.client().connect(None).await.unwrap();
    assert!(matches!(next(&mut connection).await, Incoming::Closed(CloseReason::HeartbeatMissed(_))));
    assert_eq!(connection.next().await, None);
}

#[tokio::test]
async fn next_connection_says_where_the_last_one_broke_off() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let peer = listen(|stream, asked| async move {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.send(Message::text(support::OPEN)).await.unwrap();
        let wish = socket.next().await.unwrap().unwrap().into_text().unwrap();
        asked.lock().unwrap().push(wish.to_string());
        socket.send(Message::text(r#"40{"sid":"s1","pid":"p1"}"#)).await.unwrap();
        socket.send(Message::text(r#"42["order",1,"Q8kx2ou"]"#)).await.unwrap();
        // The connection breaks here.
    })
    .await;
    let client = peer.client();
    for _ in 0..2 {
        let mut connection = client.connect(None).await.unwrap();
        let Incoming::Event(event) = next(&mut connection).await else { panic!("an event comes") };
        assert_eq!(event.arguments, [json!(1)]);
        assert!(matches!(next(&mut connection).await, Incoming::Closed(_)));
        connection.close().await;
    }
    assert_eq!(peer.asked(), ["40", r#"40{"pid":"p1","offset":"Q8kx2ou"}"#]);
    client.forget_session();
    drop(client.connect(None).await.unwrap());
    assert_eq!(peer.asked().last().map(String::as_str), Some("40"));
}

#[tokio::test]
async fn options_that_cannot_be_used_are_refused() {
    let options = || ClientOptions::new("http://host".parse().unwrap());
    for options in [
        options().namespace("admin"),
        options().namespace("/a,b"),
        options().header("bad name", "x"),
        options().header("x", "a\nb"),
        ClientOptions::new("ftp://host".parse().unwrap()),
    ] {
        assert!(matches!(Client::new(options), Err(ConnectError::InvalidOption(_))));
    }
}
