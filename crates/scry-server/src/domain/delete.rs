//! Deleting entities, with all that cannot be without them.

use std::collections::{BTreeMap, HashSet};

use scry_protocol::{Conflict, Id, Operation, Room};
use serde_json::{Value, json};
use sqlx::{Any, AssertSqlSafe, Row};

use super::idempotency::IdempotentRequest;
use super::unit_of_work::{EventDetails, UnitOfWork};
use super::update::find;
use super::{Caller, Domain, DomainError, Entity, EntityKind, conflict_watch, store};
use crate::db::batch;
use crate::limits::LimitKind;
use crate::rules::authorization::CampaignAction;
use crate::rules::fields::{self, Flat};

/// The number of entities that one deletion takes along at most.
const MAX_DELETED: usize = 2_500;

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
        kind: EntityKind,
        id: &Id,
        expected_version: Option<i64>,
        idempotency_key: Option<&str>,
    ) -> Result<(), DomainError> {
        let request = IdempotentRequest::new(idempotency_key, &json!(["delete", kind, id, expected_version]))?;
        self.change(caller, async |unit: &mut UnitOfWork| {
            if let Some(()) = unit.find_result(request.as_ref()).await? {
                return Ok(());
            }
            let action =
                if kind == EntityKind::Campaign { CampaignAction::DeleteCampaign } else { CampaignAction::Edit };
            let entity = find(unit, kind, id, action).await?;
            if expected_version.is_some_and(|expected| expected != entity.version) {
                return Err(DomainError::Conflict(Conflict { current_version: entity.version, fields: Vec::new() }));
            }
            let removed = with_descendants(unit, entity).await?;
            remove(unit, &removed).await?;
            unit.store_result(request.as_ref(), &()).await
        })
        .await
    }
}

/// Returns an entity and all below it, children before parents.
async fn with_descendants(unit: &mut UnitOfWork, root: Entity) -> Result<Vec<Entity>, DomainError> {
    let mut found = Vec::new();
    if root.kind == EntityKind::Campaign {
        check_count(store::count_in_campaign(unit.db(), &root.id).await?)?;
        // Whatever points is listed before what it points at.
        let kinds = [
            EntityKind::Encounter,
            EntityKind::Location,
            EntityKind::Structure,
            EntityKind::Settlement,
            EntityKind::Kingdom,
        ];
        for kind in kinds {
            found.extend(store::in_campaign(unit.db(), &root.id, kind).await?);
        }
    } else {
        let mut generation = store::children(unit.db(), &root.id).await?;
        while !generation.is_empty() {
            check_count(found.len() + generation.len() + 1)?;
            let next = store::children_of(unit.db(), &generation).await?;
            generation.append(&mut found);
            found = std::mem::replace(&mut generation, next);
        }
    }
    found.push(root);
    Ok(found)
}

/// Refuses to take along more than a deletion may, itself included.
fn check_count(count: usize) -> Result<(), DomainError> {
    if count <= MAX_DELETED {
        return Ok(());
    }
    let problem =
        format!("has {} or more entities in it; delete parts of it first, at most {MAX_DELETED} at once", count - 1);
    Err(DomainError::out_of_bounds(LimitKind::Deletions, "id", problem))
}

/// Removes entities of one campaign, children before parents, with an event for each.
///
/// The statements are as few for a whole kingdom as for a house: everybody waits for them.
async fn remove(unit: &mut UnitOfWork, removed: &[Entity]) -> Result<(), DomainError> {
    let Some(root) = removed.last() else { return Ok(()) };
    unlink(unit, root, removed).await?;
    for entity in disputed(unit, removed).await? {
        conflict_watch::resolve(unit, entity, None).await?;
    }
    delete_where(unit, "DELETE FROM entities WHERE id IN", removed.iter().map(|entity| entity.id.to_string())).await?;
    let origin = unit.origin().clone();
    let event = |entity: &Entity| {
        let details = EventDetails { version: Some(entity.version + 1), ..EventDetails::default() };
        (origin.clone(), entity.event(Operation::Delete, Vec::new()), details)
    };
    unit.record_all(&root.campaign_id, removed.iter().map(event).collect()).await?;
    unit.dirty.remove(&removed.iter().map(|entity| &entity.id).collect());
    if root.kind == EntityKind::Campaign {
        end_memberships(unit, &root.id).await?;
    }
    // Nothing will be sent to their rooms any more.
    let rooms = removed.iter().filter_map(|entity| match entity.kind {
        EntityKind::Settlement => Some(Room::Settlement(entity.id.clone()).to_string()),
        EntityKind::Structure => Some(Room::Structure(entity.id.clone()).to_string()),
        EntityKind::Campaign | EntityKind::Kingdom | EntityKind::Location | EntityKind::Encounter => None,
    });
    delete_where(unit, "DELETE FROM room_heads WHERE room IN", rooms).await
}

