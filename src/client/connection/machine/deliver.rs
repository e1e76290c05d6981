//! An event that has arrived: whether it is new, whose it is, and what it tells us to do.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Effect, Machine, Moment, State};
use crate::client::connection::continuity::Verdict;
use crate::client::connection::subscriptions::Stage;
use crate::client::event::{ClientEvent, Delivery};
use crate::protocol::event::DURABLE;
use crate::protocol::{ErrorCode, Event, Id, Room};

/// A gateway that asks for more patience than this is not obeyed.
const MAX_DRAINING: Duration = Duration::from_secs(60);

/// How long before a token's end the gateway says so.
const EXPIRING: Duration = Duration::from_secs(60);

impl Machine {
    pub(super) fn message(&mut self, name: String, body: Value, now: Moment) {
        let State::Online(online) = &mut self.state else { return };
        online.extend_join(now.at + self.timings.request);
        self.obey(&name, &body, now);
        let event = DURABLE.contains(&name.as_str()).then(|| Event::from_value(&body)).flatten();
        let room = match &event {
            Some(event) => match self.route(event) {
                Route::Pass(room) => room,
                Route::Drop => return self.proceed(now),
            },
            None => self.room_of_payload(&body),
        };
        let delivery = Delivery {
            received_at: now.wall,
            room,
            name: name.into(),
            raw: Arc::new(body),
            event: event.map(Arc::new),
        };
        self.effects.push(Effect::Tell(ClientEvent::Delivered(delivery)));
        self.proceed(now);
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

    /// Judges a durable event for every room of it that we hold.
    fn route(&mut self, event: &Event) -> Route {
        let rooms: Vec<Room> = event.payload.rooms().into_iter().filter(|room| self.rooms.holds(room)).collect();
        let Some(position) = event.position() else { return Route::Pass(rooms.into_iter().next()) };
        let mut passes = None;
        for room in rooms {
            // A campaign's own room has no holes, so where it is held it alone decides: a narrower one
            // must not pass on what comes after something that is still missing.
            let decides = matches!(room, Room::Campaign(_)) && self.is_followed(&room);
            let verdict = self.judge(&room, event);
            if passes.is_none() && (decides || verdict == Verdict::Fresh) {
                passes = Some((verdict == Verdict::Fresh).then_some(room));
            }
        }
        match passes.flatten() {
            Some(room) if self.recent.insert(event.payload.campaign_id(), &position) => Route::Pass(Some(room)),
            Some(_) | None => Route::Drop,
        }
    }

    fn is_followed(&mut self, room: &Room) -> bool {
        let held = self.rooms.get_mut(room);
        held.is_some_and(|held| matches!(held.stage, Stage::Ready | Stage::Asked | Stage::Joined))
    }

    fn judge(&mut self, room: &Room, event: &Event) -> Verdict {
        let Some(held) = self.rooms.get_mut(room) else { return Verdict::Old };
        // A room that was taken away hears nothing more; one whose state is on its way starts from there.
        if matches!(held.stage, Stage::Refused | Stage::NeedsSnapshot | Stage::Fetching) {
            return Verdict::Old;
        }
        let verdict = held.tracker.offer(room, &event.metadata);
        match held.stage {
            Stage::Asked if event.metadata.replayed => {
                let seq = event.metadata.seq.unwrap_or_default();
                held.replayed(seq, matches!(verdict, Verdict::Missing { .. }));
            }
            Stage::Joined => {
                if let Verdict::Missing { from, to } = verdict {
                    held.stage = Stage::Ready;
                    let gap = held.open_gap(room, from, to);
                    self.effects.extend(gap.map(|gap| Effect::Tell(ClientEvent::Gap(gap))));
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
    /// Known already, out of turn, or none of ours.
    Drop,
}
