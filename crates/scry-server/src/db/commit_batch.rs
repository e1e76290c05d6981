//! Changes that wait for the disk together.
//!
//! There is one writer, and changes take turns at it. Each is a savepoint of an open transaction; a change that
//! ends while others wait leaves the transaction open for them, and the last one commits for all. So a disk that
//! syncs a few hundred times a second stores thousands of changes. A change that fails takes back its own savepoint
//! and nothing else.
//!
//! A change may read what earlier changes of its batch have written, and that is not on disk yet. So nothing that is
//! found out during a turn leaves it early: [`DbWriter::run`] gives out the answer, be it a result, the result of an
//! earlier request or a refusal, only after the batch has been committed, and an error in its place where that failed.
//! A [`Tx`] cannot be had in another way.
//!
//! Each statement is a round trip to the database, and everybody waits for it. So there is always a savepoint:
//! the transaction begins with one, a change that succeeds leaves its own to the next one, and the commit ends the last.
//!
//! Every step that others depend on runs in a task of its own: a caller that gives up half-way, as
//! when its connection breaks off, holds up nobody.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::time::timeout;

use super::DbError;

/// The number of turns that share a commit at most: the first of them waits for the last.
const MAX_TURNS: usize = 64;
/// Keeps what has been changed since the savepoint, and sets the next one.
const ADVANCE_SAVEPOINT: &str = "RELEASE SAVEPOINT change; SAVEPOINT change";
/// How long a change waits for its turn before it gives up.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// The one writer, which gives changes their turns; clones are the same writer.
#[derive(Debug, Clone)]
pub(super) struct DbWriter {
    pool: AnyPool,
    /// The statements that start a transaction, take the write lock and set the first savepoint.
    begin: &'static str,
    turn: Arc<Mutex<Option<CommitBatch>>>,
    waiting: Arc<AtomicUsize>,
    /// The longest that one change has held up the others, in microseconds.
    longest: Arc<AtomicU64>,
    /// How many changes have had their turn.
    turns: Arc<AtomicU64>,
}

/// A change while it is made; dropped before its turn has ended, it never was.
#[derive(Debug)]
pub struct Tx {
    writer: DbWriter,
    /// The turn of this change; only a change that has ended has none.
    turn: Option<WriterGuard>,
    began: Instant,
}

/// The lock on the batch that a change belongs to.
type WriterGuard = OwnedMutexGuard<Option<CommitBatch>>;

/// The transaction that several changes share.
#[derive(Debug)]
struct CommitBatch {
    connection: PoolConnection<Any>,
    /// How many turns it has had, those that were taken back included.
    turns: usize,
    /// How many changes have been kept and wait for the commit.
    committed_changes: usize,
    /// Whether the last of them still stands after the savepoint.
    has_savepoint: bool,
    commit_watch: CommitWatch,
}

/// Tells everyone in a batch how its commit ended, once that is known.
type CommitWatch = watch::Sender<Option<CommitResult>>;

/// How the commit of a batch ended; an error is told to everyone in it.
type CommitResult = Result<(), String>;

/// What becomes of a change at the end of its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChangeOutcome {
    Keep,
    RollBack,
}

impl DbWriter {
    /// Builds a writer over a pool of one connection; `begin` starts a transaction, takes the write lock and sets
    /// the savepoint `change`.
    pub(super) fn new(pool: AnyPool, begin: &'static str) -> Self {
        Self {
            pool,
            begin,
            turn: Arc::default(),
            waiting: Arc::default(),
            longest: Arc::default(),
            turns: Arc::default(),
        }
    }

    /// Makes a change in a turn of its own, and answers when all that it may have read or written is on disk.
    ///
    /// `wrap` builds what `work` gets from the transaction, and must be able to give it back. The change is kept when
    /// `work` succeeds, and taken back when it does not.
    ///
    /// # Errors
    /// That of `work`, unless the commit failed that it would have to be true after: then [`DbError::Commit`].
    /// [`DbError::Query`] when the turn does not come in time or no connection is to be had.
    pub(super) async fn run<W, T, E>(
        &self,
        wrap: impl FnOnce(Tx) -> W,
        work: impl AsyncFnOnce(&mut W) -> Result<T, E>,
    ) -> Result<T, E>
    where
        W: Into<Tx>,
        E: From<DbError>,
    {
        let mut wrapped = wrap(self.begin().await?);
        let answer = work(&mut wrapped).await;
        let tx: Tx = wrapped.into();
        tx.end(if answer.is_ok() { ChangeOutcome::Keep } else { ChangeOutcome::RollBack }).await?;
        answer
    }

    /// Returns how many changes wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Returns how many changes have had their turn since the start.
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Returns the longest time for which one change has held up the others since the start, its part in a commit
    /// included.
    pub(super) fn longest_turn(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }

    /// Waits for a turn and starts a change.
    async fn begin(&self) -> Result<Tx, DbError> {
        let writer = self.clone();
        // Counted before the task runs, so that the change whose turn it is leaves the transaction open.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let turn = timeout(TURN_TIMEOUT, tokio::spawn(writer.take_turn())).await;
        finished(turn.map_err(|_| sqlx::Error::PoolTimedOut)?)
    }

