//! What a shell and a pipe see of `scry`: ends by signal, plain bytes.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::Value;

use scry_testkit::programs::{ProgramFixture, told};

#[test]
fn sigterm_ends_quietly_after_the_last_whole_line() {
    let programs = ProgramFixture::start();
    let mut watch = programs.scry(&["watch", "--campaign", "Emberfall", "--status"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(watch.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"live\"") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before it was live");
    }
    assert!(programs.script("scry advance-time Emberfall 1m").status.success());
    line.clear();
    out.read_line(&mut line).unwrap();
    assert!(line.contains("world_time_changed"), "the line waits for nothing: {line}");
    assert!(programs.script(&format!("kill -TERM {}", watch.id())).status.success());
    let (mut rest, mut said) = (String::new(), String::new());
    out.read_to_string(&mut rest).unwrap();
    watch.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((watch.wait().unwrap().code(), said.as_str()), (Some(130), "scry: interrupted\n"));
    assert!(rest.is_empty() || rest.ends_with('\n'), "{rest:?}");
}

#[test]
fn output_without_a_terminal_is_plain_lines() {
    let programs = ProgramFixture::start();
    let commands = [
        "scry get settlement -o table",
        "scry advance-time Emberfall 1m",
        "scry watch --campaign Emberfall --since beginning --count 1 --format text",
        "scry record --campaign Emberfall -o r.jsonl --for 3s",
        "scry replay r.jsonl --speed max",
        "scry wait --campaign Emberfall --for 'type == \"nothing_of_the_kind\"' --timeout 300ms || true",
    ];
    for command in commands {
        let (code, stdout, stderr) = told(&programs.script(command));
        assert_eq!(code, Some(0), "{command}: {stderr}");
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!stdout.contains(control) && !stderr.contains(control), "{command}: {stdout:?} {stderr:?}");
    }
}

#[test]
fn a_settlements_past_is_that_of_its_campaign() {
    let programs = ProgramFixture::start();
    let script = "scry update settlement Cinderford --set level=5 >/dev/null; scry advance-time Emberfall 1m >/dev/null; \
        scry watch --settlement Cinderford --since beginning --count 1 --for 20s";
    let (code, stdout, stderr) = told(&programs.script(script));
    assert_eq!(code, Some(0), "{stderr}");
    let line: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert_eq!(line["event"]["type"], "settlement_updated");
}
