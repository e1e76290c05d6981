//! The loop of a run of expectations, with the command beside it.
//!
//! The engine's clock is not ours: it stands at the moment up to which everything is known to have been seen. It moves
//! with the events of a live connection, and to the end of a window only once the gateway has answered a question that
//! was asked after it (see `window`). What comes late, after an outage or behind such an answer, is judged by the time
//! at which it happened.

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::command_exit::CommandExit;
use super::correlation;
use super::event_context::EventContext;
use super::expect::engine::{ExpectEngine, TimedEvent};
use super::expect::outcome::ExpectOutcome;
use super::expect::plan::ExpectPlan;
use super::monitor::{ConnectionMonitor, ConnectionNews};
use super::stream::{SessionStream, StreamItem};
use super::wait::since;
use super::window::{self, ANSWER_TIMEOUT};

/// How long a command may take to end after it was asked to.
const TERMINATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Judges what happens, running `command` (program and arguments, or nothing) once the stream is live, which must be
/// before `until`; from then on the plan's own timeout counts.
///
/// # Errors
/// The I/O error of starting the command.
pub async fn run(
    plan: &ExpectPlan,
    stream: &mut SessionStream,
    until: Instant,
    command: &[OsString],
    say: impl Fn(&str),
) -> io::Result<ExpectOutcome> {
    let engine = ExpectEngine::new(plan.clone(), !command.is_empty());
    let mut monitor = ConnectionMonitor::default();
    if let Some(ended) = until_live(stream, &mut monitor, until, &say).await {
        return Ok(ExpectEngine::unstarted(plan, ended.exit, &ended.why));
    }
    // Whether the gateway answers has to be known before its silence can mean anything.
    stream.confirm();
    let mut child = start(command, stream.run())?;
    let mut run = ExpectRun::new(engine, monitor, plan);
    while !run.engine.is_over() {
        tokio::select! {
            // Events that came before the command's end are judged before it.
            biased;
            heard = stream.next(Some(run.next_look())) => run.take(heard, &say),
            status = ended(&mut child) => {
                child = None;
                run.catch_up(stream, &say).await;
                run.engine.command_ended(status.ok().and_then(|status| status.code()), run.now());
            }
        }
        stream.take_notices().iter().for_each(|notice| say(notice));
        if let Some(trouble) = stream.take_lookup_failure() {
            run.stop(&CommandExit::lookup_failed(&trouble));
        }
        run.keep_time(stream);
    }
    stop(child).await;
    if let Some(sentence) = run.monitor.lost() {
        run.engine.mark_uncertain(&sentence);
    }
    Ok(run.engine.outcome())
}

struct ExpectRun {
    engine: ExpectEngine,
    monitor: ConnectionMonitor,
    timeout: Duration,
    live_at: Timestamp,
    live: Instant,
    /// How far the engine's clock has come.
    covered: Duration,
    /// When the gateway was asked something whose answer has not come yet.
    asked: Option<Duration>,
    /// How much the gateway's clock is ahead of ours, once it has told its time.
    ahead: Option<SignedDuration>,
}

impl ExpectRun {
    fn new(engine: ExpectEngine, monitor: ConnectionMonitor, plan: &ExpectPlan) -> Self {
        Self {
            engine,
            monitor,
            timeout: plan.timeout,
            live_at: Timestamp::now(),
            live: Instant::now(),
            covered: Duration::ZERO,
            asked: None,
            ahead: None,
        }
    }

    fn now(&self) -> Duration {
        self.live.elapsed()
    }

    /// Returns when something has to be done although nothing has come.
    fn next_look(&self) -> Instant {
        let now = self.now();
        let due = self.engine.deadline().unwrap_or(self.timeout);
        let looks = match self.asked {
            None => [due, self.timeout],
            Some(asked) => [asked + ANSWER_TIMEOUT, self.timeout + ANSWER_TIMEOUT],
        };
        let next = looks.into_iter().find(|look| *look > now).unwrap_or(now);
        self.live + if self.monitor.is_live() { next } else { next.max(self.timeout) }
    }

    fn take(&mut self, heard: StreamItem, say: &impl Fn(&str)) {
        match heard {
            StreamItem::Events(event_contexts) => {
                for event_context in event_contexts {
                    let at = self.moment(&event_context);
                    self.covered = at;
                    self.engine.handle(TimedEvent { at, event_context });
                }
            }
            StreamItem::News(event) => match self.monitor.handle(&event, Timestamp::now()) {
                ConnectionNews::None | ConnectionNews::Live => {}
                ConnectionNews::Say(sentence) => say(&sentence),
                // It is asked again where its ping is overdue.
                ConnectionNews::Confirmed(_) if self.monitor.is_silent() => {}
                ConnectionNews::Confirmed(server_time) => self.confirmed(server_time),
                ConnectionNews::Stop(ended) => self.stop(&ended),
            },
            StreamItem::TimeIsUp => {}
            StreamItem::Interrupted => self.stop(&CommandExit::interrupted()),
            StreamItem::Ended => self.stop(&CommandExit::defect()),
        }
    }

