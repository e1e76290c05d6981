//! How a command fails: one sentence on stderr and an exit code.

use std::time::Duration;

use scry_client::credentials::CredentialError;
use scry_client::error::ApiError;
use scry_command::exit::Exit;
use scry_config::{ConfigError, duration};
use scry_scripting::resolve_name::ResolveNameError;
use scry_scripting::rooms::RoomsError;
#[cfg(feature = "server")]
use scry_server::ServerError;

use crate::tui::TuiError;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    #[error(transparent)]
    Pick(#[from] ResolveNameError),
    #[cfg(feature = "server")]
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Tui(#[from] TuiError),
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A condition could not be judged; the sentence says which, on what, and why.
    #[error("{0}")]
    Unjudged(String),
    /// The time allowed was up before the server had answered.
    #[error("the server did not answer within {}", duration::write(*.0))]
    Unanswered(Duration),
    /// Edits made before this one cannot be sent, and it must not overtake them.
    #[error("{0} edits made before this one still wait for the server; try again when `scry outbox send` works")]
    Waiting(usize),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    /// A defect of ours, or a machine without the most basic means.
    #[error("{0}")]
    Internal(String),
}

impl From<RoomsError> for CliError {
    fn from(error: RoomsError) -> Self {
        match error {
            RoomsError::Pick(error) => Self::Pick(error),
            RoomsError::Api(error) => Self::Api(error),
        }
    }
}

impl CliError {
    /// Names an I/O failure by what was being done.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Returns the code this failure ends with.
    #[must_use]
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Pick(_) | Self::Usage(_) => Exit::Usage,
            Self::Api(error) | Self::Tui(TuiError::Api(error)) => error.exit(),
            Self::Tui(TuiError::NoTerminal | TuiError::Config(_)) => Exit::Usage,
            Self::Unjudged(_) => Exit::NotMet,
            Self::Waiting(_) | Self::Unanswered(_) => Exit::Connection,
            Self::Credentials(_) => Exit::Authentication,
            #[cfg(feature = "server")]
            Self::Server(_) => Exit::Internal,
            Self::Tui(TuiError::Terminal(_)) | Self::Io { .. } | Self::Internal(_) => Exit::Internal,
        }
    }
}
