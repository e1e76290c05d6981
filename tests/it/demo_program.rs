//! `scry demo` as a script runs it.

use std::process::Command;

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
