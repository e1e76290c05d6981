//! Files that nobody but the user may read, written whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file in one step: beside its place first, then moved there.
///
/// A crash leaves the old content or the new one, never half of either. The file has mode 0600; its
/// directory is created with 0700 if it is missing.
///
/// # Errors
/// The I/O error of creating the directory, of `write`, or of moving the file.
pub fn write_private(path: &Path, write: impl FnOnce(&mut BufWriter<&fs::File>) -> io::Result<()>) -> io::Result<()> {
    let dir = directory(path)?;
    write_temp_file(dir, write)?.persist(path)?;
    sync(dir)
}

/// Creates a file in one step, like [`write_private`]; false if there is one already, which is left as it is.
///
/// # Errors
/// The I/O error of creating the directory, of `write`, or of moving the file.
pub fn create_private(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&fs::File>) -> io::Result<()>,
) -> io::Result<bool> {
    let dir = directory(path)?;
    match write_temp_file(dir, write)?.persist_noclobber(path) {
        Ok(_) => sync(dir).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Removes a file, if it is there, so that it stays removed.
///
/// # Errors
/// The I/O error of removing a file that exists.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync(directory(path)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates a directory, and those above it, with mode 0700; an existing one is left as it is.
///
/// # Errors
/// The I/O error of creating it.
pub fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn directory(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a file needs a directory"))
}

fn write_temp_file(
    dir: &Path,
    write: impl FnOnce(&mut BufWriter<&fs::File>) -> io::Result<()>,
) -> io::Result<tempfile::NamedTempFile> {
    create_private_dir(dir)?;
    // tempfile creates with mode 0600, so that the content is never readable, not even for a moment.
    let file = tempfile::NamedTempFile::new_in(dir)?;
    let mut writer = BufWriter::new(file.as_file());
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes a change of a directory outlast a power cut; only Unix can be asked for that.
fn sync(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(dir)?.sync_all() } else { Ok(()) }
}
