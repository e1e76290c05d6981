//! The real `scry` in a pseudo-terminal, opened from disk while its server is away.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::pty::Pty;
use crate::support::server::TestServer;

/// Holds a server, a person's directories and their login.
struct Evening {
    server: TestServer,
    home: TempDir,
    token: String,
}

impl Evening {
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let token = server.login("gm").await;
        Self { server, home: tempfile::tempdir().unwrap(), token }
    }

    fn scry(&self, args: &[&str]) -> Pty {
        let home = self.home.path().to_str().unwrap();
        let env = [
            ("HOME", home),
            ("SCRY_CONFIG_DIR", home),
            ("SCRY_DATA_DIR", home),
            ("SCRY_URL", &self.server.url),
            ("SCRY_TOKEN", &self.token),
        ];
        Pty::spawn(env!("CARGO_BIN_EXE_scry"), args, &env, (120, 40))
    }

    /// Watches the campaign until it is live, and quits.
    fn visit(&self) {
        let mut dashboard = self.scry(&["--campaign", "Emberfall"]);
        dashboard.wait_for("Free Marches");
        dashboard.wait_until("a live connection", |pty| pty.screen().contains("● "));
        dashboard.type_keys("q");
        assert!(dashboard.wait_for_exit().success());
    }
}

/// Lists the files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_server_the_dashboard_opens_from_disk_and_is_live_once_it_is_back() {
    let mut evening = Evening::begin().await;
    evening.visit();
    evening.server.stop().await;

    let mut dashboard = evening.scry(&["--campaign", "emberfall"]);
    dashboard.wait_for("Free Marches");
    dashboard.wait_until("the age on every pane", |pty| pty.screen().matches("from disk, ").count() == 3);
    dashboard.wait_for("Connecting");
    evening.server.restart().await;
    dashboard.type_keys("r");
    dashboard.wait_until("the live state", |pty| {
        let screen = pty.screen();
        !screen.contains("from disk") && screen.contains("─ live ") && screen.contains("Free Marches")
    });
    assert!(!dashboard.screen().contains("fresh"), "nothing changed meanwhile: {}", dashboard.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_server_a_campaign_never_seen_is_no_screen() {
    let mut evening = Evening::begin().await;
    evening.visit();
    evening.server.stop().await;
    let mut scry = evening.scry(&["--campaign", "Saltmarch"]);
    assert_eq!(scry.wait_for_exit().exit_code(), 5);
    assert!(scry.screen().contains("cannot reach"), "{}", scry.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_set_aside_and_the_dashboard_opens_all_the_same() {
    let evening = Evening::begin().await;
    evening.visit();
    let states = files(&evening.home.path().join("states"));
    let [state] = states.as_slice() else { panic!("{states:?}") };
    fs::write(state, "half a sta").unwrap();
    let dashboard = evening.scry(&["--campaign", "Emberfall"]);
    dashboard.wait_for("damaged and is set aside as");
    dashboard.wait_for("Free Marches");
    assert_eq!(fs::read_to_string(state.with_extension("damaged.json")).unwrap(), "half a sta");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_keeps_nothing() {
    let evening = Evening::begin().await;
    let mut demo = evening.scry(&["demo", "--for", "3s"]);
    demo.wait_for("Free Marches");
    assert!(demo.wait_for_exit().success());
    assert_eq!(files(&evening.home.path().join("states")), Vec::<PathBuf>::new());
    assert_eq!(files(&evening.home.path().join("logs")), Vec::<PathBuf>::new());
}
