//! Who may come in: a token that verifies, of a session that still lives.

use super::{Claims, TokenError};
use crate::access::is_admitted;
use crate::clock;
use crate::db::DbError;
use crate::limits::LimitKind;
use crate::state::AppState;

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The token was refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The session could not be looked up.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl AdmissionError {
    /// Returns the limit that the error counts for, if there is one.
    #[must_use]
    pub const fn limit_kind(&self) -> Option<LimitKind> {
        match self {
            Self::Token(error) => error.limit_kind(),
            Self::Database(_) => None,
        }
    }
}

impl AppState {
    /// Returns what a token says whose session goes on.
    ///
    /// # Errors
    /// [`AdmissionError`].
    pub async fn admit(&self, token: &str) -> Result<Claims, AdmissionError> {
        let claims = self.tokens.verify(token, clock::now())?;
        if self.is_session_over(&claims).await? { Err(TokenError::Invalid.into()) } else { Ok(claims) }
    }

    /// Returns whether the session of a token has ended: by a logout, because its refresh token was used twice, by an
    /// operator, or with its user.
    ///
    /// The database is asked each time: it knows at once what another node or an operator's command has ended.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn is_session_over(&self, claims: &Claims) -> Result<bool, DbError> {
        if self.bus.is_session_ended(&claims.sid) {
            return Ok(true);
        }
        Ok(!is_admitted(&self.db, &claims.sub, &claims.sid).await?)
    }
}
