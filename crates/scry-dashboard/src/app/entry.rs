//! One row of the journal, compact: what a row shows and where it leads, not the whole event.

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use scry_calendar::WorldTime;
use scry_catalogue::EventDisplays;
use scry_model::cache::Cache;
use scry_model::event::{Delivery, Gap};
use scry_protocol::catalogue::{CustomEventMetadata, Severity};
use scry_protocol::{EntityRef, EntityType, Event, Id, Operation, Payload, Source};
use scry_text as text;

use super::clock::{self, Clock};
use super::now::Now;
use super::packed_time::PackedTime;
use super::record::EventRecord;
use super::value::{field_name, say};

/// A row of the journal. Everything in it is safe to show.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalItem {
    pub(crate) at: Timestamp,
    /// The event's number in its journal; `None` for a row without a position.
    pub seq: Option<u64>,
    pub(crate) kind: RowKind,
    /// The sentence that tells what happened.
    pub what: Box<str>,
    /// Sent again after a reconnect, rather than as it happened.
    pub(crate) replayed: bool,
    /// The world time at which it happened, where that is known.
    pub(crate) world_time: Option<PackedTime>,
    /// The event itself, while there is room for it.
    pub(crate) record: Option<Box<EventRecord>>,
    /// Shared with other rows, see [`SharedRowData`]; its fields are the row's.
    pub(super) common: Arc<SharedRowData>,
}

/// The data that rows about one thing, by one user, have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SharedRowData {
    pub(crate) subject: Option<EntityRef>,
    /// The subject's name when it happened; a later name is looked up, but what is deleted keeps this one.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) who: Option<Id>,
    pub(crate) source: Option<Source>,
}

impl Deref for JournalItem {
    type Target = SharedRowData;

    fn deref(&self) -> &SharedRowData {
        &self.common
    }
}

/// The kind of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowKind {
    Changed(Operation),
    Invalidated,
    WorldTime,
    /// An event that is not one of the five.
    Foreign,
    /// An event that a catalogue of the server declares.
    Custom(Severity),
    /// Events that are known to be missing.
    Gap,
    /// Events that were missing and have been found.
    GapRecovered,
    /// Something a person should know.
    Notice,
    /// A place a person has marked.
    Marker,
}

impl JournalItem {
    /// Returns the row of an event that the gateway sent.
    #[must_use]
    pub fn delivered(delivery: &Delivery, cache: &Cache, clock: &Clock) -> Self {
        match &delivery.event {
            Some(event) => Self {
                record: Some(Box::new(EventRecord::delivered(delivery, cache))),
                ..Self::event(event, delivery.received_at, cache, clock)
            },
            None => {
                let stamp = CustomEventMetadata::from_payload(&delivery.raw);
                let at = stamp.as_ref().and_then(|stamp| stamp.timestamp.parse().ok());
                Self {
                    record: Some(Box::new(EventRecord::delivered(delivery, cache))),
                    what: shorten(&say(&*delivery.raw)).into(),
                    replayed: stamp.as_ref().is_some_and(|stamp| stamp.replayed),
                    common: Arc::new(SharedRowData {
                        name: Some(text::line(&delivery.name).into()),
                        who: stamp.and_then(|stamp| stamp.user_id),
                        ..SharedRowData::default()
                    }),
                    ..Self::with_kind(RowKind::Foreign, at.unwrap_or(delivery.received_at))
                }
            }
        }
    }

    /// Words a custom event as its catalogue would have it.
    pub(crate) fn say(&mut self, looks: &EventDisplays) {
        let event = self.name.clone().filter(|_| self.kind == RowKind::Foreign);
        let payload = event.as_ref().and(self.record.as_ref()).and_then(|record| record.value());
        if let Some((sentence, severity)) =
            event.zip(payload).and_then(|(event, payload)| looks.render(&event, &payload))
        {
            (self.what, self.kind) = (sentence.into(), RowKind::Custom(severity));
        }
    }

    /// Returns the row of an event of the past, with its text.
    #[must_use]
    pub(crate) fn past(event: &Event, now: Timestamp, cache: &Cache, clock: &Clock) -> Self {
        Self { record: Some(Box::new(EventRecord::past(event))), ..Self::event(event, now, cache, clock) }
    }

