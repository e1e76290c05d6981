//! The end of the time that a command listens for: over only when the stream is known to have come past it.
//!
//! When the time is up, the gateway is asked something. Its answer comes behind everything it sent before, so once it is
//! here nothing of that time is still on its way. A gateway that has answered before, or that numbers its events, must
//! answer; its silence leaves the time uncertain. Another one is judged by its Engine.IO pings, and is taken at its silence
//! as long as those are not overdue.

use std::time::Duration;

use scry_command::exit::Exit;
use tokio::time::Instant;

use super::command_exit::CommandExit;
use super::monitor::ConnectionMonitor;
use super::stream::SessionStream;

/// How long the gateway has for its answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The time that a command listens for.
#[derive(Debug)]
pub(crate) struct ListenWindow {
    end: Option<Instant>,
    /// When the answer is given up, once the gateway has been asked.
    answer_until: Option<Instant>,
}

/// The state of a window whose time may be up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WindowState {
    /// It is not over yet.
    Open,
    /// Everything that happened in it has been seen.
    Covered,
    /// It is over, and not everything was seen.
    Uncovered(CommandExit),
}

impl ListenWindow {
    /// Begins to listen until `end`, or for as long as it takes.
    #[must_use]
    pub(crate) const fn until(end: Option<Instant>) -> Self {
        Self { end, answer_until: None }
    }

    /// Returns when to look at it next.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.answer_until.or(self.end)
    }

    /// Closes the window if its time is up, which takes an answer of the gateway while the connection is live.
    pub(crate) fn close(&mut self, stream: &SessionStream, monitor: &ConnectionMonitor) -> WindowState {
        if self.deadline().is_none_or(|deadline| Instant::now() < deadline) {
            return WindowState::Open;
        }
        if self.answer_until.is_none() && monitor.is_live() && monitor.lost().is_none() {
            stream.confirm();
            self.answer_until = Some(Instant::now() + ANSWER_TIMEOUT);
            return WindowState::Open;
        }
        match monitor.shortfall() {
            Some(ended) => WindowState::Uncovered(ended),
            None if monitor.must_answer() => WindowState::Uncovered(silent()),
            None => WindowState::Covered,
        }
    }

    /// Closes the window if it was waiting for the answer that has come.
    pub(crate) fn confirmed(&self, monitor: &ConnectionMonitor) -> WindowState {
        match (self.answer_until, monitor.shortfall()) {
            (None, _) => WindowState::Open,
            (Some(_), Some(ended)) => WindowState::Uncovered(ended),
            (Some(_), None) => WindowState::Covered,
        }
    }
}

/// A gateway that used to answer, or should, does not.
#[must_use]
pub(crate) fn silent() -> CommandExit {
    let why = "the gateway has not answered since the time was up, so what it sent last may not have arrived and the \
               result is not certain";
    CommandExit::with(Exit::ContinuityLost, why)
}
