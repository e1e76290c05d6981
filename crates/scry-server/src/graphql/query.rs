//! Queries.

use async_graphql::{Context, ID, Object};
use scry_protocol::Id;

use super::error::{Answer, id, parties, refuse};
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
    async fn me(&self, ctx: &Context<'_>) -> Answer<User> {
        let (_, caller) = parties(ctx)?;
        Ok(User { id: ID(caller.user_id.to_string()), username: caller.name.clone() })
    }

    /// The campaigns that the caller is a member of.
    async fn campaigns(&self, ctx: &Context<'_>) -> Answer<Vec<Campaign>> {
        let (domain, caller) = parties(ctx)?;
        Ok(all(domain.campaigns(caller).await.map_err(refuse)?))
    }

    async fn campaign(&self, ctx: &Context<'_>, id: ID) -> Answer<Option<Campaign>> {
        let (domain, caller) = parties(ctx)?;
        let id = self::id("id", &id)?;
        Ok(domain.campaign(caller, &id).await.map_err(refuse)?.map(Campaign::from))
    }

    async fn kingdoms_by_campaign(&self, ctx: &Context<'_>, campaign_id: ID) -> Answer<Vec<Kingdom>> {
        in_campaign(ctx, &campaign_id, EntityKind::Kingdom).await
    }

    async fn settlements_by_kingdom(&self, ctx: &Context<'_>, kingdom_id: ID) -> Answer<Vec<Settlement>> {
        children(ctx, "kingdomId", &kingdom_id, EntityKind::Settlement).await
    }

    async fn structures_by_settlement(&self, ctx: &Context<'_>, settlement_id: ID) -> Answer<Vec<Structure>> {
        children(ctx, "settlementId", &settlement_id, EntityKind::Structure).await
    }

    async fn locations_by_campaign(&self, ctx: &Context<'_>, campaign_id: ID) -> Answer<Vec<Location>> {
        in_campaign(ctx, &campaign_id, EntityKind::Location).await
    }

    async fn encounters_by_campaign(&self, ctx: &Context<'_>, campaign_id: ID) -> Answer<Vec<Encounter>> {
        in_campaign(ctx, &campaign_id, EntityKind::Encounter).await
    }

    async fn settlement(&self, ctx: &Context<'_>, id: ID) -> Answer<Option<Settlement>> {
        entity(ctx, &id, EntityKind::Settlement).await
    }

    async fn structure(&self, ctx: &Context<'_>, id: ID) -> Answer<Option<Structure>> {
        entity(ctx, &id, EntityKind::Structure).await
    }

    /// What the caller may view of `ids`, in their order.
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Answer<Vec<Node>> {
        let (domain, caller) = parties(ctx)?;
        let ids: Vec<Id> = ids.iter().map(|id| self::id("ids", id)).collect::<Answer<_>>()?;
        Ok(domain.nodes(caller, &ids).await.map_err(refuse)?.into_iter().filter_map(Node::new).collect())
    }

    /// A whole campaign at one position of its journal.
    async fn snapshot(&self, ctx: &Context<'_>, campaign_id: ID) -> Answer<Option<Snapshot>> {
        let (domain, caller) = parties(ctx)?;
        let id = id("campaignId", &campaign_id)?;
        Ok(domain.snapshot(caller, &id).await.map_err(refuse)?.map(Snapshot::from))
    }

    /// A campaign's events after `since`, in order.
    async fn events(
        &self,
        ctx: &Context<'_>,
        campaign_id: ID,
        since: Option<u64>,
        limit: Option<u32>,
    ) -> Answer<Vec<JournalEvent>> {
        let (domain, caller) = parties(ctx)?;
        let (since, limit) = (since.unwrap_or_default(), limit.unwrap_or(DEFAULT_EVENTS));
        let campaign = id("campaignId", &campaign_id)?;
        Ok(all(domain.events(caller, &campaign, since, limit).await.map_err(refuse)?))
    }

    /// What the campaign's clock will bring until a world time, in order.
    async fn due_effects(
        &self,
        ctx: &Context<'_>,
        campaign_id: ID,
        until: String,
        limit: Option<u32>,
    ) -> Answer<Vec<DueEffect>> {
        let (domain, caller) = parties(ctx)?;
        let campaign = id("campaignId", &campaign_id)?;
        let limit = limit.unwrap_or(DEFAULT_EVENTS);
        Ok(all(domain.due_effects(caller, &campaign, &until, limit).await.map_err(refuse)?))
    }

    /// How to show the events that the server's catalogues declare, besides the five that every campaign has.
    async fn catalogue_events(&self, ctx: &Context<'_>) -> Answer<Vec<CatalogueEvent>> {
        let (domain, _) = parties(ctx)?;
        Ok(all(domain.displays()))
    }

    /// The open invitations to the caller, newest first.
    #[graphql(complexity = "20 + child_complexity")]
    async fn invitations(&self, ctx: &Context<'_>) -> Answer<Vec<Invitation>> {
        let (domain, caller) = parties(ctx)?;
        Ok(all(domain.invitations(caller).await.map_err(refuse)?))
    }

    /// The open invitations to a campaign that the caller owns, newest first.
    #[graphql(complexity = "20 + child_complexity")]
    async fn campaign_invitations(&self, ctx: &Context<'_>, campaign_id: ID) -> Answer<Vec<Invitation>> {
        let (domain, caller) = parties(ctx)?;
        let campaign = id("campaignId", &campaign_id)?;
        Ok(all(domain.campaign_invitations(caller, &campaign).await.map_err(refuse)?))
    }

    /// Whose invitations do not reach the caller, the latest first.
    #[graphql(complexity = "20 + child_complexity")]
    async fn blocked_inviters(&self, ctx: &Context<'_>) -> Answer<Vec<BlockedInviter>> {
        let (domain, caller) = parties(ctx)?;
        Ok(all(domain.blocked_inviters(caller).await.map_err(refuse)?))
    }

    /// The caller's latest notifications, newest first; only those not read yet, if so asked.
    async fn notifications(&self, ctx: &Context<'_>, #[graphql(default)] unread: bool) -> Answer<Vec<Notification>> {
        let (domain, caller) = parties(ctx)?;
        Ok(all(domain.notifications(caller, unread).await.map_err(refuse)?))
    }

    /// How many of the caller's notifications are not read yet.
    async fn unread_notifications(&self, ctx: &Context<'_>) -> Answer<u64> {
        let (domain, caller) = parties(ctx)?;
        domain.unread_notifications(caller).await.map_err(refuse)
    }

    /// What the caller is told at once.
    async fn notification_preferences(&self, ctx: &Context<'_>) -> Answer<NotificationPreferences> {
        let (domain, caller) = parties(ctx)?;
        Ok(domain.notification_preferences(caller).await.map_err(refuse)?.into())
    }
}

async fn entity<T: From<crate::domain::Entity>>(ctx: &Context<'_>, id: &ID, kind: EntityKind) -> Answer<Option<T>> {
    let (domain, caller) = parties(ctx)?;
    let id = self::id("id", id)?;
    Ok(domain.entity(caller, kind, &id).await.map_err(refuse)?.map(T::from))
}

async fn in_campaign<T: From<crate::domain::Entity>>(ctx: &Context<'_>, id: &ID, kind: EntityKind) -> Answer<Vec<T>> {
    let (domain, caller) = parties(ctx)?;
    let id = self::id("campaignId", id)?;
    Ok(all(domain.in_campaign(caller, &id, kind).await.map_err(refuse)?))
}

async fn children<T: From<crate::domain::Entity>>(
    ctx: &Context<'_>,
    field: &str,
    id: &ID,
    kind: EntityKind,
) -> Answer<Vec<T>> {
    let (domain, caller) = parties(ctx)?;
    let id = self::id(field, id)?;
    Ok(all(domain.children(caller, &id, kind).await.map_err(refuse)?))
}
