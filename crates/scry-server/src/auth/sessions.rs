//! Sessions: logins, and access tokens that an operator printed. Each can be listed and ended.

use scry_protocol::Id;
use sqlx::{AnyConnection, Row};

use crate::access::parse_id;
use crate::db::{Db, DbError, Tx};
use crate::event_bus::SessionEnded;

/// A session that has not ended; times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSession {
    /// The session's id, the `sid` of its access tokens.
    pub id: Id,
    /// The name that the user logs in with.
    pub username: String,
    /// When it was opened.
    pub created_ms: i64,
    /// When nothing of it is good any more, unless it is refreshed.
    pub expires_ms: i64,
    /// Whether an operator printed its token; otherwise somebody logged in.
    pub is_printed: bool,
}

/// Opens a session for an access token that is printed.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn open_printed(
    db: &mut AnyConnection,
    id: &Id,
    user: &Id,
    now_ms: i64,
    expires_ms: i64,
) -> Result<(), DbError> {
    sqlx::query("INSERT INTO sessions (id, user_id, created_ms, token_expires_ms) VALUES ($1, $2, $3, $4)")
        .bind(id.as_str())
        .bind(user.as_str())
        .bind(now_ms)
        .bind(expires_ms)
        .execute(db)
        .await?;
    Ok(())
}

/// Returns the sessions that have not ended, of one user or of all, by user and age.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn list_active(db: &Db, username: Option<&str>, now_ms: i64) -> Result<Vec<LoginSession>, DbError> {
    let rows = sqlx::query(
        "SELECT s.id, u.username, s.created_ms, s.token_expires_ms, \
         (SELECT MAX(t.expires_ms) FROM refresh_tokens t WHERE t.session_id = s.id) \
         FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.revoked_ms IS NULL AND ($1 = '' OR u.username = $1) \
         ORDER BY u.username, s.created_ms, s.id",
    )
    .bind(username.unwrap_or_default())
    .fetch_all(&db.reader)
    .await?;
    let sessions: Vec<LoginSession> = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(sessions.into_iter().filter(|session| session.expires_ms > now_ms).collect())
}

fn read(row: &sqlx::any::AnyRow) -> Result<LoginSession, DbError> {
    let (token, refresh): (Option<i64>, Option<i64>) = (row.try_get(3)?, row.try_get(4)?);
    Ok(LoginSession {
        id: parse_id(row.try_get(0)?)?,
        username: row.try_get(1)?,
        created_ms: row.try_get(2)?,
        expires_ms: token.max(refresh).unwrap_or_default(),
        is_printed: token.is_some(),
    })
}

/// Ends a session, as a logout does; `None` if there is none of that id that has not ended.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn end(db: &Db, id: &Id, now_ms: i64) -> Result<Option<SessionEnded>, DbError> {
    db.write(async |tx: &mut Tx| {
        let statement = "UPDATE sessions SET revoked_ms = $2 WHERE id = $1 AND revoked_ms IS NULL RETURNING user_id";
        let row = sqlx::query(statement).bind(id.as_str()).bind(now_ms).fetch_optional(&mut **tx).await?;
        row.map(|row| Ok(SessionEnded { user_id: parse_id(row.try_get(0)?)?, sid: id.clone() })).transpose()
    })
    .await
}

/// Ends a few of a user's sessions; more than most users ever have.
const END_SOME: &str = "UPDATE sessions SET revoked_ms = $2 WHERE id IN \
                        (SELECT id FROM sessions WHERE user_id = $1 AND revoked_ms IS NULL LIMIT 200)";

/// Ends all sessions of a user, in small steps; returns how many.
///
/// # Errors
/// [`DbError`] when the database does not answer; the sessions that were ended by then stay so.
pub async fn end_all_of(db: &Db, user: &Id, now_ms: i64) -> Result<u64, DbError> {
    db.update_in_steps(END_SOME, user.as_str(), now_ms).await
}

/// Does the first of these steps as a part of another change, so that both happen or neither.
pub(super) async fn end_some_of(db: &mut AnyConnection, user: &Id, now_ms: i64) -> Result<u64, DbError> {
    let ended = sqlx::query(END_SOME).bind(user.as_str()).bind(now_ms).execute(db).await?;
    Ok(ended.rows_affected())
}
