//! Writing the journal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scry_protocol::event::EffectRef;
use scry_protocol::{Event, FieldDiff, Id, Metadata, Payload, Prev, Room, Source};
use sqlx::{Any, AssertSqlSafe, Row};

use super::read::{signed, unsigned};
use crate::clock::format_time;
use crate::db::{DbError, Tx, batch};

/// A value whose JSON is longer than this many bytes is left out of the event; clients fetch it.
const MAX_VALUE_BYTES: usize = 200;
/// Once the values of an event take more bytes than this all together, the rest is left out: each subscriber is sent
/// a copy.
const MAX_VALUES_BYTES: usize = 16 * 1024;

/// An event before it has a number.
#[derive(Debug, Clone)]
pub struct EventDraft {
    /// What happened.
    pub payload: Payload,
    /// The user who made the change; `None` for one of the server itself.
    pub user_id: Option<Id>,
    /// The part of the system that made it.
    pub source: Source,
    /// What links it to the request that caused it.
    pub correlation_id: String,
    /// The event that caused it.
    pub caused_by: Option<Id>,
    /// The entity's version after the change.
    pub version: Option<i64>,
    /// Every changed field with its value before and after.
    pub changes: Vec<FieldDiff>,
    /// The effect that made the change.
    pub effect: Option<EffectRef>,
    /// The user whose membership the change ended.
    pub revoked_user: Option<Id>,
    /// When the change was made.
    pub now: Timestamp,
}

/// Gives an event its campaign's next number and stores it, in the transaction that made the change.
///
/// The caller commits, then announces it by [`crate::event_bus::EventBus::committed`].
///
/// # Errors
/// [`DbError`] when the database does not answer or the campaign does not exist.
pub async fn append(tx: &mut Tx, draft: EventDraft) -> Result<Event, DbError> {
    let campaign = draft.payload.campaign_id().clone();
    let (epoch, seq) = next(tx, &campaign).await?;
    let rooms = narrow_rooms(&draft.payload);
    let prev = advance_rooms(tx, rooms.0.as_ref(), rooms.1.as_ref(), seq).await?;
    let entry = NumberedEvent::new(draft, rooms, (epoch, seq), prev)?;
    insert(tx, std::slice::from_ref(&entry)).await?;
    Ok(entry.event)
}

/// Does the same with events of one campaign, in their order, in few statements however many there are.
///
/// # Errors
/// As for [`append`].
pub async fn append_all(tx: &mut Tx, campaign: &Id, drafts: Vec<EventDraft>) -> Result<Vec<Event>, DbError> {
    let Some(last) = drafts.len().checked_sub(1) else { return Ok(Vec::new()) };
    let (epoch, end) = advance_by(tx, campaign, drafts.len()).await?;
    let first = end - last as u64;
    let mut heads = RoomHeads::load(tx, &drafts).await?;
    let mut entries = Vec::with_capacity(drafts.len());
    for (seq, draft) in (first..=end).zip(drafts) {
        let rooms = narrow_rooms(&draft.payload);
        let prev = heads.advance((rooms.0.as_ref(), rooms.1.as_ref()), seq);
        entries.push(NumberedEvent::new(draft, rooms, (epoch.clone(), seq), prev)?);
    }
    heads.store(tx).await?;
    for entries in entries.chunks(batch::MAX_ROWS) {
        insert(tx, entries).await?;
    }
    Ok(entries.into_iter().map(|entry| entry.event).collect())
}

/// An event with its number, and what is stored beside it.
struct NumberedEvent {
    event: Event,
    epoch: String,
    seq: u64,
    settlement: Option<String>,
    structure: Option<String>,
    revoked_user: Option<String>,
    changes: String,
    now_ms: i64,
}

impl NumberedEvent {
    fn new(
        draft: EventDraft,
        (settlement, structure): (Option<Room>, Option<Room>),
        (epoch, seq): (String, u64),
        prev: Option<Prev>,
    ) -> Result<Self, DbError> {
        let id_of = |room: Option<Room>| room.map(|room| room.id().to_string());
        let changes = json(&draft.changes)?;
        let metadata = Metadata {
            v: 1,
            timestamp: Some(format_time(draft.now)),
            user_id: draft.user_id,
            source: Some(draft.source),
            correlation_id: Some(draft.correlation_id),
            caused_by: draft.caused_by,
            event_id: Some(Id::from(uuid::Uuid::now_v7())),
            epoch: Some(epoch.clone()),
            seq: Some(seq),
            prev,
            version: draft.version,
            changes: values_in_event(&draft.changes),
            effect: draft.effect,
            replayed: false,
        };
        Ok(Self {
            event: Event { metadata, payload: draft.payload },
            epoch,
            seq,
            settlement: id_of(settlement),
            structure: id_of(structure),
            revoked_user: draft.revoked_user.map(|user| user.to_string()),
            changes,
            now_ms: draft.now.as_millisecond(),
        })
    }
}

