//! An event that has arrived: whether it is new, whose it is, and what it tells us to do.

use std::sync::Arc;
use std::time::Duration;

use scry_model::event::{ClientEvent, Delivery};
use scry_protocol::event::DURABLE_EVENTS;
use scry_protocol::{ErrorCode, Event, Id, Position, Room};
use serde_json::Value;

use super::{ClockReading, ConnectionEffect, ConnectionState, LinkState};
use crate::connection::gap_detector::{Continuity, EventCursor};
use crate::connection::subscriptions::RoomStage;

/// A gateway that asks for more patience than this is not obeyed.
const MAX_DRAIN_WAIT: Duration = Duration::from_secs(60);

/// How long before a token's end the gateway says so.
const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

impl ConnectionState {
    pub(super) fn message(&mut self, name: String, body: Value, now: ClockReading) {
        let LinkState::Online(online) = &mut self.state else { return };
        let answers = self.numbered || self.capabilities.acks == Some(true);
        online.heard(answers, now.at + self.timings.request, now.at + self.timings.silence);
        self.note_life(now);
        self.handle_control_message(&name, &body, now);
        let event = DURABLE_EVENTS.contains(&name.as_str()).then(|| Event::from_value(&body)).flatten();
        let delivery = Delivery {
            received_at: now.wall,
            room: None,
            name: name.into(),
            raw: Arc::new(body),
            event: event.map(Arc::new),
        };
        let cursor = EventCursor::from_delivery(&delivery);
        let numbered = cursor.as_ref().is_some_and(|cursor| cursor.position.is_some());
        self.numbered |= numbered;
        let route = match cursor {
            Some(cursor) => self.route(cursor),
            None => DeliveryRoute::Pass(self.room_of_payload(&delivery.raw)),
        };
        self.apply_route(route, delivery);
        if numbered && self.capabilities.acks == Some(false) {
            // Who numbers events also answers, and was merely slow.
            return self.reset_capabilities(now);
        }
        self.proceed(now);
    }

    fn apply_route(&mut self, route: DeliveryRoute, delivery: Delivery) {
        match route {
            DeliveryRoute::Pass(room) => {
                self.effects.push(ConnectionEffect::Report(ClientEvent::Delivered(Delivery { room, ..delivery })));
            }
            DeliveryRoute::Buffer(room) => {
                if let Some(held) = self.rooms.get_mut(&room) {
                    held.buffer(delivery);
                }
            }
            DeliveryRoute::Drop => {}
        }
    }

    /// Passes on what arrived ahead of its turn, now that the room is joined again.
    ///
    /// Where the gateway `accounts` for what was missing, that has come before it, or takes its place;
    /// else these are all there is behind a gap that stays open.
    pub(super) fn release_buffered(&mut self, room: &Room, accounts: bool) {
        let Some(held) = self.rooms.get_mut(room) else { return };
        for delivery in held.take_buffered() {
            let Some(cursor) = EventCursor::from_delivery(&delivery) else { continue };
            let route = if accounts { self.route(cursor) } else { self.accept_gap(room, &cursor) };
            self.apply_route(route, delivery);
        }
    }

    /// Takes an event although something before it is missing for good.
    fn accept_gap(&mut self, room: &Room, cursor: &EventCursor) -> DeliveryRoute {
        let Some(position) = &cursor.position else { return DeliveryRoute::Pass(Some(room.clone())) };
        // An older history is no place to go back to.
        let known = |at: &Position| !at.is_comparable_with(position);
        if let Some(held) = self.rooms.get_mut(room)
            && !held.gap_detector.position().is_some_and(known)
        {
            held.gap_detector.advance(position.clone());
        }
        let fresh = self.dedup_window.insert(&cursor.history, position);
        if fresh { DeliveryRoute::Pass(Some(room.clone())) } else { DeliveryRoute::Drop }
    }

    /// Acts on what the gateway says about the connection itself.
    fn handle_control_message(&mut self, name: &str, body: &Value, now: ClockReading) {
        match name {
            "server:draining" => {
                let wait = body.get("reconnectAfterMs").and_then(Value::as_u64).map(Duration::from_millis);
                self.draining = wait.map(|wait| wait.min(MAX_DRAIN_WAIT));
            }
            // Our own time for it is the better one, unless it lies beyond the end the gateway sees.
            "token:expiring" if self.renew_at.is_none_or(|at| at > now.at + EXPIRY_NOTICE) => {
                self.renew_at = None;
                self.effects.push(ConnectionEffect::GetToken { generation: self.generation, fresh: true });
            }
            "access:revoked" => self.revoked(body),
            "session:ended" => self.session_ended = true,
            _ => {}
        }
    }

