//! An open connection: one request at a time, rooms to join, the pulse to feel.

mod confirm;

use std::time::{Duration, Instant};

use scry_model::event::{ClientEvent, Confirmation, Snapshot};
use scry_protocol::ack::{Ack, AuthenticateAck, LatencyAck};
use scry_protocol::{ClientRequest, ErrorAck, ErrorCode, Id, Position, Room, SubscribeAck, request};
use scry_text as text;
use serde_json::{Value, json};

use self::confirm::confirmed;
use super::{Capabilities, ClockReading, ConnectionEffect, ConnectionState, LatencyAbility, LinkState};
use crate::connection::subscriptions::{JoinOutcome, RoomStage};
use crate::connection::{GatewayRequest, RequestBody};
use crate::error::{ApiError, is_token_refused};

/// The part of the state that exists only while a connection is open.
#[derive(Debug)]
pub(super) struct Online {
    /// Every room is joined and caught up.
    pub live: bool,
    in_flight: Option<InFlightRequest>,
    /// When to measure the round trip next; not before the connection is live for the first time.
    next_latency: Option<Instant>,
    /// A fresh token waits to be shown to the gateway.
    authenticate: bool,
    /// A measurement that was given up; its answer, however late, proves that the gateway can.
    late_latency: Option<u64>,
    /// The gateway asked for patience.
    hold_until: Option<Instant>,
    /// When silence is to be looked into, where the gateway cannot be asked for its pulse.
    health_probe_at: Option<Instant>,
    /// Nobody has answered a first request yet, and it is being found out whether anybody will.
    unconfirmed: bool,
    /// When something last came.
    last_heard: Instant,
    /// How often the gateway sends a ping, where that is known.
    ping_interval: Option<Duration>,
}

#[derive(Debug)]
struct InFlightRequest {
    id: u64,
    ask: GatewayQuery,
    sent: Instant,
    until: Instant,
    /// Something came from the gateway meanwhile.
    heard: bool,
}

#[derive(Debug)]
enum GatewayQuery {
    Join(Room, Option<Position>),
    Leave,
    Latency {
        /// Its answer confirms that everything sent before it is here.
        confirms: bool,
    },
    Authenticate,
}

impl Online {
    /// Returns the state of a connection that has just been opened; `health_probe_at` is for gateways without a pulse.
    pub(super) const fn new(health_probe_at: Option<Instant>, now: Instant, ping_interval: Option<Duration>) -> Self {
        Self {
            live: false,
            in_flight: None,
            next_latency: None,
            authenticate: false,
            late_latency: None,
            hold_until: None,
            health_probe_at,
            unconfirmed: false,
            last_heard: now,
            ping_interval,
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let next = match &self.in_flight {
            Some(request) => Some(request.until),
            None => self.next_latency.into_iter().chain(self.hold_until).min(),
        };
        next.into_iter().chain(self.health_probe_at).min()
    }

    /// Returns whether a confirmation is under way, which ends with the connection.
    pub(super) const fn is_confirming(&self) -> bool {
        matches!(self.in_flight, Some(InFlightRequest { ask: GatewayQuery::Latency { confirms: true }, .. }))
    }

    /// Records a sign of life.
    ///
    /// A subscription gets more time from a gateway that `answers`: what it replays may take longer than an answer
    /// does. From one that has never answered anything, no number of events is worth waiting for.
    pub(super) fn heard(&mut self, answers: bool, until: Instant, health_probe_at: Instant) {
        if let Some(InFlightRequest { ask: GatewayQuery::Join(..), until: deadline, heard, .. }) = &mut self.in_flight {
            *heard = true;
            if answers {
                *deadline = until;
            }
        }
        if let Some(at) = &mut self.health_probe_at {
            *at = health_probe_at;
        }
    }
}

impl ConnectionState {
    /// Does the next thing an open connection needs, and notices when nothing is left to do.
    pub(super) fn proceed(&mut self, now: ClockReading) {
        if !matches!(self.state, LinkState::Online(_)) {
            return;
        }
        for room in self.rooms.take_fetches() {
            self.effects.push(ConnectionEffect::GetSnapshot(self.generation, room.id().clone()));
        }
        self.ask_next(now);
        let settled = self.rooms.is_settled();
        let LinkState::Online(online) = &mut self.state else { return };
        let first_time = settled && !online.live && online.next_latency.is_none();
        online.live = settled;
        if settled {
            self.breaker.reset();
            self.token_refusals = 0;
            self.reason = None;
            self.live_until = None;
        }
        if first_time {
            let is_asked = matches!(self.capabilities.latency, LatencyAbility::Unknown | LatencyAbility::Answers);
            online.next_latency = is_asked.then_some(now.at);
        }
        if first_time || self.confirm {
            self.ask_next(now);
        }
    }

