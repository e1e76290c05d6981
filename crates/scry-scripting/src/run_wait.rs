//! The loop of a wait.

use std::io;

use jiff::Timestamp;
use scry_command::exit::Exit;
use scry_model::event::ClientEvent;
use tokio::time::Instant;

use super::command_exit::CommandExit;
use super::event_context::EventContext;
use super::expect::engine::TimedEvent;
use super::line;
use super::monitor::{ConnectionMonitor, ConnectionNews};
use super::output::LineWriter;
use super::stream::{SessionStream, StreamItem};
use super::wait::{self, Wait};
use super::window::{ListenWindow, WindowState};

/// Waits until the conditions are met, at most until `until`, and prints what met them.
///
/// With `look_back`, the state that the campaigns begin with counts too. `say` takes the sentences meant for people,
/// but for the last.
///
/// # Errors
/// The I/O error of writing to `output`, other than that its reader has gone.
pub async fn run<W: io::Write>(
    wait: &mut Wait,
    stream: &mut SessionStream,
    output: &mut LineWriter<W>,
    until: Instant,
    look_back: bool,
    say: impl Fn(&str),
) -> io::Result<CommandExit> {
    let started = Timestamp::now();
    let mut monitor = ConnectionMonitor::default();
    let mut window = ListenWindow::until(Some(until));
    if look_back && let Some(ended) = hold_already(wait, stream, output)? {
        return Ok(ended);
    }
    loop {
        let heard = stream.next(window.deadline()).await;
        stream.take_notices().iter().for_each(|notice| say(notice));
        if let Some(trouble) = stream.take_lookup_failure() {
            match wait.ended_by_lookup_failure(&trouble) {
                Some(ended) => return Ok(ended),
                None => say(&trouble),
            }
        }
        let ended = match heard {
            StreamItem::Events(event_contexts) => {
                event_contexts.iter().for_each(|event_context| monitor.note_delivery(&event_context.delivery));
                take_all(wait, event_contexts, started, output)?
            }
            StreamItem::News(ClientEvent::Snapshot(_)) if look_back => hold_already(wait, stream, output)?,
            StreamItem::News(event) => match monitor.handle(&event, Timestamp::now()) {
                ConnectionNews::None => None,
                ConnectionNews::Live => {
                    stream.confirm();
                    None
                }
                ConnectionNews::Say(sentence) => {
                    say(&sentence);
                    None
                }
                ConnectionNews::Confirmed(_) => closed(wait, window.confirmed(&monitor)),
                ConnectionNews::Stop(ended) => Some(ended),
            },
            StreamItem::TimeIsUp => None,
            StreamItem::Interrupted => Some(CommandExit::interrupted()),
            StreamItem::Ended => Some(CommandExit::defect()),
        };
        let late = || closed(wait, window.close(stream, &monitor));
        match (ended.or_else(late), monitor.lost()) {
            (None, _) => {}
            // What was met was met; but what must not happen may have happened unseen.
            (Some(ended), Some(lost)) if ended.is_met() && wait.forbids() => {
                return Ok(CommandExit::with(Exit::ContinuityLost, lost));
            }
            (Some(ended), _) => return Ok(ended),
        }
    }
}

/// Handles events that came together, up to the one that ends the wait.
fn take_all<W: io::Write>(
    wait: &mut Wait,
    event_contexts: Vec<EventContext>,
    started: Timestamp,
    output: &mut LineWriter<W>,
) -> io::Result<Option<CommandExit>> {
    for event_context in event_contexts {
        let print = line::event(&event_context.delivery);
        let at = wait::since(started, event_context.delivery.received_at);
        let (useful, ended) = wait.event(TimedEvent { at, event_context });
        if useful {
            output.line(&print)?;
        }
        if ended.is_some() {
            return Ok(ended);
        }
    }
    Ok(None)
}

/// Prints the entities that meet conditions already; returns how the wait ends by that, if it does.
fn hold_already<W: io::Write>(
    wait: &mut Wait,
    stream: &SessionStream,
    output: &mut LineWriter<W>,
) -> io::Result<Option<CommandExit>> {
    match wait.state(stream.entities().all()) {
        Ok(found) => {
            for entity in found {
                output.line(&wait::state_line(&entity, Timestamp::now()))?;
            }
            Ok(wait.is_met().then(CommandExit::met))
        }
        Err(why) => Ok(Some(CommandExit::with(Exit::NotMet, why))),
    }
}

/// Returns the end of a wait whose time is up: not met, or not known because events may be missing.
fn closed(wait: &Wait, closing: WindowState) -> Option<CommandExit> {
    match closing {
        WindowState::Open => None,
        WindowState::Covered => Some(CommandExit::with(Exit::Timeout, wait.report())),
        WindowState::Uncovered(ended) => {
            let why = format!("{}\n{}", wait.report(), ended.why);
            Some(CommandExit::with(ended.exit, if ended.exit == Exit::Connection { ended.why } else { why }))
        }
    }
}
