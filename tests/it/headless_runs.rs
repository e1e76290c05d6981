//! Runs beside each other on one campaign: each knows what its own command did.

use serde_json::Value;

use scry_testkit::programs::{ProgramFixture, told};

const CORRELATED: &str = "timeout = \"6s\"\n[rooms]\ncampaign = \"Emberfall\"\n[[expect]]\n\
    event = 'correlated && type == \"world_time_changed\"'\n[[expect]]\nname = \"and what follows from it\"\n\
    event = 'correlated && metadata.source != \"api\"'\n";

#[test]
fn two_runs_on_one_campaign_do_not_satisfy_each_other() {
    let programs = ProgramFixture::start();
    programs.write("run.toml", CORRELATED);
    let mut idle = programs.scry(&["expect", "run.toml"]);
    let idle = idle.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    // A day brings something with it in this world, which carries the id of what led to it.
    let (code, _, stderr) =
        told(&programs.run(&["expect", "run.toml", "--", "scry", "advance-time", "Emberfall", "31d"]));
    assert_eq!(code, Some(0), "{stderr}");
    let idle = idle.wait_with_output().unwrap();
    let (code, _, stderr) = told(&idle);
    assert_eq!(code, Some(3), "it did nothing itself: {stderr}");
    assert!(stderr.contains("found  correlated is false"), "the report says why: {stderr}");
}

#[test]
fn every_change_of_a_command_carries_the_id_of_its_run() {
    let programs = ProgramFixture::start();
    let script = "
        export SCRY_CORRELATION_ID=run-42
        scry update settlement Cinderford --set level=5
        scry advance-time Emberfall 1m
        scry set-time Emberfall 1207-12-01T00:00:00Z
        scry create location --campaign Emberfall --set name=Cave
        scry delete location Cave
        scry update member viewer --campaign Emberfall --set role=EDITOR
        scry delete member viewer --campaign Emberfall
    ";
    let (code, _, stderr) = told(&programs.script(&format!("{script} >/dev/null")));
    assert_eq!(code, Some(0), "{stderr}");
    let (_, stdout, stderr) = told(&programs.run(&["get", "event", "--campaign", "Emberfall"]));
    let ids: Vec<String> = stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["metadata"]["correlationId"].to_string())
        .collect();
    assert!(ids.len() >= 7, "{stderr}");
    assert!(ids.iter().all(|id| id == "\"run-42\""), "{ids:?}");

    let watch = "scry watch --campaign Emberfall --since beginning --for 3s --filter correlated --format '{metadata.correlationId}'";
    let (_, stdout, stderr) = told(&programs.script(&format!("SCRY_CORRELATION_ID=run-42 {watch}")));
    assert_eq!(stdout.lines().count(), ids.len(), "{stderr}");
    let (_, stdout, _) = told(&programs.script(&format!("SCRY_CORRELATION_ID=another {watch}")));
    assert_eq!(stdout, "");
}

#[test]
fn an_expression_that_asks_for_a_run_is_refused_where_there_is_none() {
    let programs = ProgramFixture::start();
    for command in ["watch --filter", "wait --timeout 2s --for"] {
        let (code, _, stderr) = told(&programs.script(&format!("scry {} correlated --campaign Emberfall", command)));
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("set SCRY_CORRELATION_ID"), "{stderr}");
    }
    let (code, _, stderr) = told(&programs.script("SCRY_CORRELATION_ID='two words' scry get campaign"));
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("SCRY_CORRELATION_ID is not an id"), "{stderr}");
}
