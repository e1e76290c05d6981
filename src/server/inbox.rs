//! Messages to users: numbered, kept for those who are away, delivered once.
//!
//! A message is stored in the transaction of what it tells about. A socket that is there gets everything after its
//! cursor; one that comes claims, in one statement, what nobody has got yet. So two that come at once share the
//! queue without getting anything twice, whichever nodes they come to.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::access::parse_id;
use super::db::{Db, DbError};
use crate::protocol::{Ephemeral, Id};

/// How many messages wait for one user; the oldest give way. Fewer than fit a socket's buffer.
const KEPT: i64 = 500;
/// How long a delivered message stays for the user's other sockets, which may read it a moment later.
const READ_MS: i64 = 60_000;
/// How far back to look for messages that no wake-up told of; covers clocks that differ a little.
const LOOK_BACK_MS: i64 = 10_000;

/// Names the last message that a socket has got, or that was there before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(i64);

/// Holds a message as it is sent.
#[derive(Debug)]
pub struct Letter {
    pub event: String,
    pub body: Box<RawValue>,
}

/// Stores a message to a user; the caller commits, then announces it by [`super::signals::Signals::mailed`].
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn put(db: &mut AnyConnection, user: &Id, message: &Ephemeral, now: Timestamp) -> Result<(), DbError> {
    let body = serde_json::to_string(message).map_err(|error| DbError::corrupt("message", error))?;
    let row = sqlx::query(
        "INSERT INTO inbox_heads (user_id, seq) VALUES ($1, 1) \
         ON CONFLICT (user_id) DO UPDATE SET seq = inbox_heads.seq + 1 RETURNING seq",
    )
    .bind(user.as_str())
    .fetch_one(&mut *db)
    .await?;
    let seq: i64 = row.try_get(0)?;
    sqlx::query("INSERT INTO inbox (user_id, seq, event, body, created_ms) VALUES ($1, $2, $3, $4, $5)")
        .bind(user.as_str())
        .bind(seq)
        .bind(message.name())
        .bind(body)
        .bind(now.as_millisecond())
        .execute(&mut *db)
        .await?;
    sqlx::query("DELETE FROM inbox WHERE user_id = $1 AND seq <= $2")
        .bind(user.as_str())
        .bind(seq - KEPT)
        .execute(db)
        .await?;
    Ok(())
}

/// Claims what has waited for a user, for the socket that has just come.
///
/// # Errors
/// [`DbError`] when the database does not answer; nothing is claimed then.
pub async fn open(db: &Db, user: &Id, now: Timestamp, ttl: Duration) -> Result<(Cursor, Vec<Letter>), DbError> {
    let row = sqlx::query(
        "SELECT seq, (SELECT COUNT(*) FROM inbox i WHERE i.user_id = $1 AND i.delivered_ms IS NULL) \
         FROM inbox_heads WHERE user_id = $1",
    )
    .bind(user.as_str())
    .fetch_optional(&db.reader)
    .await?;
    let Some(row) = row else { return Ok((Cursor(0), Vec::new())) };
    if row.try_get::<i64, _>(1)? == 0 {
        return Ok((Cursor(row.try_get(0)?), Vec::new()));
    }
    claim(db, user, now, ttl).await
}

/// Returns what has come for a user since, for a socket that is there, and notes that it was delivered.
///
/// # Errors
/// [`DbError`] when the database does not answer; the cursor has not moved then.
pub async fn after(db: &Db, user: &Id, cursor: &mut Cursor, now: Timestamp) -> Result<Vec<Letter>, DbError> {
    let rows = sqlx::query("SELECT seq, event, body FROM inbox WHERE user_id = $1 AND seq > $2 ORDER BY seq")
        .bind(user.as_str())
        .bind(cursor.0)
        .fetch_all(&db.reader)
        .await?;
    let Some(last) = rows.last() else { return Ok(Vec::new()) };
    let head: i64 = last.try_get(0)?;
    let letters = rows.iter().map(letter).collect::<Result<_, _>>()?;
    sqlx::query(
        "UPDATE inbox SET delivered_ms = $4 WHERE user_id = $1 AND seq > $2 AND seq <= $3 AND delivered_ms IS NULL",
    )
    .bind(user.as_str())
    .bind(cursor.0)
    .bind(head)
    .bind(now.as_millisecond())
    .execute(&db.writer)
    .await?;
    *cursor = Cursor(head);
    Ok(letters)
}

/// Lists the users who were written to a moment ago, by whatever node.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn written_to(db: &Db, now: Timestamp) -> Result<Vec<Id>, DbError> {
    let rows = sqlx::query("SELECT DISTINCT user_id FROM inbox WHERE created_ms > $1")
        .bind(now.as_millisecond() - LOOK_BACK_MS)
        .fetch_all(&db.reader)
        .await?;
    rows.iter().map(|row| parse_id(row.try_get(0)?)).collect()
}

/// Deletes what has waited too long, and what every socket has read.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn sweep(db: &Db, now: Timestamp, ttl: Duration) -> Result<u64, DbError> {
    let swept =
        sqlx::query("DELETE FROM inbox WHERE created_ms <= $1 OR (delivered_ms IS NOT NULL AND delivered_ms < $2)")
            .bind(oldest(now, ttl))
            .bind(now.as_millisecond() - READ_MS)
            .execute(&db.writer)
            .await?;
    Ok(swept.rows_affected())
}

