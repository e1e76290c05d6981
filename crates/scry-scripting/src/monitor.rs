//! What every command without a screen makes of the connection's own news (pure).
//!
//! A command may judge only what it has seen, and a silence only while it has listened. The monitor knows when the
//! connection was live, and which rooms nobody vouches for after it was not.

use std::collections::BTreeSet;

use jiff::Timestamp;
use scry_command::exit::Exit;
use scry_model::event::{ClientEvent, Confirmation, Delivery, Gap, Phase, Status};
use scry_protocol::Room;
use scry_text as text;

use super::command_exit::CommandExit;

/// Follows the connection of one command.
#[derive(Debug)]
pub(crate) struct ConnectionMonitor {
    phase: Phase,
    was_live: bool,
    /// Why the last connection, or attempt at one, failed.
    reason: Option<String>,
    /// Which reason was said before the connection was live for the first time.
    told: Option<String>,
    /// When the connection was lost, until it is back.
    lost_at: Option<Timestamp>,
    /// An event has come.
    delivered: bool,
    /// The gateway has answered a question on this connection or an earlier one.
    answers: bool,
    /// The gateway numbers what it sends, and therefore should answer.
    numbers: bool,
    /// A gateway that cannot be asked has not sent the ping that it promised.
    is_silent: bool,
    open_gaps: BTreeSet<(Room, u64, u64)>,
    /// Rooms that were joined anew without the gateway vouching for what happened meanwhile.
    unaccounted: BTreeSet<Room>,
}

/// The meaning of a piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConnectionNews {
    /// Nothing that a person needs to hear.
    None,
    /// The connection is live for the first time.
    Live,
    /// A sentence for people.
    Say(String),
    /// Everything that was sent before we asked has arrived, unless there is a shortfall; the gateway's time, where it
    /// tells it.
    Confirmed(Option<Timestamp>),
    /// The command cannot go on.
    Stop(CommandExit),
}

impl Default for ConnectionMonitor {
    fn default() -> Self {
        Self {
            phase: Phase::Disconnected,
            was_live: false,
            reason: None,
            told: None,
            lost_at: None,
            delivered: false,
            answers: false,
            numbers: false,
            is_silent: false,
            open_gaps: BTreeSet::new(),
            unaccounted: BTreeSet::new(),
        }
    }
}

impl ConnectionMonitor {
    /// Handles what happened to the connection at `now`; deliveries are no news.
    pub(crate) fn handle(&mut self, event: &ClientEvent, now: Timestamp) -> ConnectionNews {
        match event {
            ClientEvent::Status(status) => self.status(status, now),
            ClientEvent::Gap(gap) => {
                self.gap(gap);
                ConnectionNews::None
            }
            ClientEvent::Joined { room, recovered, position, .. } => {
                self.numbers |= position.is_some();
                if !recovered {
                    self.unaccounted.insert(room.clone());
                }
                ConnectionNews::None
            }
            ClientEvent::Refused { room, message, .. } => {
                let why = format!("{room} was refused: {message}; check that it exists and that you may view it");
                ConnectionNews::Stop(CommandExit::with(Exit::Usage, why))
            }
            ClientEvent::Notice(sentence) => ConnectionNews::Say(sentence.clone()),
            ClientEvent::Confirmed(confirmation) => ConnectionNews::Confirmed(self.confirmation(*confirmation)),
            ClientEvent::Delivered(delivery) => {
                self.note_delivery(delivery);
                ConnectionNews::None
            }
            ClientEvent::Snapshot(snapshot) => {
                self.numbers |= snapshot.position.is_some();
                ConnectionNews::None
            }
        }
    }

    /// Records that an event has arrived.
    pub(crate) fn note_delivery(&mut self, delivery: &Delivery) {
        self.delivered = true;
        self.is_silent = false;
        self.numbers |= delivery.event.as_ref().is_some_and(|event| event.metadata.seq.is_some());
    }

    /// Returns whether the connection has been live.
    #[must_use]
    pub(crate) const fn was_live(&self) -> bool {
        self.was_live
    }

