//! Forgetting what nobody may ask for any more.

use jiff::Timestamp;

use super::idempotency::KEPT_MS;
use crate::server::db::{Db, DbError};

/// Deletes the results of requests that are too old to be repeated, and disputes that nobody settled.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn forget_requests(db: &Db, now: Timestamp) -> Result<(), DbError> {
    sqlx::query("DELETE FROM idempotency WHERE created_ms < $1")
        .bind(now.as_millisecond() - KEPT_MS)
        .execute(&db.writer)
        .await?;
    sqlx::query("DELETE FROM disputes WHERE created_ms < $1")
        .bind(now.as_millisecond() - KEPT_MS)
        .execute(&db.writer)
        .await?;
    Ok(())
}
