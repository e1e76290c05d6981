//! How it is known that everything the gateway has sent is here, and that it is alive.

use scry_model::event::{ClientEvent, Confirmation};

use super::{Ask, InFlight, Online};
use crate::connection::machine::{Effect, LatencyAbility, Machine, Moment, State};

/// Says how it is known that everything has come.
pub(super) const fn confirmed(confirmation: Confirmation) -> Effect {
    Effect::Tell(ClientEvent::Confirmed(confirmation))
}

impl Machine {
    pub(in crate::connection::machine) fn ping(&mut self, now: Moment) {
        let State::Online(online) = &mut self.state else { return };
        if let Some(at) = &mut online.knock_at {
            *at = now.at + self.timings.silence;
        }
        self.note_life(now);
        self.proceed(now);
    }

    /// Notes that the gateway is alive: where it has not answered `latency` before that, it cannot.
    pub(in crate::connection::machine) fn note_life(&mut self, now: Moment) {
        let State::Online(online) = &mut self.state else { return };
        online.last_heard = now.at;
        if self.abilities.latency != LatencyAbility::Unanswered {
            return;
        }
        self.abilities.latency = LatencyAbility::Absent;
        if let Some(InFlight { id, ask: Ask::Latency { confirms }, .. }) =
            online.in_flight.take_if(|request| matches!(request.ask, Ask::Latency { .. }))
        {
            online.missed_latency = Some(id);
            self.confirm |= confirms;
        }
    }

    /// Returns whether a missing answer to `latency` means that something may be on its way: a gateway that numbers its
    /// events also answers, unless it has shown that it does not.
    pub(super) fn must_answer(&self) -> bool {
        match self.abilities.latency {
            LatencyAbility::Unknown | LatencyAbility::Answers => true,
            LatencyAbility::Unanswered => self.numbered,
            LatencyAbility::Absent => false,
        }
    }

    /// Judges a gateway that cannot be asked by the pings it promised.
    pub(super) fn confirmation_by_ping(&self, now: Moment) -> Confirmation {
        let State::Online(Online { ping_interval: Some(interval), last_heard, .. }) = &self.state else {
            return Confirmation::Alive;
        };
        let is_overdue = now.at.saturating_duration_since(*last_heard) > *interval + self.timings.latency_timeout;
        if is_overdue { Confirmation::Silent } else { Confirmation::Alive }
    }
}