    /// Returns the row of an event; it is dated by its own time, and by `received_at` if it has none.
    #[must_use]
    pub(crate) fn event(event: &Event, received_at: Timestamp, cache: &Cache, clock: &Clock) -> Self {
        let subject = event.payload.subject();
        let known = cache.get(&subject);
        let metadata = &event.metadata;
        Self {
            at: metadata.timestamp.as_deref().and_then(|time| time.parse().ok()).unwrap_or(received_at),
            seq: metadata.seq,
            kind: kind(&event.payload),
            what: what(event, clock).into(),
            common: Arc::new(SharedRowData {
                name: known.map(|entity| entity.name.clone()),
                subject: Some(known.map_or_else(|| safe(subject), |entity| entity.key.clone())),
                who: metadata.user_id.clone(),
                source: metadata.source.as_ref().map(|source| match source {
                    Source::Other(name) => Source::Other(text::line(name).into_owned()),
                    Source::Api | Source::RulesEngine | Source::Scheduler => source.clone(),
                }),
            }),
            replayed: metadata.replayed,
            world_time: match &event.payload {
                Payload::WorldTimeChanged(moved) => moved.new_time.parse::<WorldTime>().ok().map(PackedTime::from),
                Payload::EntityUpdated(_)
                | Payload::StateInvalidated(_)
                | Payload::SettlementUpdated(_)
                | Payload::StructureUpdated(_) => None,
            },
            record: None,
        }
    }

    /// Returns the row of a gap, or of its recovery.
    #[must_use]
    pub(crate) fn gap(gap: &Gap, now: Now) -> Self {
        let (first, last) = (gap.from + 1, gap.to.saturating_sub(1).max(gap.from + 1));
        let range = if first == last { format!("event #{first}") } else { format!("events #{first} to #{last}") };
        let (kind, what) = if gap.recovered {
            (RowKind::GapRecovered, format!("{range}: received again, or replaced by a snapshot"))
        } else {
            (RowKind::Gap, format!("{range} of this {} are missing", gap.room.kind()))
        };
        Self { what: what.into(), ..Self::with_kind(kind, now.wall) }
    }

    /// Returns the row of a notice to the user.
    #[must_use]
    pub(crate) fn notice(sentence: &str, now: Now) -> Self {
        Self { what: text::line(sentence).into(), ..Self::with_kind(RowKind::Notice, now.wall) }
    }

    /// Marks a place in the journal.
    #[must_use]
    pub(crate) fn marker(number: usize, now: Now) -> Self {
        Self { what: format!("marker {number}").into(), ..Self::with_kind(RowKind::Marker, now.wall) }
    }

    /// Returns the subject's name: today's, the one it had, or its id if it never had one here.
    #[must_use]
    pub(crate) fn subject_name(&self, cache: &Cache) -> Option<String> {
        let Some(subject) = &self.subject else { return self.name.as_ref().map(ToString::to_string) };
        let today = cache.get(subject).map(|entity| entity.name.clone());
        let known = today.filter(|name| !name.is_empty()).or_else(|| self.name.clone());
        Some(known.map_or_else(|| subject.id.to_string(), |name| name.to_string()))
    }

    /// Returns everything the row says, for a filter: kind, name, what, who and source.
    #[must_use]
    pub(crate) fn words(&self, cache: &Cache) -> String {
        let today = self.subject.as_ref().and_then(|key| cache.get(key)).map(|entity| &*entity.name);
        let name = today.or(self.name.as_deref()).unwrap_or_default();
        let who = self.who.as_ref().map_or("", |id| cache.user_name(id).unwrap_or(id.as_str()));
        let source = self.source.as_ref().map_or("", Source::as_str);
        [self.kind_word(), name, &self.what, who, source].join(" ")
    }

    /// Returns whether the row is about an event, rather than about the journal itself.
    #[must_use]
    pub(crate) const fn is_event(&self) -> bool {
        match self.kind {
            RowKind::Changed(_) | RowKind::Invalidated | RowKind::WorldTime | RowKind::Foreign | RowKind::Custom(_) => {
                true
            }
            RowKind::Gap | RowKind::GapRecovered | RowKind::Notice | RowKind::Marker => false,
        }
    }

    fn with_kind(kind: RowKind, at: Timestamp) -> Self {
        Self {
            at,
            seq: None,
            kind,
            what: Box::default(),
            common: Arc::default(),
            replayed: false,
            world_time: None,
            record: None,
        }
    }

    /// Returns the word for the kind of row: the subject's type, where it has one.
    #[must_use]
    pub(crate) fn kind_word(&self) -> &str {
        match (self.kind, &self.subject) {
            (RowKind::Changed(_), Some(subject)) => subject.entity_type.as_str(),
            (RowKind::Changed(_), None) => "changed",
            (RowKind::Invalidated, _) => "invalidated",
            (RowKind::WorldTime, _) => "world time",
            (RowKind::Foreign | RowKind::Custom(_), _) => "event",
            (RowKind::Gap | RowKind::GapRecovered, _) => "gap",
            (RowKind::Notice, _) => "notice",
            (RowKind::Marker, _) => "marker",
        }
    }
}