    /// Shows the gateway a fresh token, in this connection.
    pub(super) fn authenticate(&mut self, now: ClockReading) {
        if self.capabilities.authenticate == Some(false) {
            return;
        }
        if let LinkState::Online(online) = &mut self.state {
            online.authenticate = true;
        }
        self.proceed(now);
    }

    /// Sends a message without an answer, unless the connection is not live: it is sent anew later then.
    pub(super) fn emit(&mut self, request: &ClientRequest) {
        if matches!(&self.state, LinkState::Online(online) if online.live) {
            self.next_request += 1;
            let (name, body) = request.message();
            self.effects.push(ConnectionEffect::Send(GatewayRequest {
                id: self.next_request,
                name,
                body: RequestBody::Json(body),
            }));
        }
    }

    pub(super) fn online_deadline(&mut self, now: ClockReading) {
        if self.renew_at.is_some_and(|at| at <= now.at) {
            self.renew_at = None;
            self.effects.push(ConnectionEffect::GetToken { generation: self.generation, fresh: true });
        }
        let LinkState::Online(online) = &mut self.state else { return };
        if online.health_probe_at.take_if(|at| *at <= now.at).is_some() {
            self.effects.push(ConnectionEffect::ProbeHealth(self.generation));
        }
        let expired = online.in_flight.take_if(|request| request.until <= now.at);
        if let Some(request) = expired {
            self.unanswered(request, now);
        }
        self.proceed(now);
    }

    /// Takes in whether the server answers on another connection.
    pub(super) fn health_probed(&mut self, result: Result<(), ApiError>, now: ClockReading) {
        let LinkState::Online(online) = &mut self.state else { return };
        if let Err(error) = result {
            return self.failed(&error, now);
        }
        online.health_probe_at = Some(now.at + self.timings.silence);
        if std::mem::take(&mut online.unconfirmed)
            && let Some(InFlightRequest { ask: GatewayQuery::Join(room, since), .. }) = online.in_flight.take()
        {
            self.assume_joined(&room, since.as_ref(), now);
        }
        self.proceed(now);
    }

    /// Takes a room for joined that a living gateway was asked for and says nothing about, and so with all that follow.
    fn assume_joined(&mut self, room: &Room, since: Option<&Position>, now: ClockReading) {
        self.capabilities = Capabilities {
            acks: Some(false),
            latency: LatencyAbility::Absent,
            authenticate: Some(false),
            ..self.capabilities
        };
        if let LinkState::Online(online) = &mut self.state {
            online.health_probe_at = Some(now.at + self.timings.silence);
        }
        self.notice("acks", "this gateway does not acknowledge requests: it is not known whether rooms were joined");
        self.join_granted(room, since, SubscribeAck::default());
    }

    /// It was taken for a gateway that answers nothing, and is none: what was presumed is asked for again.
    pub(super) fn reset_capabilities(&mut self, now: ClockReading) {
        self.capabilities = Capabilities { snapshots: self.capabilities.snapshots, ..Capabilities::default() };
        self.cut(now);
        self.begin(false);
    }

    pub(super) fn answer(&mut self, id: u64, body: Value, now: ClockReading) {
        let LinkState::Online(online) = &mut self.state else { return };
        if self.capabilities.acks.replace(true) == Some(false) {
            return self.reset_capabilities(now);
        }
        online.unconfirmed = false;
        online.last_heard = now.at;
        let awaited = online.in_flight.as_ref().is_some_and(|request| request.id == id);
        if online.late_latency == Some(id) {
            online.late_latency = None;
            online.next_latency = Some(now.at + self.timings.latency_interval);
            online.health_probe_at = None;
            self.capabilities.latency = LatencyAbility::Answers;
        } else if !awaited {
            self.note_life(now);
        }
        let LinkState::Online(online) = &mut self.state else { return };
        let Some(request) = online.in_flight.take_if(|request| request.id == id) else { return };
        match request.ask {
            GatewayQuery::Join(room, since) => self.join_answered(&room, since.as_ref(), body, now),
            GatewayQuery::Leave => {}
            GatewayQuery::Latency { confirms } => {
                online.next_latency = Some(request.sent + self.timings.latency_interval);
                // Any answer measures the way, a refusal as well; only a granted one proves the ability.
                let ack = Ack::<LatencyAck>::from_value(body);
                let mut server_time = None;
                if let Ok(Ack::Granted(ack)) = ack {
                    self.capabilities.latency = LatencyAbility::Answers;
                    server_time = ack.server_time.parse().ok();
                }
                if confirms {
                    self.effects.push(confirmed(Confirmation::Answered { server_time }));
                }
                self.round_trip = Some(now.at.saturating_duration_since(request.sent));
            }
            GatewayQuery::Authenticate => self.authenticate_answered(body, now),
        }
        self.proceed(now);
    }

