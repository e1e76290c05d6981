//! The loop of a recording.

use std::io;

use jiff::Timestamp;
use scry_command::exit::Exit;
use scry_model::event::ClientEvent;
use scry_protocol::EventKind;
use scry_query::expr::Expr;
use tokio::time::Instant;

use super::ended::Ended;
use super::monitor::{ConnectionMonitor, ConnectionNews};
use super::output::{Output, Written};
use super::recording;
use super::sighting::Sighting;
use super::stream::{Heard, Stream};
use super::wait::since;
use super::watch::holds;
use super::window::{Closing, Window};

/// Says when a recording is complete, and what belongs to it.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub count: Option<u64>,
    pub until: Option<Instant>,
    pub filter: Option<Expr>,
}

/// Counts what has been written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    pub events: u64,
    pub bytes: u64,
}

/// Writes what is delivered; returns how it ended and how many events were written.
///
/// `progress` is told after each batch how much was written. What came together is written together.
///
/// # Errors
/// The I/O error of writing to `output`.
pub async fn run<W: io::Write>(
    wanted: &Wanted,
    begun: recording::Header,
    stream: &mut Stream,
    output: &mut Output<W>,
    say: impl Fn(&str),
    mut progress: impl FnMut(&Amount),
) -> io::Result<(Ended, Amount)> {
    let started = begun.started_at;
    output.line(&recording::header(&begun))?;
    let mut window = Window::until(wanted.until);
    let mut recorder = Recorder { wanted, started, monitor: ConnectionMonitor::default(), written: Amount::default() };
    let ended = loop {
        let heard = stream.next(window.deadline()).await;
        stream.take_notices().iter().for_each(|notice| say(notice));
        if let Some(trouble) = stream.take_trouble() {
            break Ended::blind(&trouble);
        }
        let ended = match heard {
            Heard::Events(sightings) => {
                let ended = recorder.write_all(&sightings, output)?;
                let gone = output.flush()? == Written::PipeClosed;
                progress(&recorder.written);
                ended.or_else(|| gone.then(Ended::met))
            }
            Heard::News(event) => recorder.news(&event, stream, &window, &say),
            Heard::TimeIsUp => None,
            Heard::Interrupted => Some(Ended::interrupted()),
            Heard::Ended => Some(Ended::defect()),
        };
        let late = || recorder.closed(window.close(stream, &recorder.monitor));
        if let Some(ended) = ended.or_else(late) {
            break ended;
        }
    };
    output.flush()?;
    Ok((ended, recorder.written))
}

struct Recorder<'a> {
    wanted: &'a Wanted,
    started: Timestamp,
    monitor: ConnectionMonitor,
    written: Amount,
}

impl Recorder<'_> {
    /// Writes events that came together, up to the one that completes the recording.
    fn write_all<W: io::Write>(&mut self, sightings: &[Sighting], output: &mut Output<W>) -> io::Result<Option<Ended>> {
        for sighting in sightings {
            self.monitor.note_delivery(&sighting.delivery);
            match holds("--filter", self.wanted.filter.as_ref(), sighting) {
                Ok(None | Some(true)) => {}
                Ok(Some(false)) => continue,
                Err(why) => return Ok(Some(Ended::with(Exit::NotMet, why))),
            }
            let line = recording::entry(&sighting.delivery, since(self.started, sighting.delivery.received_at));
            if output.gather(&line)? == Written::PipeClosed {
                return Ok(Some(Ended::met()));
            }
            self.written.events += u64::from(sighting.delivery.kind() == EventKind::World);
            self.written.bytes += line.len() as u64 + 1;
            if self.wanted.count.is_some_and(|count| self.written.events >= count) {
                return Ok(Some(self.complete()));
            }
        }
        Ok(None)
    }

    fn news(&mut self, event: &ClientEvent, stream: &Stream, window: &Window, say: &impl Fn(&str)) -> Option<Ended> {
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

    fn closed(&self, closing: Closing) -> Option<Ended> {
        match (closing, self.wanted.count) {
            (Closing::Open, _) => None,
            (Closing::Uncovered(ended), _) => Some(ended),
            (Closing::Covered, None) => Some(Ended::met()),
            (Closing::Covered, Some(count)) => {
                let why = format!("the time was up after {} of {count} events", self.written.events);
                Some(Ended::with(Exit::Timeout, why))
            }
        }
    }

    fn complete(&self) -> Ended {
        self.monitor.lost().map_or_else(Ended::met, |lost| Ended::with(Exit::ContinuityLost, lost))
    }
}
