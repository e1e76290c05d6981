//! A line on a terminal that tells how far long work has come, and vanishes when it is done.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use scry_text::units;

/// How often the line changes at most.
const EVERY: Duration = Duration::from_millis(200);
/// How often new words are asked for at most; the next change of the line shows them.
const WORDS_EVERY: Duration = Duration::from_millis(20);

/// Shows what was said last on stderr, where that is a terminal; elsewhere it does nothing at all.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    started: Instant,
    said: RefCell<String>,
    asked: Cell<Option<Instant>>,
    written: Cell<Option<Instant>>,
}

impl Progress {
    /// Begins; `wanted` is false where a person asked for quiet, or the terminal shows the work itself.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self {
            shown: wanted && io::stderr().is_terminal(),
            started: Instant::now(),
            said: RefCell::default(),
            asked: Cell::new(None),
            written: Cell::new(None),
        }
    }

    /// Says how far it has come; `words` are asked for only when there is time to show them.
    pub fn say(&self, words: impl FnOnce() -> String) {
        let is_over = |since: Option<Instant>, wait: Duration| since.is_none_or(|since| since.elapsed() >= wait);
        if !self.shown || !is_over(self.asked.get(), WORDS_EVERY) {
            return;
        }
        self.asked.set(Some(Instant::now()));
        *self.said.borrow_mut() = words();
        if is_over(self.written.get(), EVERY) {
            self.write();
        }
    }

    /// Does the work, and lets the clock in the line run meanwhile.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick(), if self.shown => self.write(),
            }
        }
    }

    fn write(&self) {
        self.written.set(Some(Instant::now()));
        // What cannot be shown is no loss.
        let _ = write!(io::stderr(), "\r\x1b[K{}  {}", units::clock(self.started.elapsed()), self.said.borrow());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.written.get().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_looks_no_word_is_made() {
        let progress = Progress::new(false);
        progress.say(|| panic!("nobody asked"));
    }
}
