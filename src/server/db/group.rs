//! Changes that wait for the disk together.
//!
//! There is one writer, and changes take turns at it. Each is a savepoint of an open transaction; who
//! finishes while others wait leaves the transaction open for them, and the last one commits for
//! all. So a disk that syncs a few hundred times a second stores thousands of changes, and still
//! no change is acknowledged before it is on disk. A change that fails takes back its own savepoint
//! and nothing else.
//!
//! Each statement is a way to the database and back, and everybody waits for it. So there is always a savepoint:
//! the transaction begins with one, a change that is well leaves its own to whoever comes next, and the commit ends the last.
//!
//! Every step that others depend on runs in a task of its own: a caller that gives up half-way, as
//! when its connection breaks off, holds up nobody.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::time::timeout;

use super::DbError;

/// How many changes share a commit at most: the first of them waits for the last.
const LARGEST: usize = 64;
/// Keeps what has been changed since the savepoint, and sets the next one.
const MOVE_ON: &str = "RELEASE SAVEPOINT change; SAVEPOINT change";
/// How long a change waits for its turn before it gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gives changes their turns; clones are the same writer.
#[derive(Debug, Clone)]
pub struct Writer {
    pool: AnyPool,
    /// The statements that start a transaction, take the write lock and set the first savepoint.
    begin: &'static str,
    turn: Arc<Mutex<Option<Group>>>,
    waiting: Arc<AtomicUsize>,
}

/// Holds a change while it is made; dropped without [`Tx::commit`], it never was.
#[derive(Debug)]
pub struct Tx {
    writer: Writer,
    /// Whose turn it is; only a change that has ended has none.
    turn: Option<Turn>,
}

/// Holds the lock on the group that a change belongs to.
type Turn = OwnedMutexGuard<Option<Group>>;

/// Holds the transaction that several changes share.
#[derive(Debug)]
struct Group {
    connection: PoolConnection<Any>,
    /// How many changes have ended well and wait for the commit.
    changes: usize,
    /// Whether the last of them still stands after the savepoint.
    is_marked: bool,
    fate: watch::Sender<Option<Fate>>,
}

/// Says what became of a group; an error is told to everyone in it.
type Fate = Result<(), String>;

impl Writer {
    /// Builds a writer over a pool of one connection; `begin` starts a transaction, takes the write lock and sets
    /// the savepoint `change`.
    pub fn new(pool: AnyPool, begin: &'static str) -> Self {
        Self { pool, begin, turn: Arc::default(), waiting: Arc::default() }
    }

    /// Waits for a turn and starts a change.
    ///
    /// # Errors
    /// [`DbError::Query`] when its turn does not come in time or no connection is to be had.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let writer = self.clone();
        // Counted before the task runs, so that whoever has the turn now leaves the transaction open.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let turn = timeout(PATIENCE, tokio::spawn(writer.take_turn())).await;
        finished(turn.map_err(|_| sqlx::Error::PoolTimedOut)?)
    }

    async fn take_turn(self) -> Result<Tx, DbError> {
        let turn = self.turn.clone().lock_owned().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let mut turn = turn;
        match &mut *turn {
            None => *turn = Some(self.open().await?),
            Some(group) if group.is_marked => {
                if let Err(error) = run(&mut group.connection, MOVE_ON).await {
                    // Whether the last change is kept is not known, so nobody is told that it is.
                    end(&mut turn, Err(error.to_string())).await;
                    return Err(error.into());
                }
                group.is_marked = false;
            }
            Some(_) => {}
        }
        Ok(Tx { writer: self, turn: Some(turn) })
    }

    /// Starts the transaction of a group.
    async fn open(&self) -> Result<Group, DbError> {
        let mut connection = self.pool.acquire().await?;
        if let Err(error) = run(&mut connection, self.begin).await {
            // It may have begun and not got the lock; the next one to use the connection must not find that.
            let _ = run(&mut connection, "ROLLBACK").await;
            return Err(error.into());
        }
        Ok(Group { connection, changes: 0, is_marked: false, fate: watch::Sender::new(None) })
    }

    /// Ends a change that is well; returns where its group's fate will be told.
    async fn keep(self, mut turn: Turn) -> Result<watch::Receiver<Option<Fate>>, DbError> {
        let Some(group) = &mut *turn else { return Err(ended()) };
        let fate = group.fate.subscribe();
        group.changes += 1;
        group.is_marked = true;
        self.pass_on(turn).await;
        Ok(fate)
    }

    /// Takes back a change.
    async fn take_back(self, mut turn: Turn) {
        if let Some(group) = &mut *turn
            && let Err(error) = run(&mut group.connection, "ROLLBACK TO SAVEPOINT change").await
        {
            // The database has given up the whole transaction, as SQLite does when the disk is full.
            end(&mut turn, Err(error.to_string())).await;
        }
        self.pass_on(turn).await;
    }

    /// Leaves the transaction to whoever waits, or commits it.
    async fn pass_on(&self, mut turn: Turn) {
        let Some(group) = &mut *turn else { return };
        // Whoever is counted as waiting runs in a task of its own and will have its turn for certain.
        if self.waiting.load(Ordering::SeqCst) == 0 || group.changes >= LARGEST {
            let committed = run(&mut group.connection, "COMMIT").await.map_err(|error| error.to_string());
            end(&mut turn, committed).await;
        }
    }
}

