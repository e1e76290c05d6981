//! Every way in which `scry` ends, with the real program.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use scry_testkit::programs::{ProgramFixture, told};

const ROOM: &str = "campaign:01970000-0000-7000-8000-000000000001";

#[test]
fn met_condition_exits_with_0_and_unmet_with_1() {
    let programs = ProgramFixture::start();
    let (code, stdout, _) = told(&programs.run(&["get", "settlement", "Cinderford", "-o", "table"]));
    assert_eq!(code, Some(0));
    assert!(stdout.contains("Cinderford"), "{stdout}");

    programs.write(
        "e.toml",
        "[rooms]\ncampaign = \"Emberfall\"\n[[expect]]\nevent = 'type == \"world_time_changed\"'\nwithin = \"5s\"\n",
    );
    let (code, _, stderr) = told(&programs.run(&["expect", "e.toml", "--", "scry", "advance-time", "Emberfall", "1h"]));
    assert_eq!(code, Some(0), "{stderr}");
    let (code, _, stderr) = told(&programs.run(&["expect", "e.toml", "--", "sh", "-c", "exit 3"]));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("the command ended with code 3"), "{stderr}");
    programs.write(
        "n.toml",
        "[rooms]\ncampaign = \"Emberfall\"\n[[never]]\nevent = 'payload.elapsedSeconds > 60'\nwithin = \"9s\"\n",
    );
    let (code, _, stderr) = told(&programs.run(&["expect", "n.toml", "--", "scry", "advance-time", "Emberfall", "1h"]));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("n.toml:3: never 1") && stderr.contains("it happened: #"), "{stderr}");
}

#[test]
fn a_feared_event_ends_a_watch_and_a_wait_with_1() {
    let programs = ProgramFixture::start();
    for command in [
        "scry watch --campaign Emberfall --fail-if 'payload.elapsedSeconds == 7200' --for 20s --status",
        "scry wait --campaign Emberfall --new --for 'payload.elapsedSeconds == 1' --fail-if 'payload.elapsedSeconds == 7200'",
    ] {
        let script = format!(
            "{command} & pid=$!; while kill -0 $pid 2>/dev/null; do scry advance-time Emberfall 2h >/dev/null; done; wait $pid"
        );
        let (code, _, stderr) = told(&programs.script(&script));
        assert_eq!(code, Some(1), "{command}: {stderr}");
    }
}

