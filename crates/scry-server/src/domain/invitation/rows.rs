//! Invitations in the database.

use jiff::Timestamp;
use scry_protocol::{Id, Role};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::format_millis;
use crate::access::{parse_id, parse_role};
use crate::db::DbError;

/// An open invitation to a campaign.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: Id,
    /// The campaign that it belongs to.
    pub campaign_id: Id,
    /// The campaign's name.
    pub campaign_name: String,
    /// The user who invites.
    pub inviter_id: Id,
    /// Their name.
    pub inviter_name: String,
    /// The user's id or name, as the inviter wrote it; it need not be anybody's.
    pub invitee: String,
    /// The role that the user gets by accepting.
    pub role: Role,
    /// RFC 3339 UTC with milliseconds, like `expires_at`.
    pub created_at: String,
    /// Until when it can be accepted, as RFC 3339 UTC.
    pub expires_at: String,
}

/// What is stored of a new invitation.
pub(super) struct New<'a> {
    pub id: &'a Id,
    pub campaign: &'a Id,
    pub inviter: &'a Id,
    pub invitee: &'a Id,
    pub role: Role,
}

/// Selects invitations whose inviter may still invite: one who may not any more invites nobody.
const SELECT: &str = "SELECT i.id, i.campaign_id, e.name, i.inviter_id, u.username, i.invitee, i.role, i.created_ms, \
     i.expires_ms FROM invitations i JOIN entities e ON e.id = i.campaign_id JOIN users u ON u.id = i.inviter_id \
     JOIN memberships m ON m.campaign_id = i.campaign_id AND m.user_id = i.inviter_id AND m.role = 'OWNER' \
     WHERE i.expires_ms > $1 AND ";

/// Loads an open invitation.
pub(super) async fn load(db: &mut AnyConnection, id: &Id, now: Timestamp) -> Result<Option<Invitation>, DbError> {
    Ok(select(db, "i.id = $2", id, now).await?.pop())
}

/// Loads an open invitation that reaches a user.
pub(super) async fn load_for(
    db: &mut AnyConnection,
    id: &Id,
    user: &Id,
    now: Timestamp,
) -> Result<Option<Invitation>, DbError> {
    Ok(for_user(db, user, now).await?.into_iter().find(|invitation| invitation.id == *id))
}

/// Returns the open invitations that reach a user, the newest first.
pub(super) async fn for_user(db: &mut AnyConnection, user: &Id, now: Timestamp) -> Result<Vec<Invitation>, DbError> {
    select(db, "i.user_id = $2 AND i.announced = 1 ORDER BY i.created_ms DESC, i.id DESC", user, now).await
}

/// Returns the open invitations to a campaign, the newest first.
pub(super) async fn of_campaign(
    db: &mut AnyConnection,
    campaign: &Id,
    now: Timestamp,
) -> Result<Vec<Invitation>, DbError> {
    select(db, "i.campaign_id = $2 ORDER BY i.created_ms DESC, i.id DESC", campaign, now).await
}

async fn select(
    db: &mut AnyConnection,
    filter: &'static str,
    of: &Id,
    now: Timestamp,
) -> Result<Vec<Invitation>, DbError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT}{filter}")))
        .bind(now.as_millisecond())
        .bind(of.as_str())
        .fetch_all(db)
        .await?;
    rows.iter().map(read).collect()
}

/// Renews an inviter's open invitation, with a role and an end; returns its id, if there is one.
pub(super) async fn renew(
    db: &mut AnyConnection,
    new: &New<'_>,
    now: Timestamp,
    expires_ms: i64,
) -> Result<Option<Id>, DbError> {
    // One that has expired, or that another owner made, is not renewed: its successor is announced anew.
    sqlx::query(
        "DELETE FROM invitations WHERE campaign_id = $1 AND (expires_ms <= $2 OR invitee = $3 AND inviter_id <> $4)",
    )
    .bind(new.campaign.as_str())
    .bind(now.as_millisecond())
    .bind(new.invitee.as_str())
    .bind(new.inviter.as_str())
    .execute(&mut *db)
    .await?;
    let row = sqlx::query(
        "UPDATE invitations SET role = $3, expires_ms = $4 WHERE campaign_id = $1 AND invitee = $2 RETURNING id",
    )
    .bind(new.campaign.as_str())
    .bind(new.invitee.as_str())
    .bind(new.role.as_str())
    .bind(expires_ms)
    .fetch_optional(db)
    .await?;
    row.map(|row| parse_id(row.try_get(0)?)).transpose()
}

/// Stores a new invitation.
pub(super) async fn insert(
    db: &mut AnyConnection,
    new: &New<'_>,
    now: Timestamp,
    expires_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO invitations (id, campaign_id, inviter_id, invitee, role, created_ms, expires_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(new.id.as_str())
    .bind(new.campaign.as_str())
    .bind(new.inviter.as_str())
    .bind(new.invitee.as_str())
    .bind(new.role.as_str())
    .bind(now.as_millisecond())
    .bind(expires_ms)
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes an invitation.
pub(super) async fn delete(db: &mut AnyConnection, id: &Id) -> Result<(), DbError> {
    sqlx::query("DELETE FROM invitations WHERE id = $1").bind(id.as_str()).execute(db).await?;
    Ok(())
}

/// Counts a user's open invitations to others.
pub(super) async fn open_by_inviter(db: &mut AnyConnection, inviter: &Id, now: Timestamp) -> Result<i64, DbError> {
    count(db, "SELECT COUNT(*) FROM invitations WHERE inviter_id = $1 AND expires_ms > $2", inviter, now).await
}

/// Counts the open invitations to a campaign.
pub(super) async fn open_in_campaign(db: &mut AnyConnection, campaign: &Id, now: Timestamp) -> Result<i64, DbError> {
    count(db, "SELECT COUNT(*) FROM invitations WHERE campaign_id = $1 AND expires_ms > $2", campaign, now).await
}

/// Counts the open invitations that reach a user.
pub(super) async fn open_for_user(db: &mut AnyConnection, user: &Id, now: Timestamp) -> Result<i64, DbError> {
    count(db, "SELECT COUNT(*) FROM invitations WHERE user_id = $1 AND expires_ms > $2", user, now).await
}

async fn count(db: &mut AnyConnection, query: &'static str, of: &Id, now: Timestamp) -> Result<i64, DbError> {
    let row = sqlx::query(query).bind(of.as_str()).bind(now.as_millisecond()).fetch_one(db).await?;
    Ok(row.try_get(0)?)
}

fn read(row: &AnyRow) -> Result<Invitation, DbError> {
    Ok(Invitation {
        id: parse_id(row.try_get(0)?)?,
        campaign_id: parse_id(row.try_get(1)?)?,
        campaign_name: row.try_get(2)?,
        inviter_id: parse_id(row.try_get(3)?)?,
        inviter_name: row.try_get(4)?,
        invitee: row.try_get(5)?,
        role: parse_role(row.try_get(6)?)?,
        created_at: format_millis(row.try_get(7)?),
        expires_at: format_millis(row.try_get(8)?),
    })
}
