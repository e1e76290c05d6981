//! Recordings: compressed, cut, and as a gateway that the official client joins.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use scry_testkit::node::NodeDriver;
use scry_testkit::programs::{ProgramFixture, told};

const RECORDS: &str = "scry record --campaign Emberfall -o FILE --count 3 & pid=$!; \
    while kill -0 $pid 2>/dev/null; do scry advance-time Emberfall 1m >/dev/null; done; wait $pid";

fn record(programs: &ProgramFixture, name: &str) {
    let (code, _, stderr) = told(&programs.script(&RECORDS.replace("FILE", name)));
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_compressed_recording_is_the_same_recording() {
    let programs = ProgramFixture::start();
    record(&programs, "a.jsonl.zst");
    let script = "scry replay a.jsonl.zst -o b.jsonl; scry replay b.jsonl -o c.jsonl.zst; \
        mv c.jsonl.zst c; scry replay c --speed max --format '{type}'";
    let (code, stdout, stderr) = told(&programs.script(script));
    assert_eq!((code, stdout.lines().count()), (Some(0), 3), "{stderr}");
    let bytes = |name: &str| std::fs::read(programs.dir.path().join(name)).unwrap();
    assert!(bytes("a.jsonl.zst").starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    assert!(bytes("c").len() < bytes("b.jsonl").len() / 2, "it is worth it");

    let cut = bytes("c");
    std::fs::write(programs.dir.path().join("cut"), &cut[..cut.len() - 3]).unwrap();
    let (code, _, stderr) = told(&programs.run(&["replay", "cut", "--speed", "max"]));
    assert!(code == Some(2) || stderr.contains("ends in the middle"), "{code:?} {stderr}");
}

#[test]
fn a_cut_recording_is_played_as_far_as_it_goes() {
    let programs = ProgramFixture::start();
    record(&programs, "a.jsonl");
    let text = std::fs::read_to_string(programs.dir.path().join("a.jsonl")).unwrap();
    programs.write("cut.jsonl", &text[..text.len() - 9]);
    let (code, stdout, stderr) = told(&programs.run(&["replay", "cut.jsonl", "--speed", "max"]));
    assert_eq!((code, stdout.lines().count()), (Some(0), 2));
    assert!(stderr.contains("ends in the middle of line 4"), "{stderr}");
}

/// A recording that is played to whoever joins.
struct ReplayGateway {
    url: String,
    child: Child,
}

impl ReplayGateway {
    fn open(programs: &ProgramFixture, file: &str) -> Self {
        let mut replay = programs.scry(&["replay", file, "--serve", "127.0.0.1:0", "--speed", "max"]);
        let mut child = replay.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { url, child }
    }
}

impl Drop for ReplayGateway {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_joins_a_recording() {
    let programs = tokio::task::spawn_blocking(|| {
        let programs = ProgramFixture::start();
        record(&programs, "a.jsonl");
        programs
    });
    let programs = programs.await.unwrap();
    let text = std::fs::read_to_string(programs.dir.path().join("a.jsonl")).unwrap();
    let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let room = header["rooms"][0].as_str().unwrap().to_owned();
    let recorded: Vec<Value> =
        text.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap()[2].clone()).collect();

    let stage = ReplayGateway::open(&programs, "a.jsonl");
    let node = NodeDriver::start().await;
    let socket = node.enter("guest", &stage.url, "any").await;
    let id = room.trim_start_matches("campaign:");
    let joined = socket.ask("subscribe_campaign", json!({"campaignId": id})).await;
    assert_eq!((&joined["success"], &joined["room"]), (&json!(true), &json!(room)));
    let heard = socket.wait("world_time_changed", recorded.len()).await;
    assert_eq!(heard, recorded, "event by event, as it was recorded");
}
