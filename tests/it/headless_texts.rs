//! Texts that deceive: in JSON they are what is stored, written so that no terminal obeys them.

use serde_json::Value;

use scry_testkit::hostile::{CAMPAIGN, HOSTILE_TEXT, HostileGateway};
use scry_testkit::programs::{ProgramFixture, told};
use scry_testkit::terminal::is_hostile;
use scry_testkit::wait::until;

/// A name that reads “Gloamwick” and holds what nobody sees.
const NAME: &str = "Gloam\u{200b}\u{2060}wi\u{200d}ck";
/// A text that turns the direction, and holds what a terminal obeys.
const STORY: &str = "\u{202e}a\u{9b}31m\u{85}b\u{2028}c\u{feff}d\u{2066}\u{ad}e";

/// Checks that the output is lines of JSON with nothing hostile in them, and returns them.
fn lines(output: &str) -> Vec<Value> {
    let bad = output
        .chars()
        .find(|c| *c != '\n' && (is_hostile(*c) || matches!(c, '\u{200c}' | '\u{200d}' | '\u{7f}'..='\u{9f}')));
    assert_eq!(bad, None, "{output:?}");
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn machine_output_is_what_is_stored_and_harmless() {
    let programs = ProgramFixture::start();
    let one = |args: &[&str]| {
        let (code, stdout, stderr) = told(&programs.run(args));
        assert_eq!(code, Some(0), "{args:?}: {stderr}");
        lines(&stdout).pop().unwrap()
    };
    let set = [format!("name={NAME}"), format!("description={STORY}")];
    let created = one(&["create", "location", "--campaign", "Emberfall", "--set", &set[0], "--set", &set[1]]);
    assert_eq!((created["name"].as_str(), created["description"].as_str()), (Some(NAME), Some(STORY)));
    let id = created["id"].as_str().unwrap();
    assert_eq!(one(&["get", "location", id])["name"], NAME);
    let updated = one(&["update", "location", id, "--set", "type=\u{202e}cave"]);
    assert_eq!((&updated["name"], &updated["type"]), (&Value::from(NAME), &Value::from("\u{202e}cave")));
    // By the name as it is and by the name as it looks.
    assert_eq!(one(&["get", "location", NAME])["id"], id);
    assert_eq!(one(&["get", "location", "Gloamwi\u{200d}ck"])["id"], id);

    let (_, stdout, _) = told(&programs.run(&["get", "event", "--campaign", "Emberfall"]));
    let events = lines(&stdout);
    assert_eq!(
        events[0]["event"]["metadata"]["changes"].as_array().unwrap().iter().filter(|it| it["to"] == NAME).count(),
        1
    );
    for format in [&["--format", "json"][..], &["--raw"]] {
        let watch = [
            "watch",
            "--campaign",
            "Emberfall",
            "--since",
            "beginning",
            "--count",
            "1",
            "--filter",
            "type == 'entity_updated'",
        ];
        let (code, stdout, stderr) = told(&programs.run(&[&watch[..], format].concat()));
        assert_eq!(code, Some(0), "{stderr}");
        assert!(lines(&stdout)[0].to_string().contains(NAME), "{stdout}");
    }
    let (_, table, _) = told(&programs.run(&["get", "location", "-o", "table", "--campaign", "Emberfall"]));
    assert!(table.contains("Gloamwi") && !table.contains(|c: char| c != '\n' && is_hostile(c)), "{table}");
}

#[test]
fn a_comparison_holds_for_what_is_stored_and_not_for_what_it_looks_like() {
    let programs = ProgramFixture::start();
    let set = format!("name={NAME}");
    assert_eq!(told(&programs.run(&["create", "location", "--campaign", "Emberfall", "--set", &set])).0, Some(0));
    let wait = |name: &str, timeout: &str| {
        let condition = format!("entity.name == '{name}'");
        told(&programs.run(&["wait", "--campaign", "Emberfall", "--for", &condition, "--timeout", timeout]))
    };
    let (code, stdout, stderr) = wait(NAME, "20s");
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(lines(&stdout)[0]["entity"]["name"], NAME);
    let (code, stdout, _) = wait("Gloamwick", "2s");
    assert_eq!((code, stdout.as_str()), (Some(3), ""));
}

#[test]
fn a_recording_is_harmless_and_lossless() {
    let programs = ProgramFixture::start();
    let script = format!(
        "scry create location --campaign Emberfall --set 'name={NAME}' --set 'description={STORY}' >/dev/null; \
         scry record --campaign Emberfall -o - --count 1 > whole & pid=$!; \
         while kill -0 $pid 2>/dev/null; do scry update location '{NAME}' --set 'description=another {STORY}' >/dev/null; \
         scry update location '{NAME}' --set description=plain >/dev/null; done; wait $pid; cat whole; cp whole a.jsonl; \
         scry replay a.jsonl -o b.jsonl; scry replay a.jsonl --speed max"
    );
    let (code, stdout, stderr) = told(&programs.script(&script));
    assert_eq!(code, Some(0), "{stderr}");
    let recorded = lines(&stdout);
    let nodes = recorded[0]["state"][0]["nodes"].as_array().unwrap();
    let location = nodes.iter().find(|node| node["name"] == NAME).unwrap();
    assert_eq!(location["description"], STORY);
    let body = |name: &str| {
        let text = std::fs::read_to_string(programs.dir.path().join(name)).unwrap();
        text.split_once('\n').unwrap().1.to_owned()
    };
    assert_eq!(body("a.jsonl"), body("b.jsonl"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_server_deceives_no_reader_of_any_stream() {
    let mut gateway = HostileGateway::start().await;
    let dir = tempfile::tempdir().unwrap();
    let url = gateway.gateway.url.clone();
    let scry = |args: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_scry"));
        command.env_clear().envs([("SCRY_URL", url.as_str()), ("SCRY_TOKEN", "any")]);
        command.envs([("SCRY_CONFIG_DIR", dir.path()), ("SCRY_DATA_DIR", dir.path())]).args(args);
        command.stdin(std::process::Stdio::null()).kill_on_drop(true);
        command
    };
    // The sentence that lists the campaigns is one line, whatever they are called.
    let unknown = scry(&["watch", "--campaign", "nowhere", "--for", "5s"]).output().await.unwrap();
    let (code, stdout, stderr) = told(&unknown);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert_eq!(stderr.lines().count(), 1, "{stderr:?}");
    assert!(!stderr.contains(|c: char| c != '\n' && is_hostile(c)), "{stderr:?}");

    for args in
        [&["get", "campaign"][..], &["get", "notification"], &["get", "preferences"], &["get", "settlement", "s1"]]
    {
        let (_, stdout, stderr) = told(&scry(args).output().await.unwrap());
        let told = lines(&stdout);
        assert!(stderr.lines().all(|line| !line.contains(is_hostile)), "{stderr:?}");
        let whole = told.iter().any(|value| value.to_string().contains(&Value::from(HOSTILE_TEXT).to_string()[1..20]));
        assert!(whole || args[1] == "settlement", "nothing is left out: {args:?} {stdout}");
    }

    let watch = ["watch", "--campaign", CAMPAIGN, "--include", "control,presence", "--for", "20s", "--until"];
    let until_end = "type == 'settlement_updated' && 'finished' in payload.changedFields";
    let child = scry(&[&watch[..], &[until_end]].concat())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    until("a seat", async || gateway.gateway.ask("subscriptions").await.as_array().is_some_and(|all| !all.is_empty()))
        .await;
    gateway.say_everything("marked").await;
    gateway.say("finished").await;
    let (code, stdout, stderr) = told(&child.wait_with_output().await.unwrap());
    assert_eq!(code, Some(0), "{stderr}");
    let told = lines(&stdout);
    assert!(
        told.len() > 10 && told.iter().any(|line| line.to_string().contains(&Value::from(HOSTILE_TEXT).to_string())),
        "{stdout}"
    );
    assert!(!stderr.contains(|c: char| c != '\n' && is_hostile(c)), "{stderr:?}");
}
