//! How many queries of one user run and wait at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scry_protocol::Id;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::limits::{QueryError, QueryLimits};

/// How many queries may be there, running or waiting, for each that may run.
const QUEUED_PER_RUNNING: usize = 4;

/// Counts the queries of each user; clones share the counts.
#[derive(Debug, Clone)]
pub(super) struct UserQueryLimiter {
    users: Arc<Mutex<HashMap<Id, UserQueries>>>,
    limits: QueryLimits,
}

#[derive(Debug)]
struct UserQueries {
    running: Arc<Semaphore>,
    queued: usize,
}

/// The right to run a query, released when dropped.
#[derive(Debug)]
pub(super) struct QueryPermit {
    _slot: QueueSlot,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct QueueSlot {
    limiter: UserQueryLimiter,
    user: Id,
}

impl UserQueryLimiter {
    /// Builds the counts, all at zero.
    #[must_use]
    pub(super) fn new(limits: QueryLimits) -> Self {
        Self { users: Arc::default(), limits }
    }

    /// Waits for a turn of a user until a time.
    ///
    /// # Errors
    /// [`QueryError::TooMany`] if too many wait already, [`QueryError::TimedOut`] if the turn does not come.
    pub(super) async fn begin(&self, user: &Id, deadline: Instant) -> Result<QueryPermit, QueryError> {
        let (slot, running) = self.enter(user)?;
        let permit = timeout_at(deadline, running.acquire_owned()).await;
        let permit = permit.map_err(|_| QueryError::TimedOut(self.limits.timeout))?;
        // The semaphore is never closed.
        let permit = permit.map_err(|_| QueryError::Internal)?;
        Ok(QueryPermit { _slot: slot, _permit: permit })
    }

    fn enter(&self, user: &Id) -> Result<(QueueSlot, Arc<Semaphore>), QueryError> {
        let per_user = self.limits.per_user;
        let mut users = self.lock();
        let queue = users.entry(user.clone()).or_insert_with(|| UserQueries {
            running: Arc::new(Semaphore::new(per_user.min(Semaphore::MAX_PERMITS))),
            queued: 0,
        });
        if queue.queued >= per_user.saturating_mul(QUEUED_PER_RUNNING) {
            return Err(QueryError::TooMany(queue.queued));
        }
        queue.queued += 1;
        Ok((QueueSlot { limiter: self.clone(), user: user.clone() }, queue.running.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, UserQueries>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for QueueSlot {
    fn drop(&mut self) {
        let mut users = self.limiter.lock();
        if let Some(queue) = users.get_mut(&self.user) {
            queue.queued -= 1;
            if queue.queued == 0 {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limiter(per_user: usize) -> UserQueryLimiter {
        let timeout = Duration::from_millis(20);
        UserQueryLimiter::new(QueryLimits { depth: 1, complexity: 1, answer_bytes: 1, timeout, per_user })
    }

    #[tokio::test(start_paused = true)]
    async fn query_beyond_the_limit_waits_for_a_permit() {
        let (limiter, user, other) = (limiter(1), Id::parse("a").unwrap(), Id::parse("b").unwrap());
        let soon = || Instant::now() + Duration::from_millis(20);
        let first = limiter.begin(&user, soon()).await.unwrap();
        assert_eq!(limiter.begin(&user, soon()).await.unwrap_err(), QueryError::TimedOut(Duration::from_millis(20)));
        drop(limiter.begin(&other, soon()).await.unwrap());
        drop(first);
        drop(limiter.begin(&user, soon()).await.unwrap());
        assert!(limiter.lock().is_empty(), "nothing is kept of users without queries");
    }

    #[tokio::test]
    async fn query_beyond_the_queue_is_refused_at_once() {
        let (limiter, user) = (limiter(2), Id::parse("a").unwrap());
        let waiting: Vec<_> = (0..8).map(|_| limiter.enter(&user).unwrap()).collect();
        assert_eq!(limiter.begin(&user, Instant::now()).await.unwrap_err(), QueryError::TooMany(8));
        drop(waiting);
        assert!(limiter.lock().is_empty());
    }
}
