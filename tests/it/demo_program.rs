//! `scry demo` as a script runs it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

#[test]
fn a_demo_without_a_screen_prints_events_and_leaves_nothing_behind() {
    let (temporary, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let demo = Command::new(env!("CARGO_BIN_EXE_scry"))
        .args(["demo", "--no-tui", "--for", "5s", "--seed", "7"])
        .env("TMPDIR", temporary.path())
        .env("SCRY_DATA_DIR", home.path())
        .env("SCRY_CONFIG_DIR", home.path())
        .env_remove("SCRY_URL")
        .output()
        .unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let lines: Vec<Value> =
        String::from_utf8(demo.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty(), "five seconds at the table went by without an event");
    for line in &lines {
        assert_eq!((&line["v"], &line["kind"]), (&1.into(), &"event".into()));
    }
    let seqs: Vec<u64> = lines.iter().filter_map(|line| line["event"]["metadata"]["seq"].as_u64()).collect();
    assert!(seqs.len() == lines.len() && seqs.windows(2).all(|two| two[1] == two[0] + 1), "{seqs:?}");
    for dir in [&temporary, &home] {
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_demo_says_where_other_programs_can_join() {
    let (temporary, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let scry = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scry"));
        command.args(args).env("TMPDIR", temporary.path()).env_remove("SCRY_URL").env_remove("SCRY_TOKEN");
        command.env("SCRY_DATA_DIR", home.path()).env("SCRY_CONFIG_DIR", home.path());
        command
    };
    let mut demo =
        scry(&["demo", "--no-tui", "--for", "60s"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(demo.stderr.take().unwrap()).read_line(&mut said).unwrap();
    let url = said.split(" at ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_else(|| panic!("{said}"));
    assert!(said.contains("player:emberfall"), "{said}");
    let mut login = scry(&["login", "--username", "player", "--password-stdin", "--store", "file", "--url", url])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    login.stdin.take().unwrap().write_all(b"emberfall").unwrap();
    assert!(login.wait().unwrap().success());
    let found = scry(&["get", "settlement", "Saltwick", "--url", url]).output().unwrap();
    assert!(String::from_utf8_lossy(&found.stdout).contains("Saltwick"), "{found:?}");
    demo.kill().unwrap();
    demo.wait().unwrap();
}
