//! Lookups that answer who may see what.

use scry_protocol::{EntityType, Id, Role, Room};
use sqlx::Row;

use super::db::{Db, DbError};

/// Returns a user's role in a campaign; `None` for strangers and for campaigns that do not exist.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn role_in_campaign(db: &Db, user: &Id, campaign: &Id) -> Result<Option<Role>, DbError> {
    let row = sqlx::query("SELECT role FROM memberships WHERE campaign_id = $1 AND user_id = $2")
        .bind(campaign.as_str())
        .bind(user.as_str())
        .fetch_optional(&db.reader)
        .await?;
    row.map(|row| parse_role(&row.try_get::<String, _>(0)?)).transpose()
}

/// Returns the campaign that a room belongs to; `None` if there is no such room, or it is no campaign's.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn campaign_of(db: &Db, room: &Room) -> Result<Option<Id>, DbError> {
    if matches!(room, Room::User(_) | Room::Custom(..)) {
        return Ok(None);
    }
    let row = sqlx::query("SELECT campaign_id FROM entities WHERE id = $1 AND kind = $2")
        .bind(room.id().as_str())
        .bind(room.kind())
        .fetch_optional(&db.reader)
        .await?;
    row.map(|row| parse_id(&row.try_get::<String, _>(0)?)).transpose()
}

/// Returns whether a user was made a member of a room that a catalogue declares.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn is_room_member(db: &Db, room: &Room, user: &Id) -> Result<bool, DbError> {
    let row = sqlx::query("SELECT 1 FROM room_members WHERE room = $1 AND user_id = $2")
        .bind(room.to_string())
        .bind(user.as_str())
        .fetch_optional(&db.reader)
        .await?;
    Ok(row.is_some())
}

/// Where an entity is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityLocation {
    /// The campaign that it is in.
    pub campaign: Id,
    /// Its type.
    pub entity_type: EntityType,
    /// The entity that it stands in, if any.
    pub parent: Option<Id>,
}

/// Returns where an entity is; `None` if there is none of that id.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn entity_location(db: &Db, entity: &Id) -> Result<Option<EntityLocation>, DbError> {
    let row = sqlx::query("SELECT campaign_id, kind, parent_id FROM entities WHERE id = $1")
        .bind(entity.as_str())
        .fetch_optional(&db.reader)
        .await?;
    row.map(|row| {
        Ok(EntityLocation {
            campaign: parse_id(row.try_get(0)?)?,
            entity_type: EntityType::from(row.try_get::<&str, _>(1)?),
            parent: row.try_get::<Option<&str>, _>(2)?.map(parse_id).transpose()?,
        })
    })
    .transpose()
}

/// Returns the others who share a campaign with a user.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn co_members(db: &Db, user: &Id) -> Result<Vec<Id>, DbError> {
    let rows = sqlx::query(
        "SELECT DISTINCT b.user_id FROM memberships a JOIN memberships b ON b.campaign_id = a.campaign_id \
         WHERE a.user_id = $1 AND b.user_id <> $1",
    )
    .bind(user.as_str())
    .fetch_all(&db.reader)
    .await?;
    rows.iter().map(|row| parse_id(row.try_get(0)?)).collect()
}

/// Returns whether a token of a session may open anything: its user exists and is not disabled, and the session has not
/// ended and is nobody else's. One that is not known here was opened by another application that signs with our key.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn is_admitted(db: &Db, user: &Id, session: &Id) -> Result<bool, DbError> {
    let row = sqlx::query(
        "SELECT 1 FROM users u LEFT JOIN sessions s ON s.id = $2 WHERE u.id = $1 AND u.disabled_ms IS NULL \
         AND (s.id IS NULL OR (s.revoked_ms IS NULL AND s.user_id = u.id))",
    )
    .bind(user.as_str())
    .bind(session.as_str())
    .fetch_optional(&db.reader)
    .await?;
    Ok(row.is_some())
}

/// Reads a stored role.
pub(super) fn parse_role(text: &str) -> Result<Role, DbError> {
    text.parse().map_err(|error| DbError::corrupt("role", error))
}

/// Reads a stored id.
pub(super) fn parse_id(text: &str) -> Result<Id, DbError> {
    Id::parse(text).map_err(|error| DbError::corrupt("id", error))
}
