//! The programs in `examples/`, run as a reader of them would.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use scry_testkit::programs::{ProgramFixture, told};

/// Returns the path of a built example.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_scry")).with_file_name("examples").join(name)
}

#[test]
fn watch_campaign_prints_each_event_of_the_campaign() {
    let programs = ProgramFixture::start();
    let (_, campaign, _) = told(&programs.run(&["get", "campaign", "Emberfall"]));
    let campaign: Value = serde_json::from_str(&campaign).unwrap();
    let room = format!("campaign:{}", campaign["id"].as_str().unwrap());
    let mut watch = programs.program(example("watch_campaign").to_str().unwrap());
    let mut watch = watch.arg(room).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    // It joins at its own pace: each try is an event of its own, and the first that is printed ends them.
    let (found, printed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut events = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        found.send(events.find(|event| event["type"] == "settlement_updated"))
    });
    let mut tries = 0..100;
    let event = loop {
        let description = format!("description=Quiet {}", tries.next().expect("it joins in time"));
        let (code, _, said) = told(&programs.run(&["update", "settlement", "Cinderford", "--set", &description]));
        assert_eq!(code, Some(0), "{said}");
        if let Ok(event) = printed.recv_timeout(std::time::Duration::from_millis(300)) {
            break event.expect("it goes on");
        }
    };
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert_eq!(event["metadata"]["changes"][0]["field"], json!("description"), "{event}");
}

#[test]
fn publish_event_prints_where_the_event_stands() {
    let settings = [("SCRY_SERVER_CATALOGUES", "erp")];
    let programs = ProgramFixture::with(&settings);
    let mut token = Command::new(env!("CARGO_BIN_EXE_scry-server"));
    let token =
        token.env("SCRY_SERVER_DATA_DIR", programs.dir.path().join("server")).envs(settings).args(["token", "bot"]);
    let (_, token, _) = told(&token.output().unwrap());
    let mut publish = programs.program(example("publish_event").to_str().unwrap());
    let payload = json!({"companyId": "acme", "invoiceId": "i", "number": "17", "amount": 12.5, "currency": "EUR"});
    let (code, said, why) =
        told(&publish.env("SCRY_TOKEN", token.trim()).args(["invoice:paid", &payload.to_string()]).output().unwrap());
    assert_eq!(code, Some(0), "{why}");
    let published: Value = serde_json::from_str(&said).unwrap();
    assert!(published["eventId"].is_string(), "{said}");
}

#[test]
fn embed_server_lists_the_campaigns_of_its_world() {
    let output = Command::new(example("embed_server")).env_clear().stdin(Stdio::null()).output().unwrap();
    assert_eq!(told(&output), (Some(0), "Emberfall\n".to_owned(), String::new()));
}
