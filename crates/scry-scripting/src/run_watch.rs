//! The loop of a watch: from the connection to stdout, until a decision, the clock or a person ends it.

use std::io;

use jiff::Timestamp;
use scry_model::event::ClientEvent;
use tokio::time::Instant;

use super::command_exit::CommandExit;
use super::event_context::EventContext;
use super::output::{LineWriter, WriteStatus};
use super::stream::{SessionStream, StreamItem};
use super::watch::Watch;
use super::window::{ListenWindow, WindowState};

/// Prints what happens until the watch is over, at `until` at the latest.
///
/// `say` takes the sentences meant for people, but for the last. The caller closes the stream afterwards.
///
/// # Errors
/// The I/O error of writing to `output`, other than that its reader has gone.
pub async fn run<W: io::Write>(
    watch: &mut Watch,
    stream: &mut SessionStream,
    output: &mut LineWriter<W>,
    until: Option<Instant>,
    say: impl Fn(&str),
) -> io::Result<CommandExit> {
    let mut window = ListenWindow::until(until);
    loop {
        let heard = stream.next(window.deadline()).await;
        stream.take_notices().iter().for_each(|notice| say(notice));
        if let Some(trouble) = stream.take_lookup_failure() {
            match watch.ended_by_lookup_failure(&trouble) {
                Some(ended) => return Ok(ended),
                None => say(&trouble),
            }
        }
        let ended = match heard {
            StreamItem::Events(event_contexts) => {
                let ended = print_all(watch, &event_contexts, output)?;
                // What came together is written together; nothing waits for what comes next.
                let gone = output.flush()? == WriteStatus::PipeClosed;
                ended.or_else(|| gone.then(CommandExit::met))
            }
            StreamItem::News(event) => carry_out(watch, &event, stream, &window, output, &say)?,
            StreamItem::TimeIsUp => None,
            StreamItem::Interrupted => Some(CommandExit::interrupted()),
            StreamItem::Ended => Some(CommandExit::defect()),
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
    event_contexts: &[EventContext],
    output: &mut LineWriter<W>,
) -> io::Result<Option<CommandExit>> {
    for event_context in event_contexts {
        let step = watch.event(event_context);
        let written = step.print.map(|line| output.gather(&line)).transpose()?;
        let gone = (written == Some(WriteStatus::PipeClosed)).then(CommandExit::met);
        if let Some(ended) = gone.or(step.stop) {
            return Ok(Some(ended));
        }
    }
    Ok(None)
}

fn carry_out<W: io::Write>(
    watch: &mut Watch,
    event: &ClientEvent,
    stream: &SessionStream,
    window: &ListenWindow,
    output: &mut LineWriter<W>,
    say: &impl Fn(&str),
) -> io::Result<Option<CommandExit>> {
    let step = watch.news(event, Timestamp::now());
    if let Some(sentence) = &step.say {
        say(sentence);
    }
    if step.live {
        // Whether the gateway answers has to be known before its silence can mean anything.
        stream.confirm();
    }
    if let Some(line) = &step.print
        && output.line(line)? == WriteStatus::PipeClosed
    {
        return Ok(Some(CommandExit::met()));
    }
    let confirmed = if step.confirmed { closed(watch, window.confirmed(watch.monitor())) } else { None };
    Ok(step.stop.or(confirmed))
}

fn closed(watch: &Watch, closing: WindowState) -> Option<CommandExit> {
    match closing {
        WindowState::Open => None,
        WindowState::Covered => Some(watch.time_is_up()),
        WindowState::Uncovered(ended) => Some(ended),
    }
}
