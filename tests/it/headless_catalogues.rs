//! Events of other applications without a screen: published, watched, judged.

use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};

use serde_json::Value;

use scry_testkit::programs::{ProgramFixture, told};

const CATALOGUES: [(&str, &str); 1] = [("SCRY_SERVER_CATALOGUES", "erp")];

fn server(programs: &ProgramFixture, args: &[&str]) -> Output {
    let mut command = programs.program(env!("CARGO_BIN_EXE_scry-server"));
    command
        .env("SCRY_SERVER_DATA_DIR", programs.dir.path().join("server"))
        .envs(CATALOGUES)
        .args(args)
        .output()
        .unwrap()
}

fn publish(programs: &ProgramFixture, event: &str, payload: &str) -> Output {
    let bot = String::from_utf8(server(programs, &["token", "bot"]).stdout).unwrap();
    programs.scry(&["publish", event, "--json", payload]).env("SCRY_TOKEN", bot.trim()).output().unwrap()
}

const PAID: &str = r#"{"companyId":"acme","invoiceId":"i","number":"17","amount":12.5,"currency":"EUR"}"#;

const FILTER: &str = r#"type == "invoice:paid" && payload.amount > 10.0 && metadata.catalogue == "erp""#;

/// Starts to watch, and waits until it is live.
fn watch(programs: &ProgramFixture, args: &[&str]) -> Child {
    let mut child = programs.scry(args).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap());
    let mut line = String::new();
    while !line.contains("\"live\"") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it has ended");
    }
    child
}

#[test]
fn custom_event_is_printed_as_a_raw_line() {
    let programs = ProgramFixture::with(&CATALOGUES);
    assert!(server(&programs, &["room", "add", "company:acme", "gm"]).status.success());
    let args = ["watch", "--room", "company:acme", "--status", "--count", "1", "--filter", FILTER];
    let child = watch(&programs, &args);
    let (code, answer, stderr) = told(&publish(&programs, "invoice:paid", PAID));
    assert_eq!(code, Some(0), "{stderr}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["rooms"][0], "company:acme");
    let (code, lines, _) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0));
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&line["room"], &line["raw"]), (&"company:acme".into(), &true.into()), "{line}");
    assert_eq!((&line["event"]["type"], &line["event"]["payload"]["number"]), (&"invoice:paid".into(), &"17".into()));
    assert_eq!(line["event"]["payload"]["metadata"]["eventId"], answer["eventId"]);

    let refused = publish(&programs, "invoice:paid", &PAID.replace("12.5", "-1"));
    let (code, stdout, stderr) = told(&refused);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("payload.amount: "), "{stderr}");
}

