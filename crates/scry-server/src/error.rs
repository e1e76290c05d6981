//! Why the server could not start or had to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::db::DbError;

/// Why the server could not start or had to stop, with the setting and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A setting does not work; the text names it and the remedy.
    #[error("{0}")]
    Config(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error("cannot use the data directory {path}: {source}; choose another with --data-dir")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The system refused something else.
    #[error("the server stopped: {0}")]
    Io(#[from] std::io::Error),
}

impl ServerError {
    /// Returns the exit code: 2 for bad configuration, 1 for anything the world refused.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Database(error) if error.is_configuration() => 2,
            Self::Bind { .. } | Self::DataDir { .. } | Self::Database(_) | Self::Io(_) => 1,
        }
    }
}
