//! Mutations.

use async_graphql::{Context, ID, MergedObject, Object};
use scry_protocol::Id;

use super::error::{ResolverResult, domain_and_caller, id, to_graphql_error};
use super::invitation::InvitationMutation;
use super::types::{Member, Notification, NotificationPreferences, Role, WorldTimeChange};
use super::update::{
    CampaignMutation, EncounterMutation, KingdomMutation, LocationMutation, SettlementMutation, StructureMutation,
};

/// Answers mutations.
#[derive(MergedObject, Default)]
pub struct Mutation(
    CampaignMutation,
    KingdomMutation,
    SettlementMutation,
    StructureMutation,
    LocationMutation,
    EncounterMutation,
    ClockMutation,
    MemberMutation,
    InvitationMutation,
    NotificationMutation,
);

#[derive(Default)]
struct ClockMutation;

#[Object]
impl ClockMutation {
    /// Moves a campaign's clock; backwards where `seconds` is negative. With `rewind` it is forgotten that the clock
    /// was ever further than where it is, or goes to: scheduled effects after that happen again.
    async fn advance_world_time(
        &self,
        ctx: &Context<'_>,
        campaign_id: ID,
        seconds: i64,
        #[graphql(default)] rewind: bool,
        idempotency_key: Option<String>,
    ) -> ResolverResult<WorldTimeChange> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let (campaign, key) = (id("campaignId", &campaign_id)?, idempotency_key.as_deref());
        Ok(domain.advance_world_time(caller, &campaign, seconds, rewind, key).await.map_err(to_graphql_error)?.into())
    }

    /// Sets a campaign's clock to an RFC 3339 time; `rewind` as for `advanceWorldTime`.
    async fn set_world_time(
        &self,
        ctx: &Context<'_>,
        campaign_id: ID,
        time: String,
        #[graphql(default)] rewind: bool,
        idempotency_key: Option<String>,
    ) -> ResolverResult<WorldTimeChange> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let (campaign, key) = (id("campaignId", &campaign_id)?, idempotency_key.as_deref());
        Ok(domain.set_world_time(caller, &campaign, &time, rewind, key).await.map_err(to_graphql_error)?.into())
    }
}

#[derive(Default)]
struct MemberMutation;

#[Object]
impl MemberMutation {
    /// Ends a membership; answers true. Everybody may end their own.
    async fn remove_member(
        &self,
        ctx: &Context<'_>,
        campaign_id: ID,
        user_id: ID,
        idempotency_key: Option<String>,
    ) -> ResolverResult<bool> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let (campaign, user) = (id("campaignId", &campaign_id)?, id("userId", &user_id)?);
        domain.remove_member(caller, &campaign, &user, idempotency_key.as_deref()).await.map_err(to_graphql_error)?;
        Ok(true)
    }

    async fn set_member_role(
        &self,
        ctx: &Context<'_>,
        campaign_id: ID,
        user_id: ID,
        role: Role,
        idempotency_key: Option<String>,
    ) -> ResolverResult<Member> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let (campaign, user) = (id("campaignId", &campaign_id)?, id("userId", &user_id)?);
        let key = idempotency_key.as_deref();
        Ok(domain.set_member_role(caller, &campaign, &user, role.into(), key).await.map_err(to_graphql_error)?.into())
    }
}

#[derive(Default)]
struct NotificationMutation;

#[Object]
impl NotificationMutation {
    /// Notifies users who share a campaign with the caller; answers how many.
    async fn notify(
        &self,
        ctx: &Context<'_>,
        user_ids: Vec<ID>,
        title: String,
        #[graphql(default)] body: String,
        #[graphql(default_with = "\"info\".to_owned()")] level: String,
        idempotency_key: Option<String>,
    ) -> ResolverResult<usize> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let users: Vec<Id> = user_ids.iter().map(|user| id("userIds", user)).collect::<ResolverResult<_>>()?;
        domain.notify(caller, &users, &title, &body, &level, idempotency_key.as_deref()).await.map_err(to_graphql_error)
    }

    async fn mark_notification_read(&self, ctx: &Context<'_>, id: ID) -> ResolverResult<Notification> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let id = super::error::id("id", &id)?;
        Ok(domain.mark_notification_read(caller, &id).await.map_err(to_graphql_error)?.into())
    }

    /// Marks all of the caller's notifications as read; answers how many were not.
    async fn mark_all_notifications_read(&self, ctx: &Context<'_>) -> ResolverResult<u64> {
        let (domain, caller) = domain_and_caller(ctx)?;
        domain.mark_all_notifications_read(caller).await.map_err(to_graphql_error)
    }

    /// Chooses what the caller is told at once; what is left out stays as it is.
    async fn set_notification_preferences(
        &self,
        ctx: &Context<'_>,
        levels: Option<Vec<String>>,
        kinds: Option<Vec<String>>,
    ) -> ResolverResult<NotificationPreferences> {
        let (domain, caller) = domain_and_caller(ctx)?;
        Ok(domain.set_notification_preferences(caller, levels, kinds).await.map_err(to_graphql_error)?.into())
    }
}
