//! Requests as they come off the wire, checked before anything else looks at them (pure).

mod presence;

use scry_protocol::presence::{PRESENCE_UPDATE, PresenceUpdate, TYPING_START, TYPING_STOP, TypingRequest};
use scry_protocol::{ErrorAck, ErrorCode, Id, Position, Room, request};
use scry_text::input;
use serde_json::Value;

/// Every event that a client may send.
pub const EVENTS: [&str; 13] = [
    "subscribe_campaign",
    "subscribe_settlement",
    "subscribe_structure",
    "unsubscribe_campaign",
    "unsubscribe_settlement",
    "unsubscribe_structure",
    request::SUBSCRIBE_ROOM,
    request::UNSUBSCRIBE_ROOM,
    PRESENCE_UPDATE,
    TYPING_START,
    TYPING_STOP,
    request::AUTHENTICATE,
    request::LATENCY,
];

/// One well-formed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketRequest {
    /// Join a room.
    Subscribe {
        /// The room.
        room: Room,
        /// The last event that the client has; what came after it is replayed.
        since: Option<Position>,
    },
    /// Leave a room.
    Unsubscribe(Room),
    /// Say what the connection is at.
    Presence(PresenceUpdate),
    /// Somebody types, or has stopped.
    Typing(TypingRequest, bool),
    /// Renew the token of the connection.
    Authenticate(AccessToken),
    /// Measure the round trip.
    Latency,
}

/// An access token that a client sent; its `Debug` output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(pub String);

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<token>")
    }
}

/// Reads one event's payload; `Value::Null` stands for an event sent without any.
///
/// # Errors
/// [`ErrorAck`] with `INVALID_PAYLOAD` and a sentence that names the field.
pub fn parse(event: &str, payload: &Value) -> Result<SocketRequest, ErrorAck> {
    // A token is never stored; whatever it is, it is judged as a token.
    if event != request::AUTHENTICATE {
        input::json("payload", payload).map_err(|error| invalid(error.to_string()))?;
    }
    match event {
        "subscribe_campaign" => subscribe(payload, "campaignId", Room::Campaign),
        "subscribe_settlement" => subscribe(payload, "settlementId", Room::Settlement),
        "subscribe_structure" => subscribe(payload, "structureId", Room::Structure),
        "unsubscribe_campaign" => target(payload, "campaignId").map(Room::Campaign).map(SocketRequest::Unsubscribe),
        "unsubscribe_settlement" => {
            target(payload, "settlementId").map(Room::Settlement).map(SocketRequest::Unsubscribe)
        }
        "unsubscribe_structure" => target(payload, "structureId").map(Room::Structure).map(SocketRequest::Unsubscribe),
        request::SUBSCRIBE_ROOM => {
            Ok(SocketRequest::Subscribe { room: declared(payload, "subscribe")?, since: since(payload)? })
        }
        request::UNSUBSCRIBE_ROOM => declared(payload, "unsubscribe").map(SocketRequest::Unsubscribe),
        PRESENCE_UPDATE => presence::presence(payload),
        TYPING_START => presence::typing(payload, true),
        TYPING_STOP => presence::typing(payload, false),
        request::AUTHENTICATE => token(payload).map(SocketRequest::Authenticate),
        request::LATENCY => Ok(SocketRequest::Latency),
        _ => Err(invalid(format!("no event named {} is known here", scry_text::line(event)))),
    }
}

fn subscribe(payload: &Value, field: &str, room: fn(Id) -> Room) -> Result<SocketRequest, ErrorAck> {
    Ok(SocketRequest::Subscribe { room: room(target(payload, field)?), since: since(payload)? })
}

/// Reads the id, given either bare or as the named field of an object.
fn target(payload: &Value, field: &str) -> Result<Id, ErrorAck> {
    Id::parse(bare_or_field(payload, field)?).map_err(|error| invalid(format!("{field}: {error}")))
}

/// Reads a name, given either bare or as the named field of an object.
fn bare_or_field<'a>(payload: &'a Value, field: &str) -> Result<&'a str, ErrorAck> {
    let id = match payload {
        Value::Object(fields) => fields.get(field).unwrap_or(&Value::Null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => payload,
    };
    match id {
        Value::String(text) => Ok(text),
        Value::Null => Err(invalid(format!("{field} is missing; send {{\"{field}\": \"…\"}} or the bare id"))),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(invalid(format!("{field} must be a string")))
        }
    }
}

/// Reads the name of a room that a catalogue may declare; the others have events of their own.
fn declared(payload: &Value, verb: &str) -> Result<Room, ErrorAck> {
    match bare_or_field(payload, "room")?.parse() {
        Ok(room @ Room::Custom(..)) => Ok(room),
        Ok(Room::User(_)) => Err(invalid("room: a connection is in its user's own room, and may join no other user's")),
        Ok(room) => Err(invalid(format!("room: use {verb}_{} for this room", room.kind()))),
        Err(error) => Err(invalid(format!("room: {error}"))),
    }
}

