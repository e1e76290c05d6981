//! `scry watch`, as a decision: what to print for each thing that happens, and when to stop (pure).

use jiff::Timestamp;

use super::format::Format;
use super::line;
use super::sighting::Sighting;
use super::stats::Stats;
use super::watchdog::{News, Watchdog};
use crate::client::event::ClientEvent;
use crate::exit::Exit;
use crate::expr::{Expr, Verdict};

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
    /// Keep figures.
    pub stats: bool,
}

impl Wanted {
    /// Tells whether entities are needed.
    #[must_use]
    pub fn looks_at_entities(&self) -> bool {
        let exprs = [&self.filter, &self.until, &self.fail_if];
        exprs.into_iter().flatten().any(Expr::looks_at_entities) || self.format.looks_at_entities()
    }
}

/// Follows one watch.
#[derive(Debug)]
pub struct Watch {
    wanted: Wanted,
    watchdog: Watchdog,
    stats: Stats,
    printed: u64,
    complained: bool,
}

/// Tells the shell what to do about one thing that happened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// A line of data for stdout.
    pub print: Option<String>,
    /// A sentence for people, for stderr.
    pub say: Option<String>,
    /// The program is over, and this is how.
    pub stop: Option<Exit>,
}

impl Watch {
    /// Starts a watch that has seen nothing.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, watchdog: Watchdog::default(), stats: Stats::default(), printed: 0, complained: false }
    }

    /// Handles one event.
    pub fn event(&mut self, sighting: &Sighting) -> Step {
        if self.wanted.stats {
            self.stats.count(&sighting.delivery);
        }
        let mut step = Step::default();
        // The clones are of a pointer; `holds` changes the rest of the watch.
        if self.wanted.filter.clone().is_none_or(|filter| self.holds(&filter, sighting, &mut step)) {
            self.printed += 1;
            step.print = Some(self.wanted.format.write(sighting));
        }
        let fails = self.wanted.fail_if.clone().is_some_and(|fail_if| self.holds(&fail_if, sighting, &mut step));
        let ends = self.wanted.until.clone().is_some_and(|until| self.holds(&until, sighting, &mut step));
        let enough = step.print.is_some() && self.wanted.count.is_some_and(|count| self.printed >= count);
        step.stop = match (fails, ends || enough) {
            (true, _) => Some(Exit::NotMet),
            (false, true) => Some(self.ended_well()),
            (false, false) => None,
        };
        step
    }

    /// Handles news of the connection; `at` dates the lines about it.
    pub fn news(&mut self, event: &ClientEvent, at: Timestamp) -> Step {
        let print = match event {
            ClientEvent::Status(status) => Some(line::status(status, at)),
            ClientEvent::Gap(gap) => {
                if !gap.healed {
                    self.stats.gap();
                }
                Some(line::gap(gap, at))
            }
            ClientEvent::Delivered(_)
            | ClientEvent::Joined { .. }
            | ClientEvent::Refused { .. }
            | ClientEvent::Snapshot(_)
            | ClientEvent::Notice(_) => None,
        };
        let print = print.filter(|_| self.wanted.status);
        match self.watchdog.handle(event) {
            News::None | News::Live => Step { print, ..Step::default() },
            News::Say(sentence) => Step { print, say: Some(sentence), stop: None },
            News::Stop(exit, sentence) => Step { print, say: Some(sentence), stop: Some(exit) },
        }
    }

    /// Returns how a watch ends whose time is up: short of its count or of its end is a timeout.
    ///
    /// Lost events come first: what was waited for may have been among them.
    #[must_use]
    pub fn time_is_up(&self) -> Exit {
        let short = self.wanted.count.is_some_and(|count| self.printed < count) || self.wanted.until.is_some();
        let exit = self.ended_well();
        if exit == Exit::Met && short { Exit::Timeout } else { exit }
    }

    /// Returns the figures so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    fn ended_well(&self) -> Exit {
        if self.watchdog.lost().is_none() { Exit::Met } else { Exit::ContinuityLost }
    }

    fn holds(&mut self, expr: &Expr, sighting: &Sighting, step: &mut Step) -> bool {
        match expr.matches(&sighting.view()) {
            Verdict::True => true,
            Verdict::False => false,
            Verdict::Error(error) => {
                // Every event would say the same again.
                if !self.complained {
                    self.complained = true;
                    step.say = Some(format!("“{}” fails on an event: {error}", expr.source()));
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::client::event::{Delivery, Gap, Phase, Status};
    use crate::protocol::{ErrorCode, Event, Room};

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

    fn gap(healed: bool) -> ClientEvent {
        ClientEvent::Gap(Gap { room: room(), from: 3, to: 9, healed })
    }

    fn expr(source: &str) -> Option<Expr> {
        Some(Expr::parse(source).unwrap())
    }

    #[test]
    fn it_stops_at_its_count() {
        let mut watch = Watch::new(Wanted { count: Some(2), ..Wanted::default() });
        assert_eq!(watch.event(&clock(1)).stop, None);
        assert_eq!(watch.time_is_up(), Exit::Timeout);
        let last = watch.event(&clock(1));
        assert!(last.print.is_some());
        assert_eq!(last.stop, Some(Exit::Met));
    }

    #[test]
    fn only_what_passes_the_filter_is_printed_and_counted() {
        let filter = expr("payload.elapsedSeconds > 10");
        let mut watch = Watch::new(Wanted { count: Some(1), filter, ..Wanted::default() });
        assert_eq!(watch.event(&clock(5)), Step::default());
        assert_eq!(watch.event(&clock(50)).stop, Some(Exit::Met));
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
        assert_eq!(watch.time_is_up(), Exit::Timeout);
        assert_eq!(watch.event(&clock(-1)).stop, Some(Exit::NotMet));
        assert_eq!(watch.event(&clock(7)).stop, Some(Exit::Met));
    }

    #[test]
    fn an_expression_that_fails_says_so_once() {
        let mut watch = Watch::new(Wanted { filter: expr("metadata.changes[0].to > 'x'"), ..Wanted::default() });
        let mut event = clock(1);
        event.delivery.raw = Arc::new(json!({"payload": {}, "metadata": {"changes": [{"to": 1}]}}));
        assert!(watch.event(&event).say.is_some());
        assert!(watch.event(&event).say.is_none());
    }

    #[test]
    fn without_a_count_the_end_of_its_time_is_a_good_end() {
        assert_eq!(Watch::new(Wanted::default()).time_is_up(), Exit::Met);
    }

    #[test]
    fn a_gap_that_stays_open_is_told_by_the_exit_code() {
        let mut watch = Watch::new(Wanted { status: true, ..Wanted::default() });
        assert!(watch.news(&gap(false), at()).print.is_some());
        assert_eq!(watch.time_is_up(), Exit::ContinuityLost);
        watch.news(&gap(true), at());
        assert_eq!(watch.time_is_up(), Exit::Met);
    }

    #[test]
    fn lines_about_the_connection_are_printed_only_when_asked_for() {
        let mut quiet = Watch::new(Wanted::default());
        assert_eq!(quiet.news(&in_phase(Phase::Live), at()), Step::default());
        let mut telling = Watch::new(Wanted { status: true, ..Wanted::default() });
        assert!(telling.news(&in_phase(Phase::Live), at()).print.is_some());
    }

    #[test]
    fn an_open_circuit_and_a_refused_login_end_it_with_their_own_codes() {
        let mut watch = Watch::new(Wanted::default());
        assert_eq!(watch.news(&in_phase(Phase::Open), at()).stop, Some(Exit::Connection));
        assert_eq!(watch.news(&in_phase(Phase::LoginRequired), at()).stop, Some(Exit::Authentication));
        assert_eq!(watch.news(&in_phase(Phase::Backoff), at()).stop, None);
    }

    #[test]
    fn a_refused_room_ends_it_with_a_sentence() {
        let refused =
            ClientEvent::Refused { room: room(), code: ErrorCode::Unauthorized, message: "Unauthorized".to_owned() };
        let step = Watch::new(Wanted::default()).news(&refused, at());
        assert_eq!(step.stop, Some(Exit::Usage));
        assert!(step.say.unwrap().starts_with("campaign:c was refused"));
    }
}
