//! The loop of a wait.

use std::io;

use jiff::Timestamp;
use scry_command::exit::Exit;
use scry_model::event::ClientEvent;
use tokio::time::Instant;

use super::ended::Ended;
use super::expect::engine::Seen;
use super::line;
use super::monitor::{ConnectionMonitor, ConnectionNews};
use super::output::Output;
use super::sighting::Sighting;
use super::stream::{Heard, Stream};
use super::wait::{self, Wait};
use super::window::{Closing, Window};

/// Waits until the conditions are met, at most until `until`, and prints what met them.
///
/// With `look_back`, the state that the campaigns begin with counts too. `say` takes the sentences meant for people,
/// but for the last.
///
/// # Errors
/// The I/O error of writing to `output`, other than that its reader has gone.
pub async fn run<W: io::Write>(
    wait: &mut Wait,
    stream: &mut Stream,
    output: &mut Output<W>,
    until: Instant,
    look_back: bool,
    say: impl Fn(&str),
) -> io::Result<Ended> {
    let started = Timestamp::now();
    let mut monitor = ConnectionMonitor::default();
    let mut window = Window::until(Some(until));
    if look_back && let Some(ended) = hold_already(wait, stream, output)? {
        return Ok(ended);
    }
    loop {
        let heard = stream.next(window.deadline()).await;
        stream.take_notices().iter().for_each(|notice| say(notice));
        if let Some(trouble) = stream.take_trouble() {
            match wait.blinded(&trouble) {
                Some(ended) => return Ok(ended),
                None => say(&trouble),
            }
        }
        let ended = match heard {
            Heard::Events(sightings) => {
                sightings.iter().for_each(|sighting| monitor.note_delivery(&sighting.delivery));
                take_all(wait, sightings, started, output)?
            }
            Heard::News(ClientEvent::Snapshot(_)) if look_back => hold_already(wait, stream, output)?,
            Heard::News(event) => match monitor.handle(&event, Timestamp::now()) {
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
            Heard::TimeIsUp => None,
            Heard::Interrupted => Some(Ended::interrupted()),
            Heard::Ended => Some(Ended::defect()),
        };
        let late = || closed(wait, window.close(stream, &monitor));
        match (ended.or_else(late), monitor.lost()) {
            (None, _) => {}
            // What was met was met; but what must not happen may have happened unseen.
            (Some(ended), Some(lost)) if ended.is_met() && wait.forbids() => {
                return Ok(Ended::with(Exit::ContinuityLost, lost));
            }
            (Some(ended), _) => return Ok(ended),
        }
    }
}

/// Handles events that came together, up to the one that ends the wait.
fn take_all<W: io::Write>(
    wait: &mut Wait,
    sightings: Vec<Sighting>,
    started: Timestamp,
    output: &mut Output<W>,
) -> io::Result<Option<Ended>> {
    for sighting in sightings {
        let print = line::event(&sighting.delivery);
        let at = wait::since(started, sighting.delivery.received_at);
        let (useful, ended) = wait.event(Seen { at, sighting });
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
fn hold_already<W: io::Write>(wait: &mut Wait, stream: &Stream, output: &mut Output<W>) -> io::Result<Option<Ended>> {
    match wait.state(stream.entities().all()) {
        Ok(found) => {
            for entity in found {
                output.line(&wait::state_line(&entity, Timestamp::now()))?;
            }
            Ok(wait.is_met().then(Ended::met))
        }
        Err(why) => Ok(Some(Ended::with(Exit::NotMet, why))),
    }
}

/// Says what was not met in a time that was seen whole, or why it was not.
fn closed(wait: &Wait, closing: Closing) -> Option<Ended> {
    match closing {
        Closing::Open => None,
        Closing::Covered => Some(Ended::with(Exit::Timeout, wait.report())),
        Closing::Uncovered(ended) => {
            let why = format!("{}\n{}", wait.report(), ended.why);
            Some(Ended::with(ended.exit, if ended.exit == Exit::Connection { ended.why } else { why }))
        }
    }
}