#[test]
fn a_wrong_command_line_or_file_ends_with_2() {
    let programs = ProgramFixture::start();
    let (code, _, stderr) =
        told(&programs.run(&["watch", "--campaign", "Emberfall", "--filter", "payload.setlementId == 'x'"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("did you mean “settlementId”?") && stderr.contains("^^^^^^^^^^^"), "{stderr}");
    let (code, _, stderr) = told(&programs.run(&["watch", "--campaign", "Emberfal"]));
    assert_eq!(code, Some(2), "{stderr}");
    programs.write("bad.toml", "[[expect]]\nevnt = 'true'\n");
    let (code, _, stderr) = told(&programs.run(&["expect", "bad.toml"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("bad.toml:2: unknown key “evnt”"), "{stderr}");
    programs.write("no.jsonl", "{}\n");
    assert_eq!(told(&programs.run(&["replay", "no.jsonl"])).0, Some(2));
    let (code, _, stderr) =
        told(&programs.run(&["update", "settlement", "Cinderford", "--set", "variables.population=many"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--set variables.population"), "{stderr}");
}

#[test]
fn time_that_runs_out_ends_with_3_and_says_what_came_nearest() {
    let programs = ProgramFixture::start();
    let (code, stdout, stderr) = told(&programs.run(&[
        "wait",
        "--campaign",
        "Emberfall",
        "--for",
        "type == 'world_time_changed'",
        "--timeout",
        "4s",
    ]));
    assert_eq!((code, stdout.as_str()), (Some(3), ""));
    assert!(
        stderr.contains("not met: type == 'world_time_changed'") && stderr.contains("0 events were seen"),
        "{stderr}"
    );
    let (code, ..) = told(&programs.run(&["watch", "--campaign", "Emberfall", "--count", "1", "--for", "4s"]));
    assert_eq!(code, Some(3));
    programs.write(
        "t.toml",
        "timeout = \"4s\"\n[rooms]\ncampaign = \"Emberfall\"\n[[expect]]\nevent = 'type == \"world_time_changed\"'\n",
    );
    assert_eq!(told(&programs.run(&["expect", "t.toml"])).0, Some(3));
}

#[test]
fn a_refused_login_ends_with_4_and_a_dead_server_with_5() {
    let programs = ProgramFixture::start();
    let (code, _, stderr) = told(&programs.scry(&["get", "campaign"]).env("SCRY_TOKEN", "nonsense").output().unwrap());
    assert_eq!(code, Some(4), "{stderr}");
    let (code, _, stderr) =
        told(&programs.scry(&["get", "campaign"]).env("SCRY_URL", "http://127.0.0.1:1").output().unwrap());
    assert_eq!(code, Some(5), "{stderr}");
}

#[test]
fn a_hole_in_the_stream_ends_with_6() {
    let programs = ProgramFixture::start();
    let mut recording =
        format!("{{\"scry\":\"recording\",\"v\":1,\"startedAt\":\"2026-01-01T00:00:00Z\",\"rooms\":[\"{ROOM}\"]}}\n");
    let id = ROOM.trim_start_matches("campaign:");
    for (at, seq) in [(10, 1), (20, 2), (30, 5), (40, 6)] {
        recording += &format!(
            "[{at},\"{ROOM}\",{{\"type\":\"world_time_changed\",\"payload\":{{\"campaignId\":\"{id}\",\"previousTime\":\"a\",\"newTime\":\"b\",\"elapsedSeconds\":60}},\"metadata\":{{\"v\":1,\"epoch\":\"e\",\"seq\":{seq}}}}}]\n"
        );
    }
    programs.write("holes.jsonl", &recording);
    let mut gateway = programs
        .scry(&["replay", "holes.jsonl", "--serve", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(gateway.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    let watch = programs
        .scry(&["watch", "--room", ROOM, "--count", "4", "--for", "10s"])
        .env("SCRY_URL", url)
        .output()
        .unwrap();
    let _ = gateway.kill();
    gateway.wait().unwrap();
    let (code, stdout, stderr) = told(&watch);
    assert_eq!((code, stdout.lines().count()), (Some(6), 4), "{stdout}{stderr}");
}

#[test]
fn a_full_disk_ends_with_70_and_an_interruption_with_130() {
    let programs = ProgramFixture::start();
    let (code, _, stderr) = told(&programs.script("scry get campaign >/dev/full"));
    assert_eq!(code, Some(70), "{stderr}");

    let mut watch =
        programs.scry(&["watch", "--campaign", "Emberfall", "--status"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"live\"")));
    let interrupted = Instant::now();
    assert!(programs.script(&format!("kill -INT {}", watch.id())).status.success());
    assert_eq!(watch.wait().unwrap().code(), Some(130));
    assert!(interrupted.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let programs = ProgramFixture::start();
    let (code, stdout, stderr) = told(&programs.script(
        "for n in 1 2 3; do scry advance-time Emberfall 1m >/dev/null; done; scry watch --campaign Emberfall --since beginning --for 5s | head -n 1",
    ));
    assert_eq!((code, stdout.lines().count(), stderr.as_str()), (Some(0), 1, ""));
}

#[test]
fn a_recording_of_a_replay_is_the_same_recording() {
    let programs = ProgramFixture::start();
    let script = "scry record --campaign Emberfall -o a.jsonl --count 3 & pid=$!; \
        while kill -0 $pid 2>/dev/null; do scry advance-time Emberfall 1m >/dev/null; done; wait $pid; \
        scry replay a.jsonl -o b.jsonl";
    let (code, _, stderr) = told(&programs.script(script));
    assert_eq!(code, Some(0), "{stderr}");
    let body = |name: &str| {
        let text = std::fs::read_to_string(programs.dir.path().join(name)).unwrap();
        text.split_once('\n').unwrap().1.to_owned()
    };
    assert_eq!(body("a.jsonl").lines().count(), 3);
    assert_eq!(body("a.jsonl"), body("b.jsonl"));
}

#[test]
fn help_for_the_shell_is_written() {
    let programs = ProgramFixture::start();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, stdout, _) = told(&programs.run(&["completions", shell]));
        assert!(code == Some(0) && stdout.contains("_SCRY_COMPLETE"), "{shell}");
    }
    let (code, stdout, _) = told(&programs.run(&["man"]));
    assert!(code == Some(0) && stdout.contains(".TH scry") && stdout.contains("fail\\-if"), "{stdout}");
}
