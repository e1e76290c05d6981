//! How many queries of one user run and wait at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scry_protocol::Id;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::limits::{QueryError, QueryLimits};

/// How many queries may be there, running or waiting, for each that may run.
const PRESENT_PER_RUNNING: usize = 4;

/// Counts the queries of each user; clones share the counts.
#[derive(Debug, Clone)]
pub(super) struct UserTurns {
    users: Arc<Mutex<HashMap<Id, Queue>>>,
    limits: QueryLimits,
}

#[derive(Debug)]
struct Queue {
    running: Arc<Semaphore>,
    present: usize,
}

/// A query's turn, which ends when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _presence: Presence,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Presence {
    turns: UserTurns,
    user: Id,
}

impl UserTurns {
    /// Builds the counts, all at zero.
    #[must_use]
    pub(super) fn new(limits: QueryLimits) -> Self {
        Self { users: Arc::default(), limits }
    }

    /// Waits for a turn of a user until a time.
    ///
    /// # Errors
    /// [`QueryError::TooMany`] if too many wait already, [`QueryError::TimedOut`] if the turn does not come.
    pub(super) async fn begin(&self, user: &Id, deadline: Instant) -> Result<Turn, QueryError> {
        let (presence, running) = self.enter(user)?;
        let permit = timeout_at(deadline, running.acquire_owned()).await;
        let permit = permit.map_err(|_| QueryError::TimedOut(self.limits.timeout))?;
        // The semaphore is never closed.
        let permit = permit.map_err(|_| QueryError::Internal)?;
        Ok(Turn { _presence: presence, _permit: permit })
    }

    fn enter(&self, user: &Id) -> Result<(Presence, Arc<Semaphore>), QueryError> {
        let per_user = self.limits.per_user;
        let mut users = self.lock();
        let queue = users.entry(user.clone()).or_insert_with(|| Queue {
            running: Arc::new(Semaphore::new(per_user.min(Semaphore::MAX_PERMITS))),
            present: 0,
        });
        if queue.present >= per_user.saturating_mul(PRESENT_PER_RUNNING) {
            return Err(QueryError::TooMany(queue.present));
        }
        queue.present += 1;
        Ok((Presence { turns: self.clone(), user: user.clone() }, queue.running.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Queue>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut users = self.turns.lock();
        if let Some(queue) = users.get_mut(&self.user) {
            queue.present -= 1;
            if queue.present == 0 {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn turns(per_user: usize) -> UserTurns {
        let timeout = Duration::from_millis(20);
        UserTurns::new(QueryLimits { depth: 1, complexity: 1, answer_bytes: 1, timeout, per_user })
    }

    #[tokio::test(start_paused = true)]
    async fn turns_beyond_the_limit_wait_until_one_ends() {
        let (turns, user, other) = (turns(1), Id::parse("a").unwrap(), Id::parse("b").unwrap());
        let soon = || Instant::now() + Duration::from_millis(20);
        let first = turns.begin(&user, soon()).await.unwrap();
        assert_eq!(turns.begin(&user, soon()).await.unwrap_err(), QueryError::TimedOut(Duration::from_millis(20)));
        drop(turns.begin(&other, soon()).await.unwrap());
        drop(first);
        drop(turns.begin(&user, soon()).await.unwrap());
        assert!(turns.lock().is_empty(), "nothing is kept of users without queries");
    }

    #[tokio::test]
    async fn a_queue_that_is_too_long_is_refused_at_once() {
        let (turns, user) = (turns(2), Id::parse("a").unwrap());
        let waiting: Vec<_> = (0..8).map(|_| turns.enter(&user).unwrap()).collect();
        assert_eq!(turns.begin(&user, Instant::now()).await.unwrap_err(), QueryError::TooMany(8));
        drop(waiting);
        assert!(turns.lock().is_empty());
    }
}
