//! Events that a service publishes: the consequences that it worked out from others.

use scry_protocol::event::StateInvalidated;
use scry_protocol::{EntityType, Event, Id, InvalidationScope, Payload, Source};
use sqlx::Row;

use super::unit_of_work::{EventDetails, UnitOfWork};
use super::{Caller, Domain, DomainError, EntityKind, store};
use crate::limits::LimitKind;
use crate::rules::authorization::CampaignAction;

/// The number of fields that one invalidation names at most, and the length of a name.
const MAX_FIELDS: usize = 500;
const MAX_FIELD_BYTES: usize = 128;

impl Domain {
    /// Journals that computed values of a campaign no longer hold.
    ///
    /// # Errors
    /// [`DomainError`]; the caller must be a service account and an editor of the campaign.
    pub async fn invalidate(
        &self,
        caller: &Caller,
        payload: StateInvalidated,
        caused_by: Option<Id>,
    ) -> Result<Event, DomainError> {
        self.require_service(caller).await?;
        check_fields(&payload.affected_fields)?;
        self.change_as(caller, Source::RulesEngine, caused_by, async |unit: &mut UnitOfWork| {
            unit.authorize(&payload.campaign_id, CampaignAction::Edit, EntityKind::Campaign.as_str()).await?;
            check_subject(unit, &payload).await?;
            unit.record(Payload::StateInvalidated(payload), EventDetails::default()).await
        })
        .await
    }

    /// Refuses whoever is no service account.
    pub(super) async fn require_service(&self, caller: &Caller) -> Result<(), DomainError> {
        let row = sqlx::query("SELECT is_service FROM users WHERE id = $1")
            .bind(caller.user_id.as_str())
            .fetch_optional(&self.state.db.reader)
            .await?;
        if row.map(|row| row.try_get::<i64, _>(0)).transpose()? == Some(1) {
            Ok(())
        } else {
            Err(DomainError::Forbidden("only a service account publishes events"))
        }
    }
}

/// Refuses more names than an event has room for: each subscriber is sent a copy.
fn check_fields(names: &[String]) -> Result<(), DomainError> {
    if names.len() > MAX_FIELDS || names.iter().any(|name| name.len() > MAX_FIELD_BYTES) {
        let problem = format!("may have {MAX_FIELDS} names of {MAX_FIELD_BYTES} bytes; an empty list means all fields");
        return Err(DomainError::out_of_bounds(LimitKind::EventSize, "payload.affectedFields", problem));
    }
    Ok(())
}

/// Refuses an invalidation whose entity is not one of its campaign.
async fn check_subject(unit: &mut UnitOfWork, payload: &StateInvalidated) -> Result<(), DomainError> {
    match (payload.scope, &payload.entity_type, &payload.entity_id) {
        (InvalidationScope::Campaign, None, None) => Ok(()),
        (InvalidationScope::Campaign, ..) => {
            Err(DomainError::invalid("payload.scope", "must be entity where an entity is named"))
        }
        (InvalidationScope::Entity, Some(entity_type), Some(id)) => {
            let found = store::load_any(unit.db(), id).await?;
            let fits =
                |e: &super::Entity| e.campaign_id == payload.campaign_id && EntityType::from(e.kind) == *entity_type;
            if found.as_ref().is_some_and(fits) {
                return Ok(());
            }
            Err(DomainError::invalid("payload.entityId", "is not an entity of this campaign"))
        }
        (InvalidationScope::Entity, ..) => {
            Err(DomainError::invalid("payload.entityId", "and entityType are needed for scope entity"))
        }
    }
}
