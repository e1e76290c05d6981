//! How a connection ends, and what follows from it.

use scry_protocol::ErrorCode;

use super::{ClockReading, ConnectionEffect, ConnectionState, LinkState};
use crate::connection::backoff;
use crate::connection::breaker::BreakerDecision;
use crate::error::{ApiError, is_token_refused};

/// A second refusal in a row means that fresh tokens do not help.
const MAX_TOKEN_REFUSALS: u8 = 2;

impl ConnectionState {
    /// Ends the connection for what an API request said.
    pub(super) fn failed(&mut self, error: &ApiError, now: ClockReading) {
        if error.requires_login() {
            self.login_required(&error.to_string(), now);
        } else if error.is_passing() {
            self.lost(&error.to_string(), now);
        } else {
            self.untrusted(&error.to_string(), now);
        }
    }

    pub(super) fn refused(&mut self, message: &str, now: ClockReading) {
        match ErrorCode::from_connect_error(message) {
            Some(code) if is_token_refused(&code) => self.token_refused(message, now),
            Some(_) => self.lost(message, now),
            None if is_auth_message(message) => self.token_refused(message, now),
            None => self.lost(message, now),
        }
    }

    /// A refused token is no failure of the network: get another one, and give up if that is refused too.
    pub(super) fn token_refused(&mut self, message: &str, now: ClockReading) {
        self.token_refusals += 1;
        if self.token_refusals >= MAX_TOKEN_REFUSALS {
            self.token_refusals = 0;
            return self.login_required(message, now);
        }
        self.cut(now);
        self.begin(true);
    }

    pub(super) fn login_required(&mut self, reason: &str, now: ClockReading) {
        self.cut(now);
        self.explain(reason);
        self.state = LinkState::Login { check_at: now.at + self.timings.login_check };
    }

    /// What trying again cannot cure waits for a person.
    pub(super) fn untrusted(&mut self, reason: &str, now: ClockReading) {
        self.cut(now);
        self.explain(reason);
        self.state = LinkState::Open { probe_at: None };
    }

    /// Records that the network failed us, and waits or gives up.
    pub(super) fn lost(&mut self, reason: &str, now: ClockReading) {
        self.cut(now);
        self.explain(reason);
        let asked = self.draining.take();
        self.state = match self.breaker.fail() {
            BreakerDecision::Open => LinkState::Open { probe_at: self.timings.probe.map(|probe| now.at + probe) },
            BreakerDecision::Retry(attempt) => {
                let jitter = if self.timings.jitter { now.jitter } else { 0.0 };
                let wait = asked.unwrap_or_else(|| backoff::delay(attempt, self.timings.backoff_unit, jitter));
                LinkState::Waiting { until: now.at + wait, wait }
            }
        };
    }

    pub(super) fn congested(&mut self, now: ClockReading) {
        if matches!(self.state, LinkState::Online(_)) {
            self.cut(now);
            self.explain("events came faster than they were read; catching up");
            self.state = LinkState::Congested;
        }
    }

    pub(super) fn close(&mut self, now: ClockReading) {
        self.cut(now);
        self.state = LinkState::Closed;
    }

    /// Ends whatever connection or attempt there is; nothing it still says will be heard.
    pub(super) fn cut(&mut self, now: ClockReading) {
        self.generation += 1;
        self.renew_at = None;
        self.session_ended = false;
        self.round_trip = None;
        // What was to be confirmed is confirmed by the next connection, once that has caught up.
        self.confirm |= matches!(&self.state, LinkState::Online(online) if online.is_confirming());
        if let LinkState::Online(online) = &self.state
            && online.live
        {
            self.live_until = Some(now.wall);
        }
        self.state = LinkState::Disconnected;
        self.effects.push(ConnectionEffect::Disconnect);
    }
}

/// Reads the refusal of a gateway that knows none of our codes.
fn is_auth_message(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["auth", "token", "jwt", "login", "credential", "forbidden"].iter().any(|word| message.contains(word))
}
