//! Deleting entities, with all that cannot be without them.

use serde_json::{Value, json};

use super::idempotency::Request;
use super::unit::{Details, Unit};
use super::update::{find, write};
use super::{Caller, Domain, DomainError, Entity, Kind, dispute, store};
use crate::protocol::{Conflict, Id, Operation, Room};
use crate::server::rules::authorization::Action;
use crate::server::rules::fields::Flat;

impl Domain {
    /// Deletes an entity and its children, children first, each with an event of its own.
    ///
    /// What merely points at a deleted entity loses the pointer, with an update of its own. A
    /// campaign's memberships end with it; its journal stays, so that its last event can be sent.
    ///
    /// # Errors
    /// [`DomainError`], [`DomainError::Conflict`] when the version is not the expected one.
    pub async fn delete(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &Id,
        expected_version: Option<i64>,
        idempotency_key: Option<&str>,
    ) -> Result<(), DomainError> {
        let request = Request::new(idempotency_key, &json!(["delete", kind, id, expected_version]))?;
        self.change(caller, async |unit: &mut Unit| {
            if let Some(()) = unit.recall(request.as_ref()).await? {
                return Ok(());
            }
            let action = if kind == Kind::Campaign { Action::DeleteCampaign } else { Action::Edit };
            let entity = find(unit, kind, id, action).await?;
            if expected_version.is_some_and(|expected| expected != entity.version) {
                return Err(DomainError::Conflict(Conflict { current_version: entity.version, fields: Vec::new() }));
            }
            for doomed in with_descendants(unit, entity).await? {
                remove(unit, &doomed).await?;
            }
            unit.remember(request.as_ref(), &()).await
        })
        .await
    }
}

/// Lists an entity and all below it, children before parents.
async fn with_descendants(unit: &mut Unit, root: Entity) -> Result<Vec<Entity>, DomainError> {
    let mut open = vec![root];
    let mut found = Vec::new();
    while let Some(entity) = open.pop() {
        if entity.kind == Kind::Campaign {
            // Taken from the end and turned round again, this deletes who points before what is pointed at.
            for kind in [Kind::Encounter, Kind::Location, Kind::Kingdom] {
                open.extend(store::in_campaign(unit.db(), &entity.id, kind).await?);
            }
        } else {
            open.extend(store::children(unit.db(), &entity.id).await?);
        }
        found.push(entity);
    }
    found.reverse();
    Ok(found)
}

async fn remove(unit: &mut Unit, entity: &Entity) -> Result<(), DomainError> {
    unlink(unit, entity).await?;
    store::delete(unit.db(), &entity.id).await?;
    dispute::settle(unit, entity, None).await?;
    let details = Details { version: Some(entity.version + 1), ..Details::default() };
    unit.record(entity.event(Operation::Delete, Vec::new()), details).await?;
    match entity.kind {
        Kind::Campaign => end_memberships(unit, &entity.id).await,
        Kind::Settlement => forget(unit, &Room::Settlement(entity.id.clone())).await,
        Kind::Structure => forget(unit, &Room::Structure(entity.id.clone())).await,
        Kind::Kingdom | Kind::Location | Kind::Encounter => Ok(()),
    }
}

/// Takes an entity's id out of what points at it.
async fn unlink(unit: &mut Unit, entity: &Entity) -> Result<(), DomainError> {
    for (kind, field) in entity.kind.links() {
        for pointing in store::in_campaign(unit.db(), &entity.campaign_id, kind).await? {
            if pointing.link(field).as_ref() == Some(&entity.id) {
                write(unit, &pointing, &Flat::from([(field.to_owned(), Value::Null)])).await?;
            }
        }
    }
    Ok(())
}

async fn end_memberships(unit: &mut Unit, campaign: &Id) -> Result<(), DomainError> {
    for statement in [
        "DELETE FROM memberships WHERE campaign_id = $1",
        "DELETE FROM invitations WHERE campaign_id = $1",
        "DELETE FROM definitions WHERE campaign_id = $1",
    ] {
        sqlx::query(statement).bind(campaign.as_str()).execute(unit.db()).await?;
    }
    Ok(())
}

/// Forgets the head of a room that nothing will be sent to any more.
async fn forget(unit: &mut Unit, room: &Room) -> Result<(), DomainError> {
    sqlx::query("DELETE FROM room_heads WHERE room = $1").bind(room.to_string()).execute(unit.db()).await?;
    Ok(())
}
