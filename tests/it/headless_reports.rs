//! What `scry expect` writes, read by the readers that others use; and a newcomer's first steps.

use std::process::Command;

use serde_json::{Value, json};

use scry_testkit::node::{modules, source};
use scry_testkit::programs::{ProgramFixture, told};

const FLOW: &str = r#"
name = "a <flow> & more"
timeout = "20s"
[rooms]
campaign = "Emberfall"
[[expect]]
name = "the town \"changes\" # once"
event = 'type == "settlement_updated"'
[[expect]]
name = "then the clock <moves>"
event = 'type == "world_time_changed" && payload.elapsedSeconds == 60'
within = "1s"
[[never]]
name = "no deletion"
event = 'payload.operation == "delete"'
"#;

const YAML: &str = r#"
timeout: 20s
rooms:
  campaign: [Emberfall]
expect:
  - name: the clock moves
    event: |
      type == "world_time_changed"
      && payload.elapsedSeconds == 60
    within: 1s
"#;

/// Reads a file with the reader of its kind.
fn read(programs: &ProgramFixture, kind: &str, args: &[&str]) -> Value {
    let output = Command::new("node")
        .arg(source().join("formats.cjs"))
        .arg(kind)
        .args(args)
        .env("NODE_PATH", modules())
        .current_dir(programs.dir.path())
        .output()
        .expect("these tests need Node.js 18 or later: install it so that `node` is on the PATH");
    let (code, stdout, stderr) = told(&output);
    assert_eq!(code, Some(0), "{kind}: {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn expect(programs: &ProgramFixture, command: &str) -> (Option<i32>, String) {
    let reports = "--report-junit r.xml --report-tap r.tap --report-json r.json";
    let (code, _, stderr) = told(&programs.script(&format!("scry expect flow.toml {reports} -- sh -e -c '{command}'")));
    (code, stderr)
}

#[test]
fn reports_are_read_by_the_readers_of_their_formats() {
    let programs = ProgramFixture::start();
    programs.write("flow.toml", FLOW);
    let (code, stderr) = expect(
        &programs,
        "scry update settlement Cinderford --set level=5 >/dev/null; scry advance-time Emberfall 1m >/dev/null",
    );
    assert_eq!(code, Some(0), "{stderr}");
    let junit = read(&programs, "junit", &["r.xml"]);
    assert_eq!(
        (&junit["tests"], &junit["failures"], &junit["name"]),
        (&json!("4"), &json!("0"), &json!("a <flow> & more"))
    );
    let tap = read(&programs, "tap", &["r.tap"]);
    assert_eq!((&tap["ok"], &tap["plan"]), (&json!(true), &json!(4)));
    assert_eq!(tap["found"][0]["name"], "the town \"changes\" # once");

    let (code, stderr) = expect(&programs, "scry update settlement Cinderford --set level=4 >/dev/null");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("flow.toml:9: then the clock <moves>"), "{stderr}");
    let junit = read(&programs, "junit", &["r.xml"]);
    assert_eq!((&junit["failures"], &junit["testsuite"]["skipped"]), (&json!("1"), &json!("1")));
    let failed = junit["testsuite"]["testcase"].as_array().unwrap().iter().find(|case| case["failure"].is_object());
    assert!(failed.unwrap()["failure"]["message"].as_str().unwrap().contains("did not happen within 1s"));
    let tap = read(&programs, "tap", &["r.tap"]);
    assert_eq!((&tap["ok"], &tap["found"][1]["ok"]), (&json!(false), &json!(false)));
    let report: Value = serde_json::from_slice(&std::fs::read(programs.dir.path().join("r.json")).unwrap()).unwrap();
    assert_eq!(report["cases"][1]["name"], "then the clock <moves>");
}

/// Text that would end an element, a section, a line, a comment or a table's cell of some report.
const MARKUP: &str =
    "</failure><script>alert(1)</script>]]>&amp;<!-- --> \" ' | `x` **b** # skip\tnot ok 9 \u{9b}31m\u{202e}\u{0}";

