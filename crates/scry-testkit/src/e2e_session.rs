//! An evening at the table: a server with the bundled world, and people who sit down at dashboards.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::emberfall::Emberfall;
use super::pty::Pty;
use super::server::TestServer;
use crate::paths::program;

/// The size of a comfortable terminal.
pub const WIDE_TERMINAL: (u16, u16) = (120, 40);

/// Runs the server of the evening.
pub struct E2eSession {
    /// The server.
    pub server: TestServer,
}

impl E2eSession {
    /// Starts a server with the bundled world.
    pub async fn begin() -> Self {
        Self { server: TestServer::start().await }
    }

    /// Logs somebody in, at a machine of their own.
    pub async fn seat(&self, user: &str) -> UserMachine {
        let token = self.server.login(user).await;
        UserMachine::at(&self.server.url).with("SCRY_TOKEN", &token)
    }

    /// Sets a settlement's level, as another member does.
    pub async fn set_level(&self, settlement: &str, level: i64) {
        let id = self.settlement(settlement).await["id"].take();
        let player = self.server.login("player").await;
        let mutation = "mutation($id: ID!, $level: Int!) {updateSettlement(id: $id, input: {level: $level}) {level}}";
        self.server.graphql(&player, mutation, json!({"id": id, "level": level})).await;
    }

    /// Returns a settlement as the server has it.
    pub async fn settlement(&self, name: &str) -> Value {
        Emberfall::on(&self.server).await.entity(name).await
    }
}

/// A person's machine, which has no keyring, and no login unless one is given.
pub struct UserMachine {
    /// The home directory.
    pub home: TempDir,
    env: Vec<(&'static str, String)>,
}

impl UserMachine {
    /// Sets up a machine that knows the address of a server.
    pub fn at(url: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap().to_owned();
        let env = vec![
            ("HOME", path.clone()),
            ("SCRY_CONFIG_DIR", path.clone()),
            ("SCRY_DATA_DIR", path),
            ("SCRY_URL", url.to_owned()),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent".to_owned()),
        ];
        Self { home, env }
    }

    /// Adds a variable to the environment.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// Takes a variable out of the environment.
    pub fn without(mut self, name: &str) -> Self {
        self.env.retain(|(known, _)| *known != name);
        self
    }

    /// Returns the environment of the programs here.
    pub fn env(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Runs `scry` in a terminal.
    pub fn scry(&self, args: &[&str], size: (u16, u16)) -> Pty {
        Pty::spawn(program("scry"), args, &self.env().collect::<Vec<_>>(), size)
    }

    /// Opens the dashboard on Emberfall and waits until it is live.
    pub fn dashboard(&self, size: (u16, u16)) -> Pty {
        let dashboard = self.scry(&["--campaign", "Emberfall"], size);
        dashboard.wait_for("Free Marches");
        dashboard.wait_until("a live connection", |pty| pty.screen().contains("● "));
        dashboard
    }
}
