//! From a file as written to a catalogue that can be served.

use scry_protocol::catalogue::METADATA_KEY;
use scry_protocol::event::DURABLE_EVENTS;
use scry_protocol::{Id, RoomKind};
use scry_text::suggest::nearest;
use scry_text::toml_file::SpannedError;
use toml::Spanned;

use super::template::RoomTemplate;
use super::{Catalogue, Durability, EventDefinition, PayloadSchema, PayloadTemplate, RoomDefinition, raw, schema};

/// Names that mean something on the wire already: the gateway's own events, and those of the libraries.
const RESERVED_EVENTS: [&str; 19] = [
    "access:revoked",
    "conflict:resolved",
    "connect",
    "connect_error",
    "connecting",
    "disconnect",
    "disconnecting",
    "document:conflict",
    "error",
    "newListener",
    "presence:change",
    "presence:state",
    "removeListener",
    "server:draining",
    "session:ended",
    "token:expiring",
    "user:offline",
    "user:online",
    "user:typing",
];
/// The gateway's own event that other applications send as well: to users, and queued for them.
const NOTIFICATION_EVENT: &str = "notification:new";
/// Claims that every token has, or none that is taken.
const UNUSABLE_CLAIMS: [&str; 7] = ["aud", "exp", "iat", "iss", "jti", "nbf", "sid"];
/// Bounds a name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Builds and checks a catalogue.
pub(super) fn catalogue(file: raw::File) -> Result<Catalogue, SpannedError> {
    let name = file.name.get_ref().as_str();
    if RoomKind::parse(name).is_err() {
        return Err(error_at(&file.name, "catalogue", "name: must be a word of small letters, digits, - and _"));
    }
    let mut rooms: Vec<RoomDefinition> = Vec::new();
    for (kind, declared) in file.rooms.0 {
        rooms.push(self::rooms(&kind, declared)?);
    }
    let mut events = Vec::new();
    for (name, event) in file.events.0 {
        events.push(self::event(&name, event, &rooms)?);
    }
    if events.is_empty() {
        return Err(error_at(&file.name, "catalogue", "events: there is none; a catalogue declares events"));
    }
    let journal = Id::parse(&format!("catalogue:{name}")).map_err(|error| error_at(&file.name, "catalogue", error))?;
    Ok(Catalogue { name: name.into(), journal, publishers: file.publishers, rooms, events })
}

fn rooms(kind: &Spanned<String>, declared: raw::Rooms) -> Result<RoomDefinition, SpannedError> {
    let place = format!("rooms.{}", scry_text::line(kind.get_ref()));
    if RoomKind::BUILT_IN.contains(&kind.get_ref().as_str()) {
        return Err(error_at(kind, &place, "the gateway has rooms of this kind already; leave it out"));
    }
    let parsed = RoomKind::parse(kind.get_ref()).map_err(|error| error_at(kind, &place, error))?;
    if let Some(claim) = declared.claim.as_ref().filter(|claim| claim.get_ref().is_empty()) {
        return Err(error_at(claim, &place, "claim: must name a claim of the access token, such as companies"));
    }
    if let Some(claim) = declared.claim.as_ref().filter(|claim| UNUSABLE_CLAIMS.contains(&claim.get_ref().as_str())) {
        let problem = format!("claim: {} does not describe the user; name another claim", claim.get_ref());
        return Err(error_at(claim, &place, problem));
    }
    if declared.claim.is_none() && !declared.members {
        return Err(error_at(kind, &place, "nobody could subscribe; set claim = \"…\" or members = true"));
    }
    Ok(RoomDefinition { kind: parsed, claim: declared.claim.map(Spanned::into_inner), members: declared.members })
}

