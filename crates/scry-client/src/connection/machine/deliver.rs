//! An event that has arrived: whether it is new, whose it is, and what it tells us to do.

use std::sync::Arc;
use std::time::Duration;

use scry_model::event::{ClientEvent, Delivery};
use scry_protocol::event::DURABLE_EVENTS;
use scry_protocol::{ErrorCode, Event, Id, Position, Room};
use serde_json::Value;

use super::{Effect, Machine, Moment, State};
use crate::connection::continuity::{Mark, Verdict};
use crate::connection::subscriptions::Stage;

/// A gateway that asks for more patience than this is not obeyed.
const MAX_DRAINING: Duration = Duration::from_secs(60);

/// How long before a token's end the gateway says so.
const EXPIRING: Duration = Duration::from_secs(60);

impl Machine {
    pub(super) fn message(&mut self, name: String, body: Value, now: Moment) {
        let State::Online(online) = &mut self.state else { return };
        let answers = self.numbered || self.abilities.acks == Some(true);
        online.heard(answers, now.at + self.timings.request, now.at + self.timings.silence);
        self.note_life(now);
        self.obey(&name, &body, now);
        let event = DURABLE_EVENTS.contains(&name.as_str()).then(|| Event::from_value(&body)).flatten();
        let delivery = Delivery {
            received_at: now.wall,
            room: None,
            name: name.into(),
            raw: Arc::new(body),
            event: event.map(Arc::new),
        };
        let mark = Mark::of(&delivery);
        let numbered = mark.as_ref().is_some_and(|mark| mark.position.is_some());
        self.numbered |= numbered;
        let route = match mark {
            Some(mark) => self.route(mark),
            None => Route::Pass(self.room_of_payload(&delivery.raw)),
        };
        self.follow(route, delivery);
        if numbered && self.abilities.acks == Some(false) {
            // Who numbers events also answers, and was merely slow.
            return self.presumed_too_much(now);
        }
        self.proceed(now);
    }

    fn follow(&mut self, route: Route, delivery: Delivery) {
        match route {
            Route::Pass(room) => {
                self.effects.push(Effect::Tell(ClientEvent::Delivered(Delivery { room, ..delivery })));
            }
            Route::Withhold(room) => {
                if let Some(held) = self.rooms.get_mut(&room) {
                    held.withhold(delivery);
                }
            }
            Route::Drop => {}
        }
    }

    /// Passes on what arrived ahead of its turn, now that the room is joined again.
    ///
    /// Where the gateway `accounts` for what was missing, that has come before it, or takes its place;
    /// else these are all there is behind a gap that stays open.
    pub(super) fn release(&mut self, room: &Room, accounts: bool) {
        let Some(held) = self.rooms.get_mut(room) else { return };
        for delivery in held.take_withheld() {
            let Some(mark) = Mark::of(&delivery) else { continue };
            let route = if accounts { self.route(mark) } else { self.concede(room, &mark) };
            self.follow(route, delivery);
        }
    }

    /// Takes an event although something before it is missing for good.
    fn concede(&mut self, room: &Room, mark: &Mark) -> Route {
        let Some(position) = &mark.position else { return Route::Pass(Some(room.clone())) };
        // An older history is no place to go back to.
        let known = |at: &Position| !at.is_comparable_with(position);
        if let Some(held) = self.rooms.get_mut(room)
            && !held.tracker.position().is_some_and(known)
        {
            held.tracker.advance(position.clone());
        }
        let fresh = self.recent.insert(&mark.history, position);
        if fresh { Route::Pass(Some(room.clone())) } else { Route::Drop }
    }

    /// Acts on what the gateway says about the connection itself.
    fn obey(&mut self, name: &str, body: &Value, now: Moment) {
        match name {
            "server:draining" => {
                let wait = body.get("reconnectAfterMs").and_then(Value::as_u64).map(Duration::from_millis);
                self.draining = wait.map(|wait| wait.min(MAX_DRAINING));
            }
            // Our own time for it is the better one, unless it lies beyond the end the gateway sees.
            "token:expiring" if self.renew_at.is_none_or(|at| at > now.at + EXPIRING) => {
                self.renew_at = None;
                self.effects.push(Effect::GetToken { generation: self.generation, fresh: true });
            }
            "access:revoked" => self.revoked(body),
            "session:ended" => self.dismissed = true,
            _ => {}
        }
    }

