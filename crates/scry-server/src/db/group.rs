//! Changes that wait for the disk together.
//!
//! There is one writer, and changes take turns at it. Each is a savepoint of an open transaction; a change that
//! ends while others wait leaves the transaction open for them, and the last one commits for all. So a disk that
//! syncs a few hundred times a second stores thousands of changes. A change that fails takes back its own savepoint
//! and nothing else.
//!
//! A change may read what earlier changes of its group have written, and that is not on disk yet. So nothing that is
//! found out during a turn leaves it early: [`Writer::run`] gives out the answer, be it a result, the result of an
//! earlier request or a refusal, only after the group has been committed, and an error in its place where that failed.
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
pub(super) struct Writer {
    pool: AnyPool,
    /// The statements that start a transaction, take the write lock and set the first savepoint.
    begin: &'static str,
    turn: Arc<Mutex<Option<Group>>>,
    waiting: Arc<AtomicUsize>,
    /// The longest that one change has held up the others, in microseconds.
    longest: Arc<AtomicU64>,
}

/// A change while it is made; dropped before its turn has ended, it never was.
#[derive(Debug)]
pub struct Tx {
    writer: Writer,
    /// The turn of this change; only a change that has ended has none.
    turn: Option<Turn>,
    began: Instant,
}

/// The lock on the group that a change belongs to.
type Turn = OwnedMutexGuard<Option<Group>>;

/// The transaction that several changes share.
#[derive(Debug)]
struct Group {
    connection: PoolConnection<Any>,
    /// How many turns it has had, those that were taken back included.
    turns: usize,
    /// How many changes have been kept and wait for the commit.
    kept: usize,
    /// Whether the last of them still stands after the savepoint.
    is_marked: bool,
    fate: Fate,
}

/// Tells everyone in a group what became of it, once that is known.
type Fate = watch::Sender<Option<CommitResult>>;

/// What became of a group; an error is told to everyone in it.
type CommitResult = Result<(), String>;

/// What becomes of a change at the end of its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Keep,
    TakeBack,
}

impl Writer {
    /// Builds a writer over a pool of one connection; `begin` starts a transaction, takes the write lock and sets
    /// the savepoint `change`.
    pub(super) fn new(pool: AnyPool, begin: &'static str) -> Self {
        Self { pool, begin, turn: Arc::default(), waiting: Arc::default(), longest: Arc::default() }
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
        tx.end(if answer.is_ok() { Ending::Keep } else { Ending::TakeBack }).await?;
        answer
    }

    /// Returns how many changes wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
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
            Some(group) if group.is_marked => {
                if let Err(error) = run(&mut group.connection, ADVANCE_SAVEPOINT).await {
                    // Whether the last change is kept is not known, so nobody is told that it is.
                    end(&mut turn, Err(error.to_string())).await;
                    return Err(error.into());
                }
                group.is_marked = false;
            }
            Some(_) => {}
        }
        Ok(Tx { writer: self, turn: Some(turn), began })
    }

    /// Starts the transaction of a group.
    async fn open(&self) -> Result<Group, DbError> {
        let mut connection = self.pool.acquire().await?;
        if let Err(error) = run(&mut connection, self.begin).await {
            // It may have begun and not got the lock; the next one to use the connection must not find that.
            let _ = run(&mut connection, "ROLLBACK").await;
            return Err(error.into());
        }
        let fate = watch::Sender::new(None);
        Ok(Group { connection, turns: 0, kept: 0, is_marked: false, fate })
    }

    /// Ends a turn; returns where the fate of what it read and wrote will be told, `None` if that is nothing but
    /// what was on disk before.
    async fn end_turn(
        self,
        mut turn: Turn,
        ending: Ending,
        began: Instant,
    ) -> Option<watch::Receiver<Option<CommitResult>>> {
        let group = turn.as_mut()?;
        group.turns += 1;
        if ending == Ending::Keep {
            group.kept += 1;
            group.is_marked = true;
        }
        let fate = (group.kept > 0).then(|| group.fate.subscribe());
        if ending == Ending::TakeBack
            && let Err(error) = run(&mut group.connection, "ROLLBACK TO SAVEPOINT change").await
        {
            // The database has given up the whole transaction, as SQLite does when the disk is full.
            end(&mut turn, Err(error.to_string())).await;
        }
        self.pass_on(turn).await;
        self.longest.fetch_max(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        fate
    }

    /// Leaves the transaction to the next that waits, or commits it.
    async fn pass_on(&self, mut turn: Turn) {
        let Some(group) = &mut *turn else { return };
        // A change that is counted as waiting runs in a task of its own and will have its turn for certain.
        if self.waiting() == 0 || group.turns >= MAX_TURNS {
            let committed = run(&mut group.connection, "COMMIT").await.map_err(|error| error.to_string());
            end(&mut turn, committed).await;
        }
    }
}

impl Tx {
    /// Ends the turn of a change; returns when everything that it read or wrote is on disk.
    async fn end(mut self, ending: Ending) -> Result<(), DbError> {
        let turn = self.turn.take().ok_or_else(ended)?;
        let Some(mut fate) =
            tokio::spawn(self.writer.clone().end_turn(turn, ending, self.began)).await.map_err(|_| ended())?
        else {
            return Ok(());
        };
        let told = fate.wait_for(Option::is_some).await.map_err(|_| ended())?.clone();
        told.unwrap_or_else(|| Err("nobody said".to_owned())).map_err(DbError::Commit)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        // Without a runtime the process is about to end, and with it the transaction.
        if let (Some(turn), Ok(runtime)) = (self.turn.take(), Handle::try_current()) {
            runtime.spawn(self.writer.clone().end_turn(turn, Ending::TakeBack, self.began));
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

/// Ends a group and tells everyone in it.
async fn end(turn: &mut Turn, committed: CommitResult) {
    let Some(mut group) = turn.take() else { return };
    if committed.is_err() {
        // Nothing is left to roll back where the database did so itself.
        let _ = run(&mut group.connection, "ROLLBACK").await;
    }
    group.fate.send_replace(Some(committed));
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