    /// Returns whether every room is joined and caught up at this moment.
    #[must_use]
    pub(crate) fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Returns whether the gateway answers questions, or should, so that a missing answer means something.
    #[must_use]
    pub(crate) const fn must_answer(&self) -> bool {
        self.answers || self.numbers
    }

    /// Returns whether a gateway that cannot be asked has not sent the ping that it promised.
    #[must_use]
    pub(crate) const fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Returns why what was seen is not all that happened; `None` while the stream is live and complete.
    #[must_use]
    pub(crate) fn shortfall(&self) -> Option<CommandExit> {
        if !self.was_live {
            return Some(self.never_live());
        }
        if let Some(lost) = self.lost() {
            return Some(CommandExit::with(Exit::ContinuityLost, lost));
        }
        if self.is_live() && self.is_silent {
            let why = "the gateway's ping is overdue, so the connection may be dead and the result is not certain";
            return Some(CommandExit::with(Exit::ContinuityLost, why));
        }
        (!self.is_live()).then(|| {
            let why = match self.lost_at {
                Some(_) => format!("the connection was lost ({}) and had not come back", self.cause()),
                None => "the stream was still catching up".to_owned(),
            };
            let why = format!("{why} when the time was up, so the result is not certain");
            CommandExit::with(Exit::ContinuityLost, why)
        })
    }

    /// Returns a sentence about the events that are missing, or may be.
    #[must_use]
    pub(crate) fn lost(&self) -> Option<String> {
        if let Some((room, from, to)) = self.open_gaps.first() {
            let more = if self.open_gaps.len() > 1 { ", and others," } else { "" };
            return Some(if from < to {
                format!("events of {room} between #{from} and #{to}{more} were lost, so the result is not certain")
            } else {
                format!("{room} cannot go on from #{from}: the server is at #{to}, so the result is not certain")
            });
        }
        let room = self.unaccounted.first()?;
        let more = if self.unaccounted.len() > 1 { " and other rooms" } else { "" };
        Some(format!(
            "the gateway cannot replay what happened in {room}{more} while the connection was away, so the result is not \
             certain"
        ))
    }

    /// Takes in how it is known that everything has come; returns the gateway's time, where it tells it.
    fn confirmation(&mut self, confirmation: Confirmation) -> Option<Timestamp> {
        self.is_silent = confirmation == Confirmation::Silent;
        let Confirmation::Answered { server_time } = confirmation else { return None };
        self.answers = true;
        server_time
    }

    fn never_live(&self) -> CommandExit {
        match (self.phase, &self.reason) {
            (Phase::Resyncing, _) if self.delivered => {
                let why = "the stream was still catching up when the time was up, so the result is not certain";
                CommandExit::with(Exit::ContinuityLost, why)
            }
            (Phase::Resyncing, _) => {
                let why = "the gateway was reached, but had not let us into every room when the time was up";
                CommandExit::with(Exit::Connection, why)
            }
            (_, Some(_)) => CommandExit::with(Exit::Connection, format!("cannot connect: {}", self.cause())),
            (_, None) => CommandExit::with(Exit::Connection, "cannot connect: the server did not answer in time"),
        }
    }

    fn status(&mut self, status: &Status, now: Timestamp) -> ConnectionNews {
        self.is_silent = false;
        let before = std::mem::replace(&mut self.phase, status.phase);
        if let Some(reason) = &status.reason {
            self.reason = Some(text::line(reason).into_owned());
        }
        match status.phase {
            Phase::Live => self.live(now),
            Phase::Open if status.attempt >= status.max_attempts => {
                let why = format!("gave up after {} attempts: {}", status.attempt, self.cause());
                ConnectionNews::Stop(CommandExit::with(Exit::Connection, why))
            }
            // What trying again cannot cure, such as a certificate nobody vouches for.
            Phase::Open => {
                ConnectionNews::Stop(CommandExit::with(Exit::Connection, format!("cannot connect: {}", self.cause())))
            }
            Phase::LoginRequired => ConnectionNews::Stop(CommandExit::with(Exit::Authentication, self.cause())),
            Phase::Backoff if !self.was_live => self.unreachable(),
            Phase::Backoff | Phase::Connecting | Phase::Disconnected => self.away(before, now),
            Phase::Resyncing | Phase::Closed => ConnectionNews::None,
        }
    }

