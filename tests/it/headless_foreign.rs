//! The commands without a screen, beside a plain gateway in Node: no API, no positions, unknown events.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::wait::until;

const ROOM: &str = "campaign:01970000-0000-7000-8000-000000000001";

async fn run(gateway: &mut FakeGateway, args: &[&str], body: Value) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let before = subscriptions(gateway).await;
    let child = Command::new(env!("CARGO_BIN_EXE_scry"))
        .env_clear()
        .env("SCRY_URL", &gateway.url)
        .env("SCRY_TOKEN", "any")
        .env("SCRY_CONFIG_DIR", dir.path())
        .env("SCRY_DATA_DIR", dir.path())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until("a subscription", async || subscriptions(gateway).await != before).await;
    gateway.emit(ROOM, "stock:updated", json!([body])).await;
    let output = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

async fn subscriptions(gateway: &mut FakeGateway) -> usize {
    gateway.ask("subscriptions").await.as_array().unwrap().len()
}

#[tokio::test]
async fn unknown_events_are_watched_awaited_and_feared_like_known_ones() {
    let mut gateway = FakeGateway::start(json!({})).await;
    let salt = json!({"item": "salt", "amount": 3});
    let watch = ["watch", "--room", ROOM, "--count", "1", "--for", "10s"];

    let (code, stdout) = run(&mut gateway, &watch, salt.clone()).await;
    let line: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &line["raw"], &line["event"]["payload"]), (Some(0), &json!(true), &salt));

    let (code, stdout) = run(&mut gateway, &[&watch[..], &["--raw"]].concat(), salt.clone()).await;
    assert_eq!((code, serde_json::from_str(&stdout).unwrap()), (Some(0), json!(["stock:updated", salt])));

    let wait = ["wait", "--room", ROOM, "--for", "type == 'stock:updated' && payload.amount > 2", "--timeout", "10s"];
    assert_eq!(run(&mut gateway, &wait, salt.clone()).await.0, Some(0));
    let feared =
        ["watch", "--room", ROOM, "--fail-if", "type == 'stock:updated' && payload.item == 'salt'", "--for", "10s"];
    assert_eq!(run(&mut gateway, &feared, salt).await.0, Some(1));
}
