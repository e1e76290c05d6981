//! Lines of a recording.

use std::time::Duration;

use serde_json::{Value, json};

use super::Header;
use crate::client::event::Delivery;
use crate::headless::line::rfc3339;

/// Writes the first line.
#[must_use]
pub fn header(header: &Header) -> String {
    json!({"scry": header.scry, "v": header.v, "startedAt": rfc3339(header.started_at), "rooms": header.rooms, "by": header.by})
        .to_string()
}

/// Writes one delivery, `at` after the start.
#[must_use]
pub fn entry(delivery: &Delivery, at: Duration) -> String {
    let room = delivery.room.as_ref().map(ToString::to_string);
    let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    let name = &*delivery.name;
    // A body that names its own event needs no second name beside it.
    if is_self_named(&delivery.raw, name) {
        json!([millis, room, &*delivery.raw]).to_string()
    } else {
        json!([millis, room, name, &*delivery.raw]).to_string()
    }
}

fn is_self_named(raw: &Value, name: &str) -> bool {
    raw.is_object() && raw["type"] == name
}
