//! Writing what catalogues declare: each catalogue has a journal of its own, whose events name their rooms.

use jiff::Timestamp;
use scry_protocol::catalogue::{CustomEventMetadata, METADATA_KEY};
use scry_protocol::{Id, Room};
use serde_json::{Map, Value};
use sqlx::{AnyConnection, Row};

use super::read::{journal_row, signed, unsigned};
use super::write::next;
use super::{Journal, JournalRow};
use crate::db::{DbError, Tx};

/// The entry that ends a membership; it is sent to nobody.
const REMOVAL_EVENT: &str = "access:revoked";

/// An event of a catalogue before it has a number.
#[derive(Debug)]
pub struct CustomEvent {
    /// Names the catalogue's journal.
    pub journal: Id,
    /// The event's name.
    pub event: String,
    /// Its payload, checked.
    pub payload: Map<String, Value>,
    /// What the gateway adds to the payload.
    pub metadata: CustomEventMetadata,
    /// When it was published.
    pub now: Timestamp,
}

impl Journal {
    /// Returns the first events of a catalogue that went to one of its rooms after `since`, up to and including `upto`,
    /// in order; at most `limit`.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn replay_custom(
        &self,
        journal: &Id,
        room: &Room,
        since: u64,
        upto: u64,
        limit: u32,
    ) -> Result<Vec<JournalRow>, DbError> {
        let rows = sqlx::query(
            "SELECT j.seq, j.epoch, j.type, j.body, j.settlement_id, j.structure_id, j.revoked_user, j.created_ms, j.rooms \
             FROM journal_rooms r JOIN journal j ON j.campaign_id = r.campaign_id AND j.seq = r.seq \
             WHERE r.campaign_id = $1 AND r.room = $2 AND r.seq > $3 AND r.seq <= $4 ORDER BY r.seq LIMIT $5",
        )
        .bind(journal.as_str())
        .bind(room.to_string())
        .bind(signed(since))
        .bind(signed(upto))
        .bind(i64::from(limit))
        .fetch_all(&self.db.reader)
        .await?;
        rows.iter().map(journal_row).collect()
    }

    /// Returns the `seq` of the last event that ever went to a room of a catalogue, kept or not; 0 if there was none.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn room_head(&self, journal: &Id, room: &Room) -> Result<u64, DbError> {
        let row = sqlx::query("SELECT seq FROM room_heads WHERE room = $1")
            .bind(head_key(journal, room))
            .fetch_optional(&self.db.reader)
            .await?;
        row.map_or(Ok(0), |row| unsigned(row.try_get(0)?))
    }
}

/// Makes sure that a catalogue's journal is there.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn open(db: &mut AnyConnection, journal: &Id) -> Result<(), DbError> {
    sqlx::query("INSERT INTO campaigns (id, epoch) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
        .bind(journal.as_str())
        .bind(uuid::Uuid::now_v7().to_string())
        .execute(db)
        .await?;
    Ok(())
}

/// Gives an event its catalogue's next number and stores it; returns its metadata with its position.
///
/// The caller commits, then announces it by [`crate::event_bus::EventBus::committed`].
///
/// # Errors
/// [`DbError`] when the database does not answer or the journal does not exist.
pub async fn append_custom(tx: &mut Tx, event: CustomEvent) -> Result<CustomEventMetadata, DbError> {
    let CustomEvent { journal, event, mut payload, mut metadata, now } = event;
    let (epoch, seq) = next(tx, &journal).await?;
    for room in &metadata.rooms {
        let previous = advance(tx, &journal, room, seq).await?;
        metadata.prev.insert(room.clone(), previous);
        sqlx::query("INSERT INTO journal_rooms (campaign_id, room, seq) VALUES ($1, $2, $3)")
            .bind(journal.as_str())
            .bind(room.to_string())
            .bind(signed(seq))
            .execute(&mut **tx)
            .await?;
    }
    (metadata.epoch, metadata.seq) = (Some(epoch), Some(seq));
    let written = serde_json::to_value(&metadata).map_err(|error| DbError::corrupt("event", error))?;
    payload.insert(METADATA_KEY.to_owned(), written);
    let entry = CustomEntry {
        journal: &journal,
        event: &event,
        event_id: &metadata.event_id,
        user: metadata.user_id.as_ref(),
        revoked: None,
        rooms: &metadata.rooms,
        body: Value::Object(payload).to_string(),
        now,
    };
    entry.insert(tx, metadata.epoch.as_deref().unwrap_or_default(), seq).await?;
    Ok(metadata)
}

/// Notes in a catalogue's journal that a user is no member of a room any more: nothing later of it reaches them.
///
/// The caller commits, then announces it by [`crate::event_bus::EventBus::committed`].
///
/// # Errors
/// [`DbError`] when the database does not answer or the journal does not exist.
pub async fn append_removal(tx: &mut Tx, journal: &Id, room: &Room, user: &Id, now: Timestamp) -> Result<(), DbError> {
    let (epoch, seq) = next(tx, journal).await?;
    let entry = CustomEntry {
        journal,
        event: REMOVAL_EVENT,
        event_id: &Id::from(uuid::Uuid::now_v7()),
        user: None,
        revoked: Some(user),
        rooms: std::slice::from_ref(room),
        body: "{}".to_owned(),
        now,
    };
    entry.insert(tx, &epoch, seq).await
}

/// Moves the head of a room in a journal to `seq`; returns where it stood, 0 before its first event.
async fn advance(tx: &mut Tx, journal: &Id, room: &Room, seq: u64) -> Result<u64, DbError> {
    let row = sqlx::query(
        "INSERT INTO room_heads (room, seq) VALUES ($1, $2) \
         ON CONFLICT (room) DO UPDATE SET prev = room_heads.seq, seq = $2 RETURNING prev",
    )
    .bind(head_key(journal, room))
    .bind(signed(seq))
    .fetch_one(&mut **tx)
    .await?;
    unsigned(row.try_get(0)?)
}

/// Names a room's head; a kind may go over to another catalogue, whose numbers are others.
pub(super) fn head_key(journal: &Id, room: &Room) -> String {
    format!("{journal} {room}")
}

/// What is stored of an entry.
struct CustomEntry<'a> {
    journal: &'a Id,
    event: &'a str,
    event_id: &'a Id,
    user: Option<&'a Id>,
    revoked: Option<&'a Id>,
    rooms: &'a [Room],
    body: String,
    now: Timestamp,
}

impl CustomEntry<'_> {
    async fn insert(self, tx: &mut Tx, epoch: &str, seq: u64) -> Result<(), DbError> {
        let rooms: Vec<String> = self.rooms.iter().map(ToString::to_string).collect();
        sqlx::query(
            "INSERT INTO journal (campaign_id, seq, epoch, event_id, type, user_id, revoked_user, body, changes, \
             created_ms, rooms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '[]', $9, $10)",
        )
        .bind(self.journal.as_str())
        .bind(signed(seq))
        .bind(epoch)
        .bind(self.event_id.as_str())
        .bind(self.event)
        .bind(self.user.map(ToString::to_string))
        .bind(self.revoked.map(ToString::to_string))
        .bind(self.body)
        .bind(self.now.as_millisecond())
        .bind(rooms.join(" "))
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}
