//! Queries: what the caller may not view is answered like what does not exist.

use std::collections::HashMap;

use scry_protocol::{Id, Position};
use sqlx::AnyConnection;

use super::{Caller, CampaignView, Domain, DomainError, Entity, EntityKind, Member, campaign, member, store};
use crate::journal::{self, JournalRow};
use crate::limits::LimitKind;
use crate::rules::authorization::{CampaignAction, Decision, allow};

/// Bounds one answer: ids in a request, events in a page.
pub const MAX_NODES: usize = 1_000;
/// The greatest number of events that one query returns.
pub const MAX_EVENTS: u32 = 1_000;

/// A whole campaign as it was at `position`.
#[derive(Debug, Clone)]
pub struct CampaignSnapshot {
    /// The last event that the state includes.
    pub position: Position,
    /// The campaign itself.
    pub campaign: CampaignView,
    /// Its kingdoms.
    pub kingdoms: Vec<Entity>,
    /// Its settlements.
    pub settlements: Vec<Entity>,
    /// Its structures.
    pub structures: Vec<Entity>,
    /// Its locations.
    pub locations: Vec<Entity>,
    /// Its encounters.
    pub encounters: Vec<Entity>,
    /// Its members.
    pub members: Vec<Member>,
}

/// What a `nodes` query finds.
#[derive(Debug, Clone)]
pub enum NodeRecord {
    /// A campaign.
    Campaign(CampaignView),
    /// Something in a campaign.
    Entity(Entity),
    /// A membership.
    Member(Member),
}

impl Domain {
    /// Returns an entity of one kind, if the caller may view it.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn entity(&self, caller: &Caller, kind: EntityKind, id: &Id) -> Result<Option<Entity>, DomainError> {
        let mut tx = self.state.db.read().await?;
        let Some(entity) = store::load(&mut tx, kind, id).await? else { return Ok(None) };
        Ok(can_view(&mut tx, caller, &entity.campaign_id).await?.then_some(entity))
    }

    /// Returns a campaign's entities of one kind; empty if the caller may not view it.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn in_campaign(
        &self,
        caller: &Caller,
        campaign: &Id,
        kind: EntityKind,
    ) -> Result<Vec<Entity>, DomainError> {
        let mut tx = self.state.db.read().await?;
        if !can_view(&mut tx, caller, campaign).await? {
            return Ok(Vec::new());
        }
        Ok(store::in_campaign(&mut tx, campaign, kind).await?)
    }

    /// Returns an entity's children of one kind; empty if the caller may not view it.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn children(&self, caller: &Caller, parent: &Id, kind: EntityKind) -> Result<Vec<Entity>, DomainError> {
        let mut tx = self.state.db.read().await?;
        let Some(entity) = store::load_any(&mut tx, parent).await? else { return Ok(Vec::new()) };
        if !can_view(&mut tx, caller, &entity.campaign_id).await? {
            return Ok(Vec::new());
        }
        let mut children = store::children(&mut tx, parent).await?;
        children.retain(|child| child.kind == kind);
        Ok(children)
    }

    /// Returns what the caller may view of `ids`, in their order; the rest is left out.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] for more than [`MAX_NODES`] ids.
    pub async fn nodes(&self, caller: &Caller, ids: &[Id]) -> Result<Vec<NodeRecord>, DomainError> {
        if ids.len() > MAX_NODES {
            return Err(DomainError::out_of_bounds(
                LimitKind::QuerySize,
                "ids",
                format!("must be at most {MAX_NODES}"),
            ));
        }
        self.state.metrics.refetched("nodes");
        let mut tx = self.state.db.read().await?;
        let mut viewable = HashMap::new();
        let mut nodes = Vec::with_capacity(ids.len());
        for id in ids {
            let Some((campaign, node)) = load_node(&mut tx, caller, id).await? else { continue };
            let allowed = match viewable.get(&campaign) {
                Some(allowed) => *allowed,
                None => can_view(&mut tx, caller, &campaign).await?,
            };
            viewable.insert(campaign, allowed);
            if allowed {
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    /// Returns a whole campaign and the position it corresponds to, all of one moment.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn snapshot(&self, caller: &Caller, id: &Id) -> Result<Option<CampaignSnapshot>, DomainError> {
        self.state.metrics.refetched("snapshot");
        let mut tx = self.state.db.read().await?;
        let Some(campaign) = campaign::view(&mut tx, &caller.user_id, id).await? else { return Ok(None) };
        Ok(Some(CampaignSnapshot {
            position: campaign.position.clone(),
            campaign,
            kingdoms: store::in_campaign(&mut tx, id, EntityKind::Kingdom).await?,
            settlements: store::in_campaign(&mut tx, id, EntityKind::Settlement).await?,
            structures: store::in_campaign(&mut tx, id, EntityKind::Structure).await?,
            locations: store::in_campaign(&mut tx, id, EntityKind::Location).await?,
            encounters: store::in_campaign(&mut tx, id, EntityKind::Encounter).await?,
            members: member::in_campaign(&mut tx, id).await?,
        }))
    }

    /// Returns a campaign's events after `since`, in order; empty if the caller may not view it.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] for a limit that is not 1 to [`MAX_EVENTS`].
    pub async fn events(
        &self,
        caller: &Caller,
        campaign: &Id,
        since: u64,
        limit: u32,
    ) -> Result<Vec<JournalRow>, DomainError> {
        if !(1..=MAX_EVENTS).contains(&limit) {
            return Err(DomainError::invalid("limit", format!("must be from 1 to {MAX_EVENTS}")));
        }
        let mut tx = self.state.db.read().await?;
        if !can_view(&mut tx, caller, campaign).await? {
            return Ok(Vec::new());
        }
        // In the same transaction: whoever is removed meanwhile sees nothing of what came after.
        Ok(journal::after(&mut *tx, campaign, since, limit).await?)
    }
}

pub(super) async fn can_view(db: &mut AnyConnection, caller: &Caller, campaign: &Id) -> Result<bool, DomainError> {
    let role = store::role(db, &caller.user_id, campaign).await?;
    Ok(allow(role, CampaignAction::View) == Decision::Allow)
}

async fn load_node(db: &mut AnyConnection, caller: &Caller, id: &Id) -> Result<Option<(Id, NodeRecord)>, DomainError> {
    if let Some(entity) = store::load_any(db, id).await? {
        let campaign = entity.campaign_id.clone();
        let node = match entity.kind {
            EntityKind::Campaign => campaign::view(db, &caller.user_id, id).await?.map(NodeRecord::Campaign),
            EntityKind::Kingdom
            | EntityKind::Settlement
            | EntityKind::Structure
            | EntityKind::Location
            | EntityKind::Encounter => Some(NodeRecord::Entity(entity)),
        };
        return Ok(node.map(|node| (campaign, node)));
    }
    let member = member::load(db, id).await?;
    Ok(member.map(|member| (member.campaign_id.clone(), NodeRecord::Member(member))))
}
