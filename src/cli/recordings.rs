//! The files that recordings are in: plain text, or the same compressed by zstd where the name ends in `.zst`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use scry_scripting::recording::{self, Recording};

use super::error::CliError;
use super::zstd::{self, ZstdReader, ZstdWriter};

/// A file that a recording is written into.
pub(super) enum RecordingFile {
    Plain(Box<dyn Write>),
    Packed(ZstdWriter<File>),
}

impl RecordingFile {
    /// Writes what was held back.
    ///
    /// # Errors
    /// The I/O error of writing.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            Self::Packed(writer) => writer.finish(),
        }
    }
}

impl Write for RecordingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(writer) => writer.write(bytes),
            Self::Packed(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            Self::Packed(writer) => writer.flush(),
        }
    }
}

/// Reads a recording; `-` is standard input.
///
/// # Errors
/// [`CliError::Usage`] when there is no such file, or it is no recording.
pub(super) fn open(path: &Path) -> Result<Recording, CliError> {
    let wrong = |error: &dyn std::fmt::Display| CliError::Usage(format!("{}: {error}", path.display()));
    if path == Path::new("-") {
        return read(BufReader::new(io::stdin())).map_err(|error| wrong(&error));
    }
    let file = File::open(path).map_err(|error| wrong(&error))?;
    read(BufReader::new(file)).map_err(|error| wrong(&error))
}

/// Begins a file that nobody but the user may read; `-` is standard output, and one that exists is replaced only if so asked.
///
/// # Errors
/// [`CliError::Usage`] when the file exists already, or cannot be written.
pub(super) fn create(path: &Path, replace: bool) -> Result<RecordingFile, CliError> {
    if path == Path::new("-") {
        return Ok(RecordingFile::Plain(Box::new(io::stdout())));
    }
    let mut how = OpenOptions::new();
    how.write(true).truncate(true);
    // It holds what only members of the campaign may see.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut how, 0o600);
    if replace {
        how.create(true)
    } else {
        how.create_new(true)
    };
    let cannot = |error: io::Error| {
        let path = path.display();
        CliError::Usage(if error.kind() == io::ErrorKind::AlreadyExists {
            format!("{path} exists already; choose another name, or replace it with --force")
        } else {
            format!("cannot write {path}: {error}")
        })
    };
    let file = how.open(path).map_err(cannot)?;
    let packed = path.extension().is_some_and(|extension| extension == "zst");
    Ok(if packed { RecordingFile::Packed(ZstdWriter::new(file)) } else { RecordingFile::Plain(Box::new(file)) })
}

fn read(mut input: impl BufRead) -> Result<Recording, recording::RecordingError> {
    if zstd::is_packed(input.fill_buf()?) {
        return recording::read(BufReader::new(ZstdReader::new(input)));
    }
    recording::read(input)
}