impl Tx {
    /// Makes the change: when this returns, it is on disk.
    ///
    /// # Errors
    /// [`DbError`] when it is not; it then never was.
    pub async fn commit(mut self) -> Result<(), DbError> {
        let turn = self.turn.take().ok_or_else(ended)?;
        let mut fate = finished(tokio::spawn(self.writer.clone().keep(turn)).await)?;
        let told = fate.wait_for(Option::is_some).await.map_err(|_| ended())?.clone();
        told.unwrap_or_else(|| Err("nobody said".to_owned())).map_err(DbError::Commit)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        // Without a runtime the process is about to end, and with it the transaction.
        if let (Some(turn), Ok(runtime)) = (self.turn.take(), Handle::try_current()) {
            runtime.spawn(self.writer.clone().take_back(turn));
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
async fn end(turn: &mut Turn, fate: Fate) {
    let Some(mut group) = turn.take() else { return };
    if fate.is_err() {
        // Nothing is left to roll back where the database did so itself.
        let _ = run(&mut group.connection, "ROLLBACK").await;
    }
    group.fate.send_replace(Some(fate));
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
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::config::server::ServerConfig;
    use crate::server::db::Db;

    async fn database() -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
        (dir, db)
    }

    async fn add(tx: &mut Tx, id: &str) {
        sqlx::query("INSERT INTO campaigns (id, epoch) VALUES ($1, 'e')").bind(id).execute(&mut **tx).await.unwrap();
    }

    async fn stored(db: &Db) -> Vec<String> {
        let rows = sqlx::query("SELECT id FROM campaigns ORDER BY id").fetch_all(&db.reader).await.unwrap();
        rows.iter().map(|row| row.try_get(0).unwrap()).collect()
    }

    /// Waits until so many changes wait for their turn.
    async fn until_waiting(db: &Db, count: usize) {
        let reached = async {
            while db.changes.waiting.load(Ordering::SeqCst) != count {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), reached).await.unwrap();
    }

    #[tokio::test]
    async fn who_finishes_while_others_wait_is_stored_together_with_them() {
        let (_dir, db) = database().await;
        let mut first = db.write().await.unwrap();
        add(&mut first, "first").await;
        let waiting = tokio::spawn({
            let db = db.clone();
            async move { db.write().await.unwrap() }
        });
        until_waiting(&db, 1).await;
        let first = tokio::spawn(first.commit());
        let mut second = waiting.await.unwrap();
        add(&mut second, "second").await;
        assert!(!first.is_finished(), "nothing is on disk yet");
        assert!(stored(&db).await.is_empty());
        second.commit().await.unwrap();
        first.await.unwrap().unwrap();
        assert_eq!(stored(&db).await, ["first", "second"]);
    }

    #[tokio::test]
    async fn a_change_that_fails_takes_nobody_along() {
        let (_dir, db) = database().await;
        let mut first = db.write().await.unwrap();
        add(&mut first, "first").await;
        let waiting = tokio::spawn({
            let db = db.clone();
            async move { db.write().await.unwrap() }
        });
        until_waiting(&db, 1).await;
        let first = tokio::spawn(first.commit());
        let mut second = waiting.await.unwrap();
        add(&mut second, "second").await;
        sqlx::query("INSERT INTO campaigns (id, epoch) VALUES ('first', 'e')").execute(&mut *second).await.unwrap_err();
        drop(second);
        first.await.unwrap().unwrap();
        assert_eq!(stored(&db).await, ["first"]);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_holds_up_nobody() {
        let (_dir, db) = database().await;
        let mut first = db.write().await.unwrap();
        add(&mut first, "first").await;
        let waiting = tokio::spawn({
            let db = db.clone();
            async move { db.write().await.map(drop) }
        });
        until_waiting(&db, 1).await;
        waiting.abort();
        timeout(Duration::from_secs(10), first.commit()).await.unwrap().unwrap();
        assert_eq!(stored(&db).await, ["first"]);
    }

    #[tokio::test]
    async fn a_commit_that_fails_is_told_to_everyone_and_leaves_nothing() {
        let (_dir, db) = database().await;
        let mut first = db.write().await.unwrap();
        sqlx::query("PRAGMA defer_foreign_keys = ON").execute(&mut *first).await.unwrap();
        add(&mut first, "first").await;
        let waiting = tokio::spawn({
            let db = db.clone();
            async move { db.write().await.unwrap() }
        });
        until_waiting(&db, 1).await;
        let first = tokio::spawn(first.commit());
        let mut second = waiting.await.unwrap();
        let orphan = "INSERT INTO definitions (campaign_id, kind, slug, body) VALUES ('nowhere', 'rule', 'r', '{}')";
        sqlx::query(orphan).execute(&mut *second).await.unwrap();
        assert!(second.commit().await.is_err());
        assert!(first.await.unwrap().is_err());
        assert!(stored(&db).await.is_empty());
        let mut third = db.write().await.unwrap();
        add(&mut third, "third").await;
        third.commit().await.unwrap();
        assert_eq!(stored(&db).await, ["third"]);
    }

    #[tokio::test]
    async fn many_changes_at_once_are_all_stored() {
        let (_dir, db) = database().await;
        let changes = (0..200).map(|index| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut tx = db.write().await.unwrap();
                add(&mut tx, &format!("{index:03}")).await;
                // Every tenth is given up.
                if index % 10 == 0 { drop(tx) } else { tx.commit().await.unwrap() }
            })
        });
        for change in changes.collect::<Vec<_>>() {
            change.await.unwrap();
        }
        // Those given up may still be on their way out; the next change comes after them.
        db.write().await.unwrap().commit().await.unwrap();
        assert_eq!(stored(&db).await.len(), 180);
    }
}
