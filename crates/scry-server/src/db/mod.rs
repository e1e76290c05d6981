//! The database: one writer, several readers, one set of queries.

pub mod batch;
mod commit_batch;
mod migrate;
mod open;
mod postgres;
mod sqlite;

use std::time::Duration;

use sqlx::{Any, AnyPool, Transaction};

use self::commit_batch::DbWriter;

pub use commit_batch::Tx;
pub use open::{database_url, is_shared};

/// The connections to the database.
///
/// Changes go through [`Db::write`], which puts them in one order; where other nodes write too, a lock in the
/// database does. Reads see what has been committed: those of the API go through `queries`, all others, of sockets,
/// logins and the server itself, through `reader`, so that no flood of queries holds them up. `writer` is the
/// connection behind the changes, for statements that stand alone.
#[derive(Debug, Clone)]
pub struct Db {
    /// Connections for short reads.
    pub reader: AnyPool,
    /// Connections for GraphQL queries, which may take longer.
    pub queries: AnyPool,
    /// The one connection that changes are made on.
    pub writer: AnyPool,
    changes: DbWriter,
    engine: DatabaseKind,
}

/// The kind of a database, where that makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatabaseKind {
    Sqlite,
    Postgres,
}

/// A transaction that only reads.
pub type ReadTx = Transaction<'static, Any>;

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The database cannot be opened.
    #[error("cannot open the database {url}: {source}; check --database and --data-dir")]
    Open {
        /// Its address, without a password.
        url: String,
        /// The reason.
        source: sqlx::Error,
    },
    /// The address is of no kind of database that the server knows.
    #[error("database {0} is of a kind this server does not know; use sqlite:PATH or postgres://…")]
    UnknownKind(String),
    /// The schema could not be brought up to date.
    #[error("cannot bring the database {url} up to date: {source}")]
    Migrate {
        /// The database's address, without a password.
        url: String,
        /// The reason.
        source: sqlx::migrate::MigrateError,
    },
    /// A query failed.
    #[error("the database failed: {0}")]
    Query(#[from] sqlx::Error),
    /// The change was made and could not be committed; nothing of it is stored.
    #[error("the database could not store a change: {0}")]
    Commit(String),
    /// Something stored cannot be read.
    #[error("the database holds a {what} that cannot be read: {detail}")]
    Corrupt {
        /// The kind of thing.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

impl Db {
    fn new(engine: DatabaseKind, reader: AnyPool, queries: AnyPool, writer: AnyPool) -> Self {
        Self { changes: DbWriter::new(writer.clone(), engine.begin()), engine, reader, queries, writer }
    }

    /// Makes a change; others wait until it has ended, and may share its commit.
    ///
    /// What `work` returns is given out when all that it may have read or written is on disk, never before.
    ///
    /// # Errors
    /// That of `work`; [`DbError`] when no connection is to be had or the commit fails.
    pub async fn write<T, E: From<DbError>>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E> {
        self.changes.run(std::convert::identity, work).await
    }

    /// Does the same with a change that is wrapped in what knows more about it.
    ///
    /// # Errors
    /// As for [`Db::write`].
    pub async fn write_wrapped<W: Into<Tx>, T, E: From<DbError>>(
        &self,
        wrap: impl FnOnce(Tx) -> W,
        work: impl AsyncFnOnce(&mut W) -> Result<T, E>,
    ) -> Result<T, E> {
        self.changes.run(wrap, work).await
    }

    /// Returns how many changes wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.changes.waiting()
    }

    /// Returns how many changes have had their turn since the start.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.changes.turns()
    }

    /// Returns the longest time for which one change has held up the others since the start.
    #[must_use]
    pub fn longest_turn(&self) -> Duration {
        self.changes.longest_turn()
    }

    /// Runs a statement that deletes a few of the rows that its one parameter chooses, until none is left; returns how
    /// many were.
    ///
    /// Each step is a change of its own, so that others have their turns in between.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer; the steps that were made stay.
    pub async fn delete_in_steps<T>(&self, statement: &'static str, chosen_by: T) -> Result<u64, DbError>
    where
        T: for<'q> sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any> + Clone + Send + Sync + 'static,
    {
        let mut deleted = 0;
        loop {
            let step = async |tx: &mut Tx| {
                let done = sqlx::query(statement).bind(chosen_by.clone()).execute(&mut **tx).await?;
                Ok::<_, DbError>(done.rows_affected())
            };
            match self.write(step).await? {
                0 => return Ok(deleted),
                count => deleted += count,
            }
        }
    }

    /// Runs a statement that changes a few of the rows that its first parameter chooses, to its second, until none is
    /// left; returns how many were. Its steps are like those of [`Db::delete_in_steps`].
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer; the steps that were made stay.
    pub async fn update_in_steps<T>(&self, statement: &'static str, chosen_by: &str, to: T) -> Result<u64, DbError>
    where
        T: for<'q> sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any> + Clone + Send + Sync + 'static,
    {
        let mut changed = 0;
        loop {
            let (chosen_by, to) = (chosen_by.to_owned(), to.clone());
            let step = async |tx: &mut Tx| {
                let done = sqlx::query(statement).bind(chosen_by).bind(to).execute(&mut **tx).await?;
                Ok::<_, DbError>(done.rows_affected())
            };
            match self.write(step).await? {
                0 => return Ok(changed),
                count => changed += count,
            }
        }
    }

    /// Starts a transaction for a query of the API, whose reads all see one moment.
    ///
    /// # Errors
    /// [`DbError::Query`] when no connection is to be had.
    pub async fn read(&self) -> Result<ReadTx, DbError> {
        self.begin_read(&self.queries).await
    }

    /// Does the same for what must not wait for queries of the API.
    ///
    /// # Errors
    /// [`DbError::Query`] when no connection is to be had.
    pub async fn read_apart(&self) -> Result<ReadTx, DbError> {
        self.begin_read(&self.reader).await
    }

    async fn begin_read(&self, pool: &AnyPool) -> Result<ReadTx, DbError> {
        match self.engine {
            DatabaseKind::Sqlite => Ok(pool.begin().await?),
            DatabaseKind::Postgres => Ok(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?),
        }
    }

    /// Asks the database for an answer that needs a real read and the schema.
    ///
    /// # Errors
    /// [`DbError::Query`] when it does not give one.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT COUNT(*) FROM campaigns").fetch_one(&self.reader).await?;
        Ok(())
    }

    /// Returns how many connections are open and how many of them idle: the readers', then the writer's.
    #[must_use]
    pub fn pools(&self) -> [(u32, usize); 2] {
        let [reader, queries, writer] =
            [&self.reader, &self.queries, &self.writer].map(|pool| (pool.size(), pool.num_idle()));
        [(reader.0 + queries.0, reader.1 + queries.1), writer]
    }

    /// Closes every connection, after the open transactions have ended.
    pub async fn close(&self) {
        self.queries.close().await;
        self.reader.close().await;
        self.writer.close().await;
    }
}

impl DatabaseKind {
    /// Returns what starts a change.
    ///
    /// Either way the lock is taken before the first read: a transaction that reads first and writes later
    /// could otherwise fail half-way, or write over what it has not seen. The number of Postgres's lock, which
    /// puts the changes of all nodes in one order, is any that nobody else uses.
    const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE; SAVEPOINT change",
            Self::Postgres => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(32478965635441762); SAVEPOINT change"
            }
        }
    }
}

impl DbError {
    /// Returns whether a setting is at fault rather than the world.
    #[must_use]
    pub const fn is_configuration(&self) -> bool {
        matches!(self, Self::UnknownKind(_))
    }

    /// Builds the error for a stored value that does not parse.
    pub fn corrupt(what: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Corrupt { what, detail: detail.to_string() }
    }
}
