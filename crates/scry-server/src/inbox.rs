//! Messages to users: numbered, kept for those who are away, delivered once.
//!
//! A message is stored in the transaction of what it tells about. Whoever is let in notes the number of the last one
//! before they are told so, and gets everything after it; what nobody has got before goes to the first socket that
//! asks, in one statement, whichever nodes they come to. A socket that dies unnoticed gives back what it cannot have
//! read.

use std::time::Duration;

use jiff::Timestamp;
use scry_protocol::{EphemeralEvent, Id};
use serde_json::value::RawValue;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::access::parse_id;
use super::db::{Db, DbError, Tx};

/// How many messages wait for one user; past it, the sender with the most of them loses the oldest. Fewer than fit a
/// socket's buffer.
const MAX_QUEUED_MESSAGES: i64 = 500;
/// How long a delivered message stays, at least: for the user's other sockets, and until one is known to be dead.
const DELIVERED_RETENTION: Duration = Duration::from_secs(60);
/// How far back to look for messages that no wake-up told of; covers clocks that differ a little.
const LOOK_BACK_MS: i64 = 10_000;

/// The last message that a socket has got, or that was there before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(i64);

/// A message as it is sent.
#[derive(Debug)]
pub struct QueuedMessage {
    /// Its number among the user's messages.
    pub seq: i64,
    /// The event's name.
    pub event: String,
    /// Its payload, as JSON.
    pub body: Box<RawValue>,
    created_ms: i64,
}

/// Stores a message to a user; the caller commits, then announces it by [`super::event_bus::EventBus::message_stored`].
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn enqueue(
    db: &mut AnyConnection,
    user: &Id,
    sender: &Id,
    message: &EphemeralEvent,
    now: Timestamp,
) -> Result<(), DbError> {
    let body = serde_json::to_string(message).map_err(|error| DbError::corrupt("message", error))?;
    enqueue_raw(db, user, sender, message.name(), body, now).await
}

