//! Requests: what a client sends over its socket.

use serde::{Deserialize, Serialize};

use super::position::Position;
use super::presence::{self, PresenceUpdate, TypingRequest};
use super::room::Room;

/// Measures the round trip; answered by [`super::ack::LatencyAck`].
pub const LATENCY: &str = "latency";
/// Renews the identity of a living connection; answered by [`super::ack::AuthenticateAck`].
pub const AUTHENTICATE: &str = "authenticate";
/// Joins and leaves a room that a catalogue declares: `{room, since?}`, `{room}`.
pub const SUBSCRIBE_ROOM: &str = "subscribe_room";
/// Leaves a room.
pub const UNSUBSCRIBE_ROOM: &str = "unsubscribe_room";

/// Renews the token of a living connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authenticate {
    /// The new access token.
    pub token: String,
}

/// What a client says in passing: nobody waits for the answer, and what is lost is said again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientRequest {
    /// What the connection is at.
    Presence(PresenceUpdate),
    /// The user has begun to type in a field.
    TypingStart(TypingRequest),
    /// The user has stopped typing.
    TypingStop(TypingRequest),
}

impl ClientRequest {
    /// Returns the event name and the payload.
    #[must_use]
    pub fn message(&self) -> (&'static str, serde_json::Value) {
        match self {
            Self::Presence(update) => (presence::PRESENCE_UPDATE, serde_json::json!(update)),
            Self::TypingStart(typing) => (presence::TYPING_START, serde_json::json!(typing)),
            Self::TypingStop(typing) => (presence::TYPING_STOP, serde_json::json!(typing)),
        }
    }
}

/// Returns the event name and payload that subscribe to `room`; `None` for rooms nobody asks for.
#[must_use]
pub fn subscribe(room: &Room, since: Option<&Position>) -> Option<(&'static str, serde_json::Value)> {
    let (event, key, name) = match room {
        Room::Campaign(id) => ("subscribe_campaign", "campaignId", id.to_string()),
        Room::Settlement(id) => ("subscribe_settlement", "settlementId", id.to_string()),
        Room::Structure(id) => ("subscribe_structure", "structureId", id.to_string()),
        Room::Custom(..) => (SUBSCRIBE_ROOM, "room", room.to_string()),
        Room::User(_) => return None,
    };
    let mut payload = serde_json::Map::new();
    payload.insert(key.to_owned(), name.into());
    if let Some(position) = since {
        payload.insert("since".to_owned(), serde_json::json!({"epoch": position.epoch, "seq": position.seq}));
    }
    Some((event, payload.into()))
}

/// Returns the event name and payload that leave `room`; `None` for rooms nobody leaves.
#[must_use]
pub fn unsubscribe(room: &Room) -> Option<(&'static str, serde_json::Value)> {
    match room {
        Room::Campaign(id) => Some(("unsubscribe_campaign", id.as_str().into())),
        Room::Settlement(id) => Some(("unsubscribe_settlement", id.as_str().into())),
        Room::Structure(id) => Some(("unsubscribe_structure", id.as_str().into())),
        Room::Custom(..) => Some((UNSUBSCRIBE_ROOM, serde_json::json!({"room": room}))),
        Room::User(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Id;

    #[test]
    fn a_subscription_carries_the_position_it_resumes_from() {
        let room = Room::Structure(Id::parse("t").unwrap());
        let since = Position::new("x", 3);
        assert_eq!(
            subscribe(&room, Some(&since)),
            Some(("subscribe_structure", json!({"structureId": "t", "since": {"epoch": "x", "seq": 3}})))
        );
        assert_eq!(subscribe(&room, None), Some(("subscribe_structure", json!({"structureId": "t"}))));
        assert_eq!(subscribe(&Room::User(Id::parse("u").unwrap()), None), None);
        let company: Room = "company:acme".parse().unwrap();
        assert_eq!(subscribe(&company, None), Some(("subscribe_room", json!({"room": "company:acme"}))));
        assert_eq!(unsubscribe(&company), Some(("unsubscribe_room", json!({"room": "company:acme"}))));
    }
}