fn safe(key: EntityRef) -> EntityRef {
    match key.entity_type {
        EntityType::Other(name) => EntityRef::new(EntityType::Other(text::line(&name).into()), key.id),
        EntityType::Campaign
        | EntityType::Kingdom
        | EntityType::Settlement
        | EntityType::Structure
        | EntityType::Location
        | EntityType::Encounter
        | EntityType::Member => key,
    }
}

const fn kind(payload: &Payload) -> RowKind {
    match payload {
        Payload::EntityUpdated(_) | Payload::SettlementUpdated(_) | Payload::StructureUpdated(_) => {
            RowKind::Changed(payload.operation())
        }
        Payload::StateInvalidated(_) => RowKind::Invalidated,
        Payload::WorldTimeChanged(_) => RowKind::WorldTime,
    }
}

/// Returns what an event changed: `level 3 → 4`, and the name alone of what is too long to show.
fn what(event: &Event, clock: &Clock) -> String {
    match &event.payload {
        Payload::WorldTimeChanged(moved) => {
            let way = clock.way(&moved.previous_time, &moved.new_time);
            format!("{}   {}", clock::elapsed(moved.elapsed_seconds), text::line(&way))
        }
        Payload::StateInvalidated(invalidated) if invalidated.affected_fields.is_empty() => {
            "all computed values".to_owned()
        }
        Payload::EntityUpdated(_)
        | Payload::StateInvalidated(_)
        | Payload::SettlementUpdated(_)
        | Payload::StructureUpdated(_) => match event.payload.operation() {
            Operation::Create => "created".to_owned(),
            Operation::Delete => "deleted".to_owned(),
            Operation::Update => changes(event),
        },
    }
}

fn changes(event: &Event) -> String {
    let told = &event.metadata.changes;
    let with_values = told.iter().map(|change| {
        let (from, to) = (shorten(&say(&change.from)), shorten(&say(&change.to)));
        let name = field_name(&change.field);
        if change.from == change.to && !change.to.is_null() {
            // A rule gives the same again, and explains it otherwise.
            format!("{name} still {to}, for another reason")
        } else {
            format!("{name} {from} → {to}")
        }
    });
    let by_name =
        event.payload.changed_fields().iter().filter(|field| !told.iter().any(|change| change.field == **field));
    let parts: Vec<_> = with_values.chain(by_name.map(|field| field_name(field))).take(12).collect();
    if parts.is_empty() { "changed".to_owned() } else { parts.join(", ") }
}

/// Cuts a value that would push everything else off the row.
fn shorten(value: &str) -> String {
    const MAX_VALUE_CHARS: usize = 60;
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(event: serde_json::Value) -> String {
        what(&Event::from_value(&event).unwrap(), &Clock::default())
    }

    fn updated(fields: serde_json::Value, changes: serde_json::Value) -> serde_json::Value {
        json!({"type": "settlement_updated", "metadata": {"changes": changes},
               "payload": {"settlementId": "s", "campaignId": "c", "operation": "update", "changedFields": fields}})
    }

    #[test]
    fn changes_are_told_with_their_values_where_they_are_short() {
        let changes = json!([{"field": "level", "from": 3, "to": 4}, {"field": "variables.foodStores", "to": 1200}]);
        let event = updated(json!(["level", "variables.foodStores", "description"]), changes);
        assert_eq!(said(event), "level 3 → 4, food stores – → 1 200, description");
        assert_eq!(said(updated(json!([]), json!([]))), "changed");
    }

    #[test]
    fn unchanged_condition_is_not_listed_as_a_change() {
        let changes =
            json!([{"field": "inService", "from": true, "to": true}, {"field": "lit", "from": true, "to": false}]);
        let said = said(updated(json!(["inService", "lit"]), changes));
        assert_eq!(said, "in service still yes, for another reason, lit yes → no");
    }

    #[test]
    fn hostile_values_are_tamed() {
        let event =
            updated(json!(["a\u{1b}"]), json!([{"field": "n\u{9b}", "from": "\u{1b}[2J", "to": "x".repeat(9_000)}]));
        let said = said(event);
        assert!(!said.chars().any(char::is_control) && said.chars().count() < 200, "{said}");
    }

    #[test]
    fn a_clock_move_says_how_far_and_from_where_to_where() {
        let event = json!({"type": "world_time_changed", "payload": {"campaignId": "c", "elapsedSeconds": 10800,
            "previousTime": "1207-09-14T15:20:00.000Z", "newTime": "1207-09-14T18:20:00.000Z"}});
        assert_eq!(said(event), "+3 h   15:20 → 18:20");
    }
}
