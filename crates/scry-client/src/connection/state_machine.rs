//! Every decision about the connection: what to do now, and when to look again.
//!
//! Pure: the time, the date and the dice are arguments ([`ClockReading`]), and what is to be done comes
//! back as [`ConnectionEffect`]s (`messages`). `online` holds what concerns an open connection, `delivery` what
//! concerns an event that has arrived, `ending` what follows when a connection is over.

mod delivery;
mod ending;
mod messages;
mod online;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub(super) use self::messages::{ClockReading, ConnectionEffect, ConnectionInput};
use scry_model::event::{ClientEvent, Phase, Status, Transport};
use scry_protocol::Room;
use scry_text as text;

use self::online::Online;
use super::breaker::Breaker;
use super::gap_detector::DedupWindow;
use super::subscriptions::{StartPosition, SubscriptionSet};
use super::{Generation, LinkEvent, Timings};
use crate::error::ApiError;

/// Decides for one connection and its successors.
#[derive(Debug)]
pub(super) struct ConnectionState {
    timings: Timings,
    state: LinkState,
    generation: Generation,
    breaker: Breaker,
    rooms: SubscriptionSet,
    dedup_window: DedupWindow,
    capabilities: Capabilities,
    /// The gateway has shown that it numbers events; one that does also answers.
    numbered: bool,
    noticed_once: BTreeSet<&'static str>,
    next_request: u64,
    /// When to renew the token.
    renew_at: Option<Instant>,
    /// Why the token cannot be renewed; the connection is good until it runs out.
    unrenewable: Option<String>,
    /// It is to be confirmed that everything sent so far is here.
    confirm: bool,
    /// How often in a row a token was refused.
    token_refusals: u8,
    /// How long a gateway that is going away asked us to stay away.
    draining: Option<Duration>,
    /// The gateway has said that our login is over.
    session_ended: bool,
    reason: Option<String>,
    transport: Transport,
    round_trip: Option<Duration>,
    live_until: Option<Timestamp>,
    effects: Vec<ConnectionEffect>,
}

#[derive(Debug)]
enum LinkState {
    Disconnected,
    /// Waiting for a token.
    Token,
    Opening {
        until: Instant,
    },
    Online(Online),
    Waiting {
        until: Instant,
        wait: Duration,
    },
    Open {
        probe_at: Option<Instant>,
    },
    Login {
        check_at: Instant,
    },
    /// Cut by ourselves until the owner has caught up.
    Congested,
    Closed,
}

/// Remembers what this gateway has shown to understand; `None` is not known yet.
#[derive(Debug, Clone, Copy, Default)]
struct Capabilities {
    /// Whether it answers anything at all.
    acks: Option<bool>,
    latency: LatencyAbility,
    authenticate: Option<bool>,
    snapshots: Option<bool>,
}

/// Whether a gateway answers `latency`, as far as that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum LatencyAbility {
    /// It has not been asked, or still has time for its answer.
    #[default]
    Unknown,
    Answers,
    /// It has not answered and nothing has come since: it cannot, or the connection is dead.
    Unanswered,
    /// It has not answered, and is alive.
    Absent,
}

impl ConnectionState {
    /// Builds a machine that has not been started.
    pub(super) fn new(
        timings: Timings,
        rooms: impl IntoIterator<Item = (Room, StartPosition)>,
        snapshots: bool,
    ) -> Self {
        let mut machine = Self {
            timings,
            state: LinkState::Disconnected,
            generation: 0,
            breaker: Breaker::default(),
            rooms: SubscriptionSet::default(),
            dedup_window: DedupWindow::default(),
            capabilities: Capabilities { snapshots: (!snapshots).then_some(false), ..Capabilities::default() },
            numbered: false,
            noticed_once: BTreeSet::new(),
            next_request: 0,
            renew_at: None,
            unrenewable: None,
            confirm: false,
            token_refusals: 0,
            draining: None,
            session_ended: false,
            reason: None,
            transport: Transport::default(),
            round_trip: None,
            live_until: None,
            effects: Vec::new(),
        };
        for (room, start) in rooms {
            machine.rooms.add(room, start, snapshots);
        }
        machine
    }

    /// Takes in what happened and returns what is to be done, in order.
    pub(super) fn handle(&mut self, input: ConnectionInput, now: ClockReading) -> Vec<ConnectionEffect> {
        let before = self.status();
        if !matches!(self.state, LinkState::Closed) {
            self.apply(input, now);
        }
        let after = self.status();
        let mut effects = std::mem::take(&mut self.effects);
        if is_another_state(&before, &after) {
            // Said first where it explains what follows, last where it rests on what went before.
            let place = if after.phase == Phase::Live { effects.len() } else { 0 };
            effects.insert(place, ConnectionEffect::Report(ClientEvent::Status(after)));
        }
        effects
    }