    fn live(&mut self, now: Timestamp) -> ConnectionNews {
        if !std::mem::replace(&mut self.was_live, true) {
            return ConnectionNews::Live;
        }
        let Some(lost_at) = self.lost_at.take() else { return ConnectionNews::None };
        let seconds = lost_at.duration_until(now).as_secs_f64().max(0.0);
        let lost = self.lost();
        let whole = lost.as_deref().unwrap_or("nothing was missed");
        ConnectionNews::Say(format!("the connection is back after {seconds:.1} s; {whole}"))
    }

    /// Returns the news that the first connection is not made, once for each reason.
    fn unreachable(&mut self) -> ConnectionNews {
        let cause = self.cause();
        if self.told.as_ref() == Some(&cause) {
            return ConnectionNews::None;
        }
        self.told = Some(cause.clone());
        ConnectionNews::Say(format!("cannot connect: {cause}; trying again"))
    }

    /// Records the loss of a connection that was live, once.
    fn away(&mut self, before: Phase, now: Timestamp) -> ConnectionNews {
        if !self.was_live || self.lost_at.is_some() || !matches!(before, Phase::Live | Phase::Resyncing) {
            return ConnectionNews::None;
        }
        self.lost_at = Some(now);
        ConnectionNews::Say(format!("the connection was lost: {}; trying again", self.cause()))
    }

    fn cause(&self) -> String {
        self.reason.clone().unwrap_or_else(|| "no reason was given".to_owned())
    }

    fn gap(&mut self, gap: &Gap) {
        if gap.recovered {
            self.open_gaps.retain(|(room, from, _)| (room, *from) != (&gap.room, gap.from));
        } else {
            self.open_gaps.insert((gap.room.clone(), gap.from, gap.to));
        }
    }
}

#[cfg(test)]
mod tests {
    use scry_protocol::Position;

    use super::*;

    fn in_phase(phase: Phase) -> ClientEvent {
        ClientEvent::Status(Status { phase, reason: Some("no route".to_owned()), ..Status::disconnected() })
    }

    fn gap(recovered: bool) -> ClientEvent {
        ClientEvent::Gap(Gap { room: "campaign:c".parse().unwrap(), from: 3, to: 9, recovered })
    }

