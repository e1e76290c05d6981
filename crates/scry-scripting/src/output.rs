//! stdout as scripts need it: whole lines, none of which waits, and a closed pipe that ends us quietly.

use std::io::{self, Write};

/// How much is gathered at most before it is written.
const MAX_BUFFERED_BYTES: usize = 64 * 1024;

/// Writes data lines.
///
/// Lines of events that came together may be gathered and written at once; a caller that gathers flushes before
/// waiting for anything else.
#[derive(Debug)]
pub struct LineWriter<W> {
    writer: W,
    gathered: Vec<u8>,
}

/// The result of writing a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteStatus {
    /// The line was written.
    Yes,
    /// Nobody reads any more.
    PipeClosed,
}

impl LineWriter<io::Stdout> {
    /// Writes to this process's stdout.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> LineWriter<W> {
    /// Writes to anything.
    pub const fn new(writer: W) -> Self {
        Self { writer, gathered: Vec::new() }
    }

    /// Returns what is written to; everything gathered must have been flushed.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// Writes one line and flushes it.
    ///
    /// # Errors
    /// The I/O error, other than that the reader has gone.
    pub fn line(&mut self, line: &str) -> io::Result<WriteStatus> {
        match self.gather(line)? {
            WriteStatus::Yes => self.flush(),
            WriteStatus::PipeClosed => Ok(WriteStatus::PipeClosed),
        }
    }

    /// Takes one line, to be written with the next ones.
    ///
    /// # Errors
    /// As [`LineWriter::line`], if it was time to write.
    pub fn gather(&mut self, line: &str) -> io::Result<WriteStatus> {
        self.gathered.extend_from_slice(line.as_bytes());
        self.gathered.push(b'\n');
        if self.gathered.len() < MAX_BUFFERED_BYTES { Ok(WriteStatus::Yes) } else { self.flush() }
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// As [`LineWriter::line`].
    pub fn flush(&mut self) -> io::Result<WriteStatus> {
        if self.gathered.is_empty() {
            return Ok(WriteStatus::Yes);
        }
        let written = self.writer.write_all(&self.gathered).and_then(|()| self.writer.flush());
        self.gathered.clear();
        match written {
            Ok(()) => Ok(WriteStatus::Yes),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(WriteStatus::PipeClosed),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed(io::ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_an_end_and_a_full_disk_an_error() {
        let mut lines = Vec::new();
        assert_eq!(LineWriter::new(&mut lines).line("{}").unwrap(), WriteStatus::Yes);
        assert_eq!(lines, b"{}\n");
        assert_eq!(LineWriter::new(Closed(io::ErrorKind::BrokenPipe)).line("{}").unwrap(), WriteStatus::PipeClosed);
        assert!(LineWriter::new(Closed(io::ErrorKind::StorageFull)).line("{}").is_err());
    }

    #[test]
    fn gathered_lines_are_written_together_and_never_grow_large() {
        let mut lines = Vec::new();
        let mut output = LineWriter::new(&mut lines);
        output.gather("{}").unwrap();
        output.gather("[]").unwrap();
        assert_eq!(output.gathered, b"{}\n[]\n");
        output.flush().unwrap();
        let long = "x".repeat(MAX_BUFFERED_BYTES);
        output.gather(&long).unwrap();
        assert!(output.gathered.is_empty());
        assert_eq!(lines.len(), 6 + MAX_BUFFERED_BYTES + 1);
    }
}
