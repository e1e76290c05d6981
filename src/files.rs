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
    let dir = path.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a file needs a directory"))?;
    create_private_dir(dir)?;
    // tempfile creates with mode 0600, so that the content is never readable, not even for a moment.
    let file = tempfile::NamedTempFile::new_in(dir)?;
    let mut writer = BufWriter::new(file.as_file());
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
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