    /// Returns when to come back with [`ConnectionInput::Deadline`].
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            LinkState::Disconnected | LinkState::Token | LinkState::Congested | LinkState::Closed => None,
            LinkState::Opening { until } | LinkState::Waiting { until, .. } => Some(*until),
            LinkState::Online(online) => online.next_deadline().into_iter().chain(self.renew_at).min(),
            LinkState::Open { probe_at } => *probe_at,
            LinkState::Login { check_at } => Some(*check_at),
        }
    }

    /// Returns the state of the connection, as it is shown.
    pub(super) fn status(&self) -> Status {
        let retry_in = match self.state {
            LinkState::Waiting { wait, .. } => Some(wait),
            LinkState::Open { probe_at: Some(_) } => self.timings.probe,
            LinkState::Open { probe_at: None }
            | LinkState::Disconnected
            | LinkState::Token
            | LinkState::Opening { .. }
            | LinkState::Online(_)
            | LinkState::Login { .. }
            | LinkState::Congested
            | LinkState::Closed => None,
        };
        Status {
            phase: self.phase(),
            attempt: self.breaker.attempt(),
            max_attempts: Breaker::MAX_ATTEMPTS,
            retry_in,
            reason: self.reason.clone(),
            transport: self.transport,
            round_trip: self.round_trip,
            live_until: self.live_until,
        }
    }

    fn phase(&self) -> Phase {
        match &self.state {
            LinkState::Disconnected => Phase::Disconnected,
            LinkState::Token | LinkState::Opening { .. } => Phase::Connecting,
            LinkState::Online(online) if online.live => Phase::Live,
            LinkState::Online(_) | LinkState::Congested => Phase::Resyncing,
            LinkState::Waiting { .. } => Phase::Backoff,
            LinkState::Open { .. } => Phase::Open,
            LinkState::Login { .. } => Phase::LoginRequired,
            LinkState::Closed => Phase::Closed,
        }
    }

    fn apply(&mut self, input: ConnectionInput, now: ClockReading) {
        match input {
            ConnectionInput::Start => {
                if matches!(self.state, LinkState::Disconnected) {
                    self.begin(false);
                }
            }
            ConnectionInput::Close => self.close(now),
            ConnectionInput::Retry => self.retry(),
            ConnectionInput::Subscribe(room, start) => {
                self.rooms.add(room, start, self.offers_snapshots());
                self.proceed(now);
            }
            ConnectionInput::Unsubscribe(room) => {
                self.rooms.remove(&room);
                self.proceed(now);
            }
            ConnectionInput::Emit(request) => self.emit(&request),
            ConnectionInput::Confirm => {
                self.confirm = true;
                self.proceed(now);
            }
            ConnectionInput::Deadline => self.deadline(now),
            ConnectionInput::LoginFound => {
                if matches!(self.state, LinkState::Login { .. }) {
                    self.begin(false);
                }
            }
            ConnectionInput::Congested => self.congested(now),
            ConnectionInput::CaughtUp => {
                if matches!(self.state, LinkState::Congested) {
                    self.begin(false);
                }
            }
            // Whatever belongs to a connection that is over says nothing about this one.
            ConnectionInput::Token(generation, _)
            | ConnectionInput::Link(generation, _)
            | ConnectionInput::Snapshot(generation, ..)
            | ConnectionInput::HealthProbed(generation, _)
                if generation != self.generation => {}
            ConnectionInput::Token(_, result) => self.token(result, now),
            ConnectionInput::Link(_, event) => self.link(event, now),
            ConnectionInput::Snapshot(_, campaign, result) => self.snapshot(&campaign, result, now),
            ConnectionInput::HealthProbed(_, result) => self.health_probed(result, now),
        }
    }

    fn link(&mut self, event: LinkEvent, now: ClockReading) {
        match event {
            LinkEvent::Connected { transport, ping_interval } => {
                if matches!(self.state, LinkState::Opening { .. }) {
                    self.transport = transport;
                    self.round_trip = None;
                    self.rooms.restart(self.offers_snapshots());
                    if self.capabilities.latency == LatencyAbility::Unanswered {
                        // The connection may have been dead; this one is not.
                        self.capabilities.latency = LatencyAbility::Unknown;
                    }
                    let has_pulse = self.capabilities.latency != LatencyAbility::Absent;
                    let health_probe_at = (!has_pulse).then(|| now.at + self.timings.silence);
                    self.state = LinkState::Online(Online::new(health_probe_at, now.at, ping_interval));
                    self.proceed(now);
                }
            }
            LinkEvent::Refused { message } => self.refused(&message, now),
            LinkEvent::Message { name, body } => self.message(name, body, now),
            LinkEvent::Answer { id, body } => self.answer(id, body, now),
            LinkEvent::Ping => self.ping(now),
            LinkEvent::Ended { reason, certificate: true } => self.untrusted(&reason, now),
            LinkEvent::Ended { reason, certificate: false } => match self.unrenewable.take() {
                Some(why) => self.login_required(&why, now),
                None if self.session_ended => self.token_refused(&reason, now),
                None => self.lost(&reason, now),
            },
        }
    }

    /// Starts an attempt; `fresh` asks for another token than the last.
    fn begin(&mut self, fresh: bool) {
        self.generation += 1;
        self.renew_at = None;
        self.unrenewable = None;
        self.state = LinkState::Token;
        self.effects.push(ConnectionEffect::GetToken { generation: self.generation, fresh });
    }

    fn retry(&mut self) {
        match self.state {
            LinkState::Waiting { .. } | LinkState::Login { .. } => self.begin(false),
            LinkState::Open { .. } => {
                self.breaker.reset();
                self.begin(false);
            }
            LinkState::Disconnected
            | LinkState::Token
            | LinkState::Opening { .. }
            | LinkState::Online(_)
            | LinkState::Congested
            | LinkState::Closed => {}
        }
    }

    fn deadline(&mut self, now: ClockReading) {
        match &self.state {
            LinkState::Opening { until } if *until <= now.at => {
                let limit = self.timings.connect.as_secs().max(1);
                self.lost(&format!("no handshake from the gateway within {limit} s"), now);
            }
            LinkState::Waiting { until, .. } if *until <= now.at => self.begin(false),
            LinkState::Open { probe_at: Some(at) } if *at <= now.at => {
                self.breaker.probe();
                self.begin(false);
            }
            LinkState::Login { check_at } if *check_at <= now.at => {
                self.state = LinkState::Login { check_at: now.at + self.timings.login_check };
                self.effects.push(ConnectionEffect::FindLogin);
            }
            LinkState::Online(_) => self.online_deadline(now),
            LinkState::Opening { .. }
            | LinkState::Waiting { .. }
            | LinkState::Open { .. }
            | LinkState::Login { .. }
            | LinkState::Disconnected
            | LinkState::Token
            | LinkState::Congested
            | LinkState::Closed => {}
        }
    }

    fn token(&mut self, result: Result<Option<Duration>, ApiError>, now: ClockReading) {
        let online = matches!(self.state, LinkState::Online(_));
        match result {
            Ok(lasts) => {
                self.renew_at = lasts.map(|lasts| now.at + self.renew_after(lasts));
                if online {
                    self.authenticate(now);
                } else if matches!(self.state, LinkState::Token) {
                    self.state = LinkState::Opening { until: now.at + self.timings.connect };
                    self.effects.push(ConnectionEffect::Connect(self.generation));
                }
            }
            // The connection is good until the gateway says otherwise; until then we try again.
            Err(error) if online => {
                self.renew_at = error.is_passing().then(|| now.at + self.timings.request);
                self.unrenewable = error.requires_login().then(|| error.to_string());
                self.notice_always(format!("the login could not be renewed: {error}"));
            }
            Err(error) => self.failed(&error, now),
        }
    }

    fn explain(&mut self, reason: &str) {
        self.reason = Some(text::line(reason).into_owned());
    }

    fn notice(&mut self, key: &'static str, sentence: &str) {
        if self.noticed_once.insert(key) {
            self.notice_always(sentence.to_owned());
        }
    }

    fn notice_always(&mut self, sentence: String) {
        self.effects.push(ConnectionEffect::Report(ClientEvent::Notice(sentence)));
    }

    fn offers_snapshots(&self) -> bool {
        self.capabilities.snapshots != Some(false)
    }

    /// Short-lived tokens are renewed after half of their life.
    fn renew_after(&self, lasts: Duration) -> Duration {
        lasts.saturating_sub(self.timings.renew_ahead).max(lasts / 2)
    }
}

/// Returns whether people and scripts would call this another state; a new round trip is not one.
fn is_another_state(before: &Status, after: &Status) -> bool {
    before.phase != after.phase
        || before.attempt != after.attempt
        || before.retry_in != after.retry_in
        || before.transport != after.transport
        || (before.reason != after.reason && after.phase != Phase::Live)
}

#[cfg(test)]
mod tests;
