//! Answering and withdrawing invitations.

use scry_protocol::Id;

use super::super::member::{self, Member};
use super::super::unit_of_work::UnitOfWork;
use super::super::{Caller, Domain, DomainError, EntityKind};
use super::{ENTITY_TYPE, Invitation, members, rows, too_many_members};
use crate::clock;
use crate::rules::authorization::CampaignAction;

impl Domain {
    /// Returns the open invitations of the caller, the newest first.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn invitations(&self, caller: &Caller) -> Result<Vec<Invitation>, DomainError> {
        let mut reader = self.state.db.queries.acquire().await?;
        Ok(rows::for_user(&mut reader, &caller.user_id, clock::now()).await?)
    }

    /// Returns the open invitations to a campaign, the newest first.
    ///
    /// # Errors
    /// [`DomainError`]; only owners may.
    pub async fn campaign_invitations(&self, caller: &Caller, campaign: &Id) -> Result<Vec<Invitation>, DomainError> {
        let mut tx = self.state.db.read().await?;
        let what = EntityKind::Campaign.as_str();
        super::super::unit_of_work::authorize(&mut tx, &caller.user_id, campaign, CampaignAction::ManageMembers, what)
            .await?;
        Ok(rows::of_campaign(&mut tx, campaign, clock::now()).await?)
    }

    /// Makes the caller a member, as an invitation says.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] when it is not open, or not the caller's; [`DomainError::Limited`] when the campaign
    /// has as many members as it may.
    pub async fn accept_invitation(&self, caller: &Caller, id: &Id) -> Result<Member, DomainError> {
        self.change(caller, async |unit: &mut UnitOfWork| {
            let invitation = take(unit, id).await?;
            if let Some(member) = member::by_user(unit.db(), &invitation.campaign_id, &caller.user_id).await? {
                return Ok(member);
            }
            let limit = self.state.config.quota.max_members_per_campaign;
            if members(unit, &invitation.campaign_id).await? >= i64::from(limit) {
                return Err(too_many_members(limit));
            }
            let now = unit.timestamp();
            let member = Member::new(&invitation.campaign_id, &caller.user_id, &caller.name, invitation.role, now);
            member::store_new(unit, &member).await?;
            Ok(member)
        })
        .await
    }

    /// Declines an invitation.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] when it is not open, or not the caller's.
    pub async fn decline_invitation(&self, caller: &Caller, id: &Id) -> Result<Invitation, DomainError> {
        self.change(caller, async |unit: &mut UnitOfWork| take(unit, id).await).await
    }

    /// Withdraws an invitation to a campaign.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] when it is not open, or the caller does not own the campaign.
    pub async fn withdraw_invitation(&self, caller: &Caller, id: &Id) -> Result<Invitation, DomainError> {
        self.change(caller, async |unit: &mut UnitOfWork| {
            let now = unit.now;
            let found = rows::load(unit.db(), id, now).await?.ok_or(DomainError::NotFound(ENTITY_TYPE))?;
            // Whoever may not manage the members learns nothing of the invitations.
            match unit.authorize(&found.campaign_id, CampaignAction::ManageMembers, ENTITY_TYPE).await {
                Err(DomainError::Forbidden(_)) => return Err(DomainError::NotFound(ENTITY_TYPE)),
                answer => answer?,
            }
            rows::delete(unit.db(), id).await?;
            Ok(found)
        })
        .await
    }
}

/// Takes an open invitation of the caller away, and marks what told of it as read.
async fn take(unit: &mut UnitOfWork, id: &Id) -> Result<Invitation, DomainError> {
    let (user, now) = (unit.caller().user_id.clone(), unit.now);
    let found = rows::load_for(unit.db(), id, &user, now).await?.ok_or(DomainError::NotFound(ENTITY_TYPE))?;
    rows::delete(unit.db(), id).await?;
    let stamp = unit.timestamp();
    sqlx::query(
        "UPDATE notifications SET read_at = COALESCE(read_at, $4) \
         WHERE user_id = $1 AND entity_type = $2 AND entity_id = $3",
    )
    .bind(user.as_str())
    .bind(ENTITY_TYPE)
    .bind(id.as_str())
    .bind(stamp)
    .execute(unit.db())
    .await?;
    Ok(found)
}