/// Does the same with a message that is written already.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn enqueue_raw(
    db: &mut AnyConnection,
    user: &Id,
    sender: &Id,
    event: &str,
    body: String,
    now: Timestamp,
) -> Result<(), DbError> {
    let row = sqlx::query(
        "INSERT INTO inbox_heads (user_id, seq) VALUES ($1, 1) \
         ON CONFLICT (user_id) DO UPDATE SET seq = inbox_heads.seq + 1 RETURNING seq",
    )
    .bind(user.as_str())
    .fetch_one(&mut *db)
    .await?;
    let seq: i64 = row.try_get(0)?;
    sqlx::query("INSERT INTO inbox (user_id, seq, event, body, created_ms, sender_id) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(user.as_str())
        .bind(seq)
        .bind(event)
        .bind(body)
        .bind(now.as_millisecond())
        .bind(sender.as_str())
        .execute(&mut *db)
        .await?;
    // There cannot be more of them than were ever numbered.
    if seq > MAX_QUEUED_MESSAGES { evict_oldest(db, user).await } else { Ok(()) }
}

/// Drops the oldest message of the sender who has most, if a user has more than are kept.
///
/// So whoever floods a user pushes out their own messages and nobody else's.
async fn evict_oldest(db: &mut AnyConnection, user: &Id) -> Result<(), DbError> {
    sqlx::query(
        "DELETE FROM inbox WHERE user_id = $1 AND (SELECT COUNT(*) FROM inbox WHERE user_id = $1) > $2 \
         AND seq = (SELECT MIN(seq) FROM inbox WHERE user_id = $1 GROUP BY sender_id \
         ORDER BY COUNT(*) DESC, MIN(seq) LIMIT 1)",
    )
    .bind(user.as_str())
    .bind(MAX_QUEUED_MESSAGES)
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the place behind a user's last message, for a socket that is about to be let in.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn cursor_at_end(db: &Db, user: &Id) -> Result<Cursor, DbError> {
    let row = sqlx::query("SELECT seq FROM inbox_heads WHERE user_id = $1")
        .bind(user.as_str())
        .fetch_optional(&db.reader)
        .await?;
    Ok(Cursor(row.map_or(Ok(0), |row| row.try_get(0))?))
}

/// Takes what has come for a user behind the cursor, and what nobody has got yet, in order.
///
/// # Errors
/// [`DbError`] when the database does not answer; nothing is taken then.
pub async fn take(
    db: &Db,
    user: &Id,
    cursor: Cursor,
    now: Timestamp,
    ttl: Duration,
) -> Result<(Cursor, Vec<QueuedMessage>), DbError> {
    if !has_more(db, user, cursor).await? {
        return Ok((cursor, Vec::new()));
    }
    let take = async |tx: &mut Tx| {
        let rows = sqlx::query(
            "UPDATE inbox SET receipts = receipts + 1, delivered_ms = COALESCE(delivered_ms, $3) \
             WHERE user_id = $1 AND (seq > $2 OR delivered_ms IS NULL) RETURNING seq, event, body, created_ms",
        )
        .bind(user.as_str())
        .bind(cursor.0)
        .bind(now.as_millisecond())
        .fetch_all(&mut **tx)
        .await?;
        Ok::<_, DbError>(rows)
    };
    let rows = db.write(take).await?;
    let mut messages = rows.iter().map(message).collect::<Result<Vec<_>, _>>()?;
    messages.sort_by_key(|message| message.seq);
    let last = messages.last().map_or(cursor.0, |message| message.seq.max(cursor.0));
    messages.retain(|message| message.created_ms > oldest_ms(now, ttl));
    Ok((Cursor(last), messages))
}

/// Gives back messages that a socket took and cannot have read; those that no other one got wait again.
///
/// # Errors
/// [`DbError`] when the database does not answer; nothing is given back then.
pub async fn nack(db: &Db, user: &Id, seqs: &[i64]) -> Result<(), DbError> {
    db.write(async |tx: &mut Tx| {
        for seq in seqs {
            sqlx::query(
                "UPDATE inbox SET receipts = receipts - 1, \
                 delivered_ms = CASE WHEN receipts > 1 THEN delivered_ms END WHERE user_id = $1 AND seq = $2",
            )
            .bind(user.as_str())
            .bind(*seq)
            .execute(&mut **tx)
            .await?;
        }
        Ok(())
    })
    .await
}

/// Returns the users who were written to a moment ago, by whatever node.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn recent_recipients(db: &Db, now: Timestamp) -> Result<Vec<Id>, DbError> {
    let rows = sqlx::query("SELECT DISTINCT user_id FROM inbox WHERE created_ms > $1")
        .bind(now.as_millisecond() - LOOK_BACK_MS)
        .fetch_all(&db.reader)
        .await?;
    rows.iter().map(|row| parse_id(row.try_get(0)?)).collect()
}

/// Deletes what has waited too long, and what was delivered longer ago than a socket can be `dead` unnoticed.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn delete_expired(db: &Db, now: Timestamp, ttl: Duration, dead: Duration) -> Result<u64, DbError> {
    let old = "DELETE FROM inbox WHERE (user_id, seq) IN \
               (SELECT user_id, seq FROM inbox WHERE created_ms <= $1 LIMIT 500)";
    let read = "DELETE FROM inbox WHERE (user_id, seq) IN \
                (SELECT user_id, seq FROM inbox WHERE delivered_ms < $1 LIMIT 500)";
    Ok(db.delete_in_steps(old, oldest_ms(now, ttl)).await?
        + db.delete_in_steps(read, oldest_ms(now, DELIVERED_RETENTION.max(dead))).await?)
}

async fn has_more(db: &Db, user: &Id, cursor: Cursor) -> Result<bool, DbError> {
    let row = sqlx::query("SELECT 1 FROM inbox WHERE user_id = $1 AND (seq > $2 OR delivered_ms IS NULL) LIMIT 1")
        .bind(user.as_str())
        .bind(cursor.0)
        .fetch_optional(&db.reader)
        .await?;
    Ok(row.is_some())
}

fn oldest_ms(now: Timestamp, ttl: Duration) -> i64 {
    now.as_millisecond().saturating_sub(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}

fn message(row: &AnyRow) -> Result<QueuedMessage, DbError> {
    let body = RawValue::from_string(row.try_get(2)?).map_err(|error| DbError::corrupt("message", error))?;
    Ok(QueuedMessage { seq: row.try_get(0)?, event: row.try_get(1)?, body, created_ms: row.try_get(3)? })
}

#[cfg(test)]
mod tests;
