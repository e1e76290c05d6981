//! The end of the time that a command listens for: over only when the stream is known to have come past it.
//!
//! When the time is up, the gateway is asked something. Its answer comes behind everything it sent before, so once it is
//! here nothing of that time is still on its way. A gateway that has answered before, or that numbers its events, must
//! answer; its silence leaves the time uncertain. Another one is judged by its Engine.IO pings, and is taken at its silence
//! as long as those are not overdue.

use std::time::Duration;

use scry_command::exit::Exit;
use tokio::time::Instant;

use super::ended::Ended;
use super::monitor::ConnectionMonitor;
use super::stream::Stream;

/// How long the gateway has for its answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The time that a command listens for.
#[derive(Debug)]
pub struct Window {
    end: Option<Instant>,
    /// When the answer is given up, once the gateway has been asked.
    answer_until: Option<Instant>,
}

/// Tells what has become of a window whose time may be up.
#[derive(Debug, PartialEq, Eq)]
pub enum Closing {
    /// It is not over yet.
    Open,
    /// Everything that happened in it has been seen.
    Covered,
    /// It is over, and not everything was seen.
    Uncovered(Ended),
}

impl Window {
    /// Begins to listen until `end`, or for as long as it takes.
    #[must_use]
    pub const fn until(end: Option<Instant>) -> Self {
        Self { end, answer_until: None }
    }

    /// Returns when to look at it next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.answer_until.or(self.end)
    }

    /// Closes the window if its time is up, which takes an answer of the gateway while the connection is live.
    pub fn close(&mut self, stream: &Stream, monitor: &ConnectionMonitor) -> Closing {
        if self.deadline().is_none_or(|deadline| Instant::now() < deadline) {
            return Closing::Open;
        }
        if self.answer_until.is_none() && monitor.is_live() && monitor.lost().is_none() {
            stream.confirm();
            self.answer_until = Some(Instant::now() + ANSWER_TIMEOUT);
            return Closing::Open;
        }
        match monitor.shortfall() {
            Some(ended) => Closing::Uncovered(ended),
            None if monitor.must_answer() => Closing::Uncovered(silent()),
            None => Closing::Covered,
        }
    }

    /// Closes the window if it was waiting for the answer that has come.
    pub fn confirmed(&self, monitor: &ConnectionMonitor) -> Closing {
        match (self.answer_until, monitor.shortfall()) {
            (None, _) => Closing::Open,
            (Some(_), Some(ended)) => Closing::Uncovered(ended),
            (Some(_), None) => Closing::Covered,
        }
    }
}

/// A gateway that used to answer, or should, does not.
#[must_use]
pub fn silent() -> Ended {
    let why = "the gateway has not answered since the time was up, so what it sent last may not have arrived and the \
               result is not certain";
    Ended::with(Exit::ContinuityLost, why)
}
