//! Who may come in: a token that verifies, of a session that still lives.

use super::{Claims, TokenError};
use crate::protocol::Id;
use crate::server::access::session_has_ended;
use crate::server::breach::Breach;
use crate::server::clock;
use crate::server::core::Core;
use crate::server::db::DbError;

/// Says why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The session could not be looked up.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl NotAdmitted {
    /// Returns the breach that it is, if it is one.
    #[must_use]
    pub const fn breach(&self) -> Option<Breach> {
        match self {
            Self::Token(error) => error.breach(),
            Self::Database(_) => None,
        }
    }
}

impl Core {
    /// Returns what a token says whose session has not ended.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub async fn admit(&self, token: &str) -> Result<Claims, NotAdmitted> {
        let claims = self.tokens.verify(token, clock::now())?;
        if self.is_over(&claims.sid).await? { Err(TokenError::Invalid.into()) } else { Ok(claims) }
    }

    /// Tells whether a session was ended, by a logout or because its refresh token was used twice.
    ///
    /// A node that is alone ends every session itself; one of several asks the database too, which knows before
    /// anybody could tell.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn is_over(&self, session: &Id) -> Result<bool, DbError> {
        if self.signals.is_over(session) {
            return Ok(true);
        }
        if self.signals.cluster().is_none() {
            return Ok(false);
        }
        session_has_ended(&self.db, session).await
    }
}
