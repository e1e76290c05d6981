//! The login prompt of the real `scry` in a pseudo-terminal, and where the login goes.

// Elsewhere a login would go into the real keyring of whoever runs the tests.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::PathBuf;

use scry_testkit::e2e_session::{E2eSession, UserMachine, WIDE_TERMINAL};
use scry_testkit::pty::Pty;
use scry_testkit::server::BUNDLED_PASSWORD;

/// Returns the files that hold a login.
fn logins(seat: &UserMachine) -> Vec<PathBuf> {
    let Ok(files) = fs::read_dir(seat.home.path().join("logins")) else { return Vec::new() };
    let files = files.map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

fn type_login(pty: &mut Pty, password: &str) {
    pty.wait_for("User name for http://");
    pty.type_keys("gm\r");
    pty.wait_for("Password of gm at http://");
    pty.type_keys(&format!("{password}\r"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keyring_the_dashboard_opens_and_the_login_is_kept_for_this_run_only() {
    let session = E2eSession::begin().await;
    let seat = UserMachine::at(&session.server.url);
    let mut dashboard = seat.scry(&["--campaign", "Emberfall"], WIDE_TERMINAL);
    type_login(&mut dashboard, BUNDLED_PASSWORD);
    dashboard.wait_for("Free Marches");
    dashboard.wait_for("this login lasts until you quit");
    assert!(!dashboard.output().contains(BUNDLED_PASSWORD), "the password was echoed");
    dashboard.type_keys("q");
    assert!(dashboard.wait_for_exit().success());
    assert!(dashboard.screen().contains("scry login --store file"), "the remedy stays: {}", dashboard.screen());
    assert_eq!(logins(&seat), Vec::<PathBuf>::new(), "nothing is written unasked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_kept_in_a_file_is_asked_for_once() {
    let session = E2eSession::begin().await;
    let seat = UserMachine::at(&session.server.url);
    let mut login = seat.scry(&["login", "--store", "file"], WIDE_TERMINAL);
    type_login(&mut login, BUNDLED_PASSWORD);
    assert!(login.wait_for_exit().success());
    assert!(login.screen().contains("readable by you alone"), "{}", login.screen());
    assert!(!login.output().contains(BUNDLED_PASSWORD), "the password was echoed");
    assert_eq!(logins(&seat).len(), 1);

    let dashboard = seat.scry(&["--campaign", "Emberfall"], WIDE_TERMINAL);
    dashboard.wait_for("Free Marches");
    assert!(!dashboard.output().contains("Password"), "nothing is asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_in_one_sentence_and_never_shown() {
    let session = E2eSession::begin().await;
    let seat = UserMachine::at(&session.server.url);
    let mut scry = seat.scry(&["--campaign", "Emberfall"], WIDE_TERMINAL);
    type_login(&mut scry, "not-the-password");
    assert_eq!(scry.wait_for_exit().exit_code(), 4);
    assert!(!scry.is_alternate() && scry.output().contains("scry: "));
    assert!(!scry.output().contains("not-the-password"));
}
