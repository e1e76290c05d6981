//! The loop of a recording.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
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

/// Writes what is delivered; returns how it ended and how many events were written.
///
/// `progress` is told the number of events from time to time.
///
/// # Errors
/// The I/O error of writing to `output`.
pub async fn run<W: io::Write>(
    wanted: &Wanted,
    rooms: Vec<String>,
    stream: &mut Stream,
    output: &mut Output<W>,
    say: impl Fn(&str),
    progress: impl Fn(u64),
) -> io::Result<(Exit, u64)> {
    let started = Timestamp::now();
    output.line(&recording::header(&recording::Header::new(started, rooms)))?;
    let deadline = wanted.time.map(|time| Instant::now() + time);
    let mut watchdog = Watchdog::default();
    let mut written = 0;
    let exit = 'recording: loop {
        match stream.next(deadline).await {
            Heard::Events(sightings) => {
                let fits = |filter: &Expr, sighting: &super::sighting::Sighting| filter.holds(&sighting.view());
                for sighting in &sightings {
                    if wanted.filter.as_ref().is_some_and(|filter| !fits(filter, sighting)) {
                        continue;
                    }
                    let at = since(started, sighting.delivery.received_at);
                    if output.line(&recording::entry(&sighting.delivery, at))? == Written::PipeClosed {
                        break 'recording Exit::Met;
                    }
                    written += 1;
                    if wanted.count.is_some_and(|count| written >= count) {
                        break 'recording Exit::Met;
                    }
                }
                progress(written);
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
    let lost = watchdog.lost();
    lost.iter().for_each(|sentence| say(sentence));
    Ok((if exit == Exit::Met && lost.is_some() { Exit::ContinuityLost } else { exit }, written))
}
