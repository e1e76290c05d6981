//! The nginx configuration that operators get, run as it is before two nodes.

use serde_json::json;

use scry_testkit::emberfall::Emberfall;
use scry_testkit::nginx::Nginx;
use scry_testkit::node::NodeDriver;
use scry_testkit::server::TestServer;
use scry_testkit::wait::until;

#[tokio::test]
async fn both_transports_pass_and_a_node_may_go() {
    let mut first = TestServer::start().await;
    let mut second = TestServer::beside(&first).await;
    let (nginx, node) = (Nginx::before(&[&first.url, &second.url]).await, NodeDriver::start().await);
    let world = Emberfall::on(&first).await;
    let options = |transport: &str| {
        json!({"transports": [transport], "auth": {"token": world.gm}, "rejectUnauthorized": false,
               "reconnectionDelay": 50, "reconnectionDelayMax": 200})
    };
    let wire = node.connect("wire", &nginx.url, options("websocket")).await;
    let poll = node.connect("poll", &nginx.url, options("polling")).await;
    for socket in [&wire, &poll] {
        assert_eq!(socket.ask("subscribe_campaign", json!(world.id)).await["success"], true);
        for _ in 0..10 {
            assert_eq!(socket.ask("latency", json!({})).await["success"], true, "a session stays on its node");
        }
    }
    world.advance(1).await;
    for socket in [&wire, &poll] {
        socket.wait("world_time_changed", 1).await;
    }
    for hidden in ["/metrics", "/socket-stats"] {
        assert_eq!(nginx.get(hidden).await, Some(404));
    }
    assert_eq!(nginx.get("/nothing").await, Some(404));
    // Whichever node the clients are on, it goes; the other one answers for both.
    for stopped in [&mut first, &mut second] {
        stopped.stop().await;
        assert_eq!(nginx.get("/health").await, Some(200));
        stopped.restart().await;
    }
}

#[tokio::test]
async fn queries_are_not_logged_because_they_hold_tokens_and_session_ids() {
    let mut server = TestServer::start().await;
    let nginx = Nginx::before(&[&server.url]).await;
    let secret = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl";
    let polling = format!("/socket.io/?EIO=4&transport=polling&sid=secret-session&token={secret}");
    let paths = [polling, format!("/health?token={secret}"), format!("/nothing?token={secret}")];
    for path in &paths {
        assert!(nginx.get(path).await.is_some());
    }
    // What nginx reports of a node that has gone would name the request, too.
    server.stop().await;
    assert_eq!(nginx.get(&paths[0]).await, Some(502));
    until("the last request to be logged", async || nginx.logged().contains(" 502 ")).await;
    let logged = nginx.logged();
    assert!(logged.contains("\"GET /socket.io/ HTTP/1.1\" 502"), "{logged}");
    assert!(!logged.contains("eyJ") && !logged.contains("secret-session"), "{logged}");
}
