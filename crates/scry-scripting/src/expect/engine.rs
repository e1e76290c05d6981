//! Follows a stream of events and judges it against a plan.

mod turn;

use std::collections::VecDeque;
use std::time::Duration;

use scry_command::exit::Exit;
use scry_config::duration;
use scry_query::expr::{EventView, Expr, MatchResult, Vars};

use super::nearest;
use super::outcome::{CaseFailure, CaseState, ExpectCase, ExpectOutcome};
use super::plan::{EventCount, ExpectPlan, ForbiddenEvent, PlannedExpectation};
use crate::event_context::EventContext;

/// How many events are kept for the explanation of a failure.
const MAX_KEPT_EVENTS: usize = 2_000;

/// An event with its time, as the engine judges it.
#[derive(Debug, Clone)]
pub(crate) struct TimedEvent {
    /// How long after the stream was live.
    pub at: Duration,
    pub event_context: EventContext,
}

impl TimedEvent {
    pub(crate) fn view<'a>(&'a self, vars: &'a Vars) -> EventView<'a> {
        self.event_context.view().with_vars(vars)
    }

    pub(crate) fn title(&self) -> String {
        self.event_context.title()
    }
}

/// Judges one run.
#[derive(Debug)]
pub struct ExpectEngine {
    plan: ExpectPlan,
    vars: Vars,
    expects: Vec<StepProgress>,
    nevers: Vec<StepProgress>,
    /// The step whose turn it is; past the last one when all are met.
    step: usize,
    step_since: Duration,
    command: CommandState,
    history: VecDeque<TimedEvent>,
    seen: u64,
    ended: Option<RunEnd>,
}

#[derive(Debug, Clone, Default)]
struct StepProgress {
    count: u64,
    state: Option<CaseState>,
    /// The events counted so far, while others of the step may still need one of them.
    held: Vec<TimedEvent>,
}

