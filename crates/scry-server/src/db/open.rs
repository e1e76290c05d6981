//! Opening the database that a configuration names.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, install_default_drivers};

use super::{Db, DbError, postgres, sqlite};
use crate::config::ServerConfig;

/// How long a request waits for a connection before it gives up.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the database is.
#[derive(Debug, PartialEq, Eq)]
enum DatabaseLocation<'a> {
    File(PathBuf),
    Server(&'a str),
}

impl Db {
    /// Opens the database of a configuration, creates its tables if need be and brings it up to date.
    ///
    /// # Errors
    /// [`DbError`] naming the database when it cannot be opened or migrated.
    pub async fn open(config: &ServerConfig) -> Result<Self, DbError> {
        install_default_drivers();
        match location(config)? {
            DatabaseLocation::File(path) => sqlite::open(&path).await,
            DatabaseLocation::Server(url) => postgres::open(url).await,
        }
    }
}

/// Returns the database's URL as people may see it: the one that is set, else the file `scry.db` in the
/// data directory.
///
/// # Errors
/// [`DbError::UnknownKind`] for any kind of database but SQLite and Postgres.
pub fn database_url(config: &ServerConfig) -> Result<String, DbError> {
    Ok(match location(config)? {
        DatabaseLocation::File(path) => sqlite::url(&path),
        DatabaseLocation::Server(url) => postgres::shown(url),
    })
}

/// Returns whether other nodes may work on the same database.
#[must_use]
pub fn is_shared(config: &ServerConfig) -> bool {
    matches!(location(config), Ok(DatabaseLocation::Server(_)))
}

fn location(config: &ServerConfig) -> Result<DatabaseLocation<'_>, DbError> {
    let Some(url) = config.database.as_deref() else {
        return Ok(DatabaseLocation::File(config.data_dir.join("scry.db")));
    };
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(DatabaseLocation::Server(url));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.trim_start_matches('/').is_empty() => {
            Ok(DatabaseLocation::File(path.strip_prefix("//").unwrap_or(path).into()))
        }
        _ => Err(DbError::UnknownKind(scheme(url))),
    }
}

/// Keeps the password of a URL out of messages: only its scheme is shown.
fn scheme(url: &str) -> String {
    url.split_once(':').map_or_else(|| url.to_owned(), |(scheme, _)| format!("{scheme}:…"))
}

/// Builds a pool whose every connection begins with `setup`.
pub(super) fn pool(connections: u32, acquire: Duration, setup: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(connections).acquire_timeout(acquire).after_connect(move |connection, _| {
        Box::pin(async move {
            sqlx::raw_sql(setup).execute(connection).await?;
            Ok(())
        })
    })
}

pub(super) fn open_error(url: &str, source: sqlx::Error) -> DbError {
    DbError::Open { url: url.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_of(database: &str) -> Result<String, DbError> {
        let mut config = ServerConfig::new("/data");
        config.database = Some(database.to_owned());
        database_url(&config)
    }

    #[test]
    fn the_default_is_a_file_in_the_data_directory() {
        assert_eq!(database_url(&ServerConfig::new("/da ta")).unwrap(), "sqlite:/da%20ta/scry.db?mode=rwc");
    }

    #[test]
    fn a_path_may_be_written_with_or_without_slashes() {
        assert_eq!(url_of("sqlite:a.db").unwrap(), "sqlite:a.db?mode=rwc");
        assert_eq!(url_of("sqlite:///x/a.db").unwrap(), "sqlite:/x/a.db?mode=rwc");
    }

    #[test]
    fn a_server_is_shown_without_its_password() {
        assert_eq!(url_of("postgresql://u:hunter2@h/d").unwrap(), "postgresql://u:…@h/d");
    }

    #[test]
    fn another_kind_is_refused_without_showing_its_password() {
        let message = url_of("mysql://u:hunter2@h/d").unwrap_err().to_string();
        assert!(message.contains("mysql:…") && !message.contains("hunter2"), "{message}");
        assert!(url_of("sqlite:").is_err());
    }
}
