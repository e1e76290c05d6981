//! The loop of a recording.

use std::io;

use jiff::Timestamp;
use scry_command::exit::Exit;
use scry_model::event::ClientEvent;
use scry_protocol::EventKind;
use scry_query::expr::Expr;
use tokio::time::Instant;

use super::command_exit::CommandExit;
use super::event_context::EventContext;
use super::monitor::{ConnectionMonitor, ConnectionNews};
use super::output::{LineWriter, WriteStatus};
use super::recording;
use super::stream::{SessionStream, StreamItem};
use super::wait::since;
use super::watch::holds;
use super::window::{ListenWindow, WindowState};

/// The end and the content of a recording; `None` sets no bound.
#[derive(Debug, Clone, Default)]
pub struct RecordOptions {
    /// The number of events after which the recording ends.
    pub count: Option<u64>,
    /// The time at which the recording ends.
    pub until: Option<Instant>,
    /// The condition that an event must meet to be written.
    pub filter: Option<Expr>,
}

/// Counts what has been written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordedAmount {
    /// The number of events.
    pub events: u64,
    /// The number of bytes before compression.
    pub bytes: u64,
}

/// Writes what is delivered; returns how it ended and how many events were written.
///
/// `progress` is told after each batch how much was written. What came together is written together.
///
/// # Errors
/// The I/O error of writing to `output`.
pub async fn run<W: io::Write>(
    options: &RecordOptions,
    begun: recording::RecordingHeader,
    stream: &mut SessionStream,
    output: &mut LineWriter<W>,
    say: impl Fn(&str),
    mut progress: impl FnMut(&RecordedAmount),
) -> io::Result<(CommandExit, RecordedAmount)> {
    let started = begun.started_at;
    output.line(&recording::header(&begun))?;
    let mut window = ListenWindow::until(options.until);
    let mut recorder =
        StreamRecorder { options, started, monitor: ConnectionMonitor::default(), written: RecordedAmount::default() };
    let ended = loop {
        let heard = stream.next(window.deadline()).await;
        stream.take_notices().iter().for_each(|notice| say(notice));
        if let Some(trouble) = stream.take_lookup_failure() {
            break CommandExit::lookup_failed(&trouble);
        }
        let ended = match heard {
            StreamItem::Events(event_contexts) => {
                let ended = recorder.write_all(&event_contexts, output)?;
                let gone = output.flush()? == WriteStatus::PipeClosed;
                progress(&recorder.written);
                ended.or_else(|| gone.then(CommandExit::met))
            }
            StreamItem::News(event) => recorder.news(&event, stream, &window, &say),
            StreamItem::TimeIsUp => None,
            StreamItem::Interrupted => Some(CommandExit::interrupted()),
            StreamItem::Ended => Some(CommandExit::defect()),
        };
        let late = || recorder.closed(window.close(stream, &recorder.monitor));
        if let Some(ended) = ended.or_else(late) {
            break ended;
        }
    };
    output.flush()?;
    Ok((ended, recorder.written))
}

struct StreamRecorder<'a> {
    options: &'a RecordOptions,
    started: Timestamp,
    monitor: ConnectionMonitor,
    written: RecordedAmount,
}

impl StreamRecorder<'_> {
    /// Writes events that came together, up to the one that completes the recording.
    fn write_all<W: io::Write>(
        &mut self,
        event_contexts: &[EventContext],
        output: &mut LineWriter<W>,
    ) -> io::Result<Option<CommandExit>> {
        for event_context in event_contexts {
            self.monitor.note_delivery(&event_context.delivery);
            match holds("--filter", self.options.filter.as_ref(), event_context) {
                Ok(None | Some(true)) => {}
                Ok(Some(false)) => continue,
                Err(why) => return Ok(Some(CommandExit::with(Exit::NotMet, why))),
            }
            let line =
                recording::entry(&event_context.delivery, since(self.started, event_context.delivery.received_at));
            if output.gather(&line)? == WriteStatus::PipeClosed {
                return Ok(Some(CommandExit::met()));
            }
            self.written.events += u64::from(event_context.delivery.kind() == EventKind::World);
            self.written.bytes += line.len() as u64 + 1;
            if self.options.count.is_some_and(|count| self.written.events >= count) {
                return Ok(Some(self.complete()));
            }
        }
        Ok(None)
    }

    fn news(
        &mut self,
        event: &ClientEvent,
        stream: &SessionStream,
        window: &ListenWindow,
        say: &impl Fn(&str),
    ) -> Option<CommandExit> {
        match self.monitor.handle(event, Timestamp::now()) {
            ConnectionNews::None => None,
            ConnectionNews::Live => {
                stream.confirm();
                None
            }
            ConnectionNews::Say(sentence) => {
                say(&sentence);
                None
            }
            ConnectionNews::Confirmed(_) => self.closed(window.confirmed(&self.monitor)),
            ConnectionNews::Stop(ended) => Some(ended),
        }
    }

    fn closed(&self, closing: WindowState) -> Option<CommandExit> {
        match (closing, self.options.count) {
            (WindowState::Open, _) => None,
            (WindowState::Uncovered(ended), _) => Some(ended),
            (WindowState::Covered, None) => Some(CommandExit::met()),
            (WindowState::Covered, Some(count)) => {
                let why = format!("the time was up after {} of {count} events", self.written.events);
                Some(CommandExit::with(Exit::Timeout, why))
            }
        }
    }

    fn complete(&self) -> CommandExit {
        self.monitor.lost().map_or_else(CommandExit::met, |lost| CommandExit::with(Exit::ContinuityLost, lost))
    }
}