    /// Returns when an event happened, after the stream was live; never before what was judged already.
    fn moment(&self, event_context: &EventContext) -> Duration {
        // An event counts from its arrival, however long the look-up of its entity took.
        let arrived = since(self.live_at, event_context.delivery.received_at).min(self.now()).max(self.covered);
        if self.monitor.is_live() && self.asked.is_none() {
            return arrived;
        }
        let told =
            event_context.delivery.event.as_ref().and_then(|event| event.metadata.timestamp.as_deref()?.parse().ok());
        let happened = told.zip(self.ahead).and_then(|(told, ahead): (Timestamp, _)| told.checked_sub(ahead).ok());
        happened.map_or(self.covered, |happened| since(self.live_at, happened).clamp(self.covered, arrived))
    }

    /// Closes the windows that were over when the gateway was asked: everything of that time is here.
    fn confirmed(&mut self, server_time: Option<Timestamp>) {
        if let Some(time) = server_time {
            self.ahead.get_or_insert_with(|| Timestamp::now().duration_until(time));
        }
        if let Some(asked) = self.asked.take() {
            self.covered = self.covered.max(asked);
            self.engine.tick(self.covered);
        }
    }

    /// Asks the gateway for a sign of life when a window is over, and gives up when none comes in time.
    fn keep_time(&mut self, stream: &SessionStream) {
        let now = self.now();
        let Some(due) = self.engine.deadline().filter(|due| *due <= now) else { return };
        let live = self.monitor.is_live();
        match self.asked {
            _ if due <= self.covered => self.engine.tick(self.covered),
            None if live => {
                stream.confirm();
                self.asked = Some(now);
            }
            Some(asked) if live && now < asked + ANSWER_TIMEOUT => {}
            Some(_) if live && self.monitor.is_silent() && now < self.timeout + ANSWER_TIMEOUT => {
                stream.confirm();
                self.asked = Some(now);
            }
            // A gateway that answers nothing is taken at its silence, as long as its pings come.
            Some(_) if live && !self.monitor.must_answer() && !self.monitor.is_silent() => self.confirmed(None),
            Some(_) if live && now < self.timeout + ANSWER_TIMEOUT => {}
            _ if now < self.timeout => {}
            _ => self.stop(&self.monitor.shortfall().unwrap_or_else(window::silent)),
        }
    }

    fn stop(&mut self, ended: &CommandExit) {
        self.engine.stop(ended.exit, self.now(), &ended.why);
    }

    /// Judges what has arrived already.
    async fn catch_up(&mut self, stream: &mut SessionStream, say: &impl Fn(&str)) {
        loop {
            let heard = stream.next(Some(Instant::now())).await;
            if matches!(heard, StreamItem::TimeIsUp) {
                return;
            }
            let last = matches!(heard, StreamItem::Interrupted | StreamItem::Ended);
            self.take(heard, say);
            if last || self.engine.is_over() {
                return;
            }
        }
    }
}

/// Waits until nothing that happens from now on can be missed; returns why that is not to be.
async fn until_live(
    stream: &mut SessionStream,
    monitor: &mut ConnectionMonitor,
    deadline: Instant,
    say: &impl Fn(&str),
) -> Option<CommandExit> {
    while !monitor.was_live() {
        match stream.next(Some(deadline)).await {
            // What happened before the run is not part of it.
            StreamItem::Events(event_contexts) => {
                event_contexts.iter().for_each(|event_context| monitor.note_delivery(&event_context.delivery));
            }
            StreamItem::News(event) => match monitor.handle(&event, Timestamp::now()) {
                ConnectionNews::None | ConnectionNews::Live | ConnectionNews::Confirmed(_) => {}
                ConnectionNews::Say(sentence) => say(&sentence),
                ConnectionNews::Stop(ended) => return Some(ended),
            },
            StreamItem::TimeIsUp => return monitor.shortfall(),
            StreamItem::Interrupted => return Some(CommandExit::interrupted()),
            StreamItem::Ended => return Some(CommandExit::defect()),
        }
    }
    None
}

/// Starts the command; what it does with `scry` carries the id of this run.
fn start(command: &[OsString], run: Option<&str>) -> io::Result<Option<Child>> {
    let Some((program, arguments)) = command.split_first() else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    if let Some(id) = run {
        command.env(correlation::CORRELATION_VARIABLE, id);
    }
    command.spawn().map(Some)
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
    if tokio::time::timeout(TERMINATION_TIMEOUT, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
