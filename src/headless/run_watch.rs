//! The loop of a watch: from the connection to stdout, until a decision, the clock or a person ends it.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::output::{Output, Written};
use super::sighting::Sighting;
use super::stream::{Heard, Stream};
use super::watch::{Step, Watch};
use crate::exit::Exit;

/// Prints what happens until the watch is over.
///
/// `say` takes the sentences meant for people. The caller closes the stream afterwards.
///
/// # Errors
/// The I/O error of writing to `output`, other than that its reader has gone.
pub async fn run<W: io::Write>(
    watch: &mut Watch,
    stream: &mut Stream,
    output: &mut Output<W>,
    time: Option<Duration>,
    say: impl Fn(&str),
) -> io::Result<Exit> {
    let deadline = time.map(|time| Instant::now() + time);
    loop {
        let heard = stream.next(deadline).await;
        if let Some(trouble) = stream.take_trouble() {
            say(&trouble);
        }
        let ended = match heard {
            Heard::Events(sightings) => {
                let ended = print_all(watch, &sightings, output, &say)?;
                // What came together is written together; nothing waits for what comes next.
                let gone = output.flush()? == Written::PipeClosed;
                ended.or(gone.then_some(Exit::Met))
            }
            Heard::News(event) => carry_out(watch.news(&event, Timestamp::now()), output, &say)?,
            Heard::TimeIsUp => Some(watch.time_is_up()),
            Heard::Interrupted => Some(Exit::Interrupted),
            Heard::Ended => Some(Exit::Internal),
        };
        // A flood of events must not hold back the clock.
        let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline).then(|| watch.time_is_up());
        if let Some(exit) = ended.or_else(late) {
            return Ok(exit);
        }
    }
}

/// Handles events that came together, up to the one that ends the watch.
fn print_all<W: io::Write>(
    watch: &mut Watch,
    sightings: &[Sighting],
    output: &mut Output<W>,
    say: &impl Fn(&str),
) -> io::Result<Option<Exit>> {
    for sighting in sightings {
        let step = watch.event(sighting);
        step.say.iter().for_each(|sentence| say(sentence));
        let written = step.print.map(|line| output.gather(&line)).transpose()?;
        let gone = (written == Some(Written::PipeClosed)).then_some(Exit::Met);
        if let Some(exit) = gone.or(step.stop) {
            return Ok(Some(exit));
        }
    }
    Ok(None)
}

fn carry_out<W: io::Write>(step: Step, output: &mut Output<W>, say: &impl Fn(&str)) -> io::Result<Option<Exit>> {
    if let Some(sentence) = &step.say {
        say(sentence);
    }
    if let Some(line) = &step.print
        && output.line(line)? == Written::PipeClosed
    {
        return Ok(Some(Exit::Met));
    }
    Ok(step.stop)
}