    fn revoked(&mut self, body: &Value) {
        let room = body.get("room").and_then(Value::as_str).and_then(|room| room.parse::<Room>().ok());
        let Some(room) = room.filter(|room| self.rooms.holds(room)) else { return };
        self.set_stage(&room, RoomStage::Refused);
        let message = "you may no longer see this".to_owned();
        self.effects.push(ConnectionEffect::Report(ClientEvent::Refused {
            room,
            code: ErrorCode::Unauthorized,
            message,
        }));
    }

    /// Judges an event for every room of it that we hold.
    fn route(&mut self, mut cursor: EventCursor) -> DeliveryRoute {
        cursor.rooms.retain(|(room, _)| self.rooms.holds(room));
        let EventCursor { history, rooms, position, replayed } = cursor;
        let Some(position) = position else {
            return DeliveryRoute::Pass(rooms.into_iter().next().map(|(room, _)| room));
        };
        let (mut passes, mut early) = (None, None);
        let mut behind = Vec::new();
        for (room, previous) in rooms {
            // A campaign's own room has no holes, so where it is held it alone decides: a narrower one
            // must not pass on what comes after something that is still missing.
            let decides = matches!(room, Room::Campaign(_)) && self.is_caught_up(&room);
            let verdict = self.judge(&room, &position, previous, replayed);
            if matches!(verdict, Continuity::Missing { .. }) {
                behind.push((room.clone(), previous));
                if !replayed {
                    early.get_or_insert_with(|| room.clone());
                }
            }
            if passes.is_none() && (decides || verdict == Continuity::Fresh) {
                passes = Some((verdict == Continuity::Fresh).then_some(room));
            }
        }
        let passes = passes.flatten();
        if passes.is_some() {
            self.note_passed_on(&behind, &position);
        }
        match (passes, early) {
            (Some(room), _) if self.dedup_window.insert(&history, &position) => DeliveryRoute::Pass(Some(room)),
            (None, Some(room)) => DeliveryRoute::Buffer(room),
            (Some(_) | None, _) => DeliveryRoute::Drop,
        }
    }

    /// Records an event in every room that lacks an earlier one, after another room has passed it on.
    fn note_passed_on(&mut self, behind: &[(Room, Option<u64>)], position: &Position) {
        for (room, previous) in behind {
            if let Some(held) = self.rooms.get_mut(room) {
                held.gap_detector.note_passed_on(position, *previous);
            }
        }
    }

    fn is_caught_up(&mut self, room: &Room) -> bool {
        let held = self.rooms.get_mut(room);
        held.is_some_and(|held| matches!(held.stage, RoomStage::Ready | RoomStage::Asked | RoomStage::Joined))
    }

    fn judge(&mut self, room: &Room, position: &Position, previous: Option<u64>, replayed: bool) -> Continuity {
        let Some(held) = self.rooms.get_mut(room) else { return Continuity::Duplicate };
        // A room that was taken away hears nothing more; one whose state is on its way starts from there.
        if matches!(held.stage, RoomStage::Refused | RoomStage::NeedsSnapshot | RoomStage::Fetching) {
            return Continuity::Duplicate;
        }
        let verdict = held.gap_detector.check_next(Some(position), previous);
        match held.stage {
            RoomStage::Asked if replayed => {
                held.replayed(position.seq, matches!(verdict, Continuity::Missing { .. }));
            }
            RoomStage::Joined => {
                if let Continuity::Missing { from, to } = verdict {
                    let gap = held.open_gap(room, from, to);
                    self.effects.extend(gap.map(|gap| ConnectionEffect::Report(ClientEvent::Gap(gap))));
                    if held.skip_missing(position) {
                        return Continuity::Fresh;
                    }
                    held.stage = RoomStage::Ready;
                }
            }
            // While a room is being caught up, what seems missing is still on its way.
            RoomStage::Asked
            | RoomStage::Ready
            | RoomStage::NeedsSnapshot
            | RoomStage::Fetching
            | RoomStage::Refused => {}
        }
        verdict
    }

    fn room_of_payload(&self, body: &Value) -> Option<Room> {
        let id = body.get("campaignId").and_then(Value::as_str).and_then(|id| Id::parse(id).ok())?;
        Some(Room::Campaign(id)).filter(|room| self.rooms.holds(room))
    }
}

enum DeliveryRoute {
    /// New; it belongs to this room of ours.
    Pass(Option<Room>),
    /// Something before it is missing; this room asks for that first.
    Buffer(Room),
    /// Known already, or none of ours.
    Drop,
}
