//! How it is known that everything the gateway has sent is here, and that it is alive.

use scry_model::event::{ClientEvent, Confirmation};

use super::{GatewayQuery, InFlightRequest, Online};
use crate::connection::state_machine::{ClockReading, ConnectionEffect, ConnectionState, LatencyAbility, LinkState};

/// Returns the effect that reports how it is known that everything has arrived.
pub(super) const fn confirmed(confirmation: Confirmation) -> ConnectionEffect {
    ConnectionEffect::Report(ClientEvent::Confirmed(confirmation))
}

impl ConnectionState {
    pub(in crate::connection::state_machine) fn ping(&mut self, now: ClockReading) {
        let LinkState::Online(online) = &mut self.state else { return };
        if let Some(at) = &mut online.health_probe_at {
            *at = now.at + self.timings.silence;
        }
        self.note_life(now);
        self.proceed(now);
    }

    /// Records that the gateway is alive: where it has not answered `latency` before that, it cannot.
    pub(in crate::connection::state_machine) fn note_life(&mut self, now: ClockReading) {
        let LinkState::Online(online) = &mut self.state else { return };
        online.last_heard = now.at;
        if self.capabilities.latency != LatencyAbility::Unanswered {
            return;
        }
        self.capabilities.latency = LatencyAbility::Absent;
        if let Some(InFlightRequest { id, ask: GatewayQuery::Latency { confirms }, .. }) =
            online.in_flight.take_if(|request| matches!(request.ask, GatewayQuery::Latency { .. }))
        {
            online.late_latency = Some(id);
            self.confirm |= confirms;
        }
    }

    /// Returns whether a missing answer to `latency` means that something may be on its way: a gateway that numbers its
    /// events also answers, unless it has shown that it does not.
    pub(super) fn must_answer(&self) -> bool {
        match self.capabilities.latency {
            LatencyAbility::Unknown | LatencyAbility::Answers => true,
            LatencyAbility::Unanswered => self.numbered,
            LatencyAbility::Absent => false,
        }
    }

    /// Judges a gateway that cannot be asked by the pings it promised.
    pub(super) fn confirmation_by_ping(&self, now: ClockReading) -> Confirmation {
        let LinkState::Online(Online { ping_interval: Some(interval), last_heard, .. }) = &self.state else {
            return Confirmation::Alive;
        };
        let is_overdue = now.at.saturating_duration_since(*last_heard) > *interval + self.timings.latency_timeout;
        if is_overdue { Confirmation::Silent } else { Confirmation::Alive }
    }
}