    async fn take_turn(self) -> Result<Tx, DbError> {
        let turn = self.turn.clone().lock_owned().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let (mut turn, began) = (turn, Instant::now());
        match &mut *turn {
            None => *turn = Some(self.open().await?),
            Some(batch) if batch.has_savepoint => {
                if let Err(error) = run(&mut batch.connection, ADVANCE_SAVEPOINT).await {
                    // Whether the last change is kept is not known, so nobody is told that it is.
                    end(&mut turn, Err(error.to_string())).await;
                    return Err(error.into());
                }
                batch.has_savepoint = false;
            }
            Some(_) => {}
        }
        Ok(Tx { writer: self, turn: Some(turn), began })
    }

    /// Starts the transaction of a batch.
    async fn open(&self) -> Result<CommitBatch, DbError> {
        let mut connection = self.pool.acquire().await?;
        if let Err(error) = run(&mut connection, self.begin).await {
            // It may have begun and not got the lock; the next one to use the connection must not find that.
            let _ = run(&mut connection, "ROLLBACK").await;
            return Err(error.into());
        }
        let commit_watch = watch::Sender::new(None);
        Ok(CommitBatch { connection, turns: 0, committed_changes: 0, has_savepoint: false, commit_watch })
    }

    /// Ends a turn; returns where the result of its commit will be told, `None` if that is nothing but
    /// what was on disk before.
    async fn end_turn(
        self,
        mut turn: WriterGuard,
        outcome: ChangeOutcome,
        began: Instant,
    ) -> Option<watch::Receiver<Option<CommitResult>>> {
        let batch = turn.as_mut()?;
        batch.turns += 1;
        self.turns.fetch_add(1, Ordering::Relaxed);
        if outcome == ChangeOutcome::Keep {
            batch.committed_changes += 1;
            batch.has_savepoint = true;
        }
        let commit_watch = (batch.committed_changes > 0).then(|| batch.commit_watch.subscribe());
        if outcome == ChangeOutcome::RollBack
            && let Err(error) = run(&mut batch.connection, "ROLLBACK TO SAVEPOINT change").await
        {
            // The database has given up the whole transaction, as SQLite does when the disk is full.
            end(&mut turn, Err(error.to_string())).await;
        }
        self.release(turn).await;
        self.longest.fetch_max(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        commit_watch
    }

    /// Leaves the transaction to the next that waits, or commits it.
    async fn release(&self, mut turn: WriterGuard) {
        let Some(batch) = &mut *turn else { return };
        // A change that is counted as waiting runs in a task of its own and will have its turn for certain.
        if self.waiting() == 0 || batch.turns >= MAX_TURNS {
            let committed = run(&mut batch.connection, "COMMIT").await.map_err(|error| error.to_string());
            end(&mut turn, committed).await;
        }
    }
}

impl Tx {
    /// Ends the turn of a change; returns when everything that it read or wrote is on disk.
    async fn end(mut self, outcome: ChangeOutcome) -> Result<(), DbError> {
        let turn = self.turn.take().ok_or_else(ended)?;
        let Some(mut commit_watch) =
            tokio::spawn(self.writer.clone().end_turn(turn, outcome, self.began)).await.map_err(|_| ended())?
        else {
            return Ok(());
        };
        let told = commit_watch.wait_for(Option::is_some).await.map_err(|_| ended())?.clone();
        told.unwrap_or_else(|| Err("nobody said".to_owned())).map_err(DbError::Commit)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        // Without a runtime the process is about to end, and with it the transaction.
        if let (Some(turn), Ok(runtime)) = (self.turn.take(), Handle::try_current()) {
            runtime.spawn(self.writer.clone().end_turn(turn, ChangeOutcome::RollBack, self.began));
        }
    }
}

impl Deref for Tx {
    type Target = AnyConnection;

    #[expect(clippy::expect_used, reason = "a change has its turn and its group until it ends, which consumes it")]
    fn deref(&self) -> &AnyConnection {
        &self.turn.as_deref().and_then(Option::as_ref).expect("a change has its turn").connection
    }
}

impl DerefMut for Tx {
    #[expect(clippy::expect_used, reason = "a change has its turn and its group until it ends, which consumes it")]
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.turn.as_deref_mut().and_then(Option::as_mut).expect("a change has its turn").connection
    }
}

/// Ends a batch and tells everyone in it.
async fn end(turn: &mut WriterGuard, committed: CommitResult) {
    let Some(mut batch) = turn.take() else { return };
    if committed.is_err() {
        // Nothing is left to roll back where the database did so itself.
        let _ = run(&mut batch.connection, "ROLLBACK").await;
    }
    batch.commit_watch.send_replace(Some(committed));
}

async fn run(connection: &mut AnyConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(statement).execute(connection).await?;
    Ok(())
}

/// Returns what a task came to; tasks are not cancelled, but one may panic or the runtime may end.
fn finished<T>(task: Result<Result<T, DbError>, tokio::task::JoinError>) -> Result<T, DbError> {
    task.unwrap_or_else(|_| Err(ended()))
}

fn ended() -> DbError {
    DbError::Commit("the writer has ended".to_owned())
}

#[cfg(test)]
mod tests;
