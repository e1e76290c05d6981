//! The loop of a recording.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::output::{Output, Written};
use super::recording;
use super::stream::{Heard, Stream};
use super::wait::since;
use super::watchdog::{News, Watchdog};
use crate::exit::Exit;
use crate::expr::Expr;

/// Says when a recording is complete, and what belongs to it.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub count: Option<u64>,
    pub time: Option<Duration>,
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
) -> io::Result<(Exit, Amount)> {
    let started = begun.started_at;
    output.line(&recording::header(&begun))?;
    let deadline = wanted.time.map(|time| Instant::now() + time);
    let mut watchdog = Watchdog::default();
    let mut written = Amount::default();
    let exit = 'recording: loop {
        match stream.next(deadline).await {
            Heard::Events(sightings) => {
                let fits = |filter: &Expr, sighting: &super::sighting::Sighting| filter.holds(&sighting.view());
                for sighting in &sightings {
                    if wanted.filter.as_ref().is_some_and(|filter| !fits(filter, sighting)) {
                        continue;
                    }
                    let at = since(started, sighting.delivery.received_at);
                    let line = recording::entry(&sighting.delivery, at);
                    if output.gather(&line)? == Written::PipeClosed {
                        break 'recording Exit::Met;
                    }
                    written.events += 1;
                    written.bytes += line.len() as u64 + 1;
                    if wanted.count.is_some_and(|count| written.events >= count) {
                        break 'recording Exit::Met;
                    }
                }
                if output.flush()? == Written::PipeClosed {
                    break Exit::Met;
                }
                progress(&written);
            }
            Heard::News(event) => match watchdog.handle(&event) {
                News::None | News::Live => {}
                News::Say(sentence) => say(&sentence),
                News::Stop(exit, sentence) => {
                    say(&sentence);
                    break exit;
                }
            },
            Heard::TimeIsUp if wanted.count.is_some() => break Exit::Timeout,
            Heard::TimeIsUp => break Exit::Met,
            Heard::Interrupted => break Exit::Interrupted,
            Heard::Ended => break Exit::Internal,
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            break if wanted.count.is_some() { Exit::Timeout } else { Exit::Met };
        }
    };
    output.flush()?;
    let lost = watchdog.lost();
    lost.iter().for_each(|sentence| say(sentence));
    Ok((if exit == Exit::Met && lost.is_some() { Exit::ContinuityLost } else { exit }, written))
}