fn since(payload: &Value) -> Result<Option<Position>, ErrorAck> {
    let since = match payload.get("since") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(invalid("since must be an object {\"epoch\": …, \"seq\": …}")),
    };
    let epoch = since.get("epoch").and_then(Value::as_str).ok_or_else(|| invalid("since.epoch must be a string"))?;
    let seq = since
        .get("seq")
        .and_then(Value::as_u64)
        .ok_or_else(|| invalid("since.seq must be a whole number from 0 up"))?;
    Ok(Some(Position::new(epoch, seq)))
}

fn token(payload: &Value) -> Result<AccessToken, ErrorAck> {
    match payload.get("token") {
        Some(Value::String(token)) => Ok(AccessToken(token.clone())),
        Some(_) => Err(invalid("token must be a string")),
        None => Err(invalid("token is missing; send {\"token\": \"…\"}")),
    }
}

fn invalid(sentence: impl Into<String>) -> ErrorAck {
    ErrorAck::new(ErrorCode::InvalidPayload, sentence)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn room(text: &str) -> Room {
        text.parse().unwrap()
    }

    fn refusal(event: &str, payload: &Value) -> String {
        let failure = parse(event, payload).unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidPayload);
        failure.error
    }

    #[test]
    fn a_room_is_named_by_an_object_or_by_its_bare_id() {
        let bare = SocketRequest::Subscribe { room: room("campaign:c"), since: None };
        assert_eq!(parse("subscribe_campaign", &json!("c")), Ok(bare.clone()));
        assert_eq!(parse("subscribe_campaign", &json!({"campaignId": "c", "since": null, "more": 1})), Ok(bare));
        assert_eq!(parse("unsubscribe_structure", &json!("t")), Ok(SocketRequest::Unsubscribe(room("structure:t"))));
        let since = Some(Position::new("x", 7));
        assert_eq!(
            parse("subscribe_settlement", &json!({"settlementId": "s", "since": {"epoch": "x", "seq": 7}})),
            Ok(SocketRequest::Subscribe { room: room("settlement:s"), since })
        );
    }

    #[test]
    fn a_room_of_a_catalogue_goes_by_its_name() {
        let wanted = Ok(SocketRequest::Subscribe { room: room("company:acme"), since: None });
        assert_eq!(parse("subscribe_room", &json!({"room": "company:acme"})), wanted);
        assert_eq!(parse("subscribe_room", &json!("company:acme")), wanted);
        assert_eq!(
            parse("unsubscribe_room", &json!({"room": "company:acme"})),
            Ok(SocketRequest::Unsubscribe(room("company:acme")))
        );
        let longest = format!("company:{}", "x".repeat(Id::MAX_LEN));
        assert_eq!(
            parse("subscribe_room", &json!(longest)),
            Ok(SocketRequest::Subscribe { room: room(&longest), since: None })
        );
        assert_eq!(refusal("subscribe_room", &json!("campaign:c")), "room: use subscribe_campaign for this room");
        assert!(refusal("unsubscribe_room", &json!("user:u")).contains("own room, and may join no other user's"));
        assert!(refusal("subscribe_room", &json!({})).starts_with("room is missing"));
        assert!(refusal("subscribe_room", &json!("Company:1")).starts_with("room: a kind of room is a word"));
    }

    #[test]
    fn a_refusal_names_the_field() {
        assert!(refusal("subscribe_campaign", &Value::Null).starts_with("campaignId is missing"));
        assert!(refusal("subscribe_campaign", &json!({"id": "c"})).starts_with("campaignId is missing"));
        assert_eq!(refusal("subscribe_structure", &json!({"structureId": 5})), "structureId must be a string");
        assert!(refusal("unsubscribe_settlement", &json!("a b")).starts_with("settlementId: "));
        for since in [json!(5), json!({"epoch": 1, "seq": 1}), json!({"epoch": "x", "seq": -1}), json!({"epoch": "x"})]
        {
            assert!(refusal("subscribe_campaign", &json!({"campaignId": "c", "since": since})).starts_with("since"));
        }
        assert_eq!(refusal("authenticate", &json!({"token": 1})), "token must be a string");
        assert!(refusal("authenticate", &json!("eyJ")).starts_with("token is missing"));
    }

    #[test]
    fn text_that_no_database_takes_is_refused_wherever_it_stands() {
        for payload in [
            json!("c\0"),
            json!({"campaignId": "c", "since": {"epoch": "x\0", "seq": 1}}),
            json!({"campaignId": "c", "note\0": 1}),
        ] {
            let refusal = refusal("subscribe_campaign", &payload);
            assert!(refusal.starts_with("payload") && refusal.contains("U+0000"), "{refusal}");
        }
    }

    #[test]
    fn every_event_is_understood() {
        let payload = json!({"campaignId": "c", "settlementId": "s", "structureId": "t", "token": "x", "state": "idle",
            "entityType": "settlement", "entityId": "s", "field": "level", "room": "company:acme"});
        for event in EVENTS {
            assert!(parse(event, &payload).is_ok(), "{event}");
        }
    }
}
