//! An open connection: one request at a time, rooms to join, the pulse to feel.

mod confirm;

use std::time::{Duration, Instant};

use scry_model::event::{ClientEvent, Confirmation, Snapshot};
use scry_protocol::ack::{Ack, AuthenticateAck, LatencyAck};
use scry_protocol::{ClientRequest, ErrorAck, ErrorCode, Id, Position, Room, SubscribeAck, request};
use scry_text as text;
use serde_json::{Value, json};

use self::confirm::confirmed;
use super::{Abilities, Effect, LatencyAbility, Machine, Moment, State};
use crate::connection::subscriptions::{Granted, Stage};
use crate::connection::{Body, Request};
use crate::error::{ApiError, is_token_refused};

/// Holds what matters only while a connection is open.
#[derive(Debug)]
pub(super) struct Online {
    /// Every room is joined and caught up.
    pub live: bool,
    in_flight: Option<InFlight>,
    /// When to measure the round trip next; not before the connection is live for the first time.
    next_latency: Option<Instant>,
    /// A fresh token waits to be shown to the gateway.
    authenticate: bool,
    /// A measurement that was given up; its answer, however late, proves that the gateway can.
    missed_latency: Option<u64>,
    /// The gateway asked for patience.
    hold_until: Option<Instant>,
    /// When silence is to be looked into, where the gateway cannot be asked for its pulse.
    knock_at: Option<Instant>,
    /// Nobody has answered a first request yet, and it is being found out whether anybody will.
    doubt: bool,
    /// When something last came.
    last_heard: Instant,
    /// How often the gateway sends a ping, where that is known.
    ping_interval: Option<Duration>,
}

#[derive(Debug)]
struct InFlight {
    id: u64,
    ask: Ask,
    sent: Instant,
    until: Instant,
    /// Something came from the gateway meanwhile.
    heard: bool,
}

#[derive(Debug)]
enum Ask {
    Join(Room, Option<Position>),
    Leave,
    Latency {
        /// Its answer confirms that everything sent before it is here.
        confirms: bool,
    },
    Authenticate,
}

impl Online {
    /// Describes a connection that has just been opened; `knock_at` is for gateways without a pulse.
    pub(super) const fn new(knock_at: Option<Instant>, now: Instant, ping_interval: Option<Duration>) -> Self {
        Self {
            live: false,
            in_flight: None,
            next_latency: None,
            authenticate: false,
            missed_latency: None,
            hold_until: None,
            knock_at,
            doubt: false,
            last_heard: now,
            ping_interval,
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let next = match &self.in_flight {
            Some(request) => Some(request.until),
            None => self.next_latency.into_iter().chain(self.hold_until).min(),
        };
        next.into_iter().chain(self.knock_at).min()
    }

    /// Returns whether a confirmation is under way, which ends with the connection.
    pub(super) const fn is_confirming(&self) -> bool {
        matches!(self.in_flight, Some(InFlight { ask: Ask::Latency { confirms: true }, .. }))
    }

    /// Notes a sign of life.
    ///
    /// A subscription gets more time from a gateway that `answers`: what it replays may take longer than an answer
    /// does. From one that has never answered anything, no number of events is worth waiting for.
    pub(super) fn heard(&mut self, answers: bool, until: Instant, knock_at: Instant) {
        if let Some(InFlight { ask: Ask::Join(..), until: deadline, heard, .. }) = &mut self.in_flight {
            *heard = true;
            if answers {
                *deadline = until;
            }
        }
        if let Some(at) = &mut self.knock_at {
            *at = knock_at;
        }
    }
}

impl Machine {
    /// Does the next thing an open connection needs, and notices when nothing is left to do.
    pub(super) fn proceed(&mut self, now: Moment) {
        if !matches!(self.state, State::Online(_)) {
            return;
        }
        for room in self.rooms.take_fetches() {
            self.effects.push(Effect::GetSnapshot(self.generation, room.id().clone()));
        }
        self.ask_next(now);
        let settled = self.rooms.is_settled();
        let State::Online(online) = &mut self.state else { return };
        let first_time = settled && !online.live && online.next_latency.is_none();
        online.live = settled;
        if settled {
            self.breaker.reset();
            self.refusals = 0;
            self.reason = None;
            self.live_until = None;
        }
        if first_time {
            let is_asked = matches!(self.abilities.latency, LatencyAbility::Unknown | LatencyAbility::Answers);
            online.next_latency = is_asked.then_some(now.at);
        }
        if first_time || self.confirm {
            self.ask_next(now);
        }
    }

