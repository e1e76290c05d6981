//! Every decision about the connection: what to do now, and when to look again.
//!
//! Pure: the time, the date and the dice are arguments ([`Moment`]), and what is to be done comes
//! back as [`Effect`]s (`exchange`). `online` holds what concerns an open connection, `deliver` what
//! concerns an event that has arrived, `ending` what follows when a connection is over.

mod deliver;
mod ending;
mod exchange;
mod online;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub(super) use self::exchange::{Effect, Input, Moment};
use scry_model::event::{ClientEvent, Phase, Status, Transport};
use scry_protocol::Room;
use scry_text as text;

use self::online::Online;
use super::breaker::Breaker;
use super::continuity::Recent;
use super::subscriptions::{Start, SubscriptionSet};
use super::{Generation, LinkEvent, Timings};
use crate::error::ApiError;

/// Decides for one connection and its successors.
#[derive(Debug)]
pub(super) struct Machine {
    timings: Timings,
    state: State,
    generation: Generation,
    breaker: Breaker,
    rooms: SubscriptionSet,
    recent: Recent,
    abilities: Abilities,
    /// The gateway has shown that it numbers events; one that does also answers.
    numbered: bool,
    noticed: BTreeSet<&'static str>,
    next_request: u64,
    /// When to renew the token.
    renew_at: Option<Instant>,
    /// Why the token cannot be renewed; the connection is good until it runs out.
    unrenewable: Option<String>,
    /// It is to be confirmed that everything sent so far is here.
    confirm: bool,
    /// How often in a row a token was refused.
    refusals: u8,
    /// How long a gateway that is going away asked us to stay away.
    draining: Option<Duration>,
    /// The gateway has said that our login is over.
    dismissed: bool,
    reason: Option<String>,
    transport: Transport,
    round_trip: Option<Duration>,
    live_until: Option<Timestamp>,
    effects: Vec<Effect>,
}

#[derive(Debug)]
enum State {
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
struct Abilities {
    /// Whether it answers anything at all.
    acks: Option<bool>,
    latency: LatencyAbility,
    authenticate: Option<bool>,
    snapshots: Option<bool>,
}

/// Tells whether a gateway answers `latency`.
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

impl Machine {
    /// Builds a machine that has not been started.
    pub(super) fn new(timings: Timings, rooms: impl IntoIterator<Item = (Room, Start)>, snapshots: bool) -> Self {
        let mut machine = Self {
            timings,
            state: State::Disconnected,
            generation: 0,
            breaker: Breaker::default(),
            rooms: SubscriptionSet::default(),
            recent: Recent::default(),
            abilities: Abilities { snapshots: (!snapshots).then_some(false), ..Abilities::default() },
            numbered: false,
            noticed: BTreeSet::new(),
            next_request: 0,
            renew_at: None,
            unrenewable: None,
            confirm: false,
            refusals: 0,
            draining: None,
            dismissed: false,
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
    pub(super) fn handle(&mut self, input: Input, now: Moment) -> Vec<Effect> {
        let before = self.status();
        if !matches!(self.state, State::Closed) {
            self.take(input, now);
        }
        let after = self.status();
        let mut effects = std::mem::take(&mut self.effects);
        if is_another_state(&before, &after) {
            // Said first where it explains what follows, last where it rests on what went before.
            let place = if after.phase == Phase::Live { effects.len() } else { 0 };
            effects.insert(place, Effect::Tell(ClientEvent::Status(after)));
        }
        effects
    }

    /// Returns when to come back with [`Input::Deadline`].
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Disconnected | State::Token | State::Congested | State::Closed => None,
            State::Opening { until } | State::Waiting { until, .. } => Some(*until),
            State::Online(online) => online.next_deadline().into_iter().chain(self.renew_at).min(),
            State::Open { probe_at } => *probe_at,
            State::Login { check_at } => Some(*check_at),
        }
    }

    /// Describes the connection.
    pub(super) fn status(&self) -> Status {
        let retry_in = match self.state {
            State::Waiting { wait, .. } => Some(wait),
            State::Open { probe_at: Some(_) } => self.timings.probe,
            State::Open { probe_at: None }
            | State::Disconnected
            | State::Token
            | State::Opening { .. }
            | State::Online(_)
            | State::Login { .. }
            | State::Congested
            | State::Closed => None,
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
            State::Disconnected => Phase::Disconnected,
            State::Token | State::Opening { .. } => Phase::Connecting,
            State::Online(online) if online.live => Phase::Live,
            State::Online(_) | State::Congested => Phase::Resyncing,
            State::Waiting { .. } => Phase::Backoff,
            State::Open { .. } => Phase::Open,
            State::Login { .. } => Phase::LoginRequired,
            State::Closed => Phase::Closed,
        }
    }

