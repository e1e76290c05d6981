//! What every command without a screen makes of the connection's own news (pure).

use std::collections::BTreeSet;

use crate::client::event::{ClientEvent, Gap, Phase, Status};
use crate::exit::Exit;
use crate::protocol::Room;
use crate::text;

/// Follows the connection of one command.
#[derive(Debug, Default)]
pub struct Watchdog {
    live: bool,
    open_gaps: BTreeSet<(Room, u64, u64)>,
}

/// Tells what the news mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Nothing that a person needs to hear.
    None,
    /// The connection is live for the first time.
    Live,
    /// A sentence for people.
    Say(String),
    /// The command cannot go on.
    Stop(Exit, String),
}

impl Watchdog {
    /// Handles what happened to the connection; deliveries are no news.
    pub fn handle(&mut self, event: &ClientEvent) -> News {
        match event {
            ClientEvent::Status(status) => self.status(status),
            ClientEvent::Gap(gap) => {
                self.gap(gap);
                News::None
            }
            ClientEvent::Refused { room, message, .. } => News::Stop(
                Exit::Usage,
                format!("{room} was refused: {message}; check that it exists and that you may view it"),
            ),
            ClientEvent::Notice(sentence) => News::Say(sentence.clone()),
            ClientEvent::Delivered(_) | ClientEvent::Joined { .. } | ClientEvent::Snapshot(_) => News::None,
        }
    }

    /// Tells whether the connection has been live.
    #[must_use]
    pub const fn was_live(&self) -> bool {
        self.live
    }

    /// Says which events are known to be missing.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        let (room, from, to) = self.open_gaps.first()?;
        let more = if self.open_gaps.len() > 1 { ", and others," } else { "" };
        Some(format!("events of {room} between #{from} and #{to}{more} were lost, so the result is not certain"))
    }

    fn status(&mut self, status: &Status) -> News {
        let reason = || status.reason.as_deref().map_or_else(|| "no reason was given".into(), text::line);
        match status.phase {
            Phase::Live if !self.live => {
                self.live = true;
                News::Live
            }
            Phase::Open if status.attempt >= status.max_attempts => {
                News::Stop(Exit::Connection, format!("gave up after {} attempts: {}", status.attempt, reason()))
            }
            // What trying again cannot cure, such as a certificate nobody vouches for.
            Phase::Open => News::Stop(Exit::Connection, format!("cannot connect: {}", reason())),
            Phase::LoginRequired => News::Stop(Exit::Authentication, reason().into_owned()),
            Phase::Disconnected
            | Phase::Connecting
            | Phase::Resyncing
            | Phase::Live
            | Phase::Backoff
            | Phase::Closed => News::None,
        }
    }

    fn gap(&mut self, gap: &Gap) {
        if gap.healed {
            self.open_gaps.retain(|(room, from, _)| (room, *from) != (&gap.room, gap.from));
        } else {
            self.open_gaps.insert((gap.room.clone(), gap.from, gap.to));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_phase(phase: Phase) -> ClientEvent {
        ClientEvent::Status(Status { phase, reason: Some("no route".to_owned()), ..Status::disconnected() })
    }

    fn gap(healed: bool) -> ClientEvent {
        ClientEvent::Gap(Gap { room: "campaign:c".parse().unwrap(), from: 3, to: 9, healed })
    }

    #[test]
    fn it_is_live_once() {
        let mut watchdog = Watchdog::default();
        assert_eq!(watchdog.handle(&in_phase(Phase::Connecting)), News::None);
        assert_eq!(watchdog.handle(&in_phase(Phase::Live)), News::Live);
        assert_eq!(watchdog.handle(&in_phase(Phase::Live)), News::None);
        assert!(watchdog.was_live());
    }

    #[test]
    fn what_cannot_go_on_ends_with_its_own_code() {
        let stop = |phase| match Watchdog::default().handle(&in_phase(phase)) {
            News::Stop(exit, _) => Some(exit),
            News::None | News::Live | News::Say(_) => None,
        };
        assert_eq!(stop(Phase::Open), Some(Exit::Connection));
        assert_eq!(stop(Phase::LoginRequired), Some(Exit::Authentication));
        assert_eq!(stop(Phase::Backoff), None);
    }

    #[test]
    fn a_gap_counts_until_it_is_healed() {
        let mut watchdog = Watchdog::default();
        watchdog.handle(&gap(false));
        assert!(watchdog.lost().unwrap().contains("#3 and #9"));
        watchdog.handle(&gap(true));
        assert_eq!(watchdog.lost(), None);
    }
}
