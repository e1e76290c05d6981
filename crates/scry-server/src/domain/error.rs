//! Why a query or a change was refused.

use std::time::Duration;

use scry_protocol::{Conflict, ErrorCode};

use crate::db::DbError;
use crate::limits::LimitKind;
use crate::rules::variables::VariableError;

/// Why a query or a change was refused.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// Also said of what the caller may not view.
    #[error("there is no such {0}, or you may not see it")]
    NotFound(&'static str),
    /// The caller's role does not allow it; the text says what.
    #[error("your role does not allow this; {0}")]
    Forbidden(&'static str),
    /// A value does not fit its variable or field.
    #[error("{0}")]
    Invalid(#[from] VariableError),
    /// A fixed bound on what one request may ask for, or one thing may hold.
    #[error("{fault}")]
    OutOfBounds {
        /// The limit.
        limit: LimitKind,
        /// The field, and what is wrong with it.
        fault: VariableError,
    },
    /// Somebody else has changed the same fields.
    #[error("somebody else has changed it since the version you started from; the current version is {}", .0.current_version)]
    Conflict(Conflict),
    /// A quota of the caller's or of the campaign's was reached; `retry_after` where waiting helps.
    #[error("{sentence}")]
    Limited {
        /// The limit.
        limit: LimitKind,
        /// What is used up, for people.
        sentence: String,
        /// How long to wait; `None` if waiting does not help.
        retry_after: Option<Duration>,
    },
    /// The database did not answer.
    #[error("the server failed; try again")]
    Database(#[from] DbError),
}

impl DomainError {
    /// Builds the error for a field of the request.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid(VariableError::new(field, problem))
    }

    /// Builds the error for a field of the request that reaches a fixed limit.
    pub fn out_of_bounds(limit: LimitKind, field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::OutOfBounds { limit, fault: VariableError::new(field, problem) }
    }

    /// Returns the limit that was reached, if it was one.
    #[must_use]
    pub const fn limit(&self) -> Option<LimitKind> {
        match self {
            Self::Limited { limit, .. } | Self::OutOfBounds { limit, .. } => Some(*limit),
            Self::NotFound(_) | Self::Forbidden(_) | Self::Invalid(_) | Self::Conflict(_) | Self::Database(_) => None,
        }
    }

    /// Builds the error for what the caller does too often.
    pub fn too_often(limit: LimitKind, what: &str, retry_after: Duration) -> Self {
        // Rounded up: whoever waits for as long finds it open.
        let seconds = retry_after.as_secs() + 1;
        Self::Limited { limit, sentence: format!("{what}; try again in {seconds} s"), retry_after: Some(retry_after) }
    }

    /// Builds the error for what there is too much of; waiting does not help.
    pub fn too_many(limit: LimitKind, sentence: impl Into<String>) -> Self {
        Self::Limited { limit, sentence: sentence.into(), retry_after: None }
    }

    /// Returns the code that goes over the wire.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Forbidden(_) => ErrorCode::Unauthorized,
            Self::Invalid(_) | Self::OutOfBounds { .. } => ErrorCode::InvalidPayload,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Limited { retry_after: Some(_), .. } => ErrorCode::RateLimited,
            Self::Limited { retry_after: None, .. } => ErrorCode::QuotaExceeded,
            Self::Database(_) => ErrorCode::Internal,
        }
    }
}

impl From<sqlx::Error> for DomainError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
