//! The loop of a run of expectations, with the command beside it.

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use jiff::Timestamp;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::expect::engine::{Engine, Seen};
use super::expect::outcome::Outcome;
use super::expect::plan::Plan;
use super::stream::{Heard, Stream};
use super::wait::since;
use super::watchdog::{News, Watchdog};
use crate::exit::Exit;

/// How long a command may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// Judges what happens, running `command` (program and arguments, or nothing) once the stream is live, which must be
/// before `until`; from then on the plan's own timeout counts.
///
/// # Errors
/// The I/O error of starting the command.
pub async fn run(
    plan: &Plan,
    stream: &mut Stream,
    until: Instant,
    command: &[OsString],
    say: impl Fn(&str),
) -> io::Result<Outcome> {
    let engine = Engine::new(plan.clone(), !command.is_empty());
    let mut watchdog = Watchdog::default();
    if let Some((exit, sentence)) = until_live(stream, &mut watchdog, until, &say).await {
        return Ok(Engine::unstarted(plan, exit, &sentence));
    }
    let mut child = start(command)?;
    let mut run = Run { engine, watchdog, live_at: Timestamp::now(), live: Instant::now() };
    while !run.engine.is_over() {
        let due = run.engine.deadline().map(|due| run.live + due);
        tokio::select! {
            // Events that came before the command's end are judged before it.
            biased;
            heard = stream.next(due) => run.take(heard, &say),
            status = ended(&mut child) => {
                child = None;
                run.catch_up(stream, &say).await;
                run.engine.command_ended(status.ok().and_then(|status| status.code()), run.now());
            }
        }
        if let Some(trouble) = stream.take_trouble() {
            say(&trouble);
        }
    }
    stop(child).await;
    if let Some(sentence) = run.watchdog.lost() {
        run.engine.doubt(&sentence);
    }
    Ok(run.engine.outcome())
}

struct Run {
    engine: Engine,
    watchdog: Watchdog,
    live_at: Timestamp,
    live: Instant,
}

impl Run {
    fn now(&self) -> Duration {
        self.live.elapsed()
    }

    fn take(&mut self, heard: Heard, say: &impl Fn(&str)) {
        match heard {
            Heard::Events(sightings) => {
                for sighting in sightings {
                    // An event counts from its arrival, however long the look-up of its entity took.
                    let at = since(self.live_at, sighting.delivery.received_at).min(self.now());
                    self.engine.handle(Seen { at, sighting });
                }
            }
            Heard::News(event) => match self.watchdog.handle(&event) {
                News::None | News::Live => {}
                News::Say(sentence) => say(&sentence),
                News::Stop(exit, sentence) => self.engine.stop(exit, self.now(), &sentence),
            },
            Heard::TimeIsUp => self.engine.tick(self.now()),
            Heard::Interrupted => self.engine.stop(Exit::Interrupted, self.now(), "it was interrupted"),
            Heard::Ended => self.engine.stop(Exit::Internal, self.now(), "the connection's task has died"),
        }
    }

    /// Judges what has arrived already.
    async fn catch_up(&mut self, stream: &mut Stream, say: &impl Fn(&str)) {
        loop {
            let heard = stream.next(Some(Instant::now())).await;
            if matches!(heard, Heard::TimeIsUp) {
                return;
            }
            let last = matches!(heard, Heard::Interrupted | Heard::Ended);
            self.take(heard, say);
            if last || self.engine.is_over() {
                return;
            }
        }
    }
}

/// Waits until nothing that happens from now on can be missed; returns why that is not to be.
async fn until_live(
    stream: &mut Stream,
    watchdog: &mut Watchdog,
    deadline: Instant,
    say: &impl Fn(&str),
) -> Option<(Exit, String)> {
    while !watchdog.was_live() {
        match stream.next(Some(deadline)).await {
            // What happened before the run is not part of it.
            Heard::Events(_) => {}
            Heard::News(event) => match watchdog.handle(&event) {
                News::None | News::Live => {}
                News::Say(sentence) => say(&sentence),
                News::Stop(exit, sentence) => return Some((exit, sentence)),
            },
            Heard::TimeIsUp => {
                return Some((Exit::Timeout, "the connection was not live before the timeout".to_owned()));
            }
            Heard::Interrupted => return Some((Exit::Interrupted, "it was interrupted".to_owned())),
            Heard::Ended => return Some((Exit::Internal, "the connection's task has died".to_owned())),
        }
    }
    None
}

fn start(command: &[OsString]) -> io::Result<Option<Child>> {
    let Some((program, arguments)) = command.split_first() else { return Ok(None) };
    Command::new(program).args(arguments).kill_on_drop(true).spawn().map(Some)
}

async fn ended(child: &mut Option<Child>) -> io::Result<ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

/// Ends a command that is still running: politely, then for good.
async fn stop(child: Option<Child>) {
    let Some(mut child) = child else { return };
    #[cfg(unix)]
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
        // An error means that it has just ended by itself.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
