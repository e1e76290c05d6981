//! `scry watch`, as a decision: what to print for each thing that happens, and when to stop (pure).

use jiff::Timestamp;
use scry_command::exit::Exit;
use scry_model::event::ClientEvent;
use scry_protocol::EventKind;
use scry_query::expr::{Expr, ExprError, KnownNames, MatchResult};

use super::command_exit::CommandExit;
use super::event_context::EventContext;
use super::format::LineFormat;
use super::line;
use super::monitor::{ConnectionMonitor, ConnectionNews};
use super::stats::Stats;

/// The options of a watch.
#[derive(Debug, Clone, Default)]
pub struct WatchOptions {
    /// Stop after this many events that pass the filter.
    pub count: Option<u64>,
    /// Tell of the connection and of gaps too.
    pub status: bool,
    /// The form in which events are printed.
    pub format: LineFormat,
    /// Print only what this holds for.
    pub filter: Option<Expr>,
    /// Stop, well, after an event that this holds for.
    pub until: Option<Expr>,
    /// Stop as “not met” after an event that this holds for.
    pub fail_if: Option<Expr>,
    /// Judge events of these kinds too, beside those of the world. They are never counted.
    pub include: Vec<EventKind>,
    /// Keep figures.
    pub stats: bool,
}

impl WatchOptions {
    /// Returns whether entities are needed.
    #[must_use]
    pub fn uses_entities(&self) -> bool {
        self.judges_entities() || self.format.uses_entities()
    }

    /// Returns whether a condition looks at entities.
    #[must_use]
    pub(crate) fn judges_entities(&self) -> bool {
        self.conditions().any(Expr::uses_entities)
    }

    /// Lists the conditions.
    pub fn conditions(&self) -> impl Iterator<Item = &Expr> {
        [&self.filter, &self.until, &self.fail_if].into_iter().flatten()
    }

    /// Checks every condition against the names in use, see [`Expr::bind`].
    ///
    /// # Errors
    /// The option and what is wrong with its expression.
    pub fn bind(&mut self, names: Option<&KnownNames>) -> Result<(), (&'static str, ExprError)> {
        let options = [("--filter", &mut self.filter), ("--until", &mut self.until), ("--fail-if", &mut self.fail_if)];
        for (option, condition) in options {
            if let Some(expr) = condition {
                *expr = expr.bind(names).map_err(|error| (option, error))?;
            }
        }
        Ok(())
    }
}

/// Follows one watch.
#[derive(Debug)]
pub struct Watch {
    options: WatchOptions,
    monitor: ConnectionMonitor,
    stats: Stats,
    printed: u64,
}

/// What the shell is to do after an event or a piece of news.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct WatchAction {
    /// A line of data for stdout.
    pub print: Option<String>,
    /// A sentence for people, for stderr.
    pub say: Option<String>,
    /// The program is over, and this is how.
    pub stop: Option<CommandExit>,
    /// The gateway has confirmed that everything sent so far is here.
    pub confirmed: bool,
    /// The connection is live for the first time.
    pub live: bool,
}

impl Watch {
    /// Starts a watch that has seen nothing.
    #[must_use]
    pub fn new(options: WatchOptions) -> Self {
        Self { options, monitor: ConnectionMonitor::default(), stats: Stats::default(), printed: 0 }
    }

    /// Handles one event.
    pub(crate) fn event(&mut self, event_context: &EventContext) -> WatchAction {
        self.monitor.note_delivery(&event_context.delivery);
        if self.options.stats && counts(event_context) {
            self.stats.count(&event_context.delivery);
        }
        let mut step = WatchAction::default();
        if !self.is_judged(event_context) {
            // Printed because every frame is, not because somebody judges it.
            let prints = self.options.filter.as_ref().is_none_or(|filter| filter.holds(&event_context.view()));
            step.print = prints.then(|| self.options.format.write(event_context));
            return step;
        }
        step.stop =
            self.judge(event_context, &mut step).unwrap_or_else(|why| Some(CommandExit::with(Exit::NotMet, why)));
        step
    }