/// Stores entries, at most [`batch::MAX_ROWS`].
async fn insert(tx: &mut Tx, entries: &[NumberedEvent]) -> Result<(), DbError> {
    let statement = format!(
        "INSERT INTO journal (campaign_id, seq, epoch, event_id, type, entity_id, version, user_id, settlement_id, \
         structure_id, revoked_user, body, changes, created_ms) VALUES {}",
        batch::rows(tx, entries.len(), 14)
    );
    let mut query = sqlx::query::<Any>(AssertSqlSafe(statement));
    for entry in entries {
        let NumberedEvent { event, .. } = entry;
        let text = |id: &Option<Id>| id.as_ref().map(ToString::to_string);
        query = query
            .bind(event.payload.campaign_id().to_string())
            .bind(signed(entry.seq))
            .bind(entry.epoch.as_str())
            .bind(text(&event.metadata.event_id))
            .bind(event.payload.name())
            .bind(event.payload.subject().id.to_string())
            .bind(event.metadata.version)
            .bind(text(&event.metadata.user_id))
            .bind(entry.settlement.as_deref())
            .bind(entry.structure.as_deref())
            .bind(entry.revoked_user.as_deref())
            .bind(json(event)?)
            .bind(entry.changes.as_str())
            .bind(entry.now_ms);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// The last events of the rooms that several events go to, as these move them on.
struct RoomHeads {
    /// Where each room stands, and where it stood before its last event.
    rooms: BTreeMap<String, (u64, u64)>,
}

impl RoomHeads {
    async fn load(tx: &mut Tx, drafts: &[EventDraft]) -> Result<Self, DbError> {
        let mut rooms = BTreeMap::new();
        for draft in drafts {
            let (settlement, structure) = narrow_rooms(&draft.payload);
            rooms.extend([settlement, structure].into_iter().flatten().map(|room| (room.to_string(), (0, 0))));
        }
        let names: Vec<String> = rooms.keys().cloned().collect();
        for names in names.chunks(batch::MAX_ROWS) {
            let list = batch::list(tx, 1, names.len());
            let query =
                sqlx::query::<Any>(AssertSqlSafe(format!("SELECT room, seq FROM room_heads WHERE room IN ({list})")));
            let query = names.iter().fold(query, |query, name| query.bind(name.as_str()));
            for row in query.fetch_all(&mut **tx).await? {
                rooms.insert(row.try_get(0)?, (unsigned(row.try_get(1)?)?, 0));
            }
        }
        Ok(Self { rooms })
    }

    /// Moves the rooms of an event to its number; returns where they stood.
    fn advance(&mut self, (settlement, structure): (Option<&Room>, Option<&Room>), seq: u64) -> Option<Prev> {
        if settlement.is_none() && structure.is_none() {
            return None;
        }
        let mut advance = |room: &Room| {
            let head = self.rooms.entry(room.to_string()).or_default();
            *head = (seq, head.0);
            head.1
        };
        Some(Prev { settlement: settlement.map(&mut advance), structure: structure.map(&mut advance) })
    }

    async fn store(&self, tx: &mut Tx) -> Result<(), DbError> {
        let rooms: Vec<_> = self.rooms.iter().collect();
        for rooms in rooms.chunks(batch::MAX_ROWS) {
            let statement = format!(
                "INSERT INTO room_heads (room, seq, prev) VALUES {} \
                 ON CONFLICT (room) DO UPDATE SET seq = excluded.seq, prev = excluded.prev",
                batch::rows(tx, rooms.len(), 3)
            );
            let mut query = sqlx::query::<Any>(AssertSqlSafe(statement));
            for (room, (seq, prev)) in rooms {
                query = query.bind(room.as_str()).bind(signed(*seq)).bind(signed(*prev));
            }
            query.execute(&mut **tx).await?;
        }
        Ok(())
    }
}

pub(super) async fn next(tx: &mut Tx, campaign: &Id) -> Result<(String, u64), DbError> {
    advance_by(tx, campaign, 1).await
}

/// Takes so many numbers of a campaign; returns its epoch and the last of them.
async fn advance_by(tx: &mut Tx, campaign: &Id, count: usize) -> Result<(String, u64), DbError> {
    let row = sqlx::query("UPDATE campaigns SET seq = seq + $2 WHERE id = $1 RETURNING epoch, seq")
        .bind(campaign.as_str())
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_one(&mut **tx)
        .await?;
    Ok((row.try_get(0)?, unsigned(row.try_get(1)?)?))
}

/// Returns the settlement's and the structure's room that get the event besides the campaign's.
fn narrow_rooms(payload: &Payload) -> (Option<Room>, Option<Room>) {
    let mut settlement = None;
    let mut structure = None;
    for room in payload.rooms() {
        match room {
            Room::Settlement(_) => settlement = Some(room),
            Room::Structure(_) => structure = Some(room),
            Room::Campaign(_) | Room::User(_) | Room::Custom(..) => {}
        }
    }
    (settlement, structure)
}

/// Moves the heads of the rooms to `seq` and returns where they stood, 0 for a room's first event.
async fn advance_rooms(
    tx: &mut Tx,
    settlement: Option<&Room>,
    structure: Option<&Room>,
    seq: u64,
) -> Result<Option<Prev>, DbError> {
    let rooms = [settlement, structure].map(|room| room.map(ToString::to_string));
    let rows = match &rooms {
        [None, None] => return Ok(None),
        [Some(one), None] | [None, Some(one)] => {
            let query = sqlx::query(
                "INSERT INTO room_heads (room, seq) VALUES ($1, $2) \
                 ON CONFLICT (room) DO UPDATE SET prev = room_heads.seq, seq = $2 RETURNING room, prev",
            );
            query.bind(one.as_str()).bind(signed(seq)).fetch_all(&mut **tx).await?
        }
        [Some(one), Some(other)] => {
            let query = sqlx::query(
                "INSERT INTO room_heads (room, seq) VALUES ($1, $2), ($3, $2) \
                 ON CONFLICT (room) DO UPDATE SET prev = room_heads.seq, seq = $2 RETURNING room, prev",
            );
            query.bind(one.as_str()).bind(signed(seq)).bind(other.as_str()).fetch_all(&mut **tx).await?
        }
    };
    let mut prev = Prev::default();
    for row in rows {
        let (room, head): (Option<String>, _) = (row.try_get(0)?, unsigned(row.try_get(1)?)?);
        if room == rooms[0] {
            prev.settlement = Some(head);
        } else {
            prev.structure = Some(head);
        }
    }
    Ok(Some(prev))
}

/// Returns the changes whose values an event tells; the others it only names.
fn values_in_event(changes: &[FieldDiff]) -> Vec<FieldDiff> {
    let mut left = MAX_VALUES_BYTES;
    let fits = |change: &&FieldDiff| {
        let [from, to] = [&change.from, &change.to].map(|value| value.to_string().len());
        let size = change.field.len() + from + to;
        if from > MAX_VALUE_BYTES || to > MAX_VALUE_BYTES || size > left {
            return false;
        }
        left -= size;
        true
    };
    changes.iter().filter(fits).cloned().collect()
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::corrupt("event", error))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn change(field: String, to: Value) -> FieldDiff {
        FieldDiff { field, from: Value::Null, to }
    }

    #[test]
    fn long_values_are_left_out_of_an_event() {
        let changes = [change("a".to_owned(), json!("x".repeat(198))), change("b".to_owned(), json!("x".repeat(199)))];
        assert_eq!(values_in_event(&changes), changes[..1]);
    }

    #[test]
    fn values_of_one_event_have_a_bound_all_together() {
        let changes: Vec<FieldDiff> =
            (0..30_000).map(|index| change(format!("variables.v{index:05}"), json!("x".repeat(150)))).collect();
        let told = values_in_event(&changes);
        assert_eq!(told, changes[..told.len()], "the first ones are told");
        let size = serde_json::to_string(&told).unwrap().len();
        assert!((MAX_VALUES_BYTES..2 * MAX_VALUES_BYTES).contains(&size), "{size} bytes");
    }
}