#[test]
fn names_of_entities_are_text_in_every_report() {
    let programs = ProgramFixture::start();
    // NUL is the one character that the server takes from nobody.
    let text = MARKUP.replace('\u{0}', "");
    programs.write(
        "flow.toml",
        "timeout = \"20s\"\nsettle = \"1s\"\n[rooms]\ncampaign = \"Emberfall\"\n[[expect]]\nname = \"the town is renamed\"\n\
         event = 'type == \"settlement_updated\" && entity.name == \"another\"'\nwithin = \"3s\"\n",
    );
    programs.write("text", &text);
    programs.write("name", "</failure><script>alert(1)</script>]]>&amp;");
    let (code, stderr) =
        expect(&programs, "scry update settlement Cinderford --set name=@name --set description=@text >/dev/null");
    assert_eq!(code, Some(1), "{stderr}");
    let is_harmless = |text: &str| !text.contains(['\u{9b}', '\u{202e}', '\u{1b}', '\u{0}']);
    assert!(is_harmless(&stderr), "{stderr}");
    let junit = read(&programs, "junit", &["r.xml"]);
    // The expectation, and the command.
    assert_eq!((&junit["tests"], &junit["failures"]), (&json!("2"), &json!("1")), "{junit}");
    let case = &junit["testsuite"]["testcase"][0];
    assert!(case["failure"].is_object() && case["failure"]["script"].is_null(), "markup has become an element: {case}");
    let tap = read(&programs, "tap", &["r.tap"]);
    assert_eq!((&tap["plan"], tap["found"].as_array().unwrap().len()), (&json!(2), 2), "{tap}");
    let report: Value = serde_json::from_slice(&std::fs::read(programs.dir.path().join("r.json")).unwrap()).unwrap();
    assert_eq!(report["cases"].as_array().unwrap().len(), 2);
    for file in ["r.xml", "r.tap", "r.json"] {
        let text = std::fs::read_to_string(programs.dir.path().join(file)).unwrap();
        assert!(text.contains("alert(1)"), "the name is told in {file}: {text}");
        assert!(is_harmless(&text), "{file}: {text}");
    }
}

#[test]
fn a_file_in_yaml_is_judged_as_one_in_toml() {
    let programs = ProgramFixture::start();
    programs.write("flow.yaml", YAML);
    let run = |command: &str| told(&programs.script(&format!("scry expect flow.yaml -- {command}")));
    let (code, _, stderr) = run("scry advance-time Emberfall 1m");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("flow.yaml:6: the clock moves"), "{stderr}");
    let (code, _, stderr) = run("scry advance-time Emberfall 2m");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("FAILED   flow.yaml:6: the clock moves"), "{stderr}");
    programs.write("flow.yaml", &YAML.replace("within:", "witin:"));
    let (code, _, stderr) = run("true");
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("flow.yaml:10: unknown key “witin” in “expect”; did you mean “within”?"), "{stderr}");
}

#[test]
fn a_run_that_cannot_begin_leaves_a_failed_report() {
    let mut programs = ProgramFixture::start();
    programs.write("flow.toml", &FLOW.replace("20s", "700ms"));
    let reported = |programs: &ProgramFixture| read(programs, "junit", &["r.xml"])["failures"].clone();
    programs.write("r.xml", "<testsuites failures=\"0\"/>");
    programs.url = "http://127.0.0.1:1".to_owned();
    let (code, stderr) = expect(&programs, "true");
    assert_eq!((code, reported(&programs)), (Some(5), json!("1")), "{stderr}");
    assert!(stderr.contains("cannot reach http://127.0.0.1:1"), "{stderr}");

    let programs = ProgramFixture::start();
    programs.write("flow.toml", &FLOW.replace("Emberfall", "Emberfal"));
    let (code, stderr) = expect(&programs, "true");
    assert_eq!((code, reported(&programs)), (Some(2), json!("1")), "{stderr}");
}

#[test]
fn the_example_is_accepted_by_the_schema_and_runs_as_it_says() {
    let programs = ProgramFixture::start();
    let (_, example, _) = told(&programs.run(&["expect", "--init"]));
    let commands: String =
        example.lines().filter_map(|line| line.strip_prefix("#   ")).map(|line| line.to_owned() + "\n").collect();
    assert!(commands.contains("scry expect level-up.toml --"), "{commands}");
    let (code, stdout, stderr) = told(&programs.script(&commands));
    assert_eq!(code, Some(0), "{stdout}{stderr}");

    let file: Value = toml::from_str(&example).unwrap();
    programs.write("example.json", &file.to_string());
    let read = |name: &str| read(&programs, "schema", &[name, "expect.schema.json"]);
    assert_eq!(read("example.json"), json!({"valid": true, "errors": null}));
    programs.write("wrong.json", &json!({"expect": [{"evnt": "true"}]}).to_string());
    assert_eq!(read("wrong.json")["valid"], false);
    programs.write("wrong.json", &json!({"expect": [{"event": "true", "exactly": 2}]}).to_string());
    assert_eq!(read("wrong.json")["valid"], false, "an exact count needs its window");
}