    /// Handles news of the connection; `at` dates the lines about it.
    pub(crate) fn news(&mut self, event: &ClientEvent, at: Timestamp) -> WatchAction {
        let print = match event {
            ClientEvent::Status(status) => Some(line::status(status, at)),
            ClientEvent::Gap(gap) => {
                if !gap.recovered {
                    self.stats.gap();
                }
                Some(line::gap(gap, at))
            }
            ClientEvent::Delivered(_)
            | ClientEvent::Joined { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Snapshot(_)
            | ClientEvent::Confirmed(_)
            | ClientEvent::Notice(_) => None,
        };
        let mut step = WatchAction { print: print.filter(|_| self.options.status), ..WatchAction::default() };
        match self.monitor.handle(event, at) {
            ConnectionNews::None => {}
            ConnectionNews::Live => step.live = true,
            ConnectionNews::Say(sentence) => step.say = Some(sentence),
            ConnectionNews::Confirmed(_) => step.confirmed = true,
            ConnectionNews::Stop(ended) => step.stop = Some(ended),
        }
        step
    }

    /// Returns how a watch ends whose time is up and was seen whole: short of its count or of its end is a timeout.
    #[must_use]
    pub(crate) fn time_is_up(&self) -> CommandExit {
        match (self.options.count, &self.options.until) {
            (Some(count), _) if self.printed < count => {
                CommandExit::with(Exit::Timeout, format!("the time was up after {} of {count} events", self.printed))
            }
            (_, Some(until)) => {
                CommandExit::with(Exit::Timeout, format!("the time was up before --until “{}” held", until.source()))
            }
            (_, None) => CommandExit::met(),
        }
    }

    /// Returns why entities that cannot be looked up end the watch, if they do.
    #[must_use]
    pub(crate) fn ended_by_lookup_failure(&self, trouble: &str) -> Option<CommandExit> {
        self.options.judges_entities().then(|| CommandExit::lookup_failed(trouble))
    }

    /// Returns what is known of the connection.
    #[must_use]
    pub(crate) const fn monitor(&self) -> &ConnectionMonitor {
        &self.monitor
    }

    /// Returns the figures so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Prints what is wanted, and returns how the watch ends with this event, if it does.
    ///
    /// # Errors
    /// A sentence when a condition cannot be judged.
    fn judge(&mut self, event_context: &EventContext, step: &mut WatchAction) -> Result<Option<CommandExit>, String> {
        if holds("--filter", self.options.filter.as_ref(), event_context)?.unwrap_or(true) {
            self.printed += u64::from(counts(event_context));
            step.print = Some(self.options.format.write(event_context));
        }
        if holds("--fail-if", self.options.fail_if.as_ref(), event_context)? == Some(true) {
            let condition = self.options.fail_if.as_ref().map(Expr::source).unwrap_or_default();
            return Ok(Some(CommandExit::with(
                Exit::NotMet,
                format!("{} meets --fail-if {condition}", event_context.title()),
            )));
        }
        let ends = holds("--until", self.options.until.as_ref(), event_context)? == Some(true);
        let enough = counts(event_context)
            && step.print.is_some()
            && self.options.count.is_some_and(|count| self.printed >= count);
        Ok((ends || enough).then(|| self.ended_well()))
    }

    /// Returns whether somebody wants to judge events of this kind.
    fn is_judged(&self, event_context: &EventContext) -> bool {
        counts(event_context) || self.options.include.contains(&event_context.delivery.kind())
    }

    fn ended_well(&self) -> CommandExit {
        self.monitor.lost().map_or_else(CommandExit::met, |lost| CommandExit::with(Exit::ContinuityLost, lost))
    }
}

/// Returns whether an event counts: only what happens in the world does.
fn counts(event_context: &EventContext) -> bool {
    event_context.delivery.kind() == EventKind::World
}

/// Judges an event by the expression of an option; `None` where the option was not given.
///
/// # Errors
/// A sentence when it cannot be judged.
pub fn holds(option: &str, expr: Option<&Expr>, event_context: &EventContext) -> Result<Option<bool>, String> {
    let Some(expr) = expr else { return Ok(None) };
    match expr.matches(&event_context.view()) {
        MatchResult::True => Ok(Some(true)),
        MatchResult::False => Ok(Some(false)),
        MatchResult::Error(error) => {
            Err(format!("{option} “{}” cannot be judged on {}: {error}", expr.source(), event_context.title()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use scry_model::event::{Delivery, Gap, Phase, Status};
    use scry_protocol::{ErrorCode, Event, Room};
    use serde_json::json;

    use super::*;

    fn at() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn room() -> Room {
        "campaign:c".parse().unwrap()
    }

    fn clock(elapsed: i64) -> EventContext {
        let raw = json!({"type": "world_time_changed", "payload": {"campaignId": "c", "previousTime": "a", "newTime": "b",
            "elapsedSeconds": elapsed}});
        let event = Event::from_value(&raw).map(Arc::new);
        EventContext::without_entity(Delivery {
            received_at: at(),
            room: Some(room()),
            name: "world_time_changed".into(),
            raw: Arc::new(raw),
            event,
        })
    }

    fn in_phase(phase: Phase) -> ClientEvent {
        ClientEvent::Status(Status { phase, reason: Some("no route".to_owned()), ..Status::disconnected() })
    }

    fn gap(recovered: bool) -> ClientEvent {
        ClientEvent::Gap(Gap { room: room(), from: 3, to: 9, recovered })
    }

    fn expr(source: &str) -> Option<Expr> {
        Some(Expr::parse(source).unwrap())
    }

    #[test]
    fn watch_stops_at_its_count() {
        let mut watch = Watch::new(WatchOptions { count: Some(2), ..WatchOptions::default() });
        assert_eq!(watch.event(&clock(1)).stop, None);
        assert_eq!(watch.time_is_up(), CommandExit::with(Exit::Timeout, "the time was up after 1 of 2 events"));
        let last = watch.event(&clock(1));
        assert!(last.print.is_some());
        assert_eq!(last.stop, Some(CommandExit::met()));
    }

    fn housekeeping(name: &str) -> EventContext {
        let raw = Arc::new(json!({"userId": "u", "name": "Mira"}));
        EventContext::without_entity(Delivery { received_at: at(), room: None, name: name.into(), raw, event: None })
    }

    #[test]
    fn housekeeping_and_presence_are_printed_if_they_come_but_never_counted() {
        let mut watch = Watch::new(WatchOptions { count: Some(1), until: expr("true"), ..WatchOptions::default() });
        for name in ["token:expiring", "server:draining", "session:ended", "access:revoked", "user:online"] {
            let step = watch.event(&housekeeping(name));
            assert!(step.print.is_some() && step.stop.is_none(), "{name}");
        }
        assert_eq!(watch.time_is_up().exit, Exit::Timeout, "nothing was counted");
        let include = vec![EventKind::Presence];
        let mut watch =
            Watch::new(WatchOptions { until: expr("type == 'user:online'"), include, ..WatchOptions::default() });
        assert_eq!(
            watch.event(&housekeeping("user:online")).stop,
            Some(CommandExit::met()),
            "judged, as it was asked for"
        );
    }

    #[test]
    fn only_filtered_events_are_printed_and_counted() {
        let filter = expr("payload.elapsedSeconds > 10");
        let mut watch = Watch::new(WatchOptions { count: Some(1), filter, ..WatchOptions::default() });
        assert_eq!(watch.event(&clock(5)), WatchAction::default());
        assert_eq!(watch.event(&clock(50)).stop, Some(CommandExit::met()));
    }

    #[test]
    fn until_ends_with_success_and_fail_if_with_failure() {
        let options = WatchOptions {
            until: expr("payload.elapsedSeconds == 7"),
            fail_if: expr("payload.elapsedSeconds < 0"),
            ..WatchOptions::default()
        };
        let mut watch = Watch::new(options);
        assert_eq!(watch.event(&clock(1)).stop, None);
        assert_eq!(watch.time_is_up().exit, Exit::Timeout);
        let failed = watch.event(&clock(-1)).stop.unwrap();
        assert_eq!(failed.exit, Exit::NotMet);
        assert_eq!(failed.why, "world_time_changed (update campaign c) meets --fail-if payload.elapsedSeconds < 0");
        assert_eq!(watch.event(&clock(7)).stop, Some(CommandExit::met()));
    }

    #[test]
    fn condition_that_cannot_be_judged_is_not_met() {
        let source = "metadata.changes[0].to > 'x'";
        let mut event = clock(1);
        event.delivery.raw = Arc::new(json!({"payload": {}, "metadata": {"changes": [{"to": 1}]}}));
        for options in [
            WatchOptions { filter: expr(source), ..WatchOptions::default() },
            WatchOptions { until: expr(source), ..WatchOptions::default() },
            WatchOptions { fail_if: expr(source), count: Some(1), ..WatchOptions::default() },
        ] {
            let stop = Watch::new(options).event(&event).stop.unwrap();
            assert_eq!(stop.exit, Exit::NotMet);
            assert!(stop.why.ends_with("“>” does not go with a number and a text"), "{}", stop.why);
        }
    }

    #[test]
    fn timeout_without_a_count_is_success() {
        assert_eq!(Watch::new(WatchOptions::default()).time_is_up(), CommandExit::met());
    }

    #[test]
    fn a_gap_that_stays_open_is_told_by_the_exit_code() {
        let mut watch = Watch::new(WatchOptions { status: true, ..WatchOptions::default() });
        assert!(watch.news(&gap(false), at()).print.is_some());
        assert!(watch.ended_well().why.contains("#3 and #9"));
        watch.news(&gap(true), at());
        assert_eq!(watch.ended_well(), CommandExit::met());
    }

    #[test]
    fn lines_about_the_connection_are_printed_only_when_asked_for() {
        let mut quiet = Watch::new(WatchOptions::default());
        assert_eq!(quiet.news(&in_phase(Phase::Live), at()), WatchAction { live: true, ..WatchAction::default() });
        let mut telling = Watch::new(WatchOptions { status: true, ..WatchOptions::default() });
        assert!(telling.news(&in_phase(Phase::Live), at()).print.is_some());
    }

    #[test]
    fn open_circuit_and_refused_login_end_with_their_own_exit_codes() {
        let mut watch = Watch::new(WatchOptions::default());
        let mut exit = |phase| watch.news(&in_phase(phase), at()).stop.map(|ended| ended.exit);
        assert_eq!(exit(Phase::Open), Some(Exit::Connection));
        assert_eq!(exit(Phase::LoginRequired), Some(Exit::Authentication));
        assert_eq!(exit(Phase::Backoff), None);
    }

    #[test]
    fn refused_room_ends_the_watch_with_a_message() {
        let refused =
            ClientEvent::Refused { room: room(), code: ErrorCode::Unauthorized, message: "Unauthorized".to_owned() };
        let step = Watch::new(WatchOptions::default()).news(&refused, at());
        let stop = step.stop.unwrap();
        assert_eq!(stop.exit, Exit::Usage);
        assert!(stop.why.starts_with("campaign:c was refused"));
    }
}
