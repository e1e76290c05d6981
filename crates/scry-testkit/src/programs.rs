//! The two real programs: a server that plays the bundled world, and the client beside it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::paths::program;

/// Runs `scry-server` with the bundled world until dropped.
pub struct ProgramFixture {
    /// The directory of both programs' files.
    pub dir: TempDir,
    /// The server's address.
    pub url: String,
    /// An access token of the game master.
    pub token: String,
    server: Child,
}

impl ProgramFixture {
    /// Seeds and starts a server, and makes a token of the game master.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Does the same with more settings, `SCRY_SERVER_…`.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let program = || {
            let mut command = Command::new(program("scry-server"));
            command.env_clear().env("SCRY_SERVER_DATA_DIR", dir.path().join("server")).stdin(Stdio::null());
            command.env("SCRY_SERVER_ARGON2_MEMORY_KIB", "8").env("SCRY_SERVER_ARGON2_ITERATIONS", "1");
            command.envs(settings.iter().copied()).stderr(Stdio::null());
            command
        };
        assert!(program().arg("seed").stdout(Stdio::null()).status().unwrap().success());
        let token = program().args(["token", "gm"]).output().unwrap().stdout;
        let mut server = program().args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { dir, url, token: String::from_utf8(token).unwrap().trim().to_owned(), server }
    }

    /// Returns a program with the client's surroundings, run in the town's directory.
    pub fn program(&self, name: &str) -> Command {
        let bin = PathBuf::from(program("scry"));
        let mut command = Command::new(name);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", bin.parent().unwrap().display()))
            .env("SCRY_URL", &self.url)
            .env("SCRY_TOKEN", &self.token)
            .env("SCRY_CONFIG_DIR", self.dir.path().join("config"))
            .env("SCRY_DATA_DIR", self.dir.path().join("data"))
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Returns a `scry` with these arguments.
    pub fn scry(&self, args: &[&str]) -> Command {
        let mut command = self.program(&program("scry"));
        command.args(args);
        command
    }

    /// Runs `scry` to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.scry(args).output().unwrap()
    }

    /// Runs a script to its end.
    pub fn script(&self, script: &str) -> Output {
        self.program("sh").args(["-e", "-c", script]).output().unwrap()
    }

    /// Writes a file into the town's directory.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }
}

impl Drop for ProgramFixture {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Returns what a program ended with, and what it said.
pub fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}
