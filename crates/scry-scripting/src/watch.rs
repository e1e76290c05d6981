//! `scry watch`, as a decision: what to print for each thing that happens, and when to stop (pure).

use jiff::Timestamp;
use scry_command::exit::Exit;
use scry_model::event::ClientEvent;
use scry_protocol::EventKind;
use scry_query::expr::{Expr, ExprError, KnownNames, MatchResult};

use super::ended::Ended;
use super::format::Format;
use super::line;
use super::monitor::{ConnectionMonitor, ConnectionNews};
use super::sighting::Sighting;
use super::stats::Stats;

/// Holds what a watch was asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Stop after this many events that pass the filter.
    pub count: Option<u64>,
    /// Tell of the connection and of gaps too.
    pub status: bool,
    pub format: Format,
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

impl Wanted {
    /// Tells whether entities are needed.
    #[must_use]
    pub fn uses_entities(&self) -> bool {
        self.judges_entities() || self.format.uses_entities()
    }

    /// Returns whether a condition looks at entities.
    #[must_use]
    pub fn judges_entities(&self) -> bool {
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
    wanted: Wanted,
    monitor: ConnectionMonitor,
    stats: Stats,
    printed: u64,
}

/// Tells the shell what to do about one thing that happened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// A line of data for stdout.
    pub print: Option<String>,
    /// A sentence for people, for stderr.
    pub say: Option<String>,
    /// The program is over, and this is how.
    pub stop: Option<Ended>,
    /// The gateway has confirmed that everything sent so far is here.
    pub confirmed: bool,
    /// The connection is live for the first time.
    pub live: bool,
}

