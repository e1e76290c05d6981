//! The real `scry-server` program over a directory that outlives it.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use scry_server::config::{Argon2Config, ConfigSecret, ServerConfig};
use scry_world::World;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::paths::program;

const LOG_FILE: &str = "stderr.log";

/// Runs the program until killed or dropped.
pub struct ServerProcess {
    /// Its address.
    pub url: String,
    dir: Arc<TempDir>,
    settings: Vec<(String, String)>,
    child: Child,
}

impl ServerProcess {
    /// Seeds the bundled world and starts the program.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Does the same with more settings, `SCRY_SERVER_…`.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::of(&World::bundled(), settings).await
    }

    /// Does the same with another world.
    pub async fn of(world: &World, settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::new(dir.path());
        config.auth.argon2 = Argon2Config { memory_kib: 8, iterations: 1, parallelism: 1 };
        let setting = |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        config.database = setting("SCRY_SERVER_DATABASE").map(str::to_owned);
        config.auth.jwt_secret = setting("SCRY_SERVER_JWT_SECRET").map(ConfigSecret::new);
        scry_server::seed(&config, world).await.unwrap();
        let settings: Vec<_> = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let dir = Arc::new(dir);
        let (child, url) = spawn(dir.path(), &settings).await;
        Self { url, dir, settings, child }
    }

    /// Starts another program with the same settings over the same data.
    pub async fn beside(&self) -> Self {
        let (child, url) = spawn(self.dir.path(), &self.settings).await;
        Self { url, dir: self.dir.clone(), settings: self.settings.clone(), child }
    }

    /// Returns settings that open the same data.
    pub fn config(&self) -> ServerConfig {
        ServerConfig::new(self.dir.path())
    }

    /// Returns what the programs over the same data have written to stderr.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join(LOG_FILE)).unwrap()
    }

    /// Kills the program without a warning, as `kill -9` does.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks the program to end, as an init system does, and waits until it has ended.
    pub async fn terminate(&mut self) {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        // One that has ended already has no id.
        if let Some(id) = id {
            kill_process(id, Signal::TERM).unwrap();
        }
        self.child.wait().await.unwrap();
    }

    /// Starts the program again over the same data, on another port.
    pub async fn restart(&mut self) {
        (self.child, self.url) = spawn(self.dir.path(), &self.settings).await;
    }

    /// Does the same where it may fail, as without its database; returns whether it runs.
    pub async fn try_restart(&mut self) -> bool {
        match try_spawn(self.dir.path(), &self.settings).await {
            Some(running) => (self.child, self.url) = running,
            None => return false,
        }
        true
    }
}

/// Opens what collects the words of all programs over a directory.
fn log_file(dir: &Path) -> Stdio {
    std::fs::OpenOptions::new().create(true).append(true).open(dir.join(LOG_FILE)).unwrap().into()
}

async fn spawn(dir: &Path, settings: &[(String, String)]) -> (Child, String) {
    try_spawn(dir, settings).await.expect("the server has ended without a word")
}

/// Starts the program; `None` if it ends before it listens.
async fn try_spawn(dir: &Path, settings: &[(String, String)]) -> Option<(Child, String)> {
    let mut child = Command::new(program("scry-server"))
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir)
        .envs(settings.iter().map(|(key, value)| (key, value)))
        .stdout(Stdio::piped())
        .stderr(log_file(dir))
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await.unwrap().unwrap()?;
    let url = line.strip_prefix("listening on ").expect("it says where it listens").to_owned();
    Some((child, url))
}
