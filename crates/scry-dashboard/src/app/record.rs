//! What is kept of an event beside its row: its text, its place among causes, and what the cache held.

use scry_model::cache::{Cache, Entity};
use scry_model::event::Delivery;
use scry_protocol::catalogue::CustomEventMetadata;
use scry_protocol::{EntityRef, Event, Id};
use scry_text as text;
use scry_text::json::Json;
use serde_json::Value;

/// An event for the inspector and for filters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EventRecord {
    /// The event as JSON in its shortest form, safe to show.
    text: Box<str>,
    pub event_id: Option<Id>,
    pub caused_by: Option<Id>,
    /// The fields the event names, with what the cache held of them.
    pub fields: Vec<FieldRecord>,
    /// Whether the values after the event are known.
    pub is_settled: bool,
}

/// A field's value in the cache before an event, and the value it was given after it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldRecord {
    pub field: Box<str>,
    pub before: Option<Json>,
    pub after: Option<Json>,
}

impl EventRecord {
    /// Keeps what the gateway sent, and what `cache` holds of the fields it names before it is applied.
    #[must_use]
    pub(crate) fn delivered(delivery: &Delivery, cache: &Cache) -> Self {
        match &delivery.event {
            Some(event) => Self::of(event, &delivery.raw, cache.get(&event.payload.subject())),
            None => {
                let stamp = CustomEventMetadata::from_payload(&delivery.raw);
                let (event_id, caused_by) = stamp.map(|stamp| (stamp.event_id, stamp.caused_by)).unzip();
                let text = text::compact(&delivery.raw).into();
                Self { text, event_id, caused_by: caused_by.flatten(), fields: Vec::new(), is_settled: true }
            }
        }
    }

    /// Keeps an event of the past; what the cache held then is not known.
    #[must_use]
    pub(crate) fn past(event: &Event) -> Self {
        Self::of(event, &serde_json::to_value(event).unwrap_or_default(), None)
    }

    fn of(event: &Event, raw: &Value, before: Option<&Entity>) -> Self {
        let told = &event.metadata.changes;
        let named = event.payload.changed_fields().iter().map(|field| {
            let plain = qualified(field, event);
            let change = told.iter().find(|change| change.field == *field);
            let held = before.and_then(|entity| entity.field(&plain)).cloned();
            FieldRecord {
                before: held.or_else(|| change.map(|change| Json::from(&change.from))),
                after: change.map(|change| Json::from(&change.to)),
                field: text::line(&plain).into(),
            }
        });
        let fields: Vec<_> = named.collect();
        Self {
            text: text::compact(raw).into(),
            event_id: event.metadata.event_id.clone(),
            caused_by: event.metadata.caused_by.clone(),
            is_settled: fields.iter().all(|held| held.after.is_some()),
            fields,
        }
    }

    /// Takes over what the API says of the subject since the event, where the event itself did not say it.
    pub(crate) fn settle(&mut self, entity: &Entity) {
        for held in self.fields.iter_mut().filter(|held| held.after.is_none()) {
            held.after = entity.field(&held.field).cloned();
        }
        self.is_settled = true;
    }

    /// Returns the event as JSON.
    #[must_use]
    pub(crate) fn value(&self) -> Option<Value> {
        serde_json::from_str(&self.text).ok()
    }

    /// Returns roughly how many bytes of memory this takes.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        self.text.len() + 128 + self.fields.len() * 96
    }
}

/// Returns whether a record waits for what the API says of `key`.
#[must_use]
pub(crate) fn awaits(record: &EventRecord, subject: Option<&EntityRef>, key: &EntityRef) -> bool {
    !record.is_settled && subject == Some(key)
}

/// Returns the cache's name of a field: an invalidation names computed values by their key alone.
fn qualified(field: &str, event: &Event) -> String {
    use scry_protocol::Payload;
    let is_computed = matches!(event.payload, Payload::StateInvalidated(_));
    if is_computed && !field.contains('.') && field != "conditions" {
        format!("computed.{field}")
    } else {
        field.to_owned()
    }
}
