//! Logins, refreshes and logouts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::limiter::LoginLimiter;
use super::password::{PasswordError, Passwords};
use super::{refresh, users};
use crate::protocol::auth::{TokenResponse, UserInfo};
use crate::protocol::{ErrorCode, Id};
use crate::server::breach::Breach;
use crate::server::clock;
use crate::server::core::Core;
use crate::server::db::{DbError, Tx};
use crate::server::signals::SessionEnded;

/// Answers the routes of authentication; clones share everything.
#[derive(Clone)]
pub struct AuthService {
    core: Core,
    passwords: Passwords,
    limiter: Arc<Mutex<LoginLimiter>>,
    /// The pairs given out a moment ago, by the digest of the token they replaced: the only place
    /// that holds a usable refresh token, and only as long as a repeat may ask for it.
    recent: Arc<Mutex<HashMap<String, Recent>>>,
}

/// Says why a login, refresh or logout was refused.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("the user name or the password is wrong")]
    InvalidCredentials,
    #[error("too many attempts; try again in {} s", .retry_after.as_secs().max(1))]
    RateLimited { retry_after: Duration },
    #[error("the refresh token is not known; log in again")]
    TokenInvalid,
    #[error("the refresh token has expired; log in again")]
    TokenExpired,
    #[error("the refresh token was used before, so this login has been ended; log in again")]
    TokenReused,
    #[error("the server failed; try again")]
    Database(#[from] DbError),
    #[error("the server failed; try again")]
    Password(#[from] PasswordError),
    #[error("the server failed; try again")]
    Randomness(#[from] getrandom::Error),
    #[error("the server failed; try again")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

impl AuthError {
    /// Returns the code that goes over the wire.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidCredentials => ErrorCode::InvalidCredentials,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::TokenInvalid => ErrorCode::TokenInvalid,
            Self::TokenExpired => ErrorCode::TokenExpired,
            Self::TokenReused => ErrorCode::TokenReused,
            Self::Database(_) | Self::Password(_) | Self::Randomness(_) | Self::Signing(_) => ErrorCode::Internal,
        }
    }
}

#[derive(Clone)]
struct Recent {
    pair: TokenResponse,
    until: Instant,
}

impl AuthService {
    /// Builds the service over the core.
    ///
    /// # Errors
    /// [`PasswordError`] when the configured costs are impossible.
    pub fn new(core: Core) -> Result<Self, PasswordError> {
        let auth = &core.config.auth;
        Ok(Self {
            passwords: Passwords::new(auth.argon2)?,
            limiter: Arc::new(Mutex::new(LoginLimiter::new(
                auth.login_attempts_per_minute,
                auth.login_attempts_per_address,
            ))),
            recent: Arc::default(),
            core,
        })
    }

    /// Opens a session for a user who knows their password.
    ///
    /// # Errors
    /// [`AuthError`]; an unknown name is answered like a wrong password, in the same time.
    pub async fn login(&self, address: IpAddr, username: &str, password: String) -> Result<TokenResponse, AuthError> {
        lock(&self.limiter).attempt(address, username, Instant::now()).map_err(|retry_after| {
            self.core.breaches.note(Breach::Logins, Some(address));
            AuthError::RateLimited { retry_after }
        })?;
        let mut reader = self.core.db.read().await?;
        let user = users::by_name(&mut reader, username).await?;
        drop(reader);
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let matches = self.passwords.verify(password, stored).await?;
        let user = user.filter(|_| matches).ok_or(AuthError::InvalidCredentials)?;
        lock(&self.limiter).clear(address, username);

        let session = Id::from(uuid::Uuid::now_v7());
        let open = async |tx: &mut Tx| {
            let now_ms = clock::now().as_millisecond();
            refresh::delete_expired(tx, now_ms).await?;
            refresh::open_session(tx, &session, &user.id, now_ms).await?;
            self.issue(tx, &user.id, &user.username, &session).await
        };
        self.core.db.write(open).await
    }

    /// Trades a refresh token for a new pair.
    ///
    /// # Errors
    /// [`AuthError`]; a token used before ends its whole family, unless this is the repeat of a
    /// request whose answer was lost a moment ago.
    pub async fn refresh(&self, token: &str) -> Result<TokenResponse, AuthError> {
        let rotated = self.core.db.write(async |tx: &mut Tx| self.rotate(tx, token).await).await?;
        rotated.map_err(|ended| {
            self.core.signals.end(ended);
            AuthError::TokenReused
        })
    }

    /// Trades a token within a transaction; returns the session that was ended where the token was used before.
    async fn rotate(&self, tx: &mut Tx, token: &str) -> Result<Result<TokenResponse, SessionEnded>, AuthError> {
        let digest = refresh::digest_of(token);
        let stored = refresh::load(tx, &digest).await?.ok_or(AuthError::TokenInvalid)?;
        let now_ms = clock::now().as_millisecond();
        if stored.revoked {
            return Err(if stored.used_ms.is_some() { AuthError::TokenReused } else { AuthError::TokenInvalid });
        }
        if stored.expires_ms <= now_ms {
            return Err(AuthError::TokenExpired);
        }
        if let Some(used_ms) = stored.used_ms {
            if now_ms - used_ms > millis(self.core.config.auth.refresh_grace) {
                refresh::revoke_session(tx, &stored.session, now_ms).await?;
                return Ok(Err(SessionEnded { user_id: stored.user_id, sid: stored.session }));
            }
            if let Some(pair) = self.recent(&digest) {
                return Ok(Ok(pair));
            }
            // The server was restarted in between; another pair of the same family does as well.
        }
        refresh::mark_used(tx, &digest, now_ms).await?;
        let pair = self.issue(tx, &stored.user_id, &stored.username, &stored.session).await?;
        // Before the commit: a repeat waits for this transaction, and then finds the pair.
        self.keep(digest, pair.clone());
        Ok(Ok(pair))
    }

    /// Ends the session of a refresh token; one that is not known has no session to end.
    ///
    /// # Errors
    /// [`AuthError::Database`] when the database does not answer.
    pub async fn logout(&self, token: &str) -> Result<(), AuthError> {
        let end = async |tx: &mut Tx| {
            let Some(stored) = refresh::load(tx, &refresh::digest_of(token)).await? else { return Ok(None) };
            refresh::revoke_session(tx, &stored.session, clock::now().as_millisecond()).await?;
            Ok::<_, AuthError>(Some(SessionEnded { user_id: stored.user_id, sid: stored.session }))
        };
        if let Some(ended) = self.core.db.write(end).await? {
            self.core.signals.end(ended);
        }
        Ok(())
    }

    /// Tells whether a user has a certain password, without opening a session.
    ///
    /// # Errors
    /// [`AuthError`] when the server cannot tell.
    pub async fn has_password(&self, username: &str, password: String) -> Result<bool, AuthError> {
        let mut reader = self.core.db.read().await?;
        let user = users::by_name(&mut reader, username).await?;
        drop(reader);
        match user {
            Some(user) => Ok(self.passwords.verify(password, Some(user.password_hash)).await?),
            None => Ok(false),
        }
    }

    /// Drops the pairs that no repeat may ask for any more.
    pub fn forget_recent(&self) {
        let now = Instant::now();
        lock(&self.recent).retain(|_, recent| recent.until > now);
    }

    async fn issue(&self, tx: &mut Tx, user: &Id, username: &str, session: &Id) -> Result<TokenResponse, AuthError> {
        let now = clock::now();
        let (access_token, exp) = self.core.tokens.issue(user, username, session, now)?;
        let fresh = refresh::make()?;
        let expires_ms = now.as_millisecond() + millis(self.core.config.auth.refresh_ttl);
        refresh::store(tx, &fresh.digest, session, expires_ms).await?;
        Ok(TokenResponse {
            access_token,
            refresh_token: fresh.token,
            expires_in: u64::try_from(exp - now.as_second()).unwrap_or_default(),
            user: UserInfo { id: user.clone(), username: username.to_owned() },
        })
    }

    fn recent(&self, digest: &str) -> Option<TokenResponse> {
        let now = Instant::now();
        lock(&self.recent).get(digest).filter(|recent| recent.until > now).map(|recent| recent.pair.clone())
    }

    fn keep(&self, digest: String, pair: TokenResponse) {
        let until = Instant::now() + self.core.config.auth.refresh_grace;
        self.forget_recent();
        lock(&self.recent).insert(digest, Recent { pair, until });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing behind these locks can be left half-done: a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
