//! Who besides its owner can use what the server keeps on disk.

use std::path::{Path, PathBuf};

/// The permissions of others than the owner: any, to read or write a file, to change a directory.
const OTHERS_ANY: u32 = 0o077;
const OTHERS_READ_WRITE: u32 = 0o066;
const OTHERS_WRITE: u32 = 0o022;

/// A file or directory that others than its owner can use.
#[derive(Debug, PartialEq, Eq)]
struct OpenPath {
    path: PathBuf,
    mode: u32,
    remedy: &'static str,
}

/// Returns the mode of a file if anybody besides its owner can use it.
#[must_use]
pub fn shared_mode(metadata: &std::fs::Metadata) -> Option<u32> {
    Some(mode(metadata)).filter(|mode| mode & OTHERS_ANY != 0)
}

/// Warns if others can change a directory.
pub fn warn_of_directory(dir: &Path) {
    warn(changeable(dir));
}

/// Warns if others can read or change a database, or the files that SQLite puts beside it.
pub fn warn_of_database(file: &Path) {
    warn(readable(file));
}

fn warn(open: impl IntoIterator<Item = OpenPath>) {
    for OpenPath { path, mode, remedy } in open {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{mode:04o}"),
            remedy,
            "OTHER USERS OF THIS MACHINE CAN READ OR CHANGE THE SERVER'S DATA; restrict its permissions"
        );
    }
}

fn changeable(dir: &Path) -> Option<OpenPath> {
    let mode = mode_of(dir).filter(|mode| mode & OTHERS_WRITE != 0)?;
    Some(OpenPath { path: dir.to_owned(), mode, remedy: "chmod 700" })
}

/// Nobody gets at a file in a directory that is closed to them.
fn readable(file: &Path) -> Vec<OpenPath> {
    if file.parent().and_then(mode_of).is_some_and(|mode| mode & OTHERS_ANY == 0) {
        return Vec::new();
    }
    let beside = ["", "-wal", "-shm"].map(|suffix| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    });
    let open = |path: PathBuf| {
        let mode = mode_of(&path).filter(|mode| mode & OTHERS_READ_WRITE != 0)?;
        Some(OpenPath { path, mode, remedy: "chmod 600" })
    };
    beside.into_iter().filter_map(open).collect()
}

fn mode_of(path: &Path) -> Option<u32> {
    // One that cannot be looked at is told by whatever opens it.
    std::fs::metadata(path).ok().as_ref().map(mode)
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777
}

/// Returns that nobody else can use it: where access lists decide, they are not looked at.
#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> u32 {
    0
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn database_that_others_can_use_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let [database, log] = ["scry.db", "scry.db-wal"].map(|file| dir.path().join(file));
        for file in [&database, &log] {
            std::fs::write(file, "").unwrap();
            set_mode(file, 0o644);
        }
        let found = || readable(&database).into_iter().map(|open| (open.path, open.mode)).collect::<Vec<_>>();
        set_mode(dir.path(), 0o700);
        assert_eq!(found(), [], "nobody gets through a closed directory");
        set_mode(dir.path(), 0o755);
        assert_eq!(found(), [(database.clone(), 0o644), (log.clone(), 0o644)]);
        for file in [&database, &log] {
            set_mode(file, 0o600);
        }
        assert_eq!(found(), [], "others may see that there is a database");
    }

    #[test]
    fn directory_that_others_can_change_is_found() {
        let dir = tempfile::tempdir().unwrap();
        for (mode, is_found) in [(0o700, false), (0o755, false), (0o770, true), (0o777, true), (0o702, true)] {
            set_mode(dir.path(), mode);
            assert_eq!(changeable(dir.path()).map(|open| open.mode), is_found.then_some(mode), "{mode:o}");
        }
    }
}