    /// Shows the gateway a fresh token, in this connection.
    pub(super) fn authenticate(&mut self, now: Moment) {
        if self.abilities.authenticate == Some(false) {
            return;
        }
        if let State::Online(online) = &mut self.state {
            online.authenticate = true;
        }
        self.proceed(now);
    }

    /// Says something that nobody waits for, unless the connection is not live: then it is said anew later.
    pub(super) fn tell(&mut self, request: &ClientRequest) {
        if matches!(&self.state, State::Online(online) if online.live) {
            self.next_request += 1;
            let (name, body) = request.message();
            self.effects.push(Effect::Send(Request { id: self.next_request, name, body: Body::Json(body) }));
        }
    }

    pub(super) fn online_deadline(&mut self, now: Moment) {
        if self.renew_at.is_some_and(|at| at <= now.at) {
            self.renew_at = None;
            self.effects.push(Effect::GetToken { generation: self.generation, fresh: true });
        }
        let State::Online(online) = &mut self.state else { return };
        if online.knock_at.take_if(|at| *at <= now.at).is_some() {
            self.effects.push(Effect::Knock(self.generation));
        }
        let expired = online.in_flight.take_if(|request| request.until <= now.at);
        if let Some(request) = expired {
            self.unanswered(request, now);
        }
        self.proceed(now);
    }

    /// Takes in whether the server answers on another connection.
    pub(super) fn knocked(&mut self, result: Result<(), ApiError>, now: Moment) {
        let State::Online(online) = &mut self.state else { return };
        if let Err(error) = result {
            return self.failed(&error, now);
        }
        online.knock_at = Some(now.at + self.timings.silence);
        if std::mem::take(&mut online.doubt)
            && let Some(InFlight { ask: Ask::Join(room, since), .. }) = online.in_flight.take()
        {
            self.presume_joined(&room, since.as_ref(), now);
        }
        self.proceed(now);
    }

    /// Takes a room for joined that a living gateway was asked for and says nothing about, and so with all that follow.
    fn presume_joined(&mut self, room: &Room, since: Option<&Position>, now: Moment) {
        self.abilities = Abilities {
            acks: Some(false),
            latency: LatencyAbility::Absent,
            authenticate: Some(false),
            ..self.abilities
        };
        if let State::Online(online) = &mut self.state {
            online.knock_at = Some(now.at + self.timings.silence);
        }
        self.notice(
            "acks",
            "this gateway acknowledges nothing: rooms are asked for, and whether they were joined is not known",
        );
        self.join_granted(room, since, SubscribeAck::default());
    }

    /// It was taken for a gateway that answers nothing, and is none: what was presumed is asked for again.
    pub(super) fn presumed_too_much(&mut self, now: Moment) {
        self.abilities = Abilities { snapshots: self.abilities.snapshots, ..Abilities::default() };
        self.cut(now);
        self.begin(false);
    }

    pub(super) fn answer(&mut self, id: u64, body: Value, now: Moment) {
        let State::Online(online) = &mut self.state else { return };
        if self.abilities.acks.replace(true) == Some(false) {
            return self.presumed_too_much(now);
        }
        online.doubt = false;
        online.last_heard = now.at;
        let awaited = online.in_flight.as_ref().is_some_and(|request| request.id == id);
        if online.missed_latency == Some(id) {
            online.missed_latency = None;
            online.next_latency = Some(now.at + self.timings.latency_interval);
            online.knock_at = None;
            self.abilities.latency = LatencyAbility::Answers;
        } else if !awaited {
            self.note_life(now);
        }
        let State::Online(online) = &mut self.state else { return };
        let Some(request) = online.in_flight.take_if(|request| request.id == id) else { return };
        match request.ask {
            Ask::Join(room, since) => self.join_answered(&room, since.as_ref(), body, now),
            Ask::Leave => {}
            Ask::Latency { confirms } => {
                online.next_latency = Some(request.sent + self.timings.latency_interval);
                // Any answer measures the way, a refusal as well; only a granted one proves the ability.
                let ack = Ack::<LatencyAck>::from_value(body);
                let mut server_time = None;
                if let Ok(Ack::Granted(ack)) = ack {
                    self.abilities.latency = LatencyAbility::Answers;
                    server_time = ack.server_time.parse().ok();
                }
                if confirms {
                    self.effects.push(confirmed(Confirmation::Answered { server_time }));
                }
                self.round_trip = Some(now.at.saturating_duration_since(request.sent));
            }
            Ask::Authenticate => self.authenticate_answered(body, now),
        }
        self.proceed(now);
    }

