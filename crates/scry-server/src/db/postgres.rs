//! A database server that several nodes share.

use url::Url;

use super::open::{ACQUIRE_TIMEOUT, open_error, pool};
use super::{DatabaseKind, Db, DbError, migrate};

/// How many reads may run side by side on each node: those of the API, and all others.
const QUERY_CONNECTIONS: u32 = 8;
const READER_CONNECTIONS: u32 = 8;
/// A node that stops in the middle of a change, or is cut off, holds the others up no longer than this.
const SETUP: &str = "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '15s'; \
                     SET statement_timeout = '30s'; SET client_min_messages = warning;";
const READ_ONLY: &str = "SET default_transaction_read_only = on; SET statement_timeout = '30s'; \
                         SET client_min_messages = warning;";

/// Connects to a database and brings it up to date; nodes that start together take turns.
pub(super) async fn open(url: &str) -> Result<Db, DbError> {
    let shown = shown(url);
    let failed = |source| open_error(&shown, source);
    let writer = pool(1, ACQUIRE_TIMEOUT, SETUP).connect(url).await.map_err(failed)?;
    migrate::run(&writer).await.map_err(|source| DbError::Migrate { url: shown.clone(), source })?;
    let readers = async |count| pool(count, ACQUIRE_TIMEOUT, READ_ONLY).connect(url).await.map_err(failed);
    Ok(Db::new(DatabaseKind::Postgres, readers(READER_CONNECTIONS).await?, readers(QUERY_CONNECTIONS).await?, writer))
}

/// Writes a URL for people: without its password and its parameters.
pub(super) fn shown(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "postgres:…".to_owned() };
    url.set_query(None);
    if url.password().is_some() && url.set_password(Some("…")).is_err() {
        return "postgres:…".to_owned();
    }
    url.to_string().replace("%E2%80%A6", "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(shown("postgres://scry:hunter2@db:5432/scry?sslmode=require"), "postgres://scry:…@db:5432/scry");
        assert_eq!(shown("postgres://scry@db/scry"), "postgres://scry@db/scry");
        assert!(!shown("postgres://scry:hun ter2@@:bad:/").contains("ter2"));
    }
}
