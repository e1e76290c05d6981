//! Every way out of a command but success says why, in one sentence on stderr, within the time that was allowed.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use scry_testkit::programs::{ProgramFixture, told};

/// A command line, the code it ends with, and what it says.
type CommandCase<'a> = (&'a [&'a str], i32, &'a str);

const ROOM: &str = "campaign:01970000-0000-7000-8000-000000000001";

/// Longer than any of the commands below may take, with room for a crowded machine.
const MAX_COMMAND_TIME: Duration = Duration::from_secs(12);

fn check(programs: &ProgramFixture, url: &str, ways: &[CommandCase<'_>]) {
    for (args, wanted, sentence) in ways {
        let started = Instant::now();
        let (code, _, stderr) = told(&programs.scry(args).env("SCRY_URL", url).output().unwrap());
        assert_eq!(code, Some(*wanted), "{args:?}: {stderr}");
        assert!(stderr.contains(sentence), "{args:?}: {stderr}");
        assert!(started.elapsed() < MAX_COMMAND_TIME, "{args:?} took {:?}", started.elapsed());
    }
}

/// Answers every request alike, until the test is over.
fn web_server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            // A client that has gone is of no interest.
            let _ = stream.read(&mut request).and_then(|_| stream.write_all(answer.as_bytes()));
        }
    });
    url
}

#[test]
fn server_that_is_not_there_ends_every_command_in_time_with_the_cause() {
    let programs = ProgramFixture::start();
    programs
        .write("e.toml", "timeout = \"2s\"\n[rooms]\ncampaign = \"Emberfall\"\n[[never]]\nevent = 'type == \"x:y\"'\n");
    programs.write(
        "r.toml",
        &format!("timeout = \"2s\"\n[rooms]\nroom = \"{ROOM}\"\n[[never]]\nevent = 'type == \"x:y\"'\n"),
    );
    check(
        &programs,
        "http://127.0.0.1:1",
        &[
            (&["watch", "--room", ROOM, "--fail-if", "type == 'x:y'", "--for", "2s"], 5, "refused"),
            (&["watch", "--campaign", "Emberfall", "--for", "2s"], 5, "refused"),
            (&["watch", "-q", "--campaign", "Emberfall", "--for", "2s"], 5, "refused"),
            (&["watch", "--campaign", "Emberfall", "--since", "beginning", "--for", "2s"], 5, "refused"),
            (&["wait", "--room", ROOM, "--for", "type == 'x:y'", "--timeout", "2s"], 5, "refused"),
            (&["wait", "--campaign", "Emberfall", "--for", "type == 'x:y'", "--timeout", "2s"], 5, "refused"),
            (&["record", "--room", ROOM, "-o", "a.jsonl", "--for", "2s"], 5, "refused"),
            (&["record", "--campaign", "Emberfall", "-o", "b.jsonl", "--for", "2s"], 5, "refused"),
            (&["expect", "e.toml"], 5, "refused"),
            (&["expect", "r.toml"], 5, "refused"),
            (&["get", "campaign"], 5, "refused"),
            (&["advance-time", "Emberfall", "1h"], 5, "refused"),
        ],
    );
    let watch = |for_: &'static str| -> [&'static str; 5] { ["watch", "--room", ROOM, "--for", for_] };
    check(&programs, "http://nosuch.invalid", &[(&watch("2s"), 5, "cannot connect: ")]);
    let plain = programs.url.replace("http://", "https://");
    check(&programs, &plain, &[(&watch("2s"), 5, "cannot connect: ")]);
    let page = web_server(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>",
    );
    check(&programs, &page, &[(&watch("2s"), 5, "cannot connect: ")]);
    let busy = web_server("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    check(&programs, &busy, &[(&watch("2s"), 5, "cannot connect: ")]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    check(&programs, &silent, &[(&watch("2s"), 5, "cannot connect: ")]);
}