fn event(
    name: &Spanned<String>,
    raw: raw::Event,
    declared: &[RoomDefinition],
) -> Result<EventDefinition, SpannedError> {
    let place = format!("events.{:?}", scry_text::line(name.get_ref()));
    check_name(name.get_ref()).map_err(|problem| error_at(name, &place, problem))?;
    let mut rooms = Vec::new();
    for text in raw.rooms.get_ref() {
        let problem = |problem: String| error_at(text, &place, format!("rooms: “{}” {problem}", text.get_ref()));
        let room: RoomTemplate = text.get_ref().parse().map_err(problem)?;
        check_room(&room, declared).map_err(problem)?;
        if let Some(remedy) = schema::unnamed_room_path(raw.schema.get_ref(), &room) {
            return Err(problem(format!("takes its name from an optional part of the payload{remedy}")));
        }
        rooms.push(room);
    }
    check_rooms(name.get_ref(), &rooms, raw.durability)
        .map_err(|problem| error_at(&raw.rooms, &place, format!("rooms: {problem}")))?;
    if schema::mentions(raw.schema.get_ref(), METADATA_KEY) {
        let problem = format!("schema: {METADATA_KEY}: the gateway adds this itself; rename yours");
        return Err(error_at(&raw.schema, &place, problem));
    }
    let schema = PayloadSchema::new(raw.schema.get_ref()).map_err(|problem| error_at(&raw.schema, &place, problem))?;
    let unclear = |problem: String| error_at(&raw.summary, &place, format!("summary: {problem}"));
    let summary: PayloadTemplate = raw.summary.get_ref().parse().map_err(unclear)?;
    if let Some(problem) = schema::misspelt_path(raw.schema.get_ref(), &summary) {
        return Err(unclear(problem));
    }
    Ok(EventDefinition {
        name: name.get_ref().as_str().into(),
        durability: raw.durability,
        summary,
        severity: raw.severity,
        rooms,
        schema,
    })
}

fn check_name(name: &str) -> Result<(), String> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= MAX_NAME_BYTES
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-' | b'.' | b'/'));
    if !is_name {
        return Err(format!("an event's name has at most {MAX_NAME_BYTES} letters, digits and : _ - . /"));
    }
    if DURABLE_EVENTS.contains(&name) || RESERVED_EVENTS.contains(&name) {
        return Err("this name means something on the wire already; choose another".to_owned());
    }
    Ok(())
}

fn check_room(room: &RoomTemplate, declared: &[RoomDefinition]) -> Result<(), String> {
    if room.paths().next().is_none() {
        return Err("is one room for all payloads; name it by one, such as company:{companyId}".to_owned());
    }
    let Some(kind) = &room.kind else { return Ok(()) };
    if declared.iter().any(|declared| declared.kind == *kind) {
        return Ok(());
    }
    let near = nearest(kind.as_str(), declared.iter().map(|declared| declared.kind.as_str()));
    let remedy = near.map_or_else(|| format!("add [rooms.{}]", kind.as_str()), |near| format!("did you mean {near}?"));
    Err(format!("has a kind that the catalogue does not declare; {remedy}"))
}

fn check_rooms(name: &str, rooms: &[RoomTemplate], durability: Durability) -> Result<(), String> {
    let (users, others) = (rooms.iter().any(|room| room.kind.is_none()), rooms.iter().any(|room| room.kind.is_some()));
    let is_queued = durability == Durability::Queued;
    if rooms.is_empty() {
        Err("name at least one, such as company:{companyId}".to_owned())
    } else if name == NOTIFICATION_EVENT && (others || !is_queued || rooms.len() > 1) {
        Err(format!("{NOTIFICATION_EVENT} goes to one user: make it queued, to user:{{…}}"))
    } else if is_queued && others {
        Err("queued events wait for users; name only user:{…}".to_owned())
    } else if durability == Durability::Journaled && users {
        Err("events for users are not journaled; make it queued, or leave user:{…} out".to_owned())
    } else {
        Ok(())
    }
}

fn error_at<T>(at: &Spanned<T>, place: &str, text: impl std::fmt::Display) -> SpannedError {
    SpannedError { at: at.span().start, place: place.to_owned(), text: scry_text::line(&text.to_string()).into_owned() }
}
