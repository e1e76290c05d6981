//! Whether a login attempt may have its password looked at, and when; nodes that share a database count together.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sqlx::Row;

use super::digest;
use super::limiter::{ATTEMPT_WINDOW, AttemptCounts, AttemptDecision, LoginLimiter, LoginLimits, network};
use crate::clock;
use crate::db::{Db, DbError};

/// One attempt in so many removes the counts that are too old to matter.
const ATTEMPTS_PER_SWEEP: u8 = 64;

/// Lets login attempts through; clones share the counts.
#[derive(Debug, Clone)]
pub struct LoginGate {
    limits: LoginLimits,
    limiter: Arc<Mutex<LoginLimiter>>,
    /// Counts the attempts on all nodes, where there may be several.
    shared: Option<Db>,
}

/// The reason why an attempt was not let through.
#[derive(Debug, thiserror::Error)]
pub enum LoginGateError {
    /// There were too many attempts; the time says how long to wait.
    #[error("too many attempts")]
    TooMany(Duration),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Keeps a place among the attempts that wait, and gives it back.
struct WaitSlot<'a> {
    gate: &'a LoginGate,
    name: &'a str,
}

impl Drop for WaitSlot<'_> {
    fn drop(&mut self) {
        self.gate.limiter().stop_waiting(self.name);
    }
}

impl LoginGate {
    /// Builds a gate; `shared` is the database that other nodes use too.
    #[must_use]
    pub fn new(limits: LoginLimits, shared: Option<Db>) -> Self {
        Self { limits, limiter: Arc::new(Mutex::new(LoginLimiter::new(limits))), shared }
    }

    /// Lets an attempt through, after a while where the name is tried too often.
    ///
    /// # Errors
    /// [`LoginGateError::TooMany`] with the time to wait before the next attempt.
    pub async fn enter(&self, address: IpAddr, name: &str) -> Result<(), LoginGateError> {
        // This node's own counts come first: a flood from one address must not reach the database.
        let mut counts = self.limiter().attempt(address, name, Instant::now()).map_err(LoginGateError::TooMany)?;
        if let Some(db) = &self.shared {
            let (everywhere, left) = count(db, address, name).await?;
            self.limits.check(everywhere, left).map_err(LoginGateError::TooMany)?;
            counts.name = counts.name.max(everywhere.name);
        }
        let decision = self.limiter().decide(address, name, counts.name, Instant::now());
        match decision {
            AttemptDecision::Now => Ok(()),
            AttemptDecision::Refused(wait) => Err(LoginGateError::TooMany(wait)),
            AttemptDecision::After(delay) => {
                let _waiting = WaitSlot { gate: self, name };
                tokio::time::sleep(delay).await;
                Ok(())
            }
        }
    }

    /// Takes back the attempts of one who got in.
    ///
    /// # Errors
    /// [`DbError`] when the shared database does not answer.
    pub async fn succeed(&self, address: IpAddr, name: &str) -> Result<(), DbError> {
        self.limiter().succeed(address, name, Instant::now());
        let Some(db) = &self.shared else { return Ok(()) };
        let [pair, address, name] = keys(address, name);
        sqlx::query(
            "UPDATE login_attempts SET attempts = CASE WHEN key = $1 OR attempts < 1 THEN 0 ELSE attempts - 1 END \
             WHERE key IN ($1, $2, $3)",
        )
        .bind(pair)
        .bind(address)
        .bind(name)
        .execute(&db.writer)
        .await
        .map_err(DbError::from)?;
        Ok(())
    }

    fn limiter(&self) -> MutexGuard<'_, LoginLimiter> {
        // Nothing behind this lock can be left half-done.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts an attempt for all nodes; returns how many there were, and how long the counts still last.
///
/// One statement by itself: it does not wait for the changes of campaigns, nor do they wait for it.
async fn count(db: &Db, address: IpAddr, name: &str) -> Result<(AttemptCounts, Duration), DbError> {
    let now_ms = clock::now().as_millisecond();
    let window_ms = i64::try_from(ATTEMPT_WINDOW.as_millis()).unwrap_or(i64::MAX);
    if fastrand::u8(..ATTEMPTS_PER_SWEEP) == 0 {
        sqlx::query("DELETE FROM login_attempts WHERE since_ms < $1")
            .bind(now_ms - 2 * window_ms)
            .execute(&db.writer)
            .await?;
    }
    let keys = keys(address, name);
    // In one order, so that two statements never wait for each other.
    let mut sorted = keys.clone();
    sorted.sort();
    let [a, b, c] = sorted;
    let rows = sqlx::query(
        "INSERT INTO login_attempts (key, since_ms, attempts) VALUES ($1, $4, 1), ($2, $4, 1), ($3, $4, 1) \
         ON CONFLICT (key) DO UPDATE SET \
         attempts = CASE WHEN login_attempts.since_ms <= $4 - $5 THEN 1 ELSE login_attempts.attempts + 1 END, \
         since_ms = CASE WHEN login_attempts.since_ms <= $4 - $5 THEN $4 ELSE login_attempts.since_ms END \
         RETURNING key, since_ms, attempts",
    )
    .bind(a)
    .bind(b)
    .bind(c)
    .bind(now_ms)
    .bind(window_ms)
    .fetch_all(&db.writer)
    .await?;
    let mut found = [0; 3];
    let mut since_ms = now_ms;
    for row in &rows {
        let (key, since, attempts): (String, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        since_ms = since_ms.min(since);
        for (place, wanted) in found.iter_mut().zip(&keys) {
            if *wanted == key {
                *place = u32::try_from(attempts).unwrap_or(u32::MAX);
            }
        }
    }
    let [name_and_address, address, name] = found;
    let left = u64::try_from(since_ms + window_ms - now_ms).map(Duration::from_millis).unwrap_or_default();
    Ok((AttemptCounts { name_and_address, address, name }, left))
}

/// Returns what is counted, by digests: the table tells nobody who was tried from where.
fn keys(address: IpAddr, name: &str) -> [String; 3] {
    let network = network(address).to_string();
    let key = |kind: &str, parts: &[&str]| {
        let mut hash = Sha256::new();
        for part in [kind].iter().chain(parts) {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        digest::hex(&hash.finalize())
    };
    [key("name and address", &[name, &network]), key("address", &[&network]), key("name", &[name])]
}
