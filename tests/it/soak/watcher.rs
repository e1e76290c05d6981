//! The client under test: `scry watch --status`, logged in as a person would be.

use std::path::Path;
use std::process::Stdio;

use scry_protocol::Id;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::statistics::WatchRecord;
use scry_testkit::server::BUNDLED_PASSWORD;

/// The running program and what it has printed.
pub struct WatchProcess {
    pub record: WatchRecord,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl WatchProcess {
    /// Logs in, starts the program and waits until it is live.
    pub async fn start(url: &str, campaign: &Id, dir: &Path) -> Self {
        let link = std::env::var("SCRY_SOAK_LINK").unwrap_or_else(|_| "wire".to_owned());
        std::fs::create_dir_all(dir.join("config")).unwrap();
        std::fs::write(dir.join("config/config.toml"), format!("[connection]\nlink = \"{link}\"\n")).unwrap();
        let program = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_scry"));
            command.env_clear().env("SCRY_URL", url).env("SCRY_DATA_DIR", dir.join("data"));
            command.env("SCRY_CONFIG_DIR", dir.join("config")).kill_on_drop(true).stdin(Stdio::null());
            command
        };
        let mut login = program();
        login.args(["login", "--username", "gm", "--password-stdin", "--store", "file"]);
        let mut login = login.stdin(Stdio::piped()).spawn().unwrap();
        login.stdin.take().unwrap().write_all(BUNDLED_PASSWORD.as_bytes()).await.unwrap();
        assert!(login.wait().await.unwrap().success());
        let mut child = program()
            .args(["watch", "--status", "--campaign", campaign.as_str()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut watcher = Self { record: WatchRecord::default(), lines, _child: child };
        while !watcher.record.has_begun() {
            watcher.read().await;
        }
        watcher
    }

    /// Reads the next line.
    pub async fn read(&mut self) {
        let line = self.lines.next_line().await.unwrap().expect("the client has ended");
        self.record.take(&line);
    }
}
