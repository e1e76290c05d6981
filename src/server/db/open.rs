//! Opening the database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, install_default_drivers};

use super::{Db, DbError, migrate};
use crate::config::server::ServerConfig;

/// How many reads may run side by side.
const READERS: u32 = 4;
/// How long a request waits for a connection before it gives up.
const ACQUIRE: Duration = Duration::from_secs(10);

/// Every connection: wait for a lock instead of failing, survive a power cut, keep references whole.
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                       PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";
const READ_ONLY: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;";

impl Db {
    /// Opens the database of a configuration, creates it if need be and brings it up to date.
    ///
    /// # Errors
    /// [`DbError`] naming the database when it cannot be opened or migrated.
    pub async fn open(config: &ServerConfig) -> Result<Self, DbError> {
        let path = database_path(config)?;
        let url = sqlite_url(&path);
        install_default_drivers();
        keep_private(&path).map_err(|source| open_error(&url, sqlx::Error::Io(source)))?;
        let writer = pool(1, PRAGMAS).connect(&url).await.map_err(|source| open_error(&url, source))?;
        migrate::run(&writer).await.map_err(|source| DbError::Migrate { url: url.clone(), source })?;
        let reader = pool(READERS, READ_ONLY).connect(&url).await.map_err(|source| open_error(&url, source))?;
        Ok(Self { reader, writer })
    }
}

/// Creates a database file that is not there yet so that nobody else may read the password hashes in it.
///
/// The files that SQLite puts beside it take over its permissions.
fn keep_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns the database's URL: the one that is set, else the file `scry.db` in the data directory.
///
/// # Errors
/// [`DbError::UnknownKind`] for any kind of database but SQLite.
pub fn database_url(config: &ServerConfig) -> Result<String, DbError> {
    database_path(config).map(|path| sqlite_url(&path))
}

fn database_path(config: &ServerConfig) -> Result<PathBuf, DbError> {
    match config.database.as_deref() {
        None => Ok(config.data_dir.join("scry.db")),
        Some(url) => match url.strip_prefix("sqlite:") {
            Some(path) if !path.trim_start_matches('/').is_empty() => {
                Ok(path.strip_prefix("//").unwrap_or(path).into())
            }
            _ => Err(DbError::UnknownKind(scheme(url))),
        },
    }
}

/// Keeps the password of a URL out of messages: only its scheme is shown.
fn scheme(url: &str) -> String {
    url.split_once(':').map_or_else(|| url.to_owned(), |(scheme, _)| format!("{scheme}:…"))
}

fn sqlite_url(path: &Path) -> String {
    let mut url = String::from("sqlite:");
    for c in path.to_string_lossy().chars() {
        match c {
            '%' => url.push_str("%25"),
            '?' => url.push_str("%3F"),
            '#' => url.push_str("%23"),
            ' ' => url.push_str("%20"),
            _ => url.push(c),
        }
    }
    url.push_str("?mode=rwc");
    url
}

fn pool(connections: u32, setup: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE).after_connect(move |connection, _| {
        Box::pin(async move {
            sqlx::raw_sql(setup).execute(connection).await?;
            Ok(())
        })
    })
}

fn open_error(url: &str, source: sqlx::Error) -> DbError {
    DbError::Open { url: url.trim_end_matches("?mode=rwc").to_owned(), source }
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

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_may_read_the_database() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let db = Db::open(&ServerConfig::new(dir.path())).await.unwrap();
        for file in ["scry.db", "scry.db-wal", "scry.db-shm"] {
            let mode = std::fs::metadata(dir.path().join(file)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{file}");
        }
        db.close().await;
    }

    #[test]
    fn another_kind_is_refused_without_showing_its_password() {
        let message = url_of("mysql://u:hunter2@h/d").unwrap_err().to_string();
        assert!(message.contains("mysql:…") && !message.contains("hunter2"), "{message}");
        assert!(url_of("sqlite:").is_err());
    }
}
