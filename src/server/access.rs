//! Lookups that answer who may see what.

use sqlx::Row;

use super::db::{Db, DbError};
use crate::protocol::{Id, Role, Room};

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

/// Returns the campaign that a room belongs to; `None` if there is no such room, or it is a user's.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn campaign_of(db: &Db, room: &Room) -> Result<Option<Id>, DbError> {
    if matches!(room, Room::User(_)) {
        return Ok(None);
    }
    let row = sqlx::query("SELECT campaign_id FROM entities WHERE id = $1 AND kind = $2")
        .bind(room.id().as_str())
        .bind(room.kind())
        .fetch_optional(&db.reader)
        .await?;
    row.map(|row| parse_id(&row.try_get::<String, _>(0)?)).transpose()
}

/// Reads a stored role.
pub(super) fn parse_role(text: &str) -> Result<Role, DbError> {
    text.parse().map_err(|error| DbError::corrupt("role", error))
}

/// Reads a stored id.
pub(super) fn parse_id(text: &str) -> Result<Id, DbError> {
    Id::parse(text).map_err(|error| DbError::corrupt("id", error))
}