    fn take(&mut self, input: Input, now: Moment) {
        match input {
            Input::Start => {
                if matches!(self.state, State::Disconnected) {
                    self.begin(false);
                }
            }
            Input::Close => self.close(now),
            Input::Retry => self.retry(),
            Input::Subscribe(room, start) => {
                self.rooms.add(room, start, self.offers_snapshots());
                self.proceed(now);
            }
            Input::Unsubscribe(room) => {
                self.rooms.remove(&room);
                self.proceed(now);
            }
            Input::Tell(request) => self.tell(&request),
            Input::Confirm => {
                self.confirm = true;
                self.proceed(now);
            }
            Input::Deadline => self.deadline(now),
            Input::LoginFound => {
                if matches!(self.state, State::Login { .. }) {
                    self.begin(false);
                }
            }
            Input::Congested => self.congested(now),
            Input::Relieved => {
                if matches!(self.state, State::Congested) {
                    self.begin(false);
                }
            }
            // Whatever belongs to a connection that is over says nothing about this one.
            Input::Token(generation, _)
            | Input::Link(generation, _)
            | Input::Snapshot(generation, ..)
            | Input::Knocked(generation, _)
                if generation != self.generation => {}
            Input::Token(_, result) => self.token(result, now),
            Input::Link(_, event) => self.link(event, now),
            Input::Snapshot(_, campaign, result) => self.snapshot(&campaign, result, now),
            Input::Knocked(_, result) => self.knocked(result, now),
        }
    }

    fn link(&mut self, event: LinkEvent, now: Moment) {
        match event {
            LinkEvent::Connected { transport, ping_interval } => {
                if matches!(self.state, State::Opening { .. }) {
                    self.transport = transport;
                    self.round_trip = None;
                    self.rooms.restart(self.offers_snapshots());
                    if self.abilities.latency == LatencyAbility::Unanswered {
                        // The connection may have been dead; this one is not.
                        self.abilities.latency = LatencyAbility::Unknown;
                    }
                    let has_pulse = self.abilities.latency != LatencyAbility::Absent;
                    let knock_at = (!has_pulse).then(|| now.at + self.timings.silence);
                    self.state = State::Online(Online::new(knock_at, now.at, ping_interval));
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
                None if self.dismissed => self.token_refused(&reason, now),
                None => self.lost(&reason, now),
            },
        }
    }

    /// Starts an attempt; `fresh` asks for another token than the last.
    fn begin(&mut self, fresh: bool) {
        self.generation += 1;
        self.renew_at = None;
        self.unrenewable = None;
        self.state = State::Token;
        self.effects.push(Effect::GetToken { generation: self.generation, fresh });
    }

    fn retry(&mut self) {
        match self.state {
            State::Waiting { .. } | State::Login { .. } => self.begin(false),
            State::Open { .. } => {
                self.breaker.reset();
                self.begin(false);
            }
            State::Disconnected
            | State::Token
            | State::Opening { .. }
            | State::Online(_)
            | State::Congested
            | State::Closed => {}
        }
    }

    fn deadline(&mut self, now: Moment) {
        match &self.state {
            State::Opening { until } if *until <= now.at => {
                let limit = self.timings.connect.as_secs().max(1);
                self.lost(&format!("no welcome from the gateway within {limit} s"), now);
            }
            State::Waiting { until, .. } if *until <= now.at => self.begin(false),
            State::Open { probe_at: Some(at) } if *at <= now.at => {
                self.breaker.probe();
                self.begin(false);
            }
            State::Login { check_at } if *check_at <= now.at => {
                self.state = State::Login { check_at: now.at + self.timings.login_check };
                self.effects.push(Effect::FindLogin);
            }
            State::Online(_) => self.online_deadline(now),
            State::Opening { .. }
            | State::Waiting { .. }
            | State::Open { .. }
            | State::Login { .. }
            | State::Disconnected
            | State::Token
            | State::Congested
            | State::Closed => {}
        }
    }

    fn token(&mut self, result: Result<Option<Duration>, ApiError>, now: Moment) {
        let online = matches!(self.state, State::Online(_));
        match result {
            Ok(lasts) => {
                self.renew_at = lasts.map(|lasts| now.at + self.renew_after(lasts));
                if online {
                    self.authenticate(now);
                } else if matches!(self.state, State::Token) {
                    self.state = State::Opening { until: now.at + self.timings.connect };
                    self.effects.push(Effect::Connect(self.generation));
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
        if self.noticed.insert(key) {
            self.notice_always(sentence.to_owned());
        }
    }

    fn notice_always(&mut self, sentence: String) {
        self.effects.push(Effect::Tell(ClientEvent::Notice(sentence)));
    }

    fn offers_snapshots(&self) -> bool {
        self.abilities.snapshots != Some(false)
    }

    /// Short-lived tokens are renewed after half of their life.
    fn renew_after(&self, lasts: Duration) -> Duration {
        lasts.saturating_sub(self.timings.renew_ahead).max(lasts / 2)
    }
}

/// Tells whether people and scripts would call this another state; a new round trip is none.
fn is_another_state(before: &Status, after: &Status) -> bool {
    before.phase != after.phase
        || before.attempt != after.attempt
        || before.retry_in != after.retry_in
        || before.transport != after.transport
        || (before.reason != after.reason && after.phase != Phase::Live)
}

#[cfg(test)]
mod tests;
