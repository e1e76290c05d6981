//! Events of other applications, which a catalogue teaches the gateway: what it adds to each, and how each is shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::Id;
use super::position::Position;
use super::room::Room;

/// The member of a payload that the gateway adds.
pub const METADATA_KEY: &str = "metadata";

/// What the gateway adds to a catalogue's event as its payload's `metadata`.
///
/// Times are RFC 3339 UTC with milliseconds. `epoch`, `seq` and `prev` are there if it is journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomEventMetadata {
    /// The version of this form; 1.
    pub v: u32,
    /// The catalogue that declares the event.
    pub catalogue: String,
    /// The event's own id, for telling repeats.
    pub event_id: Id,
    /// When the gateway took the event.
    pub timestamp: String,
    /// The service account that published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
    /// What links the event to the request that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The `event_id` of the event that led to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Id>,
    /// Where it goes; to each socket in any of them once.
    pub rooms: Vec<Room>,
    /// The journal that `seq` counts in; `None` for an ephemeral event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// The event's number in its catalogue's journal, counted from 1; `None` for an ephemeral event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// For each room the `seq` of the event before this one; zero for its first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prev: BTreeMap<Room, u64>,
    /// Whether it is sent again to somebody who was away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

impl CustomEventMetadata {
    /// Stamps an event that goes to `rooms`; it has no place in a journal yet.
    #[must_use]
    pub fn new(event_id: Id, catalogue: &str, rooms: Vec<Room>, timestamp: String) -> Self {
        Self {
            v: 1,
            catalogue: catalogue.to_owned(),
            event_id,
            timestamp,
            user_id: None,
            correlation_id: None,
            caused_by: None,
            rooms,
            epoch: None,
            seq: None,
            prev: BTreeMap::new(),
            replayed: false,
        }
    }

    /// Reads the stamp of an event's payload; `None` for what no catalogue of ours declares.
    #[must_use]
    pub fn from_payload(payload: &Value) -> Option<Self> {
        Self::deserialize(payload.get(METADATA_KEY)?).ok()
    }

    /// Returns its place in the catalogue's journal, if it has one.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        Some(Position::new(self.epoch.clone()?, self.seq?))
    }
}

/// How much an event matters to whoever sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something to know.
    #[default]
    Info,
    /// Something went well.
    Success,
    /// Something that may need attention.
    Warning,
    /// Something failed.
    Error,
}

impl Severity {
    /// Reads the word for it; what is none does not matter much.
    #[must_use]
    pub fn from_name(word: &str) -> Self {
        match word {
            "success" => Self::Success,
            "warning" => Self::Warning,
            "error" => Self::Error,
            _ => Self::Info,
        }
    }

    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How a client shows an event: a sentence with `{path}`s of the payload in it, and how much it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDisplay {
    /// The event's name.
    pub name: String,
    /// The sentence, with `{path}`s of the payload in it.
    pub summary: String,
    /// How much the event matters.
    pub severity: Severity,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn custom_metadata_round_trips_and_nothing_else_parses() {
        let stamp = json!({"v": 1, "catalogue": "erp", "eventId": "e", "timestamp": "2026-01-01T00:00:00.000Z",
            "rooms": ["company:acme"], "epoch": "x", "seq": 7, "prev": {"company:acme": 3}});
        let read = CustomEventMetadata::from_payload(&json!({"number": 5, "metadata": stamp})).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), stamp);
        assert_eq!(read.position(), Some(Position::new("x", 7)));
        for other in [json!({}), json!({"metadata": {"seq": 7, "epoch": "x"}}), json!([1]), json!(null)] {
            assert_eq!(CustomEventMetadata::from_payload(&other), None, "{other}");
        }
    }
}
