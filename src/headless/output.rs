//! stdout as scripts need it: whole lines, flushed one by one, and a closed pipe that ends us quietly.

use std::io::{self, Write};

/// Writes data lines.
#[derive(Debug)]
pub struct Output<W>(W);

/// Tells what became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Yes,
    /// Nobody reads any more.
    PipeClosed,
}

impl Output<io::Stdout> {
    /// Writes to this process's stdout.
    #[must_use]
    pub fn stdout() -> Self {
        Self(io::stdout())
    }
}

impl<W: Write> Output<W> {
    /// Writes to anything.
    pub const fn new(writer: W) -> Self {
        Self(writer)
    }

    /// Writes one line and flushes it.
    ///
    /// # Errors
    /// The I/O error, other than that the reader has gone.
    pub fn line(&mut self, line: &str) -> io::Result<Written> {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        match self.0.write_all(&bytes).and_then(|()| self.0.flush()) {
            Ok(()) => Ok(Written::Yes),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Written::PipeClosed),
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
        assert_eq!(Output::new(&mut lines).line("{}").unwrap(), Written::Yes);
        assert_eq!(lines, b"{}\n");
        assert_eq!(Output::new(Closed(io::ErrorKind::BrokenPipe)).line("{}").unwrap(), Written::PipeClosed);
        assert!(Output::new(Closed(io::ErrorKind::StorageFull)).line("{}").is_err());
    }
}
