//! A Redis of a test's own, on a socket file in a temporary directory.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::wait::until;

/// Runs `redis-server` until killed or dropped.
pub struct Redis {
    dir: TempDir,
    child: Child,
}

impl Redis {
    /// Starts one that keeps nothing on disk.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let child = spawn(&dir).await;
        Self { dir, child }
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.dir.path().join("redis.sock").display())
    }

    /// Kills it without a warning.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Lets it answer nothing until it may go on, as one that hangs.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Starts it again, empty, in the same place.
    pub async fn restart(&mut self) {
        self.child = spawn(&self.dir).await;
    }

    /// Runs one command and returns what `redis-cli` prints.
    pub async fn command(&self, args: &[&str]) -> String {
        let socket = self.dir.path().join("redis.sock");
        let output = Command::new("redis-cli").arg("-s").arg(socket).args(args).output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

async fn spawn(dir: &TempDir) -> Child {
    let socket = dir.path().join("redis.sock");
    // A killed one leaves its socket file behind.
    let _ = std::fs::remove_file(&socket);
    let child = Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(&socket)
        .arg("--dir")
        .arg(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("these tests need `redis-server` on the PATH; tests/setup.sh servers installs it");
    until("redis-server", async || UnixStream::connect(&socket).await.is_ok()).await;
    child
}
