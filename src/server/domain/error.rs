//! Why a query or a change was refused.

use crate::protocol::{Conflict, ErrorCode};
use crate::server::db::DbError;
use crate::server::rules::variables::Fault;

/// Says why a query or a change was refused.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// Also said of what the caller may not view.
    #[error("there is no such {0}, or you may not see it")]
    NotFound(&'static str),
    #[error("your role does not allow this; {0}")]
    Forbidden(&'static str),
    #[error("{0}")]
    Invalid(#[from] Fault),
    #[error("somebody else has changed it since the version you started from; the current version is {}", .0.current_version)]
    Conflict(Conflict),
    #[error("the server failed; try again")]
    Database(#[from] DbError),
}

impl DomainError {
    /// Builds the error for a field of the request.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid(Fault::new(field, problem))
    }

    /// Returns the code that goes over the wire.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Forbidden(_) => ErrorCode::Unauthorized,
            Self::Invalid(_) => ErrorCode::InvalidPayload,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Database(_) => ErrorCode::Internal,
        }
    }
}

impl From<sqlx::Error> for DomainError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