    pub(super) fn snapshot(&mut self, campaign: &Id, result: Result<Box<Snapshot>, ApiError>, now: ClockReading) {
        let room = Room::Campaign(campaign.clone());
        let Some(held) = self.rooms.get_mut(&room).filter(|held| held.stage == RoomStage::Fetching) else { return };
        match result {
            Ok(snapshot) => {
                self.numbered |= snapshot.position.is_some();
                held.gap_detector.reset(snapshot.position.clone());
                // What the state may contain already is no news, and the rest comes again.
                held.take_buffered();
                held.stage = RoomStage::Ready;
                self.capabilities.snapshots = Some(true);
                self.effects.push(ConnectionEffect::Report(ClientEvent::Snapshot(snapshot)));
            }
            Err(error @ ApiError::NotOffered { .. }) => {
                held.stage = RoomStage::Ready;
                self.capabilities.snapshots = Some(false);
                self.notice("snapshots", &format!("{error}: only events from now on can be shown"));
            }
            Err(error) if error.requires_login() || error.is_passing() => return self.failed(&error, now),
            Err(ApiError::Refused { code: ErrorCode::Unauthorized | ErrorCode::NotFound, .. }) => {
                // The gateway is asked all the same: its refusal is the one everybody knows how to read.
                held.stage = RoomStage::Ready;
            }
            Err(error @ ApiError::Refused { .. }) => {
                held.stage = RoomStage::Ready;
                self.notice_always(format!("the campaign's state could not be fetched: {error}"));
            }
            Err(error) => return self.failed(&error, now),
        }
        self.proceed(now);
    }

    /// Sends the most urgent request, unless one is under way.
    fn ask_next(&mut self, now: ClockReading) {
        let (must_answer, by_ping) = (self.must_answer(), self.confirmation_by_ping(now));
        let LinkState::Online(online) = &mut self.state else { return };
        if online.in_flight.is_some() {
            return;
        }
        if std::mem::take(&mut online.authenticate) {
            let limit = self.timings.request;
            return self.send(GatewayQuery::Authenticate, request::AUTHENTICATE, RequestBody::Token, limit, now);
        }
        let mut confirms = online.live && std::mem::take(&mut self.confirm);
        if confirms && !must_answer {
            self.effects.push(confirmed(by_ping));
            confirms = false;
        }
        if confirms || online.next_latency.is_some_and(|at| at <= now.at) {
            online.next_latency = None;
            let limit = self.timings.latency_timeout;
            return self.send(
                GatewayQuery::Latency { confirms },
                request::LATENCY,
                RequestBody::Json(json!({})),
                limit,
                now,
            );
        }
        if online.hold_until.is_some_and(|until| until > now.at) {
            return;
        }
        online.hold_until = None;
        let limit = self.timings.request;
        let answers = self.capabilities.acks != Some(false);
        while let Some(room) = self.rooms.take_leave() {
            let Some((name, body)) = request::unsubscribe(&room) else { continue };
            let body = RequestBody::Json(body);
            if answers {
                return self.send(GatewayQuery::Leave, name, body, limit, now);
            }
            self.post(name, body);
        }
        while let Some((room, since)) = self.rooms.take_join() {
            match request::subscribe(&room, since.as_ref()) {
                Some((name, body)) if answers => {
                    return self.send(GatewayQuery::Join(room, since), name, RequestBody::Json(body), limit, now);
                }
                Some((name, body)) => {
                    self.post(name, RequestBody::Json(body));
                    self.join_granted(&room, since.as_ref(), SubscribeAck::default());
                }
                // One's own room is joined by the gateway.
                None => {
                    self.rooms.grant(&room, None, SubscribeAck::default(), false);
                }
            }
        }
    }

    fn send(&mut self, ask: GatewayQuery, name: &'static str, body: RequestBody, limit: Duration, now: ClockReading) {
        let id = self.post(name, body);
        if let LinkState::Online(online) = &mut self.state {
            online.in_flight = Some(InFlightRequest { id, ask, sent: now.at, until: now.at + limit, heard: false });
        }
    }

    /// Sends a request without waiting for its answer.
    fn post(&mut self, name: &'static str, body: RequestBody) -> u64 {
        self.next_request += 1;
        self.effects.push(ConnectionEffect::Send(GatewayRequest { id: self.next_request, name, body }));
        self.next_request
    }

