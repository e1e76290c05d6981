//! The real `scry` in a pseudo-terminal, against the real server.

use std::process::{Command, Stdio};
use std::time::Duration;

use scry_testkit::e2e_session::{E2eSession, UserMachine, WIDE_TERMINAL};
use scry_testkit::pty::Pty;

const SCRY: &str = env!("CARGO_BIN_EXE_scry");
const TOWN: &str = "Harrow's Rest";

/// Returns the game master's seat, where F12 panics.
async fn seat(session: &E2eSession) -> UserMachine {
    session.seat("gm").await.with("SCRY_PANIC_KEY", "1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_made_elsewhere_appears_and_quitting_gives_the_terminal_back() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let mut dashboard = seat.dashboard(WIDE_TERMINAL);
    session.set_level(TOWN, 4).await;
    dashboard.wait_for("level 3 → 4");
    dashboard.wait_for("player");
    dashboard.type_keys("n");
    dashboard.wait_for("▲ from 3");
    dashboard.type_keys("q");
    assert!(dashboard.wait_for_exit().success());
    assert!(!dashboard.is_alternate());
    assert!(dashboard.output().contains("\u{1b}[?2004l"), "bracketed paste is off again");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_server_was_gone_every_event_made_meanwhile_is_there_once_and_in_order() {
    let mut session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let dashboard = seat.dashboard(WIDE_TERMINAL);
    session.set_level(TOWN, 4).await;
    dashboard.wait_for("level 3 → 4");
    session.server.stop().await;
    dashboard.wait_for("Connecting");
    dashboard.wait_for("stale since ");
    session.server.restart().await;
    for level in 5..8 {
        session.set_level(TOWN, level).await;
    }
    dashboard.wait_for("level 6 → 7");
    dashboard.wait_until("the end of the trouble", |pty| !pty.screen().contains("stale since "));
    let screen = dashboard.screen();
    let told: Vec<_> = ["level 3 → 4", "level 4 → 5", "level 5 → 6", "level 6 → 7"]
        .map(|change| screen.match_indices(change).map(|(index, _)| index).collect::<Vec<_>>())
        .concat();
    assert_eq!(told.len(), 4, "{screen}");
    assert!(told.is_sorted(), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layout_follows_the_terminal() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let mut dashboard = seat.dashboard(WIDE_TERMINAL);
    dashboard.resize((60, 20));
    dashboard.wait_for("[1 World]");
    dashboard.resize((40, 10));
    dashboard.wait_for("scry needs 60 by 15");
    dashboard.resize((100, 30));
    dashboard.wait_for("─ Journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_dashboard_writes_nothing() {
    let session = E2eSession::begin().await;
    seat(&session).await.dashboard(WIDE_TERMINAL).wait_for_silence(Duration::from_secs(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn pasted_text_is_not_run_as_a_command() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let mut dashboard = seat.dashboard((80, 24));
    dashboard.type_keys("\u{1b}[200~q\u{1b}[201~?");
    dashboard.wait_for("Help: World");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_gives_the_terminal_back_and_can_be_read() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let mut dashboard = seat.dashboard((80, 24));
    dashboard.type_keys("\u{1b}[24~");
    dashboard.wait_for("asked to panic by F12");
    assert!(!dashboard.is_alternate());
    assert_eq!(dashboard.wait_for_exit().exit_code(), 70);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_terminate_gives_the_terminal_back() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let mut dashboard = seat.dashboard((80, 24));
    assert!(Command::new("kill").args(["-TERM", &dashboard.pid().to_string()]).status().unwrap().success());
    assert_eq!(dashboard.wait_for_exit().exit_code(), 130);
    assert!(!dashboard.is_alternate());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn suspending_leaves_the_screen_and_coming_back_draws_it_anew() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let mut dashboard = seat.dashboard((80, 24));
    let leaves = |pty: &Pty| pty.output().matches("\u{1b}[?1049l").count();
    dashboard.type_keys("\u{1a}");
    // No shell minds this terminal, so that the system refuses to stop the program, and it comes back by itself.
    dashboard.wait_until("the screen to be left", |pty| leaves(pty) == 1);
    dashboard.wait_until("the screen to be taken again", Pty::is_alternate);
    dashboard.wait_for("Free Marches");
    dashboard.type_keys("?");
    dashboard.wait_for("Help: World");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_shell_gets_the_terminal_while_it_is_stopped_and_fg_brings_it_back() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await.with("PS1", "shell> ").with("PATH", "/usr/bin:/bin");
    let mut shell = Pty::spawn("bash", &["--norc", "--noprofile", "-i"], &seat.env().collect::<Vec<_>>(), (80, 24));
    shell.wait_for("shell> ");
    shell.type_keys(&format!("{SCRY} --campaign Emberfall\n"));
    shell.wait_for("Free Marches");
    shell.type_keys("\u{1a}");
    shell.wait_for("Stopped");
    assert!(!shell.is_alternate(), "the shell has its own screen");
    shell.type_keys("echo $((6 * 7))\n");
    shell.wait_for("42");
    // What happens meanwhile is there when it is back.
    session.set_level(TOWN, 4).await;
    shell.type_keys("fg\n");
    shell.wait_until("the dashboard", Pty::is_alternate);
    shell.wait_for("level 3 → 4");
    shell.type_keys("q");
    shell.wait_until("the shell", |pty| !pty.is_alternate());
    shell.type_keys("exit\n");
    assert!(shell.wait_for_exit().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_one_sentence_says_what_to_do_instead() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let output =
        Command::new(SCRY).args(["--campaign", "Emberfall"]).envs(seat.env()).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("scry watch"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_is_taken_over_and_a_mistake_changes_nothing() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let mut dashboard = seat.dashboard(WIDE_TERMINAL);
    let write = |text: &str| std::fs::write(seat.home.path().join("config.toml"), text).unwrap();
    write("[keys]\ndashboard.help = [\"H\"]\n");
    dashboard.wait_for("configuration reloaded");
    dashboard.type_keys("H");
    dashboard.wait_for("Help: World");
    dashboard.type_keys("\u{1b}");
    dashboard.wait_until("the help to be closed", |pty| !pty.screen().contains("Help: World"));
    write("[keys]\ndashboard.help = [\"H\"]\nworld.folt = []\n");
    dashboard.wait_for("configuration not reloaded");
    dashboard.type_keys("H");
    dashboard.wait_for("Help: World");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_opens_where_it_was_left() {
    let session = E2eSession::begin().await;
    let seat = seat(&session).await;
    let mut dashboard = seat.dashboard(WIDE_TERMINAL);
    dashboard.type_keys("/gallow\r4");
    dashboard.wait_for("━ Clock");
    dashboard.type_keys("q");
    assert!(dashboard.wait_for_exit().success());
    let dashboard = seat.scry(&["--campaign", "Emberfall"], WIDE_TERMINAL);
    dashboard.wait_for("━ Clock");
    dashboard.wait_for("/gallow (");
}

#[test]
fn a_wish_for_keys_that_cannot_be_fulfilled_is_refused_with_its_line() {
    let home = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        std::fs::write(home.path().join("config.toml"), text).unwrap();
        let output = Command::new(SCRY)
            .args(["config", "check"])
            .env("SCRY_CONFIG_DIR", home.path())
            .env("SCRY_DATA_DIR", home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = check("[keys]\n\nworld.folt = [\"x\"]\n");
    assert_eq!(code, Some(2));
    assert!(
        said.contains("config.toml:3: keys.world.folt: there is no command “folt” in world; did you mean “fold”?"),
        "{said}"
    );
    let (_, said) = check("[keys.world]\nfold = [\"q\"]\n");
    assert!(said.contains("config.toml:2: keys.world.fold: q is bound to dashboard.quit already"), "{said}");
    let (_, said) = check("[ui]\ntheme = \"drak\"\n");
    assert!(said.contains("ui.theme: there is no theme “drak”; did you mean “dark”?"), "{said}");
    assert_eq!(check("[keys]\nworld.fold = [\"x\"]\n").0, Some(0));
}
