//! The commands of `scry-server`.

mod args;
mod commands;
#[cfg(unix)]
mod limit;
mod log;
mod members;
mod rooms;
mod sessions;
mod users;

use clap::Parser;
use clap::error::ErrorKind;

use self::args::ServerCli;
use super::error::ServerError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum ServerCliError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] scry_config::ConfigError),
    /// The server could not start, or had to stop.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(String),
    /// What was asked for could not be done.
    #[error("{0}")]
    Failed(String),
}

impl ServerCliError {
    /// Returns the exit code: 2 for bad configuration or usage, 1 for anything the world refused.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) => 2,
            Self::Server(error) => error.exit_code(),
            Self::Failed(_) => 1,
        }
    }
}

/// Runs the command line of this process; returns its exit code.
///
/// A failure is one line on stderr.
pub async fn run() -> u8 {
    let cli = match ServerCli::try_parse() {
        Ok(cli) => cli,
        Err(help) if matches!(help.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            print!("{help}");
            return 0;
        }
        Err(usage) => {
            eprint!("{usage}");
            return 2;
        }
    };
    match commands::run(cli).await {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("scry-server: {}", scry_text::line(&error.to_string()));
            error.exit_code()
        }
    }
}
