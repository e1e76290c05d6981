//! Lines of a recording.

use std::time::Duration;

use scry_model::event::Delivery;
use scry_text as text;
use serde::Serialize;
use serde_json::Value;

use super::{RecordedState, RecordingHeader};
use crate::line::rfc3339;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeaderLine<'a> {
    scry: &'a str,
    v: u32,
    started_at: String,
    rooms: &'a [String],
    by: &'a str,
    #[serde(skip_serializing_if = "<[RecordedState]>::is_empty")]
    state: &'a [RecordedState],
}

/// Writes the first line.
#[must_use]
pub fn header(header: &RecordingHeader) -> String {
    let RecordingHeader { scry, v, started_at, rooms, by, state } = header;
    let started_at = rfc3339(*started_at);
    // Strings, numbers and JSON values always have a JSON form.
    text::escaped(serde_json::to_string(&HeaderLine { scry, v: *v, started_at, rooms, by, state }).unwrap_or_default())
}

/// Writes one delivery, `at` after the start.
#[must_use]
pub fn entry(delivery: &Delivery, at: Duration) -> String {
    let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    let (room, name, raw) = (delivery.room.as_ref(), &*delivery.name, &*delivery.raw);
    // A body that names its own event needs no second name beside it.
    let line = if is_self_named(raw, name) {
        serde_json::to_string(&(millis, room, raw))
    } else {
        serde_json::to_string(&(millis, room, name, raw))
    };
    text::escaped(line.unwrap_or_default())
}

fn is_self_named(raw: &Value, name: &str) -> bool {
    raw.is_object() && raw["type"] == name
}