    pub(super) fn snapshot(&mut self, campaign: &Id, result: Result<Box<Snapshot>, ApiError>, now: Moment) {
        let room = Room::Campaign(campaign.clone());
        let Some(held) = self.rooms.get_mut(&room).filter(|held| held.stage == Stage::Fetching) else { return };
        match result {
            Ok(snapshot) => {
                self.numbered |= snapshot.position.is_some();
                held.tracker.reset(snapshot.position.clone());
                // What the state may contain already is no news, and the rest comes again.
                held.take_withheld();
                held.stage = Stage::Ready;
                self.abilities.snapshots = Some(true);
                self.effects.push(Effect::Tell(ClientEvent::Snapshot(snapshot)));
            }
            Err(error @ ApiError::NotOffered { .. }) => {
                held.stage = Stage::Ready;
                self.abilities.snapshots = Some(false);
                self.notice("snapshots", &format!("{error}: only what happens from now on can be shown"));
            }
            Err(error) if error.requires_login() || error.is_passing() => return self.failed(&error, now),
            Err(ApiError::Refused { code: ErrorCode::Unauthorized | ErrorCode::NotFound, .. }) => {
                // The gateway is asked all the same: its refusal is the one everybody knows how to read.
                held.stage = Stage::Ready;
            }
            Err(error @ ApiError::Refused { .. }) => {
                held.stage = Stage::Ready;
                self.notice_always(format!("the campaign's state could not be fetched: {error}"));
            }
            Err(error) => return self.failed(&error, now),
        }
        self.proceed(now);
    }

    /// Sends the most urgent request, unless one is under way.
    fn ask_next(&mut self, now: Moment) {
        let (must_answer, by_ping) = (self.must_answer(), self.confirmation_by_ping(now));
        let State::Online(online) = &mut self.state else { return };
        if online.in_flight.is_some() {
            return;
        }
        if std::mem::take(&mut online.authenticate) {
            let limit = self.timings.request;
            return self.send(Ask::Authenticate, request::AUTHENTICATE, Body::Token, limit, now);
        }
        let mut confirms = online.live && std::mem::take(&mut self.confirm);
        if confirms && !must_answer {
            self.effects.push(confirmed(by_ping));
            confirms = false;
        }
        if confirms || online.next_latency.is_some_and(|at| at <= now.at) {
            online.next_latency = None;
            let limit = self.timings.latency_timeout;
            return self.send(Ask::Latency { confirms }, request::LATENCY, Body::Json(json!({})), limit, now);
        }
        if online.hold_until.is_some_and(|until| until > now.at) {
            return;
        }
        online.hold_until = None;
        let limit = self.timings.request;
        let answers = self.abilities.acks != Some(false);
        while let Some(room) = self.rooms.take_leave() {
            let Some((name, body)) = request::unsubscribe(&room) else { continue };
            let body = Body::Json(body);
            if answers {
                return self.send(Ask::Leave, name, body, limit, now);
            }
            self.post(name, body);
        }
        while let Some((room, since)) = self.rooms.take_join() {
            match request::subscribe(&room, since.as_ref()) {
                Some((name, body)) if answers => {
                    return self.send(Ask::Join(room, since), name, Body::Json(body), limit, now);
                }
                Some((name, body)) => {
                    self.post(name, Body::Json(body));
                    self.join_granted(&room, since.as_ref(), SubscribeAck::default());
                }
                // One's own room is joined by the gateway.
                None => {
                    self.rooms.grant(&room, None, SubscribeAck::default(), false);
                }
            }
        }
    }

    fn send(&mut self, ask: Ask, name: &'static str, body: Body, limit: Duration, now: Moment) {
        let id = self.post(name, body);
        if let State::Online(online) = &mut self.state {
            online.in_flight = Some(InFlight { id, ask, sent: now.at, until: now.at + limit, heard: false });
        }
    }

    /// Sends a request without waiting for its answer.
    fn post(&mut self, name: &'static str, body: Body) -> u64 {
        self.next_request += 1;
        self.effects.push(Effect::Send(Request { id: self.next_request, name, body }));
        self.next_request
    }