async fn claim(db: &Db, user: &Id, now: Timestamp, ttl: Duration) -> Result<(Cursor, Vec<Letter>), DbError> {
    let mut tx = db.write().await?;
    // The head first: what is committed after it lies behind the cursor, and comes like any live message.
    let head: i64 = sqlx::query("SELECT seq FROM inbox_heads WHERE user_id = $1")
        .bind(user.as_str())
        .fetch_one(&mut *tx)
        .await?
        .try_get(0)?;
    let mut rows = sqlx::query(
        "UPDATE inbox SET delivered_ms = $3 WHERE user_id = $1 AND seq <= $2 AND delivered_ms IS NULL \
         RETURNING seq, event, body, created_ms",
    )
    .bind(user.as_str())
    .bind(head)
    .bind(now.as_millisecond())
    .fetch_all(&mut *tx)
    .await?
    .into_iter()
    .map(|row| Ok((row.try_get::<i64, _>(0)?, row.try_get::<i64, _>(3)?, letter(&row)?)))
    .collect::<Result<Vec<_>, DbError>>()?;
    tx.commit().await?;
    rows.sort_by_key(|(seq, _, _)| *seq);
    let fresh = rows.into_iter().filter(|(_, created, _)| *created > oldest(now, ttl));
    Ok((Cursor(head), fresh.map(|(_, _, letter)| letter).collect()))
}

fn oldest(now: Timestamp, ttl: Duration) -> i64 {
    now.as_millisecond().saturating_sub(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}

fn letter(row: &AnyRow) -> Result<Letter, DbError> {
    let body = RawValue::from_string(row.try_get(2)?).map_err(|error| DbError::corrupt("message", error))?;
    Ok(Letter { event: row.try_get(1)?, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::server::ServerConfig;
    use crate::protocol::messages::NotificationNew;
    use crate::server::clock;

    const TTL: Duration = Duration::from_secs(3600);

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    async fn post(db: &Db, title: &str, now: Timestamp) {
        let message = Ephemeral::NotificationNew(NotificationNew {
            id: id(title),
            title: title.to_owned(),
            body: String::new(),
            level: "info".to_owned(),
            created_at: clock::stamp(now),
            kind: None,
        });
        let mut tx = db.write().await.unwrap();
        put(&mut tx, &id("u"), &message, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    fn titles(letters: &[Letter]) -> Vec<String> {
        let title = |letter: &Letter| {
            let body: serde_json::Value = serde_json::from_str(letter.body.get()).unwrap();
            body["title"].as_str().unwrap().to_owned()
        };
        letters.iter().map(title).collect()
    }

    #[tokio::test]
    async fn what_waited_is_claimed_once_and_what_comes_later_reaches_every_socket() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
        let now = clock::now();
        post(&db, "a", now).await;
        post(&db, "b", now).await;
        let (mut first, letters) = open(&db, &id("u"), now, TTL).await.unwrap();
        assert_eq!(titles(&letters), ["a", "b"]);
        let (mut second, letters) = open(&db, &id("u"), now, TTL).await.unwrap();
        assert_eq!(titles(&letters), Vec::<String>::new());
        post(&db, "c", now).await;
        for cursor in [&mut first, &mut second] {
            assert_eq!(titles(&after(&db, &id("u"), cursor, now).await.unwrap()), ["c"]);
            assert!(after(&db, &id("u"), cursor, now).await.unwrap().is_empty());
        }
        assert!(open(&db, &id("u"), now, TTL).await.unwrap().1.is_empty(), "it was delivered");
        assert_eq!(written_to(&db, now).await.unwrap(), [id("u")]);
        assert!(open(&db, &id("stranger"), now, TTL).await.unwrap().1.is_empty());
    }

    #[tokio::test]
    async fn sockets_that_come_at_once_share_the_queue() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (Db::open(&ServerConfig::new(dir.path())).await.unwrap(), dir.path());
        let there = Db::open(&ServerConfig::new(there)).await.unwrap();
        let now = clock::now();
        for round in 0..20 {
            let wanted: Vec<String> = (0..5).map(|number| format!("{round}-{number}")).collect();
            for title in &wanted {
                post(&here, title, now).await;
            }
            let user = id("u");
            let (a, b, c) = tokio::join!(
                open(&here, &user, now, TTL),
                open(&there, &user, now, TTL),
                open(&here, &user, now, TTL),
            );
            let got = [titles(&a.unwrap().1), titles(&b.unwrap().1), titles(&c.unwrap().1)];
            assert_eq!(got.concat(), wanted, "one of them gets all, in order");
        }
    }

    #[tokio::test]
    async fn what_waited_too_long_or_was_too_much_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
        let now = clock::now();
        let later = now.checked_add(TTL).unwrap();
        post(&db, "old", now).await;
        post(&db, "new", later).await;
        assert_eq!(sweep(&db, later, TTL).await.unwrap(), 1);
        assert_eq!(titles(&open(&db, &id("u"), later, TTL).await.unwrap().1), ["new"]);
        post(&db, "older", now).await;
        assert!(open(&db, &id("u"), later, TTL).await.unwrap().1.is_empty(), "not swept yet, but too old");
        for number in 0..KEPT + 3 {
            post(&db, &number.to_string(), later).await;
        }
        let letters = open(&db, &id("u"), later, TTL).await.unwrap().1;
        assert_eq!((letters.len(), titles(&letters)[0].as_str()), (500, "3"));
    }
}
