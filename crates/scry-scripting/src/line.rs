//! What scripts read on stdout: one JSON object per line (pure).

use jiff::Timestamp;
use scry_model::event::{Delivery, Gap, Status};
use scry_protocol::Room;
use serde::Serialize;
use serde_json::Value;

/// Versions the lines, so that a script can tell when their meaning changes.
const LINE_FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventLine<'a> {
    v: u32,
    kind: &'static str,
    received_at: String,
    room: Option<&'a Room>,
    event: RawOrEvent<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    raw: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusLine<'a> {
    v: u32,
    kind: &'static str,
    received_at: String,
    state: &'static str,
    attempt: u32,
    retry_in_ms: Option<u64>,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GapLine<'a> {
    v: u32,
    kind: &'static str,
    received_at: String,
    room: &'a Room,
    from: u64,
    to: u64,
    healed: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RawOrEvent<'a> {
    AsItCame(&'a Value),
    Named {
        #[serde(rename = "type")]
        name: &'a str,
        payload: &'a Value,
    },
}

/// Writes one delivered event; what is not in the form of the five is named and marked `"raw":true`.
#[must_use]
pub fn event(delivery: &Delivery) -> String {
    let known = delivery.event.is_some();
    let event = if known {
        RawOrEvent::AsItCame(&delivery.raw)
    } else {
        RawOrEvent::Named { name: &delivery.name, payload: &delivery.raw }
    };
    let received_at = rfc3339(delivery.received_at);
    render(&EventLine {
        v: LINE_FORMAT_VERSION,
        kind: "event",
        received_at,
        room: delivery.room.as_ref(),
        event,
        raw: !known,
    })
}

/// Writes a change of the connection's state.
#[must_use]
pub fn status(status: &Status, at: Timestamp) -> String {
    let retry_in_ms = status.retry_in.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    render(&StatusLine {
        v: LINE_FORMAT_VERSION,
        kind: "status",
        received_at: rfc3339(at),
        state: status.phase.as_str(),
        attempt: status.attempt,
        retry_in_ms,
        reason: status.reason.as_deref(),
    })
}

/// Writes a gap in a room's history, or that it was healed.
#[must_use]
pub(crate) fn gap(gap: &Gap, at: Timestamp) -> String {
    let Gap { room, from, to, recovered: healed } = gap;
    let (from, to, healed) = (*from, *to, *healed);
    render(&GapLine { v: LINE_FORMAT_VERSION, kind: "gap", received_at: rfc3339(at), room, from, to, healed })
}

/// Writes a time the way the wire does: RFC 3339 UTC with milliseconds.
#[must_use]
pub(crate) fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// How much room most events need, so that their line need not grow in steps.
const USUAL_LINE_BYTES: usize = 1024;

/// Writes any value as one line of JSON that is safe to print.
#[must_use]
pub fn json(value: &impl Serialize) -> String {
    render(value)
}

fn render(line: &impl Serialize) -> String {
    let mut text = Vec::with_capacity(USUAL_LINE_BYTES);
    // Strings, numbers and JSON values always have a JSON form; an empty line would only follow a defect.
    let _ = serde_json::to_writer(&mut text, line);
    scry_text::escaped(String::from_utf8(text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use scry_model::event::Phase;
    use scry_protocol::{Event, Id};
    use serde_json::json;

    use super::*;

    fn read(line: &str) -> Value {
        assert!(!line.contains('\n'));
        serde_json::from_str(line).unwrap()
    }

    fn at() -> Timestamp {
        "2026-02-03T04:05:06.789Z".parse().unwrap()
    }

    fn delivery(name: &str, raw: Value) -> Delivery {
        let event = Event::from_value(&raw).map(Arc::new);
        let room = Some(Room::Campaign(Id::parse("c").unwrap()));
        Delivery { received_at: at(), room, name: name.into(), raw: Arc::new(raw), event }
    }

    #[test]
    fn an_event_is_told_as_it_came() {
        let raw = json!({"type": "world_time_changed", "payload": {"campaignId": "c", "previousTime": "a",
            "newTime": "b", "elapsedSeconds": 60, "unheardOf": 1}, "metadata": {"v": 1, "seq": 3, "epoch": "e"}});
        assert_eq!(
            read(&event(&delivery("world_time_changed", raw.clone()))),
            json!({"v": 1, "kind": "event", "receivedAt": "2026-02-03T04:05:06.789Z", "room": "campaign:c", "event": raw})
        );
    }

    #[test]
    fn an_event_of_another_form_is_named_and_marked_raw() {
        let told = read(&event(&delivery("invoice:paid", json!({"amount": 3}))));
        assert_eq!(told["raw"], json!(true));
        assert_eq!(told["event"], json!({"type": "invoice:paid", "payload": {"amount": 3}}));
    }

    #[test]
    fn a_status_names_state_attempt_wait_and_reason() {
        let mut now = Status::disconnected();
        now.phase = Phase::LoginRequired;
        now.attempt = 2;
        now.retry_in = Some(Duration::from_millis(1500));
        now.reason = Some("refused".to_owned());
        assert_eq!(
            read(&status(&now, at())),
            json!({"v": 1, "kind": "status", "receivedAt": "2026-02-03T04:05:06.789Z", "state": "login-required",
                   "attempt": 2, "retryInMs": 1500, "reason": "refused"})
        );
    }

    #[test]
    fn a_gap_names_its_ends() {
        let told = read(&gap(&Gap { room: "campaign:c".parse().unwrap(), from: 3, to: 9, recovered: false }, at()));
        assert_eq!((&told["from"], &told["to"], &told["healed"]), (&json!(3), &json!(9), &json!(false)));
    }
}
