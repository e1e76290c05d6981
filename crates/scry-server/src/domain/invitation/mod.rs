//! Invitations: nobody becomes a member of a campaign without having accepted one.
//!
//! Inviting an unknown name is answered like inviting a known one, and in the same time: the request only stores what
//! was written. Whom it means is looked up afterwards (`announce`).

mod announce;
mod answer;
mod blocks;
mod rows;

use std::time::Duration;

use jiff::Timestamp;
use scry_protocol::{Id, Role};
use serde_json::json;
use sqlx::Row;

use super::idempotency::IdempotentRequest;
use super::unit_of_work::UnitOfWork;
use super::{Caller, Domain, DomainError, EntityKind};
use crate::clock;
use crate::limits::LimitKind;
use crate::rules::authorization::CampaignAction;

pub use blocks::Block;
pub use rows::Invitation;

/// The entity type that a notification about an invitation names.
pub const ENTITY_TYPE: &str = "invitation";

impl Domain {
    /// Invites a user, named by id or by user name, to a campaign; inviting them again changes the role.
    ///
    /// # Errors
    /// [`DomainError`]; only owners may. A name that nobody has is no error.
    pub async fn invite(
        &self,
        caller: &Caller,
        campaign: &Id,
        invitee: &str,
        role: Role,
        idempotency_key: Option<&str>,
    ) -> Result<Invitation, DomainError> {
        let request = IdempotentRequest::new(idempotency_key, &json!(["add-member", campaign, invitee, role]))?;
        let invitee = Id::parse(invitee.trim())
            .map_err(|_| DomainError::invalid("userId", "must be a user's id or name, without blanks"))?;
        self.state.quotas.invitation(&caller.user_id).map_err(|wait| {
            DomainError::too_often(LimitKind::Invitations, "you have sent too many invitations", wait)
        })?;
        self.change(caller, async |unit: &mut UnitOfWork| {
            if let Some(first) = unit.find_result(request.as_ref()).await? {
                return Ok(first);
            }
            unit.authorize(campaign, CampaignAction::ManageMembers, EntityKind::Campaign.as_str()).await?;
            require_no_member(unit, campaign, &invitee).await?;
            let (now, ttl) = (unit.now, self.state.config.quota.invitation_ttl);
            let expires_ms = expiry(now, ttl).as_millisecond();
            let id = Id::from(uuid::Uuid::now_v7());
            let new = rows::New { id: &id, campaign, inviter: &caller.user_id, invitee: &invitee, role };
            let renewed = rows::renew(unit.db(), &new, now, expires_ms).await?;
            if renewed.is_none() {
                self.require_room(unit, campaign, now).await?;
                rows::insert(unit.db(), &new, now, expires_ms).await?;
            }
            let id = renewed.unwrap_or(id);
            let invitation = rows::load(unit.db(), &id, now).await?.ok_or(DomainError::NotFound(ENTITY_TYPE))?;
            unit.store_result(request.as_ref(), &invitation).await?;
            Ok(invitation)
        })
        .await
        .inspect(|_| self.announce_soon())
    }

    /// Refuses an invitation beyond those that the caller and the campaign may have open.
    async fn require_room(&self, unit: &mut UnitOfWork, campaign: &Id, now: Timestamp) -> Result<(), DomainError> {
        let quota = &self.state.config.quota;
        let inviter = unit.caller().user_id.clone();
        if rows::open_by_inviter(unit.db(), &inviter, now).await? >= i64::from(quota.max_open_invitations) {
            let limit = quota.max_open_invitations;
            let sentence = format!("you have {limit} open invitations, and more are not allowed; withdraw one first");
            return Err(DomainError::too_many(LimitKind::Invitations, sentence));
        }
        let members = members(unit, campaign).await?;
        let open = rows::open_in_campaign(unit.db(), campaign, now).await?;
        if members + open >= i64::from(quota.max_members_per_campaign) {
            return Err(too_many_members(quota.max_members_per_campaign));
        }
        Ok(())
    }
}

/// Refuses whoever is a member already: an owner sees the members anyway.
async fn require_no_member(unit: &mut UnitOfWork, campaign: &Id, invitee: &Id) -> Result<(), DomainError> {
    let member = sqlx::query(
        "SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.campaign_id = $1 AND (u.id = $2 OR u.username = $2)",
    )
    .bind(campaign.as_str())
    .bind(invitee.as_str())
    .fetch_optional(unit.db())
    .await?;
    match member {
        Some(_) => Err(DomainError::invalid("userId", "is already a member; use setMemberRole")),
        None => Ok(()),
    }
}

/// Counts a campaign's members.
async fn members(unit: &mut UnitOfWork, campaign: &Id) -> Result<i64, DomainError> {
    let row = sqlx::query("SELECT COUNT(*) FROM memberships WHERE campaign_id = $1").bind(campaign.as_str());
    Ok(row.fetch_one(unit.db()).await?.try_get(0)?)
}

/// Builds the error for a campaign that has as many members as it may.
fn too_many_members(limit: u32) -> DomainError {
    let sentence = format!("a campaign may have {limit} members and open invitations; remove or withdraw one first");
    DomainError::too_many(LimitKind::Members, sentence)
}

fn expiry(now: Timestamp, ttl: Duration) -> Timestamp {
    now.checked_add(ttl).unwrap_or(Timestamp::MAX)
}

/// Writes a stored time as it goes over the wire.
fn format_millis(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map(clock::format_time).unwrap_or_default()
}

/// Deletes the open invitations to a campaign of one who leaves it, and those to them.
pub(super) async fn delete_for_member(unit: &mut UnitOfWork, user: &Id, campaign: &Id) -> Result<(), DomainError> {
    sqlx::query("DELETE FROM invitations WHERE campaign_id = $1 AND (inviter_id = $2 OR user_id = $2)")
        .bind(campaign.as_str())
        .bind(user.as_str())
        .execute(unit.db())
        .await?;
    Ok(())
}