    fn unanswered(&mut self, request: InFlightRequest, now: ClockReading) {
        let seconds = request.until.saturating_duration_since(request.sent).as_secs().max(1);
        let LinkState::Online(online) = &mut self.state else { return };
        match request.ask {
            // A gateway that sends events is there, and was asked.
            GatewayQuery::Join(room, since) if self.capabilities.acks.is_none() && !self.numbered && request.heard => {
                online.unconfirmed = false;
                self.assume_joined(&room, since.as_ref(), now);
            }
            // Nothing was ever answered or numbered: a line that is dead, or a gateway that answers nothing.
            GatewayQuery::Join(..) if self.capabilities.acks.is_none() && !self.numbered && !online.unconfirmed => {
                online.unconfirmed = true;
                online.in_flight = Some(InFlightRequest { until: now.at + self.timings.request, ..request });
                self.effects.push(ConnectionEffect::ProbeHealth(self.generation));
            }
            GatewayQuery::Latency { confirms } if self.capabilities.latency != LatencyAbility::Answers => {
                self.capabilities.latency = LatencyAbility::Unanswered;
                online.late_latency = Some(request.id);
                online.health_probe_at.get_or_insert(now.at + self.timings.silence);
                // From a gateway that must answer, an answer is awaited until something else has come.
                self.confirm |= confirms;
                self.notice(
                    "latency",
                    "this gateway does not answer latency: the round trip is not known, and a dead connection is noticed late",
                );
            }
            GatewayQuery::Authenticate if self.capabilities.latency != LatencyAbility::Answers => {
                self.capabilities.authenticate = Some(false);
                self.notice("authenticate", "this gateway cannot renew a login within a connection");
            }
            GatewayQuery::Latency { .. } => self.lost(&format!("no answer from the gateway for {seconds} s"), now),
            GatewayQuery::Join(..) | GatewayQuery::Leave | GatewayQuery::Authenticate => {
                self.lost(&format!("a request was not answered within {seconds} s"), now);
            }
        }
    }

    fn join_answered(&mut self, room: &Room, since: Option<&Position>, body: Value, now: ClockReading) {
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
            self.notice("positions", "this gateway does not keep positions: events during an outage are lost");
        }
        let snapshots = self.offers_snapshots();
        match self.rooms.grant(room, since, ack, snapshots) {
            JoinOutcome::Joined { position, recovered, replayed, recovered_gap } => {
                let accounts = recovered || recovered_gap.is_some();
                self.effects.extend(recovered_gap.map(|gap| ConnectionEffect::Report(ClientEvent::Gap(gap))));
                let joined = ClientEvent::Joined { room: room.clone(), position, recovered, replayed };
                self.effects.push(ConnectionEffect::Report(joined));
                self.release_buffered(room, accounts);
            }
            JoinOutcome::Lost(gap) => {
                self.effects.extend(gap.map(|gap| ConnectionEffect::Report(ClientEvent::Gap(gap))))
            }
            JoinOutcome::Unwanted => {}
        }
    }

    fn join_refused(&mut self, room: &Room, failure: ErrorAck, now: ClockReading) {
        let (code, message) = (failure.code, text::line(&failure.error).into_owned());
        if is_token_refused(&code) {
            self.token_refused(&message, now);
        } else if code == ErrorCode::Draining {
            self.lost(&message, now);
        } else if code == ErrorCode::RateLimited {
            let wait = failure.retry_after_ms.map_or(self.timings.latency_interval, Duration::from_millis);
            if let LinkState::Online(online) = &mut self.state {
                online.hold_until = Some(now.at + wait);
            }
            self.set_stage(room, RoomStage::Ready);
        } else {
            self.set_stage(room, RoomStage::Refused);
            self.effects.push(ConnectionEffect::Report(ClientEvent::Refused { room: room.clone(), code, message }));
        }
    }

    fn authenticate_answered(&mut self, body: Value, now: ClockReading) {
        match Ack::<AuthenticateAck>::from_value(body) {
            Ok(Ack::Granted(_)) => self.capabilities.authenticate = Some(true),
            Ok(Ack::Refused(failure)) if is_token_refused(&failure.code) => self.token_refused(&failure.error, now),
            Ok(Ack::Refused(_)) | Err(_) => {
                self.capabilities.authenticate = Some(false);
                self.notice("authenticate", "this gateway cannot renew a login within a connection");
            }
        }
    }

    pub(super) fn set_stage(&mut self, room: &Room, stage: RoomStage) {
        if let Some(held) = self.rooms.get_mut(room) {
            held.stage = stage;
        }
    }
}
