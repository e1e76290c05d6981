//! `scry watch`, as a decision: what to print for each thing that happens, and when to stop (pure).

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::line;
use crate::client::event::{ClientEvent, Gap, Phase, Status};
use crate::exit::Exit;
use crate::protocol::Room;

/// Holds what a watch was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Stop after this many events.
    pub count: Option<u64>,
    /// Tell of the connection and of gaps too.
    pub status: bool,
}

/// Follows one watch.
#[derive(Debug)]
pub struct Watch {
    wanted: Wanted,
    seen: u64,
    open_gaps: BTreeSet<(Room, u64)>,
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
    pub const fn new(wanted: Wanted) -> Self {
        Self { wanted, seen: 0, open_gaps: BTreeSet::new() }
    }

    /// Handles one thing that happened; `at` dates the lines that do not carry a time of their own.
    pub fn handle(&mut self, event: &ClientEvent, at: Timestamp) -> Step {
        match event {
            ClientEvent::Delivered(delivery) => {
                self.seen += 1;
                let enough = self.wanted.count.is_some_and(|count| self.seen >= count);
                Step { print: Some(line::event(delivery)), stop: enough.then(|| self.ended_well()), say: None }
            }
            ClientEvent::Status(status) => self.status(status, at),
            ClientEvent::Gap(gap) => self.gap(gap, at),
            ClientEvent::Refused { room, message, .. } => Step {
                say: Some(format!("{room} was refused: {message}; check that it exists and that you may view it")),
                stop: Some(Exit::Usage),
                print: None,
            },
            ClientEvent::Notice(sentence) => Step { say: Some(sentence.clone()), ..Step::default() },
            ClientEvent::Joined { .. } | ClientEvent::Snapshot(_) => Step::default(),
        }
    }

    /// Returns how a watch ends whose time is up: short of its count is a timeout.
    #[must_use]
    pub fn time_is_up(&self) -> Exit {
        match self.wanted.count {
            Some(count) if self.seen < count => Exit::Timeout,
            Some(_) | None => self.ended_well(),
        }
    }

    /// Counts the events seen.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    fn ended_well(&self) -> Exit {
        if self.open_gaps.is_empty() { Exit::Met } else { Exit::ContinuityLost }
    }

    fn status(&self, status: &Status, at: Timestamp) -> Step {
        let reason = || status.reason.clone().unwrap_or_else(|| "no reason was given".to_owned());
        let (stop, say) = match status.phase {
            Phase::Open => {
                (Some(Exit::Connection), Some(format!("gave up after {} attempts: {}", status.max_attempts, reason())))
            }
            Phase::LoginRequired => (Some(Exit::Authentication), Some(reason())),
            Phase::Disconnected
            | Phase::Connecting
            | Phase::Resyncing
            | Phase::Live
            | Phase::Backoff
            | Phase::Closed => (None, None),
        };
        Step { print: self.wanted.status.then(|| line::status(status, at)), say, stop }
    }

    fn gap(&mut self, gap: &Gap, at: Timestamp) -> Step {
        let key = (gap.room.clone(), gap.from);
        if gap.healed {
            self.open_gaps.remove(&key);
        } else {
            self.open_gaps.insert(key);
        }
        Step { print: self.wanted.status.then(|| line::gap(gap, at)), ..Step::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::client::event::Delivery;
    use crate::protocol::ErrorCode;

    fn at() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn room() -> Room {
        "campaign:c".parse().unwrap()
    }

    fn delivered() -> ClientEvent {
        let raw = Arc::new(json!({"hello": 1}));
        ClientEvent::Delivered(Delivery { received_at: at(), room: Some(room()), name: "x".into(), raw, event: None })
    }

    fn in_phase(phase: Phase) -> ClientEvent {
        ClientEvent::Status(Status { phase, reason: Some("no route".to_owned()), ..Status::disconnected() })
    }

    fn gap(healed: bool) -> ClientEvent {
        ClientEvent::Gap(Gap { room: room(), from: 3, to: 9, healed })
    }

    #[test]
    fn it_stops_at_its_count() {
        let mut watch = Watch::new(Wanted { count: Some(2), status: false });
        assert_eq!(watch.handle(&delivered(), at()).stop, None);
        assert_eq!(watch.time_is_up(), Exit::Timeout);
        let last = watch.handle(&delivered(), at());
        assert!(last.print.is_some());
        assert_eq!(last.stop, Some(Exit::Met));
    }

    #[test]
    fn without_a_count_the_end_of_its_time_is_a_good_end() {
        assert_eq!(Watch::new(Wanted::default()).time_is_up(), Exit::Met);
    }

    #[test]
    fn a_gap_that_stays_open_is_told_by_the_exit_code() {
        let mut watch = Watch::new(Wanted { count: None, status: true });
        assert!(watch.handle(&gap(false), at()).print.is_some());
        assert_eq!(watch.time_is_up(), Exit::ContinuityLost);
        watch.handle(&gap(true), at());
        assert_eq!(watch.time_is_up(), Exit::Met);
    }

    #[test]
    fn lines_about_the_connection_are_printed_only_when_asked_for() {
        let mut quiet = Watch::new(Wanted::default());
        assert_eq!(quiet.handle(&in_phase(Phase::Live), at()), Step::default());
        let mut telling = Watch::new(Wanted { count: None, status: true });
        assert!(telling.handle(&in_phase(Phase::Live), at()).print.is_some());
    }

    #[test]
    fn an_open_circuit_and_a_refused_login_end_it_with_their_own_codes() {
        let mut watch = Watch::new(Wanted::default());
        assert_eq!(watch.handle(&in_phase(Phase::Open), at()).stop, Some(Exit::Connection));
        assert_eq!(watch.handle(&in_phase(Phase::LoginRequired), at()).stop, Some(Exit::Authentication));
        assert_eq!(watch.handle(&in_phase(Phase::Backoff), at()).stop, None);
    }

    #[test]
    fn a_refused_room_ends_it_with_a_sentence() {
        let refused =
            ClientEvent::Refused { room: room(), code: ErrorCode::Unauthorized, message: "Unauthorized".to_owned() };
        let step = Watch::new(Wanted::default()).handle(&refused, at());
        assert_eq!(step.stop, Some(Exit::Usage));
        assert!(step.say.unwrap().starts_with("campaign:c was refused"));
    }
}
