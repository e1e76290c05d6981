//! Writing the journal.

use jiff::Timestamp;
use sqlx::Row;

use super::read::{signed, unsigned};
use crate::protocol::event::Effect;
use crate::protocol::{Change, Event, Id, Metadata, Payload, Prev, Room, Source};
use crate::server::clock::stamp;
use crate::server::db::{DbError, Tx};

/// A value whose JSON is longer than this many bytes is left out of the event; clients fetch it.
const SHORT_VALUE: usize = 200;

/// Holds an event before it has a number.
#[derive(Debug, Clone)]
pub struct Draft {
    pub payload: Payload,
    pub user_id: Option<Id>,
    pub source: Source,
    pub correlation_id: String,
    pub caused_by: Option<Id>,
    /// The entity's version after the change.
    pub version: Option<i64>,
    /// Every changed field with its value before and after.
    pub changes: Vec<Change>,
    pub effect: Option<Effect>,
    /// The user whose membership the change ended.
    pub revoked_user: Option<Id>,
    pub now: Timestamp,
}

/// Gives an event its campaign's next number and stores it, in the transaction that made the change.
///
/// The caller commits, then announces it by [`crate::server::signals::Signals::committed`].
///
/// # Errors
/// [`DbError`] when the database does not answer or the campaign does not exist.
pub async fn append(tx: &mut Tx, draft: Draft) -> Result<Event, DbError> {
    let campaign = draft.payload.campaign_id().clone();
    let (epoch, seq) = next(tx, &campaign).await?;
    let (settlement, structure) = narrow_rooms(&draft.payload);
    let event = Event {
        metadata: Metadata {
            v: 1,
            timestamp: Some(stamp(draft.now)),
            user_id: draft.user_id.clone(),
            source: Some(draft.source),
            correlation_id: Some(draft.correlation_id),
            caused_by: draft.caused_by,
            event_id: Some(Id::from(uuid::Uuid::now_v7())),
            epoch: Some(epoch.clone()),
            seq: Some(seq),
            prev: advance_rooms(tx, settlement.as_ref(), structure.as_ref(), seq).await?,
            version: draft.version,
            changes: draft.changes.iter().filter(|change| is_short(change)).cloned().collect(),
            effect: draft.effect,
            replayed: false,
        },
        payload: draft.payload,
    };
    let subject = event.payload.subject();
    sqlx::query(
        "INSERT INTO journal (campaign_id, seq, epoch, event_id, type, entity_id, version, user_id, settlement_id, \
         structure_id, revoked_user, body, changes, created_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(campaign.as_str())
    .bind(signed(seq))
    .bind(epoch)
    .bind(event.metadata.event_id.as_ref().map(ToString::to_string))
    .bind(event.payload.name())
    .bind(subject.id.as_str())
    .bind(draft.version)
    .bind(draft.user_id.as_ref().map(ToString::to_string))
    .bind(settlement.map(|room| room.id().to_string()))
    .bind(structure.map(|room| room.id().to_string()))
    .bind(draft.revoked_user.map(|user| user.to_string()))
    .bind(json(&event)?)
    .bind(json(&draft.changes)?)
    .bind(draft.now.as_millisecond())
    .execute(&mut **tx)
    .await?;
    Ok(event)
}

pub(super) async fn next(tx: &mut Tx, campaign: &Id) -> Result<(String, u64), DbError> {
    let row = sqlx::query("UPDATE campaigns SET seq = seq + 1 WHERE id = $1 RETURNING epoch, seq")
        .bind(campaign.as_str())
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
            Room::Campaign(_) | Room::User(_) | Room::Declared(..) => {}
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

fn is_short(change: &Change) -> bool {
    [&change.from, &change.to].into_iter().all(|value| value.to_string().len() <= SHORT_VALUE)
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::corrupt("event", error))
}