#[test]
fn every_other_end_says_why() {
    let programs = ProgramFixture::start();
    let url = programs.url.clone();
    programs.write(
        "t.toml",
        "timeout = \"1s\"\n[rooms]\ncampaign = \"Emberfall\"\n[[expect]]\nevent = 'type == \"x:y\"'\n",
    );
    programs.write(
        "v.toml",
        "timeout = \"5s\"\n[rooms]\ncampaign = \"Emberfall\"\n[[never]]\nevent = 'entity.variables.unrst > 50'\n",
    );
    for _ in 0..2 {
        assert!(programs.run(&["advance-time", "Emberfall", "1m"]).status.success());
    }
    let watch = ["watch", "--campaign", "Emberfall", "--since", "beginning", "--for", "9s"];
    let watching = |more: &[&'static str]| [&watch[..], more].concat();
    let clock = "type == 'world_time_changed'";
    check(
        &programs,
        &url,
        &[
            (&watching(&["--fail-if", clock]), 1, "meets --fail-if type == 'world_time_changed'"),
            (&watching(&["--fail-if", clock, "--filter", "type == 'x:y'"]), 1, "meets --fail-if"),
            (&watching(&["--fail-if", "metadata.changes[0].to > metadata.seq"]), 1, "--fail-if “"),
            (
                &watching(&["--filter", "metadata.changes[0].to > metadata.seq"]),
                1,
                "--filter “metadata.changes[0].to > metadata.seq” cannot be judged on #",
            ),
            (&watching(&["--until", "metadata.changes[0].to > metadata.seq"]), 1, "--until “"),
            (
                &["wait", "--campaign", "Emberfall", "--for", "entity.variables.population > entity.name"],
                1,
                "--for “entity.variables.population > entity.name” cannot be judged on",
            ),
            (
                &["watch", "--campaign", "Emberfall", "--count", "1", "--for", "1s"],
                3,
                "the time was up after 0 of 1 events",
            ),
            (&["watch", "--campaign", "Emberfall", "--until", clock, "--for", "1s"], 3, "before --until “"),
            (&["wait", "--campaign", "Emberfall", "--for", clock, "--timeout", "1s"], 3, "not met: "),
            (
                &["record", "--campaign", "Emberfall", "--count", "1", "--for", "1s", "-o", "a.jsonl"],
                3,
                "the time was up after 0 of 1 events",
            ),
            (&["expect", "t.toml"], 3, "before the timeout of 1s"),
            (&["watch", "--campaign", "Emberfall", "--since", "99999", "--for", "1s"], 6, "the result is not certain"),
            (&["watch", "--room", ROOM, "--for", "2s"], 2, "was refused"),
            (&["watch", "--campaign", "Emberfal", "--for", "2s"], 2, "no campaign “Emberfal”"),
            (
                &["watch", "--campaign", "Emberfall", "--fail-if", "entity.variables.unrst > 50", "--for", "2s"],
                2,
                "did you mean “unrest”?",
            ),
            (&["wait", "--campaign", "Emberfall", "--for", "entity.variables.unrst > 50"], 2, "did you mean “unrest”?"),
            (
                &["record", "--campaign", "Emberfall", "--filter", "entity.variables.unrst > 50", "-o", "b.jsonl"],
                2,
                "did you mean “unrest”?",
            ),
            (&["expect", "v.toml"], 2, "v.toml:4: unknown variable “unrst”"),
            (
                &["watch", "--settlement", "Cinderford", "--fail-if", "entity.variables.unrst > 50", "--for", "2s"],
                2,
                "did you mean “unrest”?",
            ),
            (&["watch", "--campaign", "Emberfall", "--filter", "type.matches('[')"], 2, "is not a regular expression"),
            (&["replay", "none.jsonl"], 2, "none.jsonl"),
            (&["get", "settlement", "Nowhere"], 2, "no settlement “Nowhere”"),
        ],
    );
    let (code, _, stderr) =
        told(&programs.scry(&["watch", "--room", ROOM, "--for", "5s"]).env("SCRY_TOKEN", "no").output().unwrap());
    assert!(code == Some(4) && !stderr.is_empty(), "{stderr}");
}
