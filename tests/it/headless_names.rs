//! Events of any name and shape are seen, judged and recorded by the programs, beside Node's own server.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::wait::until;

const ROOM: &str = "structure:t1";
/// Names that mean something to a client library, and that a gateway may send all the same.
const NAMES: [&str; 9] = ["error", "open", "close", "message", "end", "data", "ping", "reconnect", "upgrade"];
/// Names that Socket.IO's own server does not let its application send; others do.
const RESERVED: [&str; 4] = ["connect", "disconnect", "connect_error", "disconnecting"];

fn command(dir: &Path, url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scry"));
    command
        .env_clear()
        .envs([("SCRY_URL", url), ("SCRY_TOKEN", "any")])
        .envs([("SCRY_CONFIG_DIR", dir), ("SCRY_DATA_DIR", dir)])
        .current_dir(dir)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a program; once it is in its room, lets the gateway send something. Returns the code, stdout and stderr.
async fn while_it_runs(
    gateway: &mut FakeGateway,
    dir: &Path,
    args: &[&str],
    send: impl AsyncFnOnce(&mut FakeGateway),
) -> (Option<i32>, String, String) {
    let before = subscriptions(gateway).await;
    let child = command(dir, &gateway.url, args).spawn().unwrap();
    until("a subscription", async || subscriptions(gateway).await > before).await;
    send(gateway).await;
    let output = timeout(Duration::from_secs(40), child.wait_with_output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

async fn subscriptions(gateway: &mut FakeGateway) -> usize {
    gateway.ask("subscriptions").await.as_array().unwrap().len()
}

/// Runs expectations with one forbidden event; `send` is what happens meanwhile.
async fn expects_never(
    gateway: &mut FakeGateway,
    event: &str,
    send: impl AsyncFnOnce(&mut FakeGateway),
) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    // A reader of its own for the command's start: the run is live then, and what is sent belongs to it.
    let file = format!(
        "timeout = \"20s\"\nsettle = \"1s\"\n[rooms]\nroom = \"{ROOM}\"\n[[never]]\nname = \"nothing bad\"\nevent = '''{event}'''\n"
    );
    std::fs::write(dir.path().join("e.toml"), file).unwrap();
    let args = ["expect", "e.toml", "--", "sh", "-c", "touch live; while [ ! -e sent ]; do sleep 0.05; done"];
    let child = command(dir.path(), &gateway.url, &args).spawn().unwrap();
    until("the run to be live", async || dir.path().join("live").exists()).await;
    send(gateway).await;
    std::fs::write(dir.path().join("sent"), "").unwrap();
    let output = timeout(Duration::from_secs(40), child.wait_with_output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn forbidden_event_of_any_name_fails_a_run() {
    let mut gateway = FakeGateway::start(json!({})).await;
    for name in NAMES {
        let forbidden = format!("type == \"{name}\"");
        let send = async |gateway: &mut FakeGateway| gateway.emit(ROOM, name, json!([{"code": 7}])).await;
        let (code, stderr) = expects_never(&mut gateway, &forbidden, send).await;
        assert_eq!(code, Some(1), "{name}: {stderr}");
        assert!(stderr.contains("it happened") && stderr.contains(name), "{name}: {stderr}");
    }
    for name in RESERVED {
        let forbidden = format!("type == \"{name}\"");
        let send = async |gateway: &mut FakeGateway| gateway.packet(&format!("2[\"{name}\",{{\"code\":7}}]")).await;
        let (code, stderr) = expects_never(&mut gateway, &forbidden, send).await;
        assert_eq!(code, Some(1), "{name}: {stderr}");
    }
    let send = async |gateway: &mut FakeGateway| gateway.emit(ROOM, "error", json!([{"code": 7}])).await;
    let (code, stderr) = expects_never(&mut gateway, "type == \"error\" && payload.code == 8", send).await;
    assert_eq!(code, Some(0), "another payload is not what is forbidden: {stderr}");
}

#[tokio::test]
async fn forbidden_event_is_found_by_what_is_in_its_attachment_or_arguments() {
    let mut gateway = FakeGateway::start(json!({})).await;
    for (sent, forbidden) in [
        (json!([{"file": {"$bytes": [1, 2, 3]}}]), "type == \"upload\" && payload.file[\"$binary\"] == \"AQID\""),
        (json!([{"$bytes": [1]}]), "type == \"upload\" && payload[\"$binary\"] == \"AQ==\""),
        (
            json!(["x", {"deep": [{"$bytes": [1]}]}]),
            "type == \"upload\" && payload[1].deep[0][\"$binary\"] == \"AQ==\"",
        ),
        (json!([1, 2]), "type == \"upload\" && payload[1] == 2"),
        (json!([]), "type == \"upload\" && payload == null"),
    ] {
        let send = async |gateway: &mut FakeGateway| gateway.emit(ROOM, "upload", sent.clone()).await;
        let (code, stderr) = expects_never(&mut gateway, forbidden, send).await;
        assert_eq!(code, Some(1), "{sent}: {stderr}");
    }
}

#[tokio::test]
async fn offset_of_a_recoverable_connection_is_not_an_argument() {
    let mut gateway = FakeGateway::start(json!({"server": {"connectionStateRecovery": {}}})).await;
    for (sent, forbidden) in [
        (json!([{"id": 1}]), "type == \"order\" && payload.id == 1"),
        (json!([]), "type == \"order\" && payload == null"),
        (json!([{"$bytes": [1]}]), "type == \"order\" && payload[\"$binary\"] == \"AQ==\""),
    ] {
        let send = async |gateway: &mut FakeGateway| gateway.emit(ROOM, "order", sent.clone()).await;
        let (code, stderr) = expects_never(&mut gateway, forbidden, send).await;
        assert_eq!(code, Some(1), "{sent}: {stderr}");
    }
}

#[tokio::test]
async fn every_name_is_watched_recorded_and_replayed() {
    let mut gateway = FakeGateway::start(json!({})).await;
    let dir = tempfile::tempdir().unwrap();
    let count = NAMES.len().to_string();
    let send = async |gateway: &mut FakeGateway| {
        for name in NAMES {
            gateway.emit(ROOM, name, json!([name, {"$bytes": [1]}])).await;
        }
    };
    let named = |name: &str| json!([name, [name, {"$binary": "AQ=="}]]);
    let watch = ["watch", "--room", ROOM, "--raw", "--count", &count, "--for", "20s"];
    let (code, stdout, stderr) = while_it_runs(&mut gateway, dir.path(), &watch, send).await;
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, NAMES.map(named));

    let record = ["record", "--room", ROOM, "-o", "r.jsonl", "--count", &count, "--for", "20s"];
    let (code, _, stderr) = while_it_runs(&mut gateway, dir.path(), &record, send).await;
    assert_eq!(code, Some(0), "{stderr}");
    let recording = std::fs::read_to_string(dir.path().join("r.jsonl")).unwrap();
    let names: Vec<String> = recording.lines().skip(1).map(name_of).collect();
    assert_eq!(names, NAMES);
}

/// Returns the event's name in a line of a recording.
fn name_of(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap();
    line[2].as_str().unwrap_or_else(|| panic!("{line}")).to_owned()
}
