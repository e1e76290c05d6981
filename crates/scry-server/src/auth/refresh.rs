//! Refresh tokens: only their digests are stored, and each is good once.

use scry_protocol::Id;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Row};

use super::digest;
use super::users::UserRecord;
use crate::access::parse_id;
use crate::db::DbError;

const TOKEN_BYTES: usize = 32;

/// A new refresh token and its digest.
pub(super) struct NewRefreshToken {
    pub token: String,
    pub digest: String,
}

/// What is stored of a refresh token; times are Unix milliseconds.
pub(super) struct StoredRefreshToken {
    pub session: Id,
    pub user_id: Id,
    pub username: String,
    pub expires_ms: i64,
    pub used_ms: Option<i64>,
    /// The digest of the token that it was traded for.
    pub successor: Option<String>,
    /// When the session was opened.
    pub opened_ms: i64,
    pub revoked: bool,
}

/// Makes a refresh token that nobody can guess.
pub(super) fn generate() -> Result<NewRefreshToken, getrandom::Error> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    let token = digest::hex(&bytes);
    Ok(NewRefreshToken { digest: digest_of(&token), token })
}

/// Returns a token's digest, under which it is stored.
pub(super) fn digest_of(token: &str) -> String {
    digest::hex(&Sha256::digest(token.as_bytes()))
}

/// Loads what is stored of a token.
pub(super) async fn load(db: &mut AnyConnection, digest: &str) -> Result<Option<StoredRefreshToken>, DbError> {
    let row = sqlx::query(
        "SELECT s.id, s.user_id, u.username, t.expires_ms, t.used_ms, s.revoked_ms, t.successor, s.created_ms \
         FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id WHERE t.digest = $1",
    )
    .bind(digest)
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(StoredRefreshToken {
            session: parse_id(row.try_get(0)?)?,
            user_id: parse_id(row.try_get(1)?)?,
            username: row.try_get(2)?,
            expires_ms: row.try_get(3)?,
            used_ms: row.try_get(4)?,
            revoked: row.try_get::<Option<i64>, _>(5)?.is_some(),
            successor: row.try_get(6)?,
            opened_ms: row.try_get(7)?,
        })
    })
    .transpose()
}

/// Stores a token of a session.
pub(super) async fn store(db: &mut AnyConnection, digest: &str, session: &Id, expires_ms: i64) -> Result<(), DbError> {
    sqlx::query("INSERT INTO refresh_tokens (digest, session_id, expires_ms) VALUES ($1, $2, $3)")
        .bind(digest)
        .bind(session.as_str())
        .bind(expires_ms)
        .execute(db)
        .await?;
    Ok(())
}

/// Marks a token as used, and keeps the digest of the one that it was traded for.
pub(super) async fn mark_used(
    db: &mut AnyConnection,
    digest: &str,
    successor: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query("UPDATE refresh_tokens SET used_ms = $2, successor = $3 WHERE digest = $1")
        .bind(digest)
        .bind(now_ms)
        .bind(successor)
        .execute(db)
        .await?;
    Ok(())
}

/// Opens a session of a user whose password has been verified; false if they have another password by now, or are kept
/// out: verifying takes a while, and a change in the meantime has ended all sessions but this one.
pub(super) async fn open_session(
    db: &mut AnyConnection,
    id: &Id,
    user: &UserRecord,
    now_ms: i64,
) -> Result<bool, DbError> {
    let opened = sqlx::query(
        "INSERT INTO sessions (id, user_id, created_ms) SELECT $1, id, $2 FROM users \
         WHERE id = $3 AND password_hash = $4 AND disabled_ms IS NULL",
    )
    .bind(id.as_str())
    .bind(now_ms)
    .bind(user.id.as_str())
    .bind(user.password_hash.as_str())
    .execute(db)
    .await?;
    Ok(opened.rows_affected() == 1)
}

/// Revokes a session and with it every refresh token of the family.
pub(super) async fn revoke_session(db: &mut AnyConnection, id: &Id, now_ms: i64) -> Result<(), DbError> {
    sqlx::query("UPDATE sessions SET revoked_ms = COALESCE(revoked_ms, $2) WHERE id = $1")
        .bind(id.as_str())
        .bind(now_ms)
        .execute(db)
        .await?;
    Ok(())
}
