//! The loop of a wait.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::expect::engine::Seen;
use super::line;
use super::output::Output;
use super::stream::{Heard, Stream};
use super::wait::{self, Wait};
use super::watchdog::{News, Watchdog};
use crate::client::event::ClientEvent;
use crate::exit::Exit;

/// Waits until the conditions are met, and prints what met them.
///
/// With `look_back`, the state that the campaigns begin with counts too.
///
/// # Errors
/// The I/O error of writing to `output`, other than that its reader has gone.
pub async fn run<W: io::Write>(
    wait: &mut Wait,
    stream: &mut Stream,
    output: &mut Output<W>,
    timeout: Duration,
    look_back: bool,
    say: impl Fn(&str),
) -> io::Result<Exit> {
    let deadline = Instant::now() + timeout;
    let started = Timestamp::now();
    let mut watchdog = Watchdog::default();
    if look_back && hold_already(wait, stream, output)? {
        return Ok(Exit::Met);
    }
    loop {
        let heard = stream.next(Some(deadline)).await;
        if let Some(trouble) = stream.take_trouble() {
            say(&trouble);
        }
        let ended = match heard {
            Heard::Events(sightings) => {
                let mut ended = None;
                for sighting in sightings {
                    let print = line::event(&sighting.delivery);
                    let at = wait::since(started, sighting.delivery.received_at);
                    let (useful, exit) = wait.event(Seen { at, sighting });
                    if useful {
                        output.line(&print)?;
                    }
                    ended = exit;
                    if ended.is_some() {
                        break;
                    }
                }
                ended
            }
            Heard::News(ClientEvent::Snapshot(_)) if look_back => {
                hold_already(wait, stream, output)?.then_some(Exit::Met)
            }
            Heard::News(event) => match watchdog.handle(&event) {
                News::None | News::Live => None,
                News::Say(sentence) => {
                    say(&sentence);
                    None
                }
                News::Stop(exit, sentence) => {
                    say(&sentence);
                    return Ok(exit);
                }
            },
            Heard::TimeIsUp => Some(Exit::Timeout),
            Heard::Interrupted => return Ok(Exit::Interrupted),
            Heard::Ended => return Ok(Exit::Internal),
        };
        let late = (Instant::now() >= deadline).then_some(Exit::Timeout);
        match ended.or(late) {
            None => {}
            Some(Exit::Timeout) => {
                say(&wait.report());
                let lost = watchdog.lost();
                lost.iter().for_each(|sentence| say(sentence));
                return Ok(if lost.is_some() { Exit::ContinuityLost } else { Exit::Timeout });
            }
            Some(Exit::NotMet) => {
                say(&wait.failure());
                return Ok(Exit::NotMet);
            }
            Some(exit) => return Ok(exit),
        }
    }
}

/// Prints the entities that meet conditions already; tells whether that is enough.
fn hold_already<W: io::Write>(wait: &mut Wait, stream: &Stream, output: &mut Output<W>) -> io::Result<bool> {
    for entity in wait.state(stream.entities().all()) {
        output.line(&wait::state_line(&entity, Timestamp::now()))?;
    }
    Ok(wait.is_met())
}