    fn revoked(&mut self, body: &Value) {
        let room = body.get("room").and_then(Value::as_str).and_then(|room| room.parse::<Room>().ok());
        let Some(room) = room.filter(|room| self.rooms.holds(room)) else { return };
        self.set_stage(&room, Stage::Refused);
        let message = "you may no longer see this".to_owned();
        self.effects.push(Effect::Tell(ClientEvent::Refused { room, code: ErrorCode::Unauthorized, message }));
    }

    /// Judges an event for every room of it that we hold.
    fn route(&mut self, mut mark: Mark) -> Route {
        mark.rooms.retain(|(room, _)| self.rooms.holds(room));
        let Mark { history, rooms, position, replayed } = mark;
        let Some(position) = position else { return Route::Pass(rooms.into_iter().next().map(|(room, _)| room)) };
        let (mut passes, mut early) = (None, None);
        let mut behind = Vec::new();
        for (room, previous) in rooms {
            // A campaign's own room has no holes, so where it is held it alone decides: a narrower one
            // must not pass on what comes after something that is still missing.
            let decides = matches!(room, Room::Campaign(_)) && self.is_followed(&room);
            let verdict = self.judge(&room, &position, previous, replayed);
            if matches!(verdict, Verdict::Missing { .. }) {
                behind.push((room.clone(), previous));
                if !replayed {
                    early.get_or_insert_with(|| room.clone());
                }
            }
            if passes.is_none() && (decides || verdict == Verdict::Fresh) {
                passes = Some((verdict == Verdict::Fresh).then_some(room));
            }
        }
        let passes = passes.flatten();
        if passes.is_some() {
            self.passed_elsewhere(&behind, &position);
        }
        match (passes, early) {
            (Some(room), _) if self.recent.insert(&history, &position) => Route::Pass(Some(room)),
            (None, Some(room)) => Route::Withhold(room),
            (Some(_) | None, _) => Route::Drop,
        }
    }

    /// Tells rooms that lack something that another has passed on what comes behind it.
    fn passed_elsewhere(&mut self, behind: &[(Room, Option<u64>)], position: &Position) {
        for (room, previous) in behind {
            if let Some(held) = self.rooms.get_mut(room) {
                held.tracker.passed(position, *previous);
            }
        }
    }

    fn is_followed(&mut self, room: &Room) -> bool {
        let held = self.rooms.get_mut(room);
        held.is_some_and(|held| matches!(held.stage, Stage::Ready | Stage::Asked | Stage::Joined))
    }

    fn judge(&mut self, room: &Room, position: &Position, previous: Option<u64>, replayed: bool) -> Verdict {
        let Some(held) = self.rooms.get_mut(room) else { return Verdict::Old };
        // A room that was taken away hears nothing more; one whose state is on its way starts from there.
        if matches!(held.stage, Stage::Refused | Stage::NeedsSnapshot | Stage::Fetching) {
            return Verdict::Old;
        }
        let verdict = held.tracker.offer(Some(position), previous);
        match held.stage {
            Stage::Asked if replayed => {
                held.replayed(position.seq, matches!(verdict, Verdict::Missing { .. }));
            }
            Stage::Joined => {
                if let Verdict::Missing { from, to } = verdict {
                    let gap = held.open_gap(room, from, to);
                    self.effects.extend(gap.map(|gap| Effect::Tell(ClientEvent::Gap(gap))));
                    if held.goes_on_without(position) {
                        return Verdict::Fresh;
                    }
                    held.stage = Stage::Ready;
                }
            }
            // While a room is being caught up, what seems missing is still on its way.
            Stage::Asked | Stage::Ready | Stage::NeedsSnapshot | Stage::Fetching | Stage::Refused => {}
        }
        verdict
    }

    fn room_of_payload(&self, body: &Value) -> Option<Room> {
        let id = body.get("campaignId").and_then(Value::as_str).and_then(|id| Id::parse(id).ok())?;
        Some(Room::Campaign(id)).filter(|room| self.rooms.holds(room))
    }
}

enum Route {
    /// New; it belongs to this room of ours.
    Pass(Option<Room>),
    /// Something before it is missing; this room asks for that first.
    Withhold(Room),
    /// Known already, or none of ours.
    Drop,
}