/// Takes the ids of entities that are removed out of what points at them and stays, each with an event of its own.
async fn unlink(unit: &mut UnitOfWork, root: &Entity, removed: &[Entity]) -> Result<(), DomainError> {
    if root.kind == EntityKind::Campaign {
        return Ok(());
    }
    let ids: HashSet<&Id> = removed.iter().map(|entity| &entity.id).collect();
    let kinds: HashSet<EntityKind> = removed.iter().map(|entity| entity.kind).collect();
    let mut links: BTreeMap<&'static str, (EntityKind, Vec<&'static str>)> = BTreeMap::new();
    for (kind, field) in kinds.into_iter().flat_map(EntityKind::links) {
        links.entry(kind.as_str()).or_insert((kind, Vec::new())).1.push(field);
    }
    let (mut loosened, mut events) = (Vec::new(), Vec::new());
    for (kind, fields) in links.into_values() {
        for pointing in store::in_campaign(unit.db(), &root.campaign_id, kind).await? {
            let is_doomed = |field: &&'static str| pointing.link(field).is_some_and(|id| ids.contains(&id));
            let loose: Flat =
                fields.iter().filter(|field| is_doomed(field)).map(|f| ((*f).to_owned(), Value::Null)).collect();
            if loose.is_empty() || ids.contains(&pointing.id) {
                continue;
            }
            let mut entity = pointing.clone();
            fields::apply(&mut entity.name, &mut entity.fields, &loose);
            entity.version += 1;
            entity.updated_at = unit.timestamp();
            let changes = fields::changes(&pointing.flat(), &entity.flat());
            let changed = changes.iter().map(|change| change.field.clone()).collect();
            let details = EventDetails { version: Some(entity.version), changes, ..EventDetails::default() };
            events.push((unit.origin().clone(), entity.event(Operation::Update, changed), details));
            loosened.push(entity);
        }
    }
    unit.store_all(loosened).await?;
    unit.record_all(&root.campaign_id, events).await
}

/// Returns those entities about which somebody waits for a conflict to be resolved.
async fn disputed<'a>(unit: &mut UnitOfWork, entities: &'a [Entity]) -> Result<Vec<&'a Entity>, DomainError> {
    let mut disputed = HashSet::new();
    for entities in entities.chunks(batch::MAX_ROWS) {
        let list = batch::list(unit.db(), 1, entities.len());
        let statement = format!("SELECT DISTINCT entity_id FROM disputes WHERE entity_id IN ({list})");
        let query = sqlx::query::<Any>(AssertSqlSafe(statement));
        let query = entities.iter().fold(query, |query, entity| query.bind(entity.id.as_str()));
        for row in query.fetch_all(unit.db()).await? {
            disputed.insert(row.try_get::<String, _>(0)?);
        }
    }
    Ok(entities.iter().filter(|entity| disputed.contains(entity.id.as_str())).collect())
}

/// Runs a statement that ends before a list of keys, for as many at once as one may have, in their order.
async fn delete_where(
    unit: &mut UnitOfWork,
    statement: &'static str,
    keys: impl Iterator<Item = String>,
) -> Result<(), DomainError> {
    let keys: Vec<String> = keys.collect();
    for keys in keys.chunks(batch::MAX_ROWS) {
        let list = batch::list(unit.db(), 1, keys.len());
        let query = sqlx::query::<Any>(AssertSqlSafe(format!("{statement} ({list})")));
        keys.iter().fold(query, |query, key| query.bind(key.as_str())).execute(unit.db()).await?;
    }
    Ok(())
}

async fn end_memberships(unit: &mut UnitOfWork, campaign: &Id) -> Result<(), DomainError> {
    for statement in [
        "DELETE FROM memberships WHERE campaign_id = $1",
        "DELETE FROM invitations WHERE campaign_id = $1",
        "DELETE FROM definitions WHERE campaign_id = $1",
    ] {
        sqlx::query(statement).bind(campaign.as_str()).execute(unit.db()).await?;
    }
    Ok(())
}