    fn unanswered(&mut self, request: InFlight, now: Moment) {
        let seconds = request.until.saturating_duration_since(request.sent).as_secs().max(1);
        let State::Online(online) = &mut self.state else { return };
        match request.ask {
            // Whoever sends events is there, and was asked.
            Ask::Join(room, since) if self.abilities.acks.is_none() && !self.numbered && request.heard => {
                online.doubt = false;
                self.presume_joined(&room, since.as_ref(), now);
            }
            // Nothing was ever answered or numbered: a line that is dead, or a gateway that answers nothing.
            Ask::Join(..) if self.abilities.acks.is_none() && !self.numbered && !online.doubt => {
                online.doubt = true;
                online.in_flight = Some(InFlight { until: now.at + self.timings.request, ..request });
                self.effects.push(Effect::Knock(self.generation));
            }
            Ask::Latency { confirms } if self.abilities.latency != LatencyAbility::Answers => {
                self.abilities.latency = LatencyAbility::Unanswered;
                online.missed_latency = Some(request.id);
                online.knock_at.get_or_insert(now.at + self.timings.silence);
                // From whoever must answer, an answer is awaited until something else has come.
                self.confirm |= confirms;
                self.notice(
                    "latency",
                    "this gateway does not answer latency: the round trip is not known, and silence is looked into late",
                );
            }
            Ask::Authenticate if self.abilities.latency != LatencyAbility::Answers => {
                self.abilities.authenticate = Some(false);
                self.notice("authenticate", "this gateway cannot renew a login within a connection");
            }
            Ask::Latency { .. } => self.lost(&format!("no answer from the gateway for {seconds} s"), now),
            Ask::Join(..) | Ask::Leave | Ask::Authenticate => {
                self.lost(&format!("a request was not answered within {seconds} s"), now);
            }
        }
    }

    fn join_answered(&mut self, room: &Room, since: Option<&Position>, body: Value, now: Moment) {
        if let Some(failure) = ErrorAck::from_answer(&body) {
            return self.join_refused(room, failure, now);
        }
        let ack = serde_json::from_value(body).unwrap_or_else(|_| {
            self.notice(
                "ack-form",
                "this gateway acknowledges rooms in a form of its own: any answer that is not a refusal counts as joined",
            );
            SubscribeAck::default()
        });
        self.join_granted(room, since, ack);
    }

    fn join_granted(&mut self, room: &Room, since: Option<&Position>, ack: SubscribeAck) {
        self.numbered |= ack.position.is_some();
        if ack.position.is_none() {
            self.notice("positions", "this gateway keeps no positions: what happens while we are away is lost");
        }
        let snapshots = self.offers_snapshots();
        match self.rooms.grant(room, since, ack, snapshots) {
            Granted::Joined { position, recovered, replayed, healed } => {
                let accounts = recovered || healed.is_some();
                self.effects.extend(healed.map(|gap| Effect::Tell(ClientEvent::Gap(gap))));
                let joined = ClientEvent::Joined { room: room.clone(), position, recovered, replayed };
                self.effects.push(Effect::Tell(joined));
                self.release(room, accounts);
            }
            Granted::Lost(gap) => self.effects.extend(gap.map(|gap| Effect::Tell(ClientEvent::Gap(gap)))),
            Granted::Unwanted => {}
        }
    }

    fn join_refused(&mut self, room: &Room, failure: ErrorAck, now: Moment) {
        let (code, message) = (failure.code, text::line(&failure.error).into_owned());
        if is_token_refused(&code) {
            self.token_refused(&message, now);
        } else if code == ErrorCode::Draining {
            self.lost(&message, now);
        } else if code == ErrorCode::RateLimited {
            let wait = failure.retry_after_ms.map_or(self.timings.latency_interval, Duration::from_millis);
            if let State::Online(online) = &mut self.state {
                online.hold_until = Some(now.at + wait);
            }
            self.set_stage(room, Stage::Ready);
        } else {
            self.set_stage(room, Stage::Refused);
            self.effects.push(Effect::Tell(ClientEvent::Refused { room: room.clone(), code, message }));
        }
    }

    fn authenticate_answered(&mut self, body: Value, now: Moment) {
        match Ack::<AuthenticateAck>::from_value(body) {
            Ok(Ack::Granted(_)) => self.abilities.authenticate = Some(true),
            Ok(Ack::Refused(failure)) if is_token_refused(&failure.code) => self.token_refused(&failure.error, now),
            Ok(Ack::Refused(_)) | Err(_) => {
                self.abilities.authenticate = Some(false);
                self.notice("authenticate", "this gateway cannot renew a login within a connection");
            }
        }
    }

    pub(super) fn set_stage(&mut self, room: &Room, stage: Stage) {
        if let Some(held) = self.rooms.get_mut(room) {
            held.stage = stage;
        }
    }
}
