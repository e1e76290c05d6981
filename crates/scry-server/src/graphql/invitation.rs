//! Invitations over GraphQL.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::error::{ResolverResult, domain_and_caller, id, to_graphql_error};
use super::types::{Member, Role};
use crate::domain;

/// An open invitation to a campaign.
#[derive(SimpleObject)]
pub(super) struct Invitation {
    id: ID,
    campaign_id: ID,
    campaign_name: String,
    inviter_id: ID,
    inviter_name: String,
    /// The user's id or name, as the inviter wrote it; it need not be anybody's.
    invitee: String,
    /// The role that the user gets by accepting.
    role: Role,
    created_at: String,
    expires_at: String,
}

/// Somebody whose invitations do not reach the caller.
#[derive(SimpleObject)]
pub(super) struct BlockedInviter {
    /// A user's id or name, as the caller wrote it; it need not be anybody's.
    user: String,
    created_at: String,
}

#[derive(Default)]
pub(super) struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Invites a user, who becomes a member by accepting; `userId` may also be a user name. A name that nobody has is
    /// answered in the same way.
    async fn add_member(
        &self,
        ctx: &Context<'_>,
        campaign_id: ID,
        user_id: String,
        role: Role,
        idempotency_key: Option<String>,
    ) -> ResolverResult<Invitation> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let (campaign, key) = (id("campaignId", &campaign_id)?, idempotency_key.as_deref());
        Ok(domain.invite(caller, &campaign, &user_id, role.into(), key).await.map_err(to_graphql_error)?.into())
    }

    /// Makes the caller a member, as an invitation to them says.
    async fn accept_invitation(&self, ctx: &Context<'_>, id: ID) -> ResolverResult<Member> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let id = super::error::id("id", &id)?;
        Ok(domain.accept_invitation(caller, &id).await.map_err(to_graphql_error)?.into())
    }

    /// Declines an invitation to the caller, and answers with what it was.
    async fn decline_invitation(&self, ctx: &Context<'_>, id: ID) -> ResolverResult<Invitation> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let id = super::error::id("id", &id)?;
        Ok(domain.decline_invitation(caller, &id).await.map_err(to_graphql_error)?.into())
    }

    /// Withdraws an invitation to a campaign that the caller owns, and answers with what it was.
    async fn withdraw_invitation(&self, ctx: &Context<'_>, id: ID) -> ResolverResult<Invitation> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let id = super::error::id("id", &id)?;
        Ok(domain.withdraw_invitation(caller, &id).await.map_err(to_graphql_error)?.into())
    }

    /// Keeps a user's invitations from the caller, those that are open included; `userId` may also be a user name.
    async fn block_inviter(&self, ctx: &Context<'_>, user_id: String) -> ResolverResult<BlockedInviter> {
        let (domain, caller) = domain_and_caller(ctx)?;
        Ok(domain.block_inviter(caller, &user_id).await.map_err(to_graphql_error)?.into())
    }

    /// Takes an entry from the caller's list of blocked inviters, named as it is listed; answers true.
    async fn unblock_inviter(&self, ctx: &Context<'_>, user_id: String) -> ResolverResult<bool> {
        let (domain, caller) = domain_and_caller(ctx)?;
        domain.unblock_inviter(caller, &user_id).await.map_err(to_graphql_error)?;
        Ok(true)
    }
}

impl From<domain::Invitation> for Invitation {
    fn from(it: domain::Invitation) -> Self {
        Self {
            id: ID(it.id.to_string()),
            campaign_id: ID(it.campaign_id.to_string()),
            campaign_name: it.campaign_name,
            inviter_id: ID(it.inviter_id.to_string()),
            inviter_name: it.inviter_name,
            invitee: it.invitee,
            role: it.role.into(),
            created_at: it.created_at,
            expires_at: it.expires_at,
        }
    }
}

impl From<domain::invitation::Block> for BlockedInviter {
    fn from(it: domain::invitation::Block) -> Self {
        Self { user: it.user, created_at: it.created_at }
    }
}
