//! Sessions that are over while their access tokens would still be good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use scry_protocol::Id;
use sqlx::Row;

use crate::access::parse_id;
use crate::db::{Db, DbError};
use crate::event_bus::SessionEnded;

/// How far back to look for sessions that ended; covers clocks that differ a little.
const LOOK_BACK: Duration = Duration::from_secs(10);
/// Past this many the ones whose tokens have run out anyway are dropped.
const SWEEP_THRESHOLD: usize = 1024;

/// Remembers ended sessions as long as a token of theirs may live; clones share the memory.
#[derive(Debug, Clone, Default)]
pub struct RevokedSessions(Arc<Mutex<HashMap<Id, Timestamp>>>);

impl RevokedSessions {
    /// Remembers that a session is over.
    pub fn add(&self, sid: &Id, now: Timestamp, keep: Duration) {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() >= SWEEP_THRESHOLD {
            ended.retain(|_, until| *until > now);
        }
        ended.insert(sid.clone(), now.saturating_add(keep).unwrap_or(Timestamp::MAX));
    }

    /// Returns whether a session is over.
    #[must_use]
    pub fn contains(&self, sid: &Id) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(sid)
    }
}

/// Returns the sessions that ended a moment ago, on whatever node.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn ended_recently(db: &Db, now: Timestamp) -> Result<Vec<SessionEnded>, DbError> {
    ended_since(db, now, LOOK_BACK).await
}

/// Returns the sessions that ended within a span.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn ended_since(db: &Db, now: Timestamp, span: Duration) -> Result<Vec<SessionEnded>, DbError> {
    let oldest = now.as_millisecond().saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX));
    let rows = sqlx::query("SELECT user_id, id FROM sessions WHERE revoked_ms > $1")
        .bind(oldest)
        .fetch_all(&db.reader)
        .await?;
    let session = |row: &sqlx::any::AnyRow| {
        Ok(SessionEnded { user_id: parse_id(row.try_get(0)?)?, sid: parse_id(row.try_get(1)?)? })
    };
    rows.iter().map(session).collect()
}
