//! `scry --plain` against the real server: lines in, lines out, in a terminal and in a pipe.

use std::io::Write;
use std::process::{Command, Stdio};

use scry_testkit::e2e_session::{E2eSession, WIDE_TERMINAL};

#[tokio::test(flavor = "multi_thread")]
async fn an_evening_is_told_in_sentences_without_a_control_sequence() {
    let mut session = E2eSession::begin().await;
    let seat = session.seat("gm").await;
    let mut talk = seat.scry(&["--plain", "--campaign", "Emberfall"], WIDE_TERMINAL);
    talk.wait_for("Connected.");
    talk.wait_for("“help” lists the commands.");
    talk.type_keys("detail harrow\r");
    talk.wait_for("Harrow's Rest, settlement, version");
    session.set_level("Harrow's Rest", 4).await;
    talk.wait_for("Harrow's Rest, settlement: level 3 to 4. By player.");
    session.server.stop().await;
    talk.wait_for("Connection lost, trying again in");
    talk.type_keys("edit level 6\r");
    talk.wait_for("Kept until there is a connection: Harrow's Rest, level 4 to 6.");
    session.server.restart().await;
    talk.wait_for("Connected again; everything is up to date.");
    talk.wait_for("Saved: Harrow's Rest, level 4 to 6.");
    talk.type_keys("quit\r");
    assert!(talk.wait_for_exit().success());
    assert!(!talk.output().contains('\u{1b}'), "{:?}", talk.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_a_pipe_wait_for_the_campaign_and_its_end_is_a_farewell() {
    let session = E2eSession::begin().await;
    let seat = session.seat("gm").await;
    for input in ["world\nquit\n", "world\n"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scry"))
            .args(["--plain", "--campaign", "Emberfall"])
            .env_clear()
            .envs(seat.env())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(said.contains("  Harrow's Rest, settlement, level 3"), "{said}");
        assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_several_campaigns_one_is_asked_for() {
    let session = E2eSession::begin().await;
    let gm = scry_testkit::emberfall::Emberfall::on(&session.server).await;
    let create = "mutation {createCampaign(input: {name: \"Second\"}) {id}}";
    session.server.graphql(&gm.gm, create, serde_json::json!({})).await;
    let seat = session.seat("gm").await;
    let mut talk = seat.scry(&["--plain"], WIDE_TERMINAL);
    talk.wait_for("Which campaign? Type its number or its name.");
    talk.type_keys("nonsense\r");
    talk.wait_for("No campaign is called “nonsense”");
    talk.type_keys("ember\r");
    talk.wait_for("Opening Emberfall.");
    talk.wait_for("“help” lists the commands.");
    talk.type_keys("\u{4}");
    assert!(talk.wait_for_exit().success());
}
