//! Queries.

use async_graphql::{Context, ID, Object};
use scry_protocol::Id;

use super::error::{ResolverResult, domain_and_caller, id, to_graphql_error};
use super::invitation::{BlockedInviter, Invitation};
use super::node::Node;
use super::types::{
    Campaign, CatalogueEvent, DueEffect, Encounter, JournalEvent, Kingdom, Location, Notification,
    NotificationPreferences, Settlement, Snapshot, Structure, User, all,
};
use crate::domain::EntityKind;

/// How many events a query gets that names no limit.
const DEFAULT_EVENTS: u32 = 100;

/// Answers queries; what the caller may not view is answered like what does not exist.
pub struct Query;

#[Object]
impl Query {
    /// The caller.
    async fn me(&self, ctx: &Context<'_>) -> ResolverResult<User> {
        let (_, caller) = domain_and_caller(ctx)?;
        Ok(User { id: ID(caller.user_id.to_string()), username: caller.name.clone() })
    }

    /// The campaigns that the caller is a member of.
    async fn campaigns(&self, ctx: &Context<'_>) -> ResolverResult<Vec<Campaign>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        Ok(all(domain.campaigns(caller).await.map_err(to_graphql_error)?))
    }

    async fn campaign(&self, ctx: &Context<'_>, id: ID) -> ResolverResult<Option<Campaign>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let id = self::id("id", &id)?;
        Ok(domain.campaign(caller, &id).await.map_err(to_graphql_error)?.map(Campaign::from))
    }

    async fn kingdoms_by_campaign(&self, ctx: &Context<'_>, campaign_id: ID) -> ResolverResult<Vec<Kingdom>> {
        in_campaign(ctx, &campaign_id, EntityKind::Kingdom).await
    }

    async fn settlements_by_kingdom(&self, ctx: &Context<'_>, kingdom_id: ID) -> ResolverResult<Vec<Settlement>> {
        children(ctx, "kingdomId", &kingdom_id, EntityKind::Settlement).await
    }

    async fn structures_by_settlement(&self, ctx: &Context<'_>, settlement_id: ID) -> ResolverResult<Vec<Structure>> {
        children(ctx, "settlementId", &settlement_id, EntityKind::Structure).await
    }

    async fn locations_by_campaign(&self, ctx: &Context<'_>, campaign_id: ID) -> ResolverResult<Vec<Location>> {
        in_campaign(ctx, &campaign_id, EntityKind::Location).await
    }

    async fn encounters_by_campaign(&self, ctx: &Context<'_>, campaign_id: ID) -> ResolverResult<Vec<Encounter>> {
        in_campaign(ctx, &campaign_id, EntityKind::Encounter).await
    }

    async fn settlement(&self, ctx: &Context<'_>, id: ID) -> ResolverResult<Option<Settlement>> {
        entity(ctx, &id, EntityKind::Settlement).await
    }

    async fn structure(&self, ctx: &Context<'_>, id: ID) -> ResolverResult<Option<Structure>> {
        entity(ctx, &id, EntityKind::Structure).await
    }