impl StepProgress {
    fn met_at(&self) -> Option<Duration> {
        match self.state {
            Some(CaseState::Passed { at }) => Some(at),
            Some(CaseState::Failed(_) | CaseState::NotReached) | None => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum CommandState {
    None,
    Running,
    Ended { at: Duration, code: Option<i32> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RunEnd {
    exit: Exit,
    at: Duration,
    note: Option<String>,
}

impl ExpectEngine {
    /// Starts a judge; `command` tells whether a command runs beside the stream.
    #[must_use]
    pub(crate) fn new(plan: ExpectPlan, command: bool) -> Self {
        Self {
            vars: plan.vars.clone(),
            expects: vec![StepProgress::default(); plan.expects.len()],
            nevers: vec![StepProgress::default(); plan.nevers.len()],
            step: 0,
            step_since: Duration::ZERO,
            command: if command { CommandState::Running } else { CommandState::None },
            history: VecDeque::new(),
            seen: 0,
            ended: None,
            plan,
        }
    }

    /// Returns the outcome of a run that could not begin, with the reason.
    #[must_use]
    pub fn unstarted(plan: &ExpectPlan, exit: Exit, why: &str) -> ExpectOutcome {
        let mut engine = Self::new(plan.clone(), false);
        engine.end(exit, Duration::ZERO, Some(why.to_owned()));
        engine.outcome()
    }

    /// Handles one event; times must not go back.
    pub(crate) fn handle(&mut self, seen: TimedEvent) {
        self.tick(seen.at);
        if self.ended.is_some() {
            return;
        }
        self.seen += 1;
        for index in 0..self.plan.nevers.len() {
            self.forbid(index, &seen);
        }
        if self.ended.is_none() {
            self.await_event(&seen);
        }
        let at = seen.at;
        if self.history.len() == MAX_KEPT_EVENTS {
            self.history.pop_front();
        }
        self.history.push_back(seen);
        self.explain_failures();
        self.tick(at);
    }

    /// Handles the end of the command; a code of `None` means that a signal ended it.
    pub(crate) fn command_ended(&mut self, code: Option<i32>, at: Duration) {
        if self.ended.is_some() {
            return;
        }
        self.command = CommandState::Ended { at, code };
        if code != Some(0) {
            self.end(Exit::NotMet, at, None);
        } else if !self.listens() {
            self.tick(at);
        }
    }

    /// Ends the run for a reason of the caller: an interruption, a lost connection, a lost continuity.
    ///
    /// Windows that are still open stay so: nobody knows whether everything in them was seen.
    pub(crate) fn stop(&mut self, exit: Exit, at: Duration, note: &str) {
        self.end(exit, at, Some(note.to_owned()));
    }

    /// Takes back a success that lost events make doubtful.
    pub(crate) fn mark_uncertain(&mut self, note: &str) {
        if let Some(ended) = self.ended.as_mut().filter(|ended| ended.exit == Exit::Met) {
            ended.exit = Exit::ContinuityLost;
            ended.note = Some(note.to_owned());
        }
    }

    /// Returns whether the result still hangs on what comes, or does not come.
    fn listens(&self) -> bool {
        let open = self.step < self.plan.steps || self.nevers.iter().any(|never| never.state.is_none());
        open || !self.plan.settle.is_zero()
    }

    /// Handles the passing of time, up to which everything that happened has been handled.
    pub(crate) fn tick(&mut self, now: Duration) {
        while self.ended.is_none() {
            let Some(due) = self.deadline().filter(|due| *due <= now) else { break };
            self.close_windows(due);
            self.advance(due);
            if self.ended.is_none() && self.finished_at().is_some_and(|at| at <= due) {
                self.end(Exit::Met, due, None);
            }
            if self.ended.is_none() && due >= self.plan.timeout {
                self.time_out();
            }
        }
    }

    /// Returns the time at which [`ExpectEngine::tick`] has something to do at the latest.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Duration> {
        if self.ended.is_some() {
            return None;
        }
        let expects = self.current().filter_map(|index| self.window_end(index));
        let nevers = (0..self.nevers.len())
            .filter(|index| self.nevers[*index].state.is_none())
            .filter_map(|index| self.never_end(index));
        expects.chain(nevers).chain(self.finished_at()).chain([self.plan.timeout]).min()
    }

    /// Returns whether the run is over.
    #[must_use]
    pub(crate) const fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Returns the outcome, secrets hidden; what was still open counts as not reached.
    #[must_use]
    pub(crate) fn outcome(&self) -> ExpectOutcome {
        let case = |name: &str, line: usize, progress: &StepProgress| ExpectCase {
            name: name.to_owned(),
            line,
            state: progress.state.clone().unwrap_or(CaseState::NotReached),
        };
        let expects = self.plan.expects.iter().zip(&self.expects).map(|(e, progress)| case(&e.name, e.line, progress));
        let nevers = self.plan.nevers.iter().zip(&self.nevers).map(|(n, progress)| case(&n.name, n.line, progress));
        let ended = self.ended.clone().unwrap_or(RunEnd { exit: Exit::Interrupted, at: Duration::ZERO, note: None });
        let mut cases: Vec<ExpectCase> = expects.chain(nevers).chain(self.command_case()).collect();
        let failed = cases.iter().any(|case| matches!(case.state, CaseState::Failed(_)));
        if ended.exit != Exit::Met && !failed {
            cases.push(unfinished(&ended));
        }
        ExpectOutcome {
            name: self.plan.name.clone(),
            path: self.plan.path.clone(),
            exit: ended.exit,
            took: ended.at,
            seen: self.seen,
            cases,
        }
        .redacted(&self.plan.secrets)
    }

    fn command_case(&self) -> Option<ExpectCase> {
        let state = match self.command {
            CommandState::None => return None,
            CommandState::Running => CaseState::NotReached,
            CommandState::Ended { at, code: Some(0) } => CaseState::Passed { at },
            CommandState::Ended { at, code } => {
                let how =
                    code.map_or_else(|| "was ended by a signal".to_owned(), |code| format!("ended with code {code}"));
                CaseState::Failed(CaseFailure { reason: format!("the command {how}"), at, ..CaseFailure::default() })
            }
        };
        Some(ExpectCase { name: "the command".to_owned(), line: 0, state })
    }

    /// Lists the expectations whose turn it is.
    fn current(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.expects.len())
            .filter(|index| self.plan.expects[*index].step == self.step && self.expects[*index].state.is_none())
    }

    /// Returns the time since which an expectation may be met; `None` while it waits for another of its step.
    fn open_since(&self, index: usize) -> Option<Duration> {
        match self.plan.expects[index].after {
            Some(after) if self.plan.expects[after].step == self.step => self.expects[after].met_at(),
            Some(_) | None => Some(self.step_since),
        }
    }

    fn window_end(&self, index: usize) -> Option<Duration> {
        let expect = &self.plan.expects[index];
        let anchor = match expect.after {
            Some(after) => self.expects[after].met_at()?,
            None => self.step_since,
        };
        expect.within.map(|within| anchor + within)
    }

    fn never_since(&self, index: usize) -> Option<Duration> {
        self.plan.nevers[index].after.map_or(Some(Duration::ZERO), |after| self.expects[after].met_at())
    }

    fn never_end(&self, index: usize) -> Option<Duration> {
        Some(self.never_since(index)? + self.plan.nevers[index].within?)
    }

    fn forbid(&mut self, index: usize, seen: &TimedEvent) {
        if self.nevers[index].state.is_some() || self.never_since(index).is_none() {
            return;
        }
        let ForbiddenEvent { event, allowed, .. } = &self.plan.nevers[index];
        let reason = match event.matches(&seen.view(&self.vars)) {
            MatchResult::False => return,
            MatchResult::True => {
                self.nevers[index].count += 1;
                match (self.nevers[index].count, *allowed) {
                    (count, allowed) if count <= allowed => return,
                    (_, 0) => format!("it happened: {}", seen.title()),
                    (count, _) => format!("it happened: {count} times, at last {}", seen.title()),
                }
            }
            MatchResult::Error(error) => format!("it cannot be judged: {error}"),
        };
        let failure = CaseFailure {
            reason,
            awaited: event.source().to_owned(),
            values: nearest::values(event, &self.vars),
            at: seen.at,
            ..CaseFailure::default()
        };
        self.nevers[index].state = Some(CaseState::Failed(failure));
        self.end(Exit::NotMet, seen.at, None);
    }

    fn close_windows(&mut self, now: Duration) {
        let over: Vec<usize> =
            self.current().filter(|index| self.window_end(*index).is_some_and(|end| end <= now)).collect();
        for index in over {
            let PlannedExpectation { count, within, .. } = &self.plan.expects[index];
            let (seen, within) = (self.expects[index].count, duration::write(within.unwrap_or_default()));
            match count {
                EventCount::Exactly(wanted) if seen == *wanted => {
                    self.expects[index].state = Some(CaseState::Passed { at: now });
                }
                EventCount::Exactly(wanted) | EventCount::AtLeast(wanted) => {
                    let reason = match *wanted {
                        1 => format!("it did not happen within {within}"),
                        wanted => format!("it happened {seen} of {wanted} times within {within}"),
                    };
                    self.fail(index, reason, now);
                }
            }
        }
        for index in 0..self.nevers.len() {
            if self.nevers[index].state.is_none() && self.never_end(index).is_some_and(|end| end <= now) {
                self.nevers[index].state = Some(CaseState::Passed { at: now });
            }
        }
        self.explain_failures();
    }

    fn advance(&mut self, now: Duration) {
        while self.ended.is_none() && self.step < self.plan.steps && self.current().next().is_none() {
            self.step += 1;
            self.step_since = now;
            self.expects.iter_mut().for_each(|progress| progress.held.clear());
        }
    }

    /// Returns the time at which the run is over, once nothing but time is missing.
    fn finished_at(&self) -> Option<Duration> {
        if self.step < self.plan.steps {
            return None;
        }
        let command = match self.command {
            CommandState::None => Duration::ZERO,
            CommandState::Running => return None,
            CommandState::Ended { at, .. } => at,
        };
        let nevers = (0..self.nevers.len()).filter_map(|index| self.never_end(index)).max().unwrap_or_default();
        Some((self.step_since.max(command) + self.plan.settle).max(nevers))
    }

    fn time_out(&mut self) {
        let waited = duration::write(self.plan.timeout);
        let open: Vec<usize> = self.current().collect();
        for index in &open {
            let (seen, count) = (self.expects[*index].count, self.plan.expects[*index].count);
            let reason = match count {
                EventCount::AtLeast(1) => format!("it did not happen before the timeout of {waited}"),
                EventCount::AtLeast(wanted) | EventCount::Exactly(wanted) => {
                    format!("it happened {seen} of {wanted} times before the timeout of {waited}")
                }
            };
            self.fail(*index, reason, self.plan.timeout);
        }
        self.explain_failures();
        let note = match (open.is_empty(), &self.command) {
            (false, _) => None,
            (true, CommandState::Running) => Some(format!("the command was still running at the timeout of {waited}")),
            (true, CommandState::None | CommandState::Ended { .. }) => {
                Some(format!("the timeout of {waited} came before the last window closed"))
            }
        };
        // Failing the open steps has ended the run as “not met”; running out of time is told apart.
        self.ended = Some(RunEnd { exit: Exit::Timeout, at: self.plan.timeout, note });
    }

    fn fail(&mut self, index: usize, reason: String, at: Duration) {
        let expr = &self.plan.expects[index].event;
        let failure = CaseFailure {
            reason,
            awaited: expr.source().to_owned(),
            values: nearest::values(expr, &self.vars),
            at,
            ..CaseFailure::default()
        };
        self.expects[index].state = Some(CaseState::Failed(failure));
        self.end(Exit::NotMet, at, None);
    }

    /// Adds the nearest events to failures that have none yet, once the last event is in the history.
    fn explain_failures(&mut self) {
        for index in 0..self.expects.len() {
            let Some(CaseState::Failed(failure)) = &self.expects[index].state else { continue };
            if !failure.nearest.is_empty() {
                continue;
            }
            let near = self.near(index, &self.plan.expects[index].event);
            let instead = if near.is_empty() { nearest::names(self.history.iter()) } else { Vec::new() };
            if let Some(CaseState::Failed(failure)) = &mut self.expects[index].state {
                (failure.nearest, failure.instead) = (near, instead);
            }
        }
    }

    fn near(&self, index: usize, expr: &Expr) -> Vec<super::outcome::NearMiss> {
        let since = self.open_since(index);
        let counts = |seen: &TimedEvent| {
            let early = since.is_none_or(|since| !since.is_zero() && seen.at <= since);
            Some(if early { "it fits, but came before its turn" } else { "it fits and was counted" }.to_owned())
        };
        nearest::find(expr, &self.vars, self.history.iter(), counts)
    }

    fn end(&mut self, exit: Exit, at: Duration, note: Option<String>) {
        if self.ended.is_some() {
            return;
        }
        if exit == Exit::Met {
            for never in &mut self.nevers {
                never.state.get_or_insert(CaseState::Passed { at });
            }
        }
        self.ended = Some(RunEnd { exit, at, note });
    }
}

/// Returns a case for a run that no case of the file explains, so that no report of it can look like a success.
fn unfinished(ended: &RunEnd) -> ExpectCase {
    let reason = ended.note.clone().unwrap_or_else(|| "the run did not finish".to_owned());
    let failure = CaseFailure { reason, at: ended.at, ..CaseFailure::default() };
    ExpectCase { name: "the run".to_owned(), line: 0, state: CaseState::Failed(failure) }
}
