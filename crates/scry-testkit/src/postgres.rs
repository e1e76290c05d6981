//! A Postgres of a test's own, which may be stopped and started.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use tokio::task::spawn_blocking;

use crate::paths::workspace;

/// Runs `tests/postgres.sh` until dropped.
pub struct Postgres {
    /// The address of a database of its own.
    pub url: String,
    control: String,
    script: Child,
    /// The script ends when this is closed.
    stdin: Option<ChildStdin>,
}

impl Postgres {
    /// Starts one.
    pub async fn start() -> Self {
        spawn_blocking(start).await.unwrap()
    }

    /// Stops it as a crash does: no connection is ended in an orderly way.
    pub async fn stop(&self) {
        self.control("-m immediate stop").await;
    }

    /// Starts it again; it recovers what was committed.
    pub async fn restart(&self) {
        self.control("start").await;
    }

    async fn control(&self, command: &str) {
        let line = format!("cd / && {} {command}", self.control);
        let run = move || Command::new("sh").args(["-c", &line]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(spawn_blocking(run).await.unwrap().unwrap().success(), "pg_ctl {command}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // Waited for, because it removes its files.
        let _ = self.script.wait();
    }
}

fn start() -> Postgres {
    let tell = "echo \"$SCRY_TEST_POSTGRES\"; echo \"$SCRY_TEST_POSTGRES_CTL\"; exec cat";
    let mut script = Command::new(workspace().join("tests/postgres.sh"))
        .args(["sh", "-c", tell])
        // What it has acknowledged must outlive a crash.
        .env("SCRY_POSTGRES", "durable")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
    let mut line = || lines.next().expect("these tests need Postgres: tests/setup.sh servers installs it").unwrap();
    let (url, control) = (line(), line());
    let stdin = script.stdin.take();
    Postgres { url, control, script, stdin }
}
