//! The loop of a watch: from the connection to stdout, until a decision, the clock or a person ends it.

use std::io;

use jiff::Timestamp;
use scry_model::event::ClientEvent;
use tokio::time::Instant;

use super::ended::Ended;
use super::output::{Output, Written};
use super::sighting::Sighting;
use super::stream::{Heard, Stream};
use super::watch::Watch;
use super::window::{Closing, Window};

/// Prints what happens until the watch is over, at `until` at the latest.
///
/// `say` takes the sentences meant for people, but for the last. The caller closes the stream afterwards.
///
/// # Errors
/// The I/O error of writing to `output`, other than that its reader has gone.
pub async fn run<W: io::Write>(
    watch: &mut Watch,
    stream: &mut Stream,
    output: &mut Output<W>,
    until: Option<Instant>,
    say: impl Fn(&str),
) -> io::Result<Ended> {
    let mut window = Window::until(until);
    loop {
        let heard = stream.next(window.deadline()).await;
        stream.take_notices().iter().for_each(|notice| say(notice));
        if let Some(trouble) = stream.take_trouble() {
            match watch.blinded(&trouble) {
                Some(ended) => return Ok(ended),
                None => say(&trouble),
            }
        }
        let ended = match heard {
            Heard::Events(sightings) => {
                let ended = print_all(watch, &sightings, output)?;
                // What came together is written together; nothing waits for what comes next.
                let gone = output.flush()? == Written::PipeClosed;
                ended.or_else(|| gone.then(Ended::met))
            }
            Heard::News(event) => carry_out(watch, &event, stream, &window, output, &say)?,
            Heard::TimeIsUp => None,
            Heard::Interrupted => Some(Ended::interrupted()),
            Heard::Ended => Some(Ended::defect()),
        };
        // A flood of events must not hold back the clock.
        let late = || closed(watch, window.close(stream, watch.monitor()));
        if let Some(ended) = ended.or_else(late) {
            return Ok(ended);
        }
    }
}

/// Handles events that came together, up to the one that ends the watch.
fn print_all<W: io::Write>(
    watch: &mut Watch,
    sightings: &[Sighting],
    output: &mut Output<W>,
) -> io::Result<Option<Ended>> {
    for sighting in sightings {
        let step = watch.event(sighting);
        let written = step.print.map(|line| output.gather(&line)).transpose()?;
        let gone = (written == Some(Written::PipeClosed)).then(Ended::met);
        if let Some(ended) = gone.or(step.stop) {
            return Ok(Some(ended));
        }
    }
    Ok(None)
}

fn carry_out<W: io::Write>(
    watch: &mut Watch,
    event: &ClientEvent,
    stream: &Stream,
    window: &Window,
    output: &mut Output<W>,
    say: &impl Fn(&str),
) -> io::Result<Option<Ended>> {
    let step = watch.news(event, Timestamp::now());
    if let Some(sentence) = &step.say {
        say(sentence);
    }
    if step.live {
        // Whether the gateway answers has to be known before its silence can mean anything.
        stream.confirm();
    }
    if let Some(line) = &step.print
        && output.line(line)? == Written::PipeClosed
    {
        return Ok(Some(Ended::met()));
    }
    let confirmed = if step.confirmed { closed(watch, window.confirmed(watch.monitor())) } else { None };
    Ok(step.stop.or(confirmed))
}

fn closed(watch: &Watch, closing: Closing) -> Option<Ended> {
    match closing {
        Closing::Open => None,
        Closing::Covered => Some(watch.time_is_up()),
        Closing::Uncovered(ended) => Some(ended),
    }
}
