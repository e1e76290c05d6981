//! Creating entities.

use scry_protocol::{Id, Operation, Role};
use serde_json::json;
use sqlx::Row;

use super::idempotency::IdempotentRequest;
use super::unit_of_work::{EventDetails, UnitOfWork};
use super::{Caller, Domain, DomainError, Entity, EntityKind, FieldMap, Member, input, member, store};
use crate::limits::LimitKind;
use crate::rules::authorization::CampaignAction;
use crate::rules::fields;

impl Domain {
    /// Creates an entity in a campaign that the caller may edit.
    ///
    /// Where its kind has a parent, that decides the campaign; elsewhere `campaignId` does. A new
    /// campaign belongs to the caller.
    ///
    /// # Errors
    /// [`DomainError`] naming the field at fault, or hiding what the caller may not see.
    pub async fn create(
        &self,
        caller: &Caller,
        kind: EntityKind,
        input: &FieldMap,
        idempotency_key: Option<&str>,
    ) -> Result<Entity, DomainError> {
        let request = IdempotentRequest::new(idempotency_key, &json!(["create", kind, input]))?;
        let (name, fields) = input::create(kind, input)?;
        self.change(caller, async |unit: &mut UnitOfWork| {
            if let Some(first) = unit.find_result(request.as_ref()).await? {
                return Ok(first);
            }
            let id = Id::from(uuid::Uuid::now_v7());
            let campaign_id = match kind {
                EntityKind::Campaign => id.clone(),
                EntityKind::Kingdom
                | EntityKind::Settlement
                | EntityKind::Structure
                | EntityKind::Location
                | EntityKind::Encounter => target_campaign(unit, kind, input, &fields).await?,
            };
            if kind == EntityKind::Campaign {
                self.require_campaigns_left(unit).await?;
            }
            check_entity_limit(unit, &campaign_id, self.state.config.max_campaign_entities).await?;
            let now = unit.timestamp();
            let entity =
                Entity { id, campaign_id, kind, name, version: 1, created_at: now.clone(), updated_at: now, fields };
            let entity = store_new(unit, entity).await?;
            unit.store_result(request.as_ref(), &entity).await?;
            Ok(entity)
        })
        .await
    }

    /// Refuses a campaign beyond those that the caller may own.
    ///
    /// Those count that they have made themselves and still own: nobody fills another's quota by making them an owner.
    async fn require_campaigns_left(&self, unit: &mut UnitOfWork) -> Result<(), DomainError> {
        let limit = self.state.config.quota.max_campaigns_per_user;
        let caller = unit.caller().user_id.clone();
        let row = sqlx::query(
            "SELECT COUNT(*) FROM memberships m JOIN campaigns c ON c.id = m.campaign_id AND c.created_by = m.user_id \
             WHERE m.user_id = $1 AND m.role = 'OWNER'",
        )
        .bind(caller.as_str())
        .fetch_one(unit.db())
        .await?;
        if row.try_get::<i64, _>(0)? < i64::from(limit) {
            return Ok(());
        }
        let sentence =
            format!("you own {limit} campaigns that you have made, and more are not allowed; delete one first");
        Err(DomainError::too_many(LimitKind::Campaigns, sentence))
    }
}

/// Stores a new entity, with what it does not come without; returns it with what follows from it.
async fn store_new(unit: &mut UnitOfWork, mut entity: Entity) -> Result<Entity, DomainError> {
    if entity.kind == EntityKind::Campaign {
        open_campaign(unit, &mut entity).await?;
    }
    input::check_size(&entity, None)?;
    input::check_entity(&entity)?;
    input::check_links(unit.db(), &entity, |_| true).await?;
    unit.insert(&entity).await?;
    announce(unit, &entity).await?;
    if entity.kind == EntityKind::Campaign {
        let (user, now) = (unit.caller().clone(), unit.timestamp());
        let owner = Member::new(&entity.campaign_id, &user.user_id, &user.name, Role::Owner, now);
        member::store_new(unit, &owner).await?;
    }
    unit.derive_and_reload(entity).await
}

/// Finds the campaign that a new entity goes to and checks that the caller may edit it.
async fn target_campaign(
    unit: &mut UnitOfWork,
    kind: EntityKind,
    input: &FieldMap,
    fields: &FieldMap,
) -> Result<Id, DomainError> {
    let id_of = |name, from: &FieldMap| from.get(name).and_then(|v| v.as_str()).and_then(|text| Id::parse(text).ok());
    match kind.parent() {
        Some((field, parent_kind)) => {
            let parent = id_of(field, fields).ok_or_else(|| DomainError::invalid(field, "must be an id"))?;
            let not_found = DomainError::NotFound(parent_kind.as_str());
            let parent = store::load(unit.db(), parent_kind, &parent).await?.ok_or(not_found)?;
            unit.authorize(&parent.campaign_id, CampaignAction::Edit, parent_kind.as_str()).await?;
            Ok(parent.campaign_id)
        }
        None => {
            let campaign = id_of("campaignId", input).ok_or_else(|| DomainError::invalid("campaignId", "is needed"))?;
            unit.authorize(&campaign, CampaignAction::Edit, EntityKind::Campaign.as_str()).await?;
            Ok(campaign)
        }
    }
}

/// Refuses another entity of a campaign that is full: what the clock touches, it touches in all of them.
async fn check_entity_limit(unit: &mut UnitOfWork, campaign: &Id, most: u32) -> Result<(), DomainError> {
    let row = sqlx::query("SELECT COUNT(*) FROM entities WHERE campaign_id = $1")
        .bind(campaign.as_str())
        .fetch_one(unit.db())
        .await?;
    if row.try_get::<i64, _>(0)? < i64::from(most) {
        return Ok(());
    }
    let problem = format!("has {most} entities, as many as a campaign may have; delete some (max_campaign_entities)");
    Err(DomainError::out_of_bounds(LimitKind::Entities, "campaignId", problem))
}

async fn open_campaign(unit: &mut UnitOfWork, campaign: &mut Entity) -> Result<(), DomainError> {
    if campaign.json("worldTime").is_null() {
        campaign.fields.insert("worldTime".to_owned(), unit.timestamp().into());
    }
    let creator = unit.caller().user_id.clone();
    sqlx::query("INSERT INTO campaigns (id, epoch, created_by) VALUES ($1, $2, $3)")
        .bind(campaign.id.as_str())
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(creator.as_str())
        .execute(unit.db())
        .await?;
    Ok(())
}

async fn announce(unit: &mut UnitOfWork, entity: &Entity) -> Result<(), DomainError> {
    let changes = fields::changes(&fields::Flat::new(), &entity.flat());
    let changed = changes.iter().map(|change| change.field.clone()).collect();
    let details = EventDetails { version: Some(entity.version), changes, ..EventDetails::default() };
    unit.record(entity.event(Operation::Create, changed), details).await?;
    Ok(())
}
