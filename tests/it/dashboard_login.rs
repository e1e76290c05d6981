//! The login prompt of the real `scry` in a pseudo-terminal, and where the login goes.

// Elsewhere a login would go into the real keyring of whoever runs the tests.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::pty::Pty;
use crate::support::server::{PASSWORD, TestServer};

const SIZE: (u16, u16) = (120, 40);

/// Holds a server and a person's machine, which has no keyring.
struct Machine {
    server: TestServer,
    home: TempDir,
}

impl Machine {
    async fn new() -> Self {
        Self { server: TestServer::start().await, home: tempfile::tempdir().unwrap() }
    }

    fn scry(&self, args: &[&str]) -> Pty {
        let home = self.home.path().to_str().unwrap();
        let env = [
            ("HOME", home),
            ("SCRY_CONFIG_DIR", home),
            ("SCRY_DATA_DIR", home),
            ("SCRY_URL", &self.server.url),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent"),
        ];
        Pty::spawn(env!("CARGO_BIN_EXE_scry"), args, &env, SIZE)
    }

    /// Lists the files that hold a login.
    fn logins(&self) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(self.home.path().join("logins")) else { return Vec::new() };
        let files = files.map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
    }
}

fn type_login(pty: &mut Pty, password: &str) {
    pty.wait_for("User name for http://");
    pty.type_keys("gm\r");
    pty.wait_for("Password of gm at http://");
    pty.type_keys(&format!("{password}\r"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keyring_the_dashboard_opens_and_the_login_is_kept_for_this_run_only() {
    let machine = Machine::new().await;
    let mut dashboard = machine.scry(&["--campaign", "Emberfall"]);
    type_login(&mut dashboard, PASSWORD);
    dashboard.wait_for("Free Marches");
    dashboard.wait_for("this login lasts until you quit");
    assert!(!dashboard.output().contains(PASSWORD), "the password was echoed");
    dashboard.type_keys("q");
    assert!(dashboard.wait_for_exit().success());
    assert!(dashboard.screen().contains("scry login --store file"), "the remedy stays: {}", dashboard.screen());
    assert_eq!(machine.logins(), Vec::<PathBuf>::new(), "nothing is written unasked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_kept_in_a_file_is_asked_for_once() {
    let machine = Machine::new().await;
    let mut login = machine.scry(&["login", "--store", "file"]);
    type_login(&mut login, PASSWORD);
    assert!(login.wait_for_exit().success());
    assert!(login.screen().contains("readable by you alone"), "{}", login.screen());
    assert!(!login.output().contains(PASSWORD), "the password was echoed");
    assert_eq!(machine.logins().len(), 1);

    let dashboard = machine.scry(&["--campaign", "Emberfall"]);
    dashboard.wait_for("Free Marches");
    assert!(!dashboard.output().contains("Password"), "nothing is asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_in_one_sentence_and_never_shown() {
    let machine = Machine::new().await;
    let mut scry = machine.scry(&["--campaign", "Emberfall"]);
    type_login(&mut scry, "not-the-password");
    assert_eq!(scry.wait_for_exit().exit_code(), 4);
    assert!(!scry.is_alternate() && scry.output().contains("scry: "));
    assert!(!scry.output().contains("not-the-password"));
}
