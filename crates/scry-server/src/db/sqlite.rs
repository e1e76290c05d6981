//! A database in a file.

use std::path::Path;

use super::open::{ACQUIRE_TIMEOUT, open_error, pool};
use super::{DatabaseKind, Db, DbError, migrate};
use crate::permissions;

/// How many reads may run side by side: those of the API, and all others.
const QUERY_CONNECTIONS: u32 = 4;
const READER_CONNECTIONS: u32 = 4;
/// Every connection: wait for a lock instead of failing, survive a power cut, keep references whole.
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                       PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";
const READ_ONLY: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;";

/// Opens a file, creates it if need be and brings it up to date.
pub(super) async fn open(path: &Path) -> Result<Db, DbError> {
    let url = url(path);
    let shown = url.trim_end_matches("?mode=rwc");
    keep_private(path).map_err(|source| open_error(shown, sqlx::Error::Io(source)))?;
    permissions::warn_of_database(path);
    let writer = pool(1, ACQUIRE_TIMEOUT, PRAGMAS).connect(&url).await.map_err(|source| open_error(shown, source))?;
    migrate::run(&writer).await.map_err(|source| DbError::Migrate { url: shown.to_owned(), source })?;
    let readers = async |count| {
        pool(count, ACQUIRE_TIMEOUT, READ_ONLY).connect(&url).await.map_err(|source| open_error(shown, source))
    };
    Ok(Db::new(DatabaseKind::Sqlite, readers(READER_CONNECTIONS).await?, readers(QUERY_CONNECTIONS).await?, writer))
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

/// Returns a file's URL as the driver wants it.
pub(super) fn url(path: &Path) -> String {
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

#[cfg(test)]
mod tests {
    use crate::config::ServerConfig;
    use crate::db::Db;

    #[cfg(unix)]
    #[tokio::test]
    async fn database_file_is_private() {
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
}
