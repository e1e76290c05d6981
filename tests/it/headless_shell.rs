//! What a shell and a pipe see of `scry`: completion, ends by signal, plain bytes; and the whole API from scripts.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::Value;

use super::support::town::{Town, told};

/// Asks bash what it would offer after these words, the last of which is being typed.
fn offered(town: &Town, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source <(scry completions bash); COMP_WORDS=({words}); COMP_CWORD={last}; COMP_TYPE=9; \
         COMP_LINE=\"${{COMP_WORDS[*]}}\"; COMP_POINT=${{#COMP_LINE}}; \
         _clap_complete_scry scry \"${{COMP_WORDS[COMP_CWORD]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words = quoted.join(" "),
        last = words.len() - 1
    );
    let (code, stdout, stderr) = told(&town.program("bash").args(["-c", &script]).output().unwrap());
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_campaigns_and_entities() {
    let town = Town::start();
    assert!(offered(&town, &["scry", "adv"]).contains(&"advance-time".to_owned()));
    assert_eq!(offered(&town, &["scry", "watch", "--campaign", "emb"]), ["Emberfall"]);
    assert_eq!(offered(&town, &["scry", "get", "settlement", "Cinder"]), ["Cinderford"]);
    assert_eq!(
        offered(&town, &["scry", "watch", "--campaign", "Emberfall", "--settlement", "Harr"]),
        ["Harrow\\'s\\ Rest"]
    );
    assert!(offered(&town, &["scry", "advance-time", ""]).contains(&"Emberfall".to_owned()));
}

#[test]
fn where_nobody_answers_completion_is_silent_and_quick() {
    let mut town = Town::start();
    // A port that takes connections and never says a word.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    town.url = format!("http://{}", deaf.local_addr().unwrap());
    assert_eq!(offered(&town, &["scry", "watch", "--campaign", "emb"]).concat(), "");
}

#[test]
fn sigterm_ends_quietly_after_the_last_whole_line() {
    let town = Town::start();
    let mut watch = town.scry(&["watch", "--campaign", "Emberfall", "--status"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(watch.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"live\"") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before it was live");
    }
    assert!(town.script("scry advance-time Emberfall 1m").status.success());
    line.clear();
    out.read_line(&mut line).unwrap();
    assert!(line.contains("world_time_changed"), "the line waits for nothing: {line}");
    assert!(town.script(&format!("kill -TERM {}", watch.id())).status.success());
    let (mut rest, mut said) = (String::new(), String::new());
    out.read_to_string(&mut rest).unwrap();
    watch.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((watch.wait().unwrap().code(), said.as_str()), (Some(130), ""));
    assert!(rest.is_empty() || rest.ends_with('\n'), "{rest:?}");
}

#[test]
fn what_is_no_terminal_gets_plain_lines() {
    let town = Town::start();
    let commands = [
        "scry get settlement -o table",
        "scry advance-time Emberfall 1m",
        "scry watch --campaign Emberfall --since beginning --count 1 --format text",
        "scry record --campaign Emberfall -o r.jsonl --for 300ms",
        "scry replay r.jsonl --speed max",
        "scry wait --campaign Emberfall --for 'type == \"nothing_of_the_kind\"' --timeout 300ms || true",
    ];
    for command in commands {
        let (code, stdout, stderr) = told(&town.script(command));
        assert_eq!(code, Some(0), "{command}: {stderr}");
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!stdout.contains(control) && !stderr.contains(control), "{command}: {stdout:?} {stderr:?}");
    }
}

#[test]
fn a_settlements_past_is_that_of_its_campaign() {
    let town = Town::start();
    let script = "scry update settlement Cinderford --set level=5 >/dev/null; scry advance-time Emberfall 1m >/dev/null; \
        scry watch --settlement Cinderford --since beginning --count 1 --for 20s";
    let (code, stdout, stderr) = told(&town.script(script));
    assert_eq!(code, Some(0), "{stderr}");
    let line: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert_eq!(line["event"]["type"], "settlement_updated");
}

#[test]
fn members_the_clock_and_messages_are_changed_from_scripts_too() {
    let town = Town::start();
    let script = "
        campaign=$(scry get campaign Emberfall | sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/')
        scry create member --set campaignId=Emberfall --set userId=outsider --set role=viewer
        scry update member outsider --campaign Emberfall --set role=editor
        scry delete member outsider --campaign Emberfall
        scry set-time Emberfall 1207-09-15T06:00:00Z
        scry notify player --title 'Supper is ready'
        scry update settlement Cinderford --set level=4 --idempotency-key once >/dev/null
        scry update settlement Cinderford --set level=5 >/dev/null
        scry update settlement Cinderford --set level=4 --idempotency-key once
    ";
    let (code, stdout, stderr) = told(&town.script(script));
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["role"], &lines[1]["role"]), (&"VIEWER".into(), &"EDITOR".into()), "{stdout}");
    assert_eq!(lines[2]["newTime"], "1207-09-15T06:00:00.000Z");
    assert_eq!(lines[3]["notified"], 1);
    assert_eq!(lines[4]["level"], 4, "the repeated command tells its first result");
    let (_, stdout, _) = told(&town.run(&["get", "settlement", "Cinderford"]));
    assert!(stdout.contains("\"level\":5"), "and changes nothing: {stdout}");
    let (code, _, stderr) = told(&town.run(&[
        "update",
        "settlement",
        "Cinderford",
        "--set",
        "level=9",
        "--expected-version",
        "1",
        "--on-conflict",
        "reject",
    ]));
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("level: it was 4, yours is 9, theirs is 5"), "{stderr}");
}
