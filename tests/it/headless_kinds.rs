//! What counts as an event: what happens in the world, not the housekeeping of a session, nor who looks on.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::programs::{ProgramFixture, told};
use scry_testkit::wait::until;

const ROOM: &str = "campaign:01970000-0000-7000-8000-000000000001";

/// Everything a gateway says beside what happens in the world.
async fn say_the_rest(gateway: &mut FakeGateway) {
    let user = json!({"userId": "u", "name": "Mira"});
    let typing = json!({"campaignId": "c", "userId": "u", "name": "Mira", "entityType": "settlement",
        "entityId": "s", "field": "level", "typing": true});
    let change = json!({"campaignId": "c", "userId": "u", "name": "Mira", "status": "online", "resources": []});
    for (name, body) in [
        ("token:expiring", json!({"expiresAt": "2026-01-01T00:00:00.000Z"})),
        ("server:draining", json!({"reconnectAfterMs": 10})),
        ("presence:state", json!({"campaignId": "c", "users": []})),
        ("presence:change", change),
        ("user:online", user.clone()),
        ("user:offline", user),
        ("user:typing", typing),
    ] {
        gateway.emit(ROOM, name, json!([body])).await;
    }
    gateway.emit(ROOM, "stock:updated", json!([{"item": "salt"}])).await;
}

/// Runs `scry` against a gateway that says everything; returns its lines.
async fn hears(args: &[&str]) -> Vec<Value> {
    let mut gateway = FakeGateway::start(json!({})).await;
    let dir = tempfile::tempdir().unwrap();
    let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_scry"))
        .env_clear()
        .envs([("SCRY_URL", gateway.url.as_str()), ("SCRY_TOKEN", "any")])
        .envs([("SCRY_CONFIG_DIR", dir.path()), ("SCRY_DATA_DIR", dir.path())])
        .args([args, &["--room", ROOM, "--count", "1", "--for", "20s"]].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until("a subscription", async || gateway.ask("subscriptions").await.as_array().is_some_and(|all| !all.is_empty()))
        .await;
    say_the_rest(&mut gateway).await;
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn housekeeping_and_presence_are_shown_only_on_request_and_never_counted() {
    let types = |lines: &[Value]| -> Vec<String> {
        lines.iter().map(|line| line["event"]["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(&hears(&["watch"]).await), ["stock:updated"]);
    let control = hears(&["watch", "--include", "control"]).await;
    assert_eq!(types(&control), ["token:expiring", "server:draining", "stock:updated"]);
    let all = hears(&["watch", "--include", "control,presence"]).await;
    assert_eq!(all.len(), 8, "{all:?}");
    let raw = hears(&["watch", "--raw"]).await;
    let names: Vec<&str> = raw.iter().map(|frame| frame[0].as_str().unwrap()).collect();
    assert_eq!((names.len(), names[0], names[4]), (8, "token:expiring", "user:online"));
    assert_eq!(raw[6], json!(["user:typing", raw[6][1]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_holds_presence_on_request_and_does_not_count_it() {
    let plain = hears(&["record", "-o", "-"]).await;
    assert_eq!(plain.len(), 2, "the header and one event: {plain:?}");
    let whole = hears(&["record", "-o", "-", "--include", "presence"]).await;
    let names: Vec<&Value> = whole.iter().skip(1).map(|line| &line[2]).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert_eq!((names[0], names[5]), (&json!("presence:state"), &json!("stock:updated")));
}

/// Reads the lines of a program that is running.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap)
}

#[test]
fn a_token_that_is_about_to_end_ends_no_watch() {
    let programs = ProgramFixture::start();
    // The server says at once that such a token ends within a minute.
    let mut server = programs.program(env!("CARGO_BIN_EXE_scry-server"));
    server.env("SCRY_SERVER_DATA_DIR", programs.dir.path().join("server")).args(["token", "gm", "--ttl", "40s"]);
    let token = String::from_utf8(server.output().unwrap().stdout).unwrap();
    let watch = ["watch", "--campaign", "Emberfall", "--count", "1", "--for", "30s", "--status"];
    let mut watch = programs.scry(&watch).env("SCRY_TOKEN", token.trim()).stdout(Stdio::piped()).spawn().unwrap();
    let mut told_lines = lines(&mut watch);
    assert!(told_lines.any(|line| line.contains("\"live\"")));
    // What was said at the join has come by now: this answer is behind it.
    let (code, _, stderr) = told(&programs.run(&["advance-time", "Emberfall", "1m"]));
    assert_eq!(code, Some(0), "{stderr}");
    let events: Vec<String> = told_lines.filter(|line| line.contains("\"kind\":\"event\"")).collect();
    assert_eq!(watch.wait().unwrap().code(), Some(0));
    assert_eq!(events.len(), 1);
    assert!(events[0].contains("world_time_changed"), "{events:?}");
}
