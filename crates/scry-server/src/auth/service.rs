//! Logins, refreshes and logouts.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use scry_protocol::auth::{TokenResponse, UserInfo};
use scry_protocol::{ErrorCode, Id};
use sha2::{Digest, Sha256};

use super::digest::hex;
use super::limiter::LoginLimits;
use super::login_gate::{LoginGate, LoginGateError};
use super::password::{PasswordError, Passwords};
use super::{refresh, users};
use crate::clock;
use crate::db::{DbError, Tx, is_shared};
use crate::event_bus::SessionEnded;
use crate::limits::LimitKind;
use crate::state::AppState;

/// Answers the routes of authentication; clones share everything.
#[derive(Clone)]
pub struct AuthService {
    state: AppState,
    passwords: Passwords,
    gate: LoginGate,
}

/// Why a login, refresh or logout was refused.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The user name or the password is wrong, or the user may not log in.
    #[error("the user name or the password is wrong")]
    InvalidCredentials,
    /// Too many attempts.
    #[error("too many attempts; try again in {} s", .retry_after.as_secs().max(1))]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The refresh token is not known.
    #[error("the refresh token is not known; log in again")]
    TokenInvalid,
    /// The refresh token has expired.
    #[error("the refresh token has expired; log in again")]
    TokenExpired,
    /// The refresh token was used before, which has ended its session.
    #[error("the refresh token was used before, so this login has been ended; log in again")]
    TokenReused,
    /// The database did not answer.
    #[error("the server failed; try again")]
    Database(#[from] DbError),
    /// The password could not be hashed.
    #[error("the server failed; try again")]
    Password(#[from] PasswordError),
    /// The system gave no random numbers.
    #[error("the server failed; try again")]
    Randomness(#[from] getrandom::Error),
    /// The access token could not be signed.
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

/// What a use of a refresh token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefreshUse {
    First,
    /// The answer to the first was probably lost.
    Repeat {
        used_ms: i64,
    },
    /// Somebody else has it too.
    Reuse,
}

/// A refresh token's digest, and what it is traded for.
struct Rotation {
    digest: String,
    successor: String,
    successor_digest: String,
}

impl Rotation {
    fn of(token: &str, derived: [u8; 32]) -> Self {
        let successor = hex(&derived);
        Self { digest: refresh::digest_of(token), successor_digest: refresh::digest_of(&successor), successor }
    }

    /// Returns the id of the access token that comes with the successor.
    fn access_token_id(&self, used_ms: i64) -> Id {
        let digest = Sha256::digest(format!("access token with {}", self.successor).as_bytes());
        let mut chance = [0; 10];
        chance.iter_mut().zip(digest.iter()).for_each(|(place, byte)| *place = *byte);
        Id::from(uuid::Builder::from_unix_timestamp_millis(used_ms.unsigned_abs(), &chance).into_uuid())
    }
}

impl AuthService {
    /// Builds the service over the server's state.
    ///
    /// # Errors
    /// [`PasswordError`] when the configured costs are impossible.
    pub fn new(state: AppState) -> Result<Self, PasswordError> {
        let auth = &state.config.auth;
        Ok(Self {
            passwords: Passwords::new(auth.argon2)?,
            gate: LoginGate::new(
                LoginLimits {
                    per_name_and_address: auth.login_attempts_per_minute,
                    per_address: auth.login_attempts_per_address,
                    per_name: auth.login_attempts_per_name,
                },
                is_shared(&state.config).then(|| state.db.clone()),
            ),
            state,
        })
    }

    /// Returns how many hashes have been computed for passwords that were to be verified.
    #[must_use]
    pub fn hashes_computed(&self) -> u64 {
        self.passwords.computed()
    }

    /// Opens a session for a user who knows their password.
    ///
    /// # Errors
    /// [`AuthError`]; an unknown name is answered like a wrong password, in the same time.
    pub async fn login(&self, address: IpAddr, username: &str, password: String) -> Result<TokenResponse, AuthError> {
        self.gate.enter(address, username).await.map_err(|error| match error {
            LoginGateError::TooMany(retry_after) => {
                self.state.limit_metrics.report(LimitKind::Logins, Some(address));
                AuthError::RateLimited { retry_after }
            }
            LoginGateError::Database(error) => error.into(),
        })?;
        let mut reader = self.state.db.read_apart().await?;
        let user = users::by_name(&mut reader, username).await?;
        drop(reader);
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let matches = self.passwords.verify(password, stored).await?;
        let user = user.filter(|user| matches && !user.is_disabled).ok_or(AuthError::InvalidCredentials)?;
        self.gate.succeed(address, username).await?;

        let session = Id::from(uuid::Uuid::now_v7());
        let open = async |tx: &mut Tx| {
            let now_ms = clock::now().as_millisecond();
            if !refresh::open_session(tx, &session, &user, now_ms).await? {
                return Err(AuthError::InvalidCredentials);
            }
            self.issue(tx, &user.id, &user.username, &session).await
        };
        self.state.db.write(open).await
    }

    /// Trades a refresh token for a new pair.
    ///
    /// The pair is derived from the token and the time of its first use, and the token's row names its digest. So every
    /// node gives the same pair to a repeat within the grace, a restarted one too, and there is no second successor.
    ///
    /// # Errors
    /// [`AuthError`]; a token used before ends its whole family, unless this is the repeat of a
    /// request whose answer was lost a moment ago.
    pub async fn refresh(&self, token: &str) -> Result<TokenResponse, AuthError> {
        let rotation = Rotation::of(token, self.state.tokens.derive("refresh token after", token)?);
        let mut reader = self.state.db.read_apart().await?;
        let stored = refresh::load(&mut reader, &rotation.digest).await?;
        drop(reader);
        // Most that is refused is refused here, and a repeat is answered, without waiting for the one writer.
        let stored = stored.ok_or(AuthError::TokenInvalid)?;
        let now = clock::now();
        if let RefreshUse::Repeat { used_ms } = self.classify_use(&stored, &rotation, now.as_millisecond())? {
            return self.pair(&stored, &rotation, used_ms);
        }
        let rotated = self.state.db.write(async |tx: &mut Tx| self.rotate_in(tx, &rotation).await).await?;
        rotated.map_err(|ended| {
            self.state.bus.session_ended(ended);
            AuthError::TokenReused
        })
    }

    /// Trades a token within a transaction; returns the session that was ended where the token was used before.
    async fn rotate_in(
        &self,
        tx: &mut Tx,
        rotation: &Rotation,
    ) -> Result<Result<TokenResponse, SessionEnded>, AuthError> {
        let stored = refresh::load(tx, &rotation.digest).await?.ok_or(AuthError::TokenInvalid)?;
        let now_ms = clock::now().as_millisecond();
        let used_ms = match self.classify_use(&stored, rotation, now_ms)? {
            RefreshUse::First => {
                let expires_ms = now_ms.saturating_add(millis(self.state.config.auth.refresh_ttl));
                let expires_ms = expires_ms.min(self.session_end_ms(&stored));
                refresh::mark_used(tx, &rotation.digest, &rotation.successor_digest, now_ms).await?;
                refresh::store(tx, &rotation.successor_digest, &stored.session, expires_ms).await?;
                now_ms
            }
            RefreshUse::Repeat { used_ms } => used_ms,
            RefreshUse::Reuse => {
                refresh::revoke_session(tx, &stored.session, now_ms).await?;
                return Ok(Err(SessionEnded { user_id: stored.user_id, sid: stored.session }));
            }
        };
        Ok(Ok(self.pair(&stored, rotation, used_ms)?))
    }

    /// Decides what a use of a stored token is.
    fn classify_use(
        &self,
        stored: &refresh::StoredRefreshToken,
        rotation: &Rotation,
        now_ms: i64,
    ) -> Result<RefreshUse, AuthError> {
        if stored.revoked {
            return Err(if stored.used_ms.is_some() { AuthError::TokenReused } else { AuthError::TokenInvalid });
        }
        if stored.expires_ms <= now_ms || self.session_end_ms(stored) <= now_ms {
            return Err(AuthError::TokenExpired);
        }
        let Some(used_ms) = stored.used_ms else { return Ok(RefreshUse::First) };
        let is_in_time = now_ms - used_ms <= millis(self.state.config.auth.refresh_grace);
        let is_same = stored.successor.as_ref() == Some(&rotation.successor_digest);
        Ok(if is_in_time && is_same { RefreshUse::Repeat { used_ms } } else { RefreshUse::Reuse })
    }

    /// Builds the pair that a token was traded for at its first use.
    fn pair(
        &self,
        stored: &refresh::StoredRefreshToken,
        rotation: &Rotation,
        used_ms: i64,
    ) -> Result<TokenResponse, AuthError> {
        let time = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
        let jti = rotation.access_token_id(used_ms);
        let times = (time(used_ms), time(self.session_end_ms(stored)));
        let user = (&stored.user_id, stored.username.as_str());
        let (access_token, exp) = self.state.tokens.issue_same(user, &stored.session, jti, times)?;
        Ok(TokenResponse {
            access_token,
            refresh_token: rotation.successor.clone(),
            expires_in: u64::try_from(exp - clock::now().as_second()).unwrap_or_default(),
            user: UserInfo { id: stored.user_id.clone(), username: stored.username.clone() },
        })
    }

    /// Returns when a session ends, however often it is refreshed.
    fn session_end_ms(&self, stored: &refresh::StoredRefreshToken) -> i64 {
        stored.opened_ms.saturating_add(millis(self.state.config.auth.session_lifetime))
    }

    /// Ends the session of a refresh token; one that is not known has no session to end.
    ///
    /// # Errors
    /// [`AuthError::Database`] when the database does not answer.
    pub async fn logout(&self, token: &str) -> Result<(), AuthError> {
        let mut reader = self.state.db.read_apart().await?;
        let stored = refresh::load(&mut reader, &refresh::digest_of(token)).await?;
        drop(reader);
        // Unknown tokens never wait for the one writer.
        let Some(stored) = stored else { return Ok(()) };
        if !stored.revoked {
            let now_ms = clock::now().as_millisecond();
            self.state.db.write(async |tx: &mut Tx| refresh::revoke_session(tx, &stored.session, now_ms).await).await?;
        }
        self.state.bus.session_ended(SessionEnded { user_id: stored.user_id, sid: stored.session });
        Ok(())
    }

    /// Returns whether a user has a certain password, without opening a session.
    ///
    /// # Errors
    /// [`AuthError`] when the server cannot tell.
    pub async fn has_password(&self, username: &str, password: String) -> Result<bool, AuthError> {
        let mut reader = self.state.db.read_apart().await?;
        let user = users::by_name(&mut reader, username).await?;
        drop(reader);
        match user {
            Some(user) => Ok(self.passwords.verify(password, Some(user.password_hash)).await?),
            None => Ok(false),
        }
    }

    async fn issue(&self, tx: &mut Tx, user: &Id, username: &str, session: &Id) -> Result<TokenResponse, AuthError> {
        let now = clock::now();
        let session_end = now.saturating_add(self.state.config.auth.session_lifetime).unwrap_or(Timestamp::MAX);
        let jti = Id::from(uuid::Uuid::now_v7());
        let (access_token, exp) = self.state.tokens.issue_same((user, username), session, jti, (now, session_end))?;
        let fresh = refresh::generate()?;
        let auth = &self.state.config.auth;
        let expires_ms = now.as_millisecond().saturating_add(millis(auth.refresh_ttl.min(auth.session_lifetime)));
        refresh::store(tx, &fresh.digest, session, expires_ms).await?;
        Ok(TokenResponse {
            access_token,
            refresh_token: fresh.token,
            expires_in: u64::try_from(exp - now.as_second()).unwrap_or_default(),
            user: UserInfo { id: user.clone(), username: username.to_owned() },
        })
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
