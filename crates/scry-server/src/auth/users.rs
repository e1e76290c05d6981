//! Users in the database.

use scry_protocol::Id;
use sqlx::{AnyConnection, Row};

use crate::access::parse_id;
use crate::clock;
use crate::db::DbError;

/// A user with their password's hash.
#[derive(Clone)]
pub struct UserRecord {
    /// The user's id.
    pub id: Id,
    /// The name that the user logs in with.
    pub username: String,
    /// The hash of the password, in the PHC string format.
    pub password_hash: String,
    /// Whether this is a program that may publish events.
    pub is_service: bool,
    /// Whether they are kept out for now, or have been deleted.
    pub is_disabled: bool,
}

/// Loads a user by name.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn by_name(db: &mut AnyConnection, username: &str) -> Result<Option<UserRecord>, DbError> {
    let row = sqlx::query("SELECT id, username, password_hash, is_service, disabled_ms FROM users WHERE username = $1")
        .bind(username)
        .fetch_optional(db)
        .await?;
    row.map(|row| {
        Ok(UserRecord {
            id: parse_id(row.try_get(0)?)?,
            username: row.try_get(1)?,
            password_hash: row.try_get(2)?,
            is_service: row.try_get::<i64, _>(3)? == 1,
            is_disabled: row.try_get::<Option<i64>, _>(4)?.is_some(),
        })
    })
    .transpose()
}

/// Stores a new user.
///
/// # Errors
/// [`DbError`], also when the name is taken.
pub async fn insert(db: &mut AnyConnection, user: &UserRecord) -> Result<(), DbError> {
    sqlx::query("INSERT INTO users (id, username, password_hash, is_service, created_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(user.id.as_str())
        .bind(user.username.as_str())
        .bind(user.password_hash.as_str())
        .bind(i64::from(user.is_service))
        .bind(clock::format_time(clock::now()))
        .execute(db)
        .await?;
    Ok(())
}