impl Watch {
    /// Starts a watch that has seen nothing.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, monitor: ConnectionMonitor::default(), stats: Stats::default(), printed: 0 }
    }

    /// Handles one event.
    pub fn event(&mut self, sighting: &Sighting) -> Step {
        self.monitor.note_delivery(&sighting.delivery);
        if self.wanted.stats && counts(sighting) {
            self.stats.count(&sighting.delivery);
        }
        let mut step = Step::default();
        if !self.is_judged(sighting) {
            // Printed because every frame is, not because somebody judges it.
            let prints = self.wanted.filter.as_ref().is_none_or(|filter| filter.holds(&sighting.view()));
            step.print = prints.then(|| self.wanted.format.write(sighting));
            return step;
        }
        step.stop = self.judge(sighting, &mut step).unwrap_or_else(|why| Some(Ended::with(Exit::NotMet, why)));
        step
    }

    /// Handles news of the connection; `at` dates the lines about it.
    pub fn news(&mut self, event: &ClientEvent, at: Timestamp) -> Step {
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
        let mut step = Step { print: print.filter(|_| self.wanted.status), ..Step::default() };
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
    pub fn time_is_up(&self) -> Ended {
        match (self.wanted.count, &self.wanted.until) {
            (Some(count), _) if self.printed < count => {
                Ended::with(Exit::Timeout, format!("the time was up after {} of {count} events", self.printed))
            }
            (_, Some(until)) => {
                Ended::with(Exit::Timeout, format!("the time was up before --until “{}” held", until.source()))
            }
            (_, None) => Ended::met(),
        }
    }

    /// Returns why entities that cannot be looked up end the watch, if they do.
    #[must_use]
    pub fn blinded(&self, trouble: &str) -> Option<Ended> {
        self.wanted.judges_entities().then(|| Ended::blind(trouble))
    }

    /// Returns what is known of the connection.
    #[must_use]
    pub const fn monitor(&self) -> &ConnectionMonitor {
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
    fn judge(&mut self, sighting: &Sighting, step: &mut Step) -> Result<Option<Ended>, String> {
        if holds("--filter", self.wanted.filter.as_ref(), sighting)?.unwrap_or(true) {
            self.printed += u64::from(counts(sighting));
            step.print = Some(self.wanted.format.write(sighting));
        }
        if holds("--fail-if", self.wanted.fail_if.as_ref(), sighting)? == Some(true) {
            let condition = self.wanted.fail_if.as_ref().map(Expr::source).unwrap_or_default();
            return Ok(Some(Ended::with(Exit::NotMet, format!("{} meets --fail-if {condition}", sighting.title()))));
        }
        let ends = holds("--until", self.wanted.until.as_ref(), sighting)? == Some(true);
        let enough =
            counts(sighting) && step.print.is_some() && self.wanted.count.is_some_and(|count| self.printed >= count);
        Ok((ends || enough).then(|| self.ended_well()))
    }

    /// Returns whether somebody wants to judge events of this kind.
    fn is_judged(&self, sighting: &Sighting) -> bool {
        counts(sighting) || self.wanted.include.contains(&sighting.delivery.kind())
    }

    fn ended_well(&self) -> Ended {
        self.monitor.lost().map_or_else(Ended::met, |lost| Ended::with(Exit::ContinuityLost, lost))
    }
}

/// Returns whether an event counts: only what happens in the world does.
fn counts(sighting: &Sighting) -> bool {
    sighting.delivery.kind() == EventKind::World
}

/// Judges an event by the expression of an option; `None` where the option was not given.
///
/// # Errors
/// A sentence when it cannot be judged.
pub fn holds(option: &str, expr: Option<&Expr>, sighting: &Sighting) -> Result<Option<bool>, String> {
    let Some(expr) = expr else { return Ok(None) };
    match expr.matches(&sighting.view()) {
        MatchResult::True => Ok(Some(true)),
        MatchResult::False => Ok(Some(false)),
        MatchResult::Error(error) => {
            Err(format!("{option} “{}” cannot be judged on {}: {error}", expr.source(), sighting.title()))
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

    fn clock(elapsed: i64) -> Sighting {
        let raw = json!({"type": "world_time_changed", "payload": {"campaignId": "c", "previousTime": "a", "newTime": "b",
            "elapsedSeconds": elapsed}});
        let event = Event::from_value(&raw).map(Arc::new);
        Sighting::bare(Delivery {
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
    fn it_stops_at_its_count() {
        let mut watch = Watch::new(Wanted { count: Some(2), ..Wanted::default() });
        assert_eq!(watch.event(&clock(1)).stop, None);
        assert_eq!(watch.time_is_up(), Ended::with(Exit::Timeout, "the time was up after 1 of 2 events"));
        let last = watch.event(&clock(1));
        assert!(last.print.is_some());
        assert_eq!(last.stop, Some(Ended::met()));
    }

    fn housekeeping(name: &str) -> Sighting {
        let raw = Arc::new(json!({"userId": "u", "name": "Mira"}));
        Sighting::bare(Delivery { received_at: at(), room: None, name: name.into(), raw, event: None })
    }

    #[test]
    fn housekeeping_and_presence_are_printed_if_they_come_but_never_counted() {
        let mut watch = Watch::new(Wanted { count: Some(1), until: expr("true"), ..Wanted::default() });
        for name in ["token:expiring", "server:draining", "session:ended", "access:revoked", "user:online"] {
            let step = watch.event(&housekeeping(name));
            assert!(step.print.is_some() && step.stop.is_none(), "{name}");
        }
        assert_eq!(watch.time_is_up().exit, Exit::Timeout, "nothing was counted");
        let include = vec![EventKind::Presence];
        let mut watch = Watch::new(Wanted { until: expr("type == 'user:online'"), include, ..Wanted::default() });
        assert_eq!(watch.event(&housekeeping("user:online")).stop, Some(Ended::met()), "judged, as it was asked for");
    }

    #[test]
    fn only_what_passes_the_filter_is_printed_and_counted() {
        let filter = expr("payload.elapsedSeconds > 10");
        let mut watch = Watch::new(Wanted { count: Some(1), filter, ..Wanted::default() });
        assert_eq!(watch.event(&clock(5)), Step::default());
        assert_eq!(watch.event(&clock(50)).stop, Some(Ended::met()));
    }

    #[test]
    fn a_wanted_end_is_good_and_a_feared_event_is_not() {
        let wanted = Wanted {
            until: expr("payload.elapsedSeconds == 7"),
            fail_if: expr("payload.elapsedSeconds < 0"),
            ..Wanted::default()
        };
        let mut watch = Watch::new(wanted);
        assert_eq!(watch.event(&clock(1)).stop, None);
        assert_eq!(watch.time_is_up().exit, Exit::Timeout);
        let failed = watch.event(&clock(-1)).stop.unwrap();
        assert_eq!(failed.exit, Exit::NotMet);
        assert_eq!(failed.why, "world_time_changed (update campaign c) meets --fail-if payload.elapsedSeconds < 0");
        assert_eq!(watch.event(&clock(7)).stop, Some(Ended::met()));
    }

    #[test]
    fn condition_that_cannot_be_judged_is_not_met() {
        let source = "metadata.changes[0].to > 'x'";
        let mut event = clock(1);
        event.delivery.raw = Arc::new(json!({"payload": {}, "metadata": {"changes": [{"to": 1}]}}));
        for wanted in [
            Wanted { filter: expr(source), ..Wanted::default() },
            Wanted { until: expr(source), ..Wanted::default() },
            Wanted { fail_if: expr(source), count: Some(1), ..Wanted::default() },
        ] {
            let stop = Watch::new(wanted).event(&event).stop.unwrap();
            assert_eq!(stop.exit, Exit::NotMet);
            assert!(stop.why.ends_with("“>” does not go with a number and a text"), "{}", stop.why);
        }
    }

    #[test]
    fn without_a_count_the_end_of_its_time_is_a_good_end() {
        assert_eq!(Watch::new(Wanted::default()).time_is_up(), Ended::met());
    }

    #[test]
    fn a_gap_that_stays_open_is_told_by_the_exit_code() {
        let mut watch = Watch::new(Wanted { status: true, ..Wanted::default() });
        assert!(watch.news(&gap(false), at()).print.is_some());
        assert!(watch.ended_well().why.contains("#3 and #9"));
        watch.news(&gap(true), at());
        assert_eq!(watch.ended_well(), Ended::met());
    }

    #[test]
    fn lines_about_the_connection_are_printed_only_when_asked_for() {
        let mut quiet = Watch::new(Wanted::default());
        assert_eq!(quiet.news(&in_phase(Phase::Live), at()), Step { live: true, ..Step::default() });
        let mut telling = Watch::new(Wanted { status: true, ..Wanted::default() });
        assert!(telling.news(&in_phase(Phase::Live), at()).print.is_some());
    }

    #[test]
    fn an_open_circuit_and_a_refused_login_end_it_with_their_own_codes() {
        let mut watch = Watch::new(Wanted::default());
        let mut exit = |phase| watch.news(&in_phase(phase), at()).stop.map(|ended| ended.exit);
        assert_eq!(exit(Phase::Open), Some(Exit::Connection));
        assert_eq!(exit(Phase::LoginRequired), Some(Exit::Authentication));
        assert_eq!(exit(Phase::Backoff), None);
    }

    #[test]
    fn a_refused_room_ends_it_with_a_sentence() {
        let refused =
            ClientEvent::Refused { room: room(), code: ErrorCode::Unauthorized, message: "Unauthorized".to_owned() };
        let step = Watch::new(Wanted::default()).news(&refused, at());
        let stop = step.stop.unwrap();
        assert_eq!(stop.exit, Exit::Usage);
        assert!(stop.why.starts_with("campaign:c was refused"));
    }
}
