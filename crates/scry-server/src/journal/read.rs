//! Reading the journal.

use scry_protocol::{Id, Position, Room};
use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};

use super::{Journal, JournalRow};
use crate::access::parse_id;
use crate::db::DbError;

impl Journal {
    /// Returns where a campaign's journal stands; `None` if there never was such a campaign.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn head(&self, campaign: &Id) -> Result<Option<Position>, DbError> {
        head(&self.db.reader, campaign).await
    }

    /// Returns where every campaign's journal stands, deleted campaigns included.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn heads(&self) -> Result<Vec<(Id, Position)>, DbError> {
        let rows = sqlx::query("SELECT epoch, seq, id FROM campaigns").fetch_all(&self.db.reader).await?;
        rows.iter().map(|row| Ok((parse_id(row.try_get(2)?)?, position(row)?))).collect()
    }

    /// Returns the last `seq` that is no longer kept: whoever has seen it has missed nothing.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn floor(&self, campaign: &Id) -> Result<u64, DbError> {
        let row = sqlx::query("SELECT floor FROM campaigns WHERE id = $1")
            .bind(campaign.as_str())
            .fetch_optional(&self.db.reader)
            .await?;
        row.map_or(Ok(0), |row| unsigned(row.try_get(0)?))
    }

    /// Returns whether a user's membership of a campaign, or of a catalogue's room, ended after `since`.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn was_removed(&self, campaign: &Id, room: &Room, user: &Id, since: u64) -> Result<bool, DbError> {
        let rooms = match room {
            Room::Custom(..) => Some(room.to_string()),
            Room::Campaign(_) | Room::Settlement(_) | Room::Structure(_) | Room::User(_) => None,
        };
        let row = sqlx::query(
            "SELECT 1 FROM journal WHERE campaign_id = $1 AND revoked_user = $2 AND seq > $3 \
             AND (rooms IS NULL OR rooms = $4) LIMIT 1",
        )
        .bind(campaign.as_str())
        .bind(user.as_str())
        .bind(signed(since))
        .bind(rooms)
        .fetch_optional(&self.db.reader)
        .await?;
        Ok(row.is_some())
    }

    /// Returns at most `limit` events of a campaign after `seq`, in order.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn after(&self, campaign: &Id, seq: u64, limit: u32) -> Result<Vec<JournalRow>, DbError> {
        after(&self.db.reader, campaign, seq, limit).await
    }

    /// Returns the events that went to one room after `since`, up to and including `upto`, in order.
    ///
    /// A room that a catalogue declares has another way, [`Journal::replay_custom`].
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn replay(&self, room: &Room, since: u64, upto: u64) -> Result<Vec<JournalRow>, DbError> {
        let query = match room {
            Room::Campaign(_) => {
                "SELECT seq, epoch, type, body, settlement_id, structure_id, revoked_user, created_ms, rooms FROM journal \
                 WHERE campaign_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq"
            }
            Room::Settlement(_) => {
                "SELECT seq, epoch, type, body, settlement_id, structure_id, revoked_user, created_ms, rooms FROM journal \
                 WHERE settlement_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq"
            }
            Room::Structure(_) => {
                "SELECT seq, epoch, type, body, settlement_id, structure_id, revoked_user, created_ms, rooms FROM journal \
                 WHERE structure_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq"
            }
            Room::User(_) | Room::Custom(..) => return Ok(Vec::new()),
        };
        let rows = sqlx::query(query)
            .bind(room.id().as_str())
            .bind(signed(since))
            .bind(signed(upto))
            .fetch_all(&self.db.reader)
            .await?;
        rows.iter().map(journal_row).collect()
    }
}

/// Returns where a campaign's journal stands, as a given connection or transaction sees it.
pub(crate) async fn head<'e, E>(executor: E, campaign: &Id) -> Result<Option<Position>, DbError>
where
    E: Executor<'e, Database = Any>,
{
    let row = sqlx::query("SELECT epoch, seq FROM campaigns WHERE id = $1")
        .bind(campaign.as_str())
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(position).transpose()
}

/// Returns at most `limit` events of a campaign after `seq`, as a given connection or transaction sees them.
pub(crate) async fn after<'e, E>(executor: E, campaign: &Id, seq: u64, limit: u32) -> Result<Vec<JournalRow>, DbError>
where
    E: Executor<'e, Database = Any>,
{
    let rows = sqlx::query(
        "SELECT seq, epoch, type, body, settlement_id, structure_id, revoked_user, created_ms, rooms FROM journal \
         WHERE campaign_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(campaign.as_str())
    .bind(signed(seq))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await?;
    rows.iter().map(journal_row).collect()
}

/// Turns a stored number into a `seq`.
pub(super) fn unsigned(value: i64) -> Result<u64, DbError> {
    u64::try_from(value).map_err(|error| DbError::corrupt("seq", error))
}

/// Turns a `seq` into a stored number; one past the range is past every journal as well.
pub(super) fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn position(row: &AnyRow) -> Result<Position, DbError> {
    Ok(Position::new(row.try_get::<String, _>(0)?, unsigned(row.try_get(1)?)?))
}

pub(super) fn journal_row(row: &AnyRow) -> Result<JournalRow, DbError> {
    Ok(JournalRow {
        seq: unsigned(row.try_get(0)?)?,
        epoch: row.try_get(1)?,
        event_type: row.try_get(2)?,
        body: row.try_get(3)?,
        settlement_id: optional_id(row, 4)?,
        structure_id: optional_id(row, 5)?,
        revoked_user: optional_id(row, 6)?,
        created_ms: row.try_get(7)?,
        rooms: row.try_get::<Option<&str>, _>(8)?.map(parse_rooms).transpose()?,
    })
}

fn parse_rooms(text: &str) -> Result<Vec<Room>, DbError> {
    text.split(' ').map(|room| room.parse().map_err(|error| DbError::corrupt("room", error))).collect()
}

fn optional_id(row: &AnyRow, column: usize) -> Result<Option<Id>, DbError> {
    row.try_get::<Option<String>, _>(column)?.map(|text| parse_id(&text)).transpose()
}