    /// What the caller may view of `ids`, in their order.
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> ResolverResult<Vec<Node>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let ids: Vec<Id> = ids.iter().map(|id| self::id("ids", id)).collect::<ResolverResult<_>>()?;
        Ok(domain.nodes(caller, &ids).await.map_err(to_graphql_error)?.into_iter().filter_map(Node::new).collect())
    }

    /// A whole campaign at one position of its journal.
    async fn snapshot(&self, ctx: &Context<'_>, campaign_id: ID) -> ResolverResult<Option<Snapshot>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let id = id("campaignId", &campaign_id)?;
        Ok(domain.snapshot(caller, &id).await.map_err(to_graphql_error)?.map(Snapshot::from))
    }

    /// A campaign's events after `since`, in order.
    async fn events(
        &self,
        ctx: &Context<'_>,
        campaign_id: ID,
        since: Option<u64>,
        limit: Option<u32>,
    ) -> ResolverResult<Vec<JournalEvent>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let (since, limit) = (since.unwrap_or_default(), limit.unwrap_or(DEFAULT_EVENTS));
        let campaign = id("campaignId", &campaign_id)?;
        Ok(all(domain.events(caller, &campaign, since, limit).await.map_err(to_graphql_error)?))
    }

    /// What the campaign's clock will bring until a world time, in order.
    async fn due_effects(
        &self,
        ctx: &Context<'_>,
        campaign_id: ID,
        until: String,
        limit: Option<u32>,
    ) -> ResolverResult<Vec<DueEffect>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let campaign = id("campaignId", &campaign_id)?;
        let limit = limit.unwrap_or(DEFAULT_EVENTS);
        Ok(all(domain.due_effects(caller, &campaign, &until, limit).await.map_err(to_graphql_error)?))
    }

    /// How to show the events that the server's catalogues declare, besides the five that every campaign has.
    async fn catalogue_events(&self, ctx: &Context<'_>) -> ResolverResult<Vec<CatalogueEvent>> {
        let (domain, _) = domain_and_caller(ctx)?;
        Ok(all(domain.displays()))
    }

    /// The open invitations to the caller, newest first.
    #[graphql(complexity = "20 + child_complexity")]
    async fn invitations(&self, ctx: &Context<'_>) -> ResolverResult<Vec<Invitation>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        Ok(all(domain.invitations(caller).await.map_err(to_graphql_error)?))
    }

    /// The open invitations to a campaign that the caller owns, newest first.
    #[graphql(complexity = "20 + child_complexity")]
    async fn campaign_invitations(&self, ctx: &Context<'_>, campaign_id: ID) -> ResolverResult<Vec<Invitation>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        let campaign = id("campaignId", &campaign_id)?;
        Ok(all(domain.campaign_invitations(caller, &campaign).await.map_err(to_graphql_error)?))
    }

    /// Whose invitations do not reach the caller, the latest first.
    #[graphql(complexity = "20 + child_complexity")]
    async fn blocked_inviters(&self, ctx: &Context<'_>) -> ResolverResult<Vec<BlockedInviter>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        Ok(all(domain.blocked_inviters(caller).await.map_err(to_graphql_error)?))
    }

    /// The caller's latest notifications, newest first; only those not read yet, if so asked.
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] unread: bool,
    ) -> ResolverResult<Vec<Notification>> {
        let (domain, caller) = domain_and_caller(ctx)?;
        Ok(all(domain.notifications(caller, unread).await.map_err(to_graphql_error)?))
    }

    /// How many of the caller's notifications are not read yet.
    async fn unread_notifications(&self, ctx: &Context<'_>) -> ResolverResult<u64> {
        let (domain, caller) = domain_and_caller(ctx)?;
        domain.unread_notifications(caller).await.map_err(to_graphql_error)
    }

    /// What the caller is told at once.
    async fn notification_preferences(&self, ctx: &Context<'_>) -> ResolverResult<NotificationPreferences> {
        let (domain, caller) = domain_and_caller(ctx)?;
        Ok(domain.notification_preferences(caller).await.map_err(to_graphql_error)?.into())
    }
}

async fn entity<T: From<crate::domain::Entity>>(
    ctx: &Context<'_>,
    id: &ID,
    kind: EntityKind,
) -> ResolverResult<Option<T>> {
    let (domain, caller) = domain_and_caller(ctx)?;
    let id = self::id("id", id)?;
    Ok(domain.entity(caller, kind, &id).await.map_err(to_graphql_error)?.map(T::from))
}

async fn in_campaign<T: From<crate::domain::Entity>>(
    ctx: &Context<'_>,
    id: &ID,
    kind: EntityKind,
) -> ResolverResult<Vec<T>> {
    let (domain, caller) = domain_and_caller(ctx)?;
    let id = self::id("campaignId", id)?;
    Ok(all(domain.in_campaign(caller, &id, kind).await.map_err(to_graphql_error)?))
}

async fn children<T: From<crate::domain::Entity>>(
    ctx: &Context<'_>,
    field: &str,
    id: &ID,
    kind: EntityKind,
) -> ResolverResult<Vec<T>> {
    let (domain, caller) = domain_and_caller(ctx)?;
    let id = self::id(field, id)?;
    Ok(all(domain.children(caller, &id, kind).await.map_err(to_graphql_error)?))
}
