//! A line on a terminal that tells how far long work has come, and vanishes when it is done.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use scry_text::units;

/// How often the line changes at most.
const REDRAW_INTERVAL: Duration = Duration::from_millis(200);
/// How often new words are asked for at most; the next change of the line shows them.
const MESSAGE_INTERVAL: Duration = Duration::from_millis(20);

/// Shows what was said last on stderr, where that is a terminal; elsewhere it does nothing at all.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    started: Instant,
    message: RefCell<String>,
    last_asked: Cell<Option<Instant>>,
    last_drawn: Cell<Option<Instant>>,
}

impl Progress {
    /// Begins; `wanted` is false where a person asked for quiet, or the terminal shows the work itself.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self {
            shown: wanted && io::stderr().is_terminal(),
            started: Instant::now(),
            message: RefCell::default(),
            last_asked: Cell::new(None),
            last_drawn: Cell::new(None),
        }
    }

    /// Shows a message; `message` is called only when there is time to show it.
    pub fn set_message(&self, message: impl FnOnce() -> String) {
        let is_over = |since: Option<Instant>, wait: Duration| since.is_none_or(|since| since.elapsed() >= wait);
        if !self.shown || !is_over(self.last_asked.get(), MESSAGE_INTERVAL) {
            return;
        }
        self.last_asked.set(Some(Instant::now()));
        *self.message.borrow_mut() = message();
        if is_over(self.last_drawn.get(), REDRAW_INTERVAL) {
            self.write();
        }
    }

    /// Does the work, and lets the clock in the line run meanwhile.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut ticks = tokio::time::interval(REDRAW_INTERVAL);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick(), if self.shown => self.write(),
            }
        }
    }

    fn write(&self) {
        self.last_drawn.set(Some(Instant::now()));
        // What cannot be shown is no loss.
        let _ = write!(io::stderr(), "\r\x1b[K{}  {}", units::clock(self.started.elapsed()), self.message.borrow());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.last_drawn.get().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_progress_builds_no_message() {
        let progress = Progress::new(false);
        progress.set_message(|| panic!("nobody asked"));
    }
}