#[test]
fn a_recording_is_played_to_those_in_its_rooms() {
    let programs = ProgramFixture::with(&CATALOGUES);
    assert!(server(&programs, &["room", "add", "company:acme", "gm"]).status.success());
    let mut recording = programs.scry(&["record", "--room", "company:acme", "-o", "paid.ndjson", "--count", "2", "-v"]);
    let mut recording = recording.stderr(Stdio::piped()).spawn().unwrap();
    // Nothing of it is written before the room is joined.
    let file = programs.dir.path().join("paid.ndjson");
    let mut published = 0;
    while recording.try_wait().unwrap().is_none() {
        assert!(published < 500, "nothing is recorded: {}", std::fs::read_to_string(&file).unwrap_or_default());
        published += 1;
        publish(&programs, "invoice:paid", &PAID.replace("17", &published.to_string()));
    }
    let mut stage = programs.scry(&["replay", "paid.ndjson", "--serve", "127.0.0.1:0", "--speed", "max"]);
    let mut stage = stage.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(stage.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap();
    let watch =
        programs.scry(&["watch", "--room", "company:acme", "--count", "2"]).env("SCRY_URL", url).output().unwrap();
    let (code, lines, stderr) = told(&watch);
    let _ = stage.kill();
    let _ = stage.wait();
    assert_eq!(code, Some(0), "{stderr}");
    let numbers = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let seqs: Vec<u64> = numbers.map(|line| line["event"]["payload"]["metadata"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs[1], seqs[0] + 1, "{lines}");
}

#[test]
fn a_line_for_people_says_it_as_the_catalogue_does() {
    let programs = ProgramFixture::with(&CATALOGUES);
    assert!(server(&programs, &["room", "add", "company:acme", "gm"]).status.success());
    let args = ["watch", "--room", "company:acme", "--status", "--count", "1", "--format", "text"];
    let child = watch(&programs, &args);
    publish(&programs, "invoice:paid", PAID);
    let (_, lines, _) = told(&child.wait_with_output().unwrap());
    assert!(lines.trim_end().ends_with(" invoice:paid (success): invoice 17 is paid: 12.5 EUR"), "{lines}");
}

#[test]
fn expectations_are_about_any_events() {
    let programs = ProgramFixture::with(&CATALOGUES);
    assert!(server(&programs, &["room", "add", "company:acme", "gm"]).status.success());
    let bot = String::from_utf8(server(&programs, &["token", "bot"]).stdout).unwrap();
    programs.write(
        "paid.toml",
        "timeout = \"20s\"\n[rooms]\nroom = \"company:acme\"\n[[expect]]\nname = \"it is paid\"\n\
         event = 'type == \"invoice:paid\" && payload.number == \"17\"'\n",
    );
    programs.write("publish.sh", &format!("SCRY_TOKEN={} scry publish invoice:paid --json '{PAID}'\n", bot.trim()));
    let (code, _, stderr) = told(&programs.run(&["expect", "paid.toml", "--", "sh", "publish.sh"]));
    assert_eq!(code, Some(0), "{stderr}");
    let misspelt = programs.run(&["watch", "--room", "campain:c"]);
    assert_eq!(misspelt.status.code(), Some(2));
    let refused = told(&programs.run(&["watch", "--room", "company:globex", "--for", "5s"]));
    assert!(refused.2.contains("company:globex was refused"), "{refused:?}");
}

#[test]
fn the_operator_manages_who_is_in_a_room() {
    let programs = ProgramFixture::with(&CATALOGUES);
    let said = |args: &[&str]| {
        let (code, stdout, stderr) = told(&server(&programs, args));
        (code, stdout + &stderr)
    };
    assert_eq!(said(&["room", "add", "company:acme", "gm"]), (Some(0), "gm may join company:acme\n".to_owned()));
    assert_eq!(said(&["room", "list", "company:acme"]), (Some(0), "gm\n".to_owned()));
    let removed = said(&["room", "remove", "company:acme", "gm"]);
    assert!(
        removed.0 == Some(0) && removed.1.contains("unless the claim companies of their token says so"),
        "{removed:?}"
    );
    assert_eq!(said(&["room", "list", "company:acme"]).1, "");
    for (args, code, sentence) in [
        (["room", "remove", "company:acme", "gm"], 1, "gm is not a member of company:acme"),
        (["room", "add", "company:acme", "nobody"], 1, "there is no user nobody"),
        (["room", "add", "compny:acme", "gm"], 2, "did you mean company?"),
        (["room", "add", "campaign:c", "gm"], 2, "manage the members of campaigns"),
        (["token", "gm", "--claim", "sub=me"], 2, "is set by the server itself"),
        (["token", "gm", "--claim", "companies"], 2, "must be NAME=VALUE"),
    ] {
        let told = said(&args);
        assert!(told.0 == Some(code) && told.1.contains(sentence), "{args:?}: {told:?}");
    }
    let (_, token) = said(&["token", "player", "--claim", "companies=[acme,globex]"]);
    let child = programs
        .scry(&["watch", "--room", "company:globex", "--for", "4s", "--status"])
        .env("SCRY_TOKEN", token.trim())
        .output();
    assert!(told(&child.unwrap()).1.contains("\"live\""));
    assert!(said(&["check-config"]).1.contains("catalogues erp"));
}