    fn joined(recovered: bool) -> ClientEvent {
        ClientEvent::Joined { room: "orders:1".parse().unwrap(), position: None, recovered, replayed: 0 }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Feeds phases one second apart; returns what was said.
    fn said(monitor: &mut ConnectionMonitor, phases: &[Phase]) -> Vec<String> {
        let news = phases.iter().zip(0..).map(|(phase, second)| monitor.handle(&in_phase(*phase), at(second)));
        news.filter_map(|news| if let ConnectionNews::Say(sentence) = news { Some(sentence) } else { None }).collect()
    }

    fn exit(monitor: &ConnectionMonitor) -> Option<Exit> {
        monitor.shortfall().map(|ended| ended.exit)
    }

    #[test]
    fn live_is_announced_once() {
        let mut monitor = ConnectionMonitor::default();
        assert_eq!(monitor.handle(&in_phase(Phase::Connecting), at(0)), ConnectionNews::None);
        assert_eq!(monitor.handle(&in_phase(Phase::Live), at(0)), ConnectionNews::Live);
        assert_eq!(monitor.handle(&in_phase(Phase::Live), at(0)), ConnectionNews::None);
        assert!(monitor.was_live() && monitor.is_live());
        assert_eq!(monitor.shortfall(), None);
    }

    #[test]
    fn phases_that_cannot_go_on_end_with_their_own_code() {
        let stop = |phase| {
            let news = ConnectionMonitor::default().handle(&in_phase(phase), at(0));
            if let ConnectionNews::Stop(ended) = news { Some(ended.exit) } else { None }
        };
        assert_eq!(stop(Phase::Open), Some(Exit::Connection));
        assert_eq!(stop(Phase::LoginRequired), Some(Exit::Authentication));
        assert_eq!(stop(Phase::Backoff), None);
    }

    #[test]
    fn loss_and_return_are_one_line_each() {
        use Phase::{Backoff, Connecting, Live, Resyncing};
        let mut monitor = ConnectionMonitor::default();
        let lines = said(&mut monitor, &[Connecting, Backoff, Connecting, Backoff, Connecting, Resyncing, Live]);
        assert_eq!(lines, ["cannot connect: no route; trying again"]);
        let lines = said(&mut monitor, &[Backoff, Connecting, Backoff, Connecting, Resyncing, Live]);
        assert_eq!(
            lines,
            [
                "the connection was lost: no route; trying again",
                "the connection is back after 5.0 s; nothing was missed"
            ]
        );
    }

    #[test]
    fn connection_that_never_was_is_exit_5_with_the_cause() {
        let mut monitor = ConnectionMonitor::default();
        assert_eq!(exit(&monitor), Some(Exit::Connection));
        monitor.handle(&in_phase(Phase::Backoff), at(0));
        assert_eq!(monitor.shortfall().unwrap().why, "cannot connect: no route");
    }

    #[test]
    fn outage_at_the_end_is_exit_6() {
        let mut monitor = ConnectionMonitor::default();
        said(&mut monitor, &[Phase::Live, Phase::Backoff]);
        assert_eq!(exit(&monitor), Some(Exit::ContinuityLost));
        said(&mut monitor, &[Phase::Connecting, Phase::Resyncing]);
        assert_eq!(exit(&monitor), Some(Exit::ContinuityLost));
        said(&mut monitor, &[Phase::Live]);
        assert_eq!(exit(&monitor), None);
    }

    #[test]
    fn rejoining_without_a_replay_loses_continuity() {
        let mut monitor = ConnectionMonitor::default();
        said(&mut monitor, &[Phase::Live]);
        monitor.handle(&joined(true), at(0));
        assert_eq!(exit(&monitor), None);
        monitor.handle(&joined(false), at(0));
        assert!(monitor.shortfall().unwrap().why.contains("orders:1"));
        assert_eq!(exit(&monitor), Some(Exit::ContinuityLost));
    }

    #[test]
    fn overdue_ping_is_exit_6_until_something_comes() {
        let mut monitor = ConnectionMonitor::default();
        said(&mut monitor, &[Phase::Live]);
        monitor.handle(&ClientEvent::Confirmed(Confirmation::Silent), at(0));
        assert!(monitor.shortfall().unwrap().why.contains("ping is overdue"));
        assert_eq!(exit(&monitor), Some(Exit::ContinuityLost));
        monitor.handle(&ClientEvent::Confirmed(Confirmation::Alive), at(0));
        assert_eq!(exit(&monitor), None);
    }

    #[test]
    fn gateway_must_answer_once_it_has_answered_or_numbered_something() {
        let mut monitor = ConnectionMonitor::default();
        monitor.handle(&joined(true), at(0));
        monitor.handle(&ClientEvent::Confirmed(Confirmation::Alive), at(0));
        assert!(!monitor.must_answer());
        let position = Some(Position::new("x", 5));
        let joined = ClientEvent::Joined { room: "orders:1".parse().unwrap(), position, recovered: true, replayed: 0 };
        monitor.handle(&joined, at(0));
        assert!(monitor.must_answer());
        let mut monitor = ConnectionMonitor::default();
        monitor.handle(&ClientEvent::Confirmed(Confirmation::Answered { server_time: None }), at(0));
        assert!(monitor.must_answer());
    }

    #[test]
    fn gap_counts_until_recovered() {
        let mut monitor = ConnectionMonitor::default();
        monitor.handle(&gap(false), at(0));
        assert!(monitor.lost().unwrap().contains("#3 and #9"));
        monitor.handle(&gap(true), at(0));
        assert_eq!(monitor.lost(), None);
    }
}
