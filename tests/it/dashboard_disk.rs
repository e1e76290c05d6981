//! The real `scry` in a pseudo-terminal, opened from disk while its server is away.

use std::fs;
use std::path::{Path, PathBuf};

use scry_testkit::e2e_session::{E2eSession, UserMachine, WIDE_TERMINAL};

/// Watches the campaign until it is live, and quits.
fn visit(seat: &UserMachine) {
    let mut dashboard = seat.dashboard(WIDE_TERMINAL);
    dashboard.type_keys("q");
    assert!(dashboard.wait_for_exit().success());
}

/// Returns the files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_server_the_dashboard_opens_from_disk_and_is_live_once_it_is_back() {
    let mut session = E2eSession::begin().await;
    let seat = session.seat("gm").await;
    visit(&seat);
    session.server.stop().await;

    let mut dashboard = seat.scry(&["--campaign", "emberfall"], WIDE_TERMINAL);
    dashboard.wait_for("Free Marches");
    dashboard.wait_until("the age on every pane", |pty| pty.screen().matches("from disk, ").count() == 3);
    dashboard.wait_for("Connecting");
    session.server.restart().await;
    dashboard.type_keys("r");
    dashboard.wait_until("the live state", |pty| {
        let screen = pty.screen();
        !screen.contains("from disk") && screen.contains("─ live ") && screen.contains("Free Marches")
    });
    assert!(!dashboard.screen().contains("fresh"), "nothing changed meanwhile: {}", dashboard.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_server_a_campaign_never_seen_is_no_screen() {
    let mut session = E2eSession::begin().await;
    let seat = session.seat("gm").await;
    visit(&seat);
    session.server.stop().await;
    let mut scry = seat.scry(&["--campaign", "Saltmarch"], WIDE_TERMINAL);
    assert_eq!(scry.wait_for_exit().exit_code(), 5);
    assert!(scry.screen().contains("cannot reach"), "{}", scry.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_set_aside_and_the_dashboard_opens_all_the_same() {
    let session = E2eSession::begin().await;
    let seat = session.seat("gm").await;
    visit(&seat);
    let states = files(&seat.home.path().join("states"));
    let [state] = states.as_slice() else { panic!("{states:?}") };
    fs::write(state, "half a sta").unwrap();
    let dashboard = seat.scry(&["--campaign", "Emberfall"], WIDE_TERMINAL);
    dashboard.wait_for("damaged and was moved to");
    dashboard.wait_for("Free Marches");
    assert_eq!(fs::read_to_string(state.with_extension("damaged.json")).unwrap(), "half a sta");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_keeps_nothing() {
    let session = E2eSession::begin().await;
    let seat = session.seat("gm").await;
    let mut demo = seat.scry(&["demo", "--for", "3s"], WIDE_TERMINAL);
    demo.wait_for("Free Marches");
    assert!(demo.wait_for_exit().success());
    assert_eq!(files(&seat.home.path().join("states")), Vec::<PathBuf>::new());
    assert_eq!(files(&seat.home.path().join("logs")), Vec::<PathBuf>::new());
}
