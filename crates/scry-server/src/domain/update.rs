//! Changing entities, also when two people change the same one.

use scry_protocol::{Conflict, Id, OnConflict, Operation};
use serde_json::json;
use sqlx::Row;

use super::idempotency::IdempotentRequest;
use super::store::EntityForEdit;
use super::unit_of_work::{ChangeOrigin, EventDetails, UnitOfWork, permit};
use super::{Caller, Domain, DomainError, Entity, EntityKind, FieldMap, conflict_watch, input, overwritten, store};
use crate::db::DbError;
use crate::rules::authorization::CampaignAction;
use crate::rules::fields::{self, Flat};
use crate::rules::merge::{self, MergeInput, MergeOutcome, OverwrittenValue, PastEdit, PastEdits};

/// How many edits are compared with another at most, and how long their changes may be as JSON all together.
const MAX_PAST_EDITS: i64 = 200;
const MAX_PAST_BYTES: i64 = 1024 * 1024;

/// What the editor believes to be changing.
#[derive(Debug, Clone, Copy, Default)]
pub struct EditPrecondition {
    /// The version that the editor had seen; `None` changes whatever is there.
    pub version: Option<i64>,
    /// What happens to fields that somebody else has changed meanwhile.
    pub on_conflict: OnConflict,
}

impl Domain {
    /// Changes the fields that `input` names; a change that changes nothing writes no event.
    ///
    /// # Errors
    /// [`DomainError`], [`DomainError::Conflict`] when the edit meets another that it may not replace.
    pub async fn update(
        &self,
        caller: &Caller,
        kind: EntityKind,
        id: &Id,
        input: &FieldMap,
        expectation: EditPrecondition,
        idempotency_key: Option<&str>,
    ) -> Result<Entity, DomainError> {
        let asked = json!(["update", kind, id, input, expectation.version, expectation.on_conflict]);
        let request = IdempotentRequest::new(idempotency_key, &asked)?;
        let edit = async |unit: &mut UnitOfWork| {
            let found = find_for_edit(unit, kind, id, request.as_ref()).await?;
            if let Some(earlier_result) = earlier_result(unit, request.as_ref(), found.as_ref()).await? {
                return Ok(Ok(earlier_result));
            }
            let found = found.ok_or(DomainError::NotFound(kind.as_str()))?;
            permit(found.role, CampaignAction::Edit, kind.as_str())?;
            let edited = edit(unit, found, input, expectation).await?;
            if let Ok(entity) = &edited {
                unit.store_result(request.as_ref(), entity).await?;
            }
            Ok(edited)
        };
        self.change(caller, edit).await?.map_err(DomainError::Conflict)
    }
}

/// Applies an edit that its caller may make, or notes that it was in conflict with another: that is kept as well.
async fn edit(
    unit: &mut UnitOfWork,
    found: EntityForEdit,
    input: &FieldMap,
    expectation: EditPrecondition,
) -> Result<Result<Entity, Conflict>, DomainError> {
    let EntityForEdit { entity: stored, is_disputed, .. } = found;
    let mine = input::update(stored.kind, input)?;
    let replaced = match resolve_edit(unit, &stored, &mine, expectation).await {
        Err(DomainError::Conflict(conflict)) => {
            let fields: Vec<String> = conflict.fields.iter().map(|conflict| conflict.field.clone()).collect();
            let user = unit.caller().user_id.clone();
            conflict_watch::open(unit, &user, &stored.id, &fields).await?;
            return Ok(Err(conflict));
        }
        settled => settled?,
    };
    let entity = write(unit, &stored, &mine).await?;
    let entity = unit.derive_and_reload(entity).await?;
    if is_disputed {
        let unseen = |field: &String| replaced.iter().any(|value| value.field.field == *field);
        let seen: Vec<String> = mine.keys().filter(|field| !unseen(field)).cloned().collect();
        conflict_watch::resolve(unit, &entity, Some(&seen)).await?;
    }
    overwritten::notify(unit, &entity, replaced).await?;
    Ok(Ok(entity))
}

/// Loads an entity that the caller may act on.
pub(super) async fn find(
    unit: &mut UnitOfWork,
    kind: EntityKind,
    id: &Id,
    action: CampaignAction,
) -> Result<Entity, DomainError> {
    let EntityForEdit { entity, role, .. } =
        find_for_edit(unit, kind, id, None).await?.ok_or(DomainError::NotFound(kind.as_str()))?;
    permit(role, action, kind.as_str())?;
    Ok(entity)
}

async fn find_for_edit(
    unit: &mut UnitOfWork,
    kind: EntityKind,
    id: &Id,
    request: Option<&IdempotentRequest>,
) -> Result<Option<EntityForEdit>, DomainError> {
    let (user, since) = (unit.caller().user_id.clone(), unit.results_kept_since());
    // A key has at least one byte, so that nothing is remembered under none.
    let key = request.map_or("", IdempotentRequest::key);
    Ok(store::find(unit.db(), kind, id, &user, (key, since)).await?)
}

/// Returns the result of the same request, if it was made before; what it changed may be gone by now.
async fn earlier_result(
    unit: &mut UnitOfWork,
    request: Option<&IdempotentRequest>,
    found: Option<&EntityForEdit>,
) -> Result<Option<Entity>, DomainError> {
    match (request, found) {
        (Some(request), Some(found)) => found.earlier.as_ref().map(|earlier| request.result(earlier)).transpose(),
        (request, _) => unit.find_result(request).await,
    }
}

/// Applies an edit to a stored entity and records it, unless nothing changes.
pub(super) async fn write(unit: &mut UnitOfWork, stored: &Entity, edit: &Flat) -> Result<Entity, DomainError> {
    write_as(unit, stored, edit, unit.origin().clone(), EventDetails::default()).await
}

/// Does the same for another part of the system.
pub(super) async fn write_as(
    unit: &mut UnitOfWork,
    stored: &Entity,
    edit: &Flat,
    origin: ChangeOrigin,
    details: EventDetails,
) -> Result<Entity, DomainError> {
    let mut entity = stored.clone();
    fields::apply(&mut entity.name, &mut entity.fields, edit);
    let changes = fields::changes(&stored.flat(), &entity.flat());
    if changes.is_empty() {
        return Ok(stored.clone());
    }
    input::check_size(&entity, Some(stored))?;
    if edit.keys().any(|field| field.starts_with("variable") || field == "calendar") {
        input::check_entity(&entity)?;
    }
    input::check_links(unit.db(), &entity, |field| edit.contains_key(field)).await?;
    entity.version += 1;
    entity.updated_at = unit.timestamp();
    unit.store_edit(&entity).await?;
    let changed = changes.iter().map(|change| change.field.clone()).collect();
    let details = EventDetails { version: Some(entity.version), changes, ..details };
    unit.record_as(origin, entity.event(Operation::Update, changed), details).await?;
    Ok(entity)
}

/// Decides whether an edit may be applied; returns the values of others that it replaces.
async fn resolve_edit(
    unit: &mut UnitOfWork,
    stored: &Entity,
    mine: &Flat,
    expectation: EditPrecondition,
) -> Result<Vec<OverwrittenValue>, DomainError> {
    let past = match expectation.version {
        Some(expected) if expected != stored.version => past(unit, stored, expected).await?,
        _ => PastEdits { edits: Vec::new(), complete: true },
    };
    let flat = stored.flat();
    let edit = MergeInput {
        mine,
        stored: &flat,
        version: stored.version,
        expected: expectation.version,
        policy: expectation.on_conflict,
    };
    match merge::decide(edit, &past) {
        MergeOutcome::Apply { replaced } => Ok(replaced),
        MergeOutcome::Reject(conflict) => Err(DomainError::Conflict(conflict)),
    }
}

/// Reads what was changed since a version; each version left exactly one row in the journal.
///
/// Others wait meanwhile, so no more is read than a little: an editor who has missed more than that is answered like
/// one whose version the journal does not reach any more.
async fn past(unit: &mut UnitOfWork, stored: &Entity, expected: i64) -> Result<PastEdits, DomainError> {
    let rows = sqlx::query(
        "SELECT user_id, changes FROM (SELECT user_id, changes, version, \
         SUM(LENGTH(changes)) OVER (ORDER BY version DESC) AS size FROM journal WHERE entity_id = $1 AND version > $2) \
         AS latest WHERE size <= $3 ORDER BY version",
    )
    .bind(stored.id.as_str())
    .bind(expected.max(stored.version.saturating_sub(MAX_PAST_EDITS)))
    .bind(MAX_PAST_BYTES)
    .fetch_all(unit.db())
    .await?;
    let mut edits = Vec::with_capacity(rows.len());
    for row in &rows {
        let by: Option<String> = row.try_get(0)?;
        let changes: String = row.try_get(1)?;
        edits.push(PastEdit {
            by: by.and_then(|id| Id::parse(&id).ok()),
            changes: serde_json::from_str(&changes).map_err(|error| DbError::corrupt("changes", error))?,
        });
    }
    let complete = i64::try_from(edits.len()).ok() == stored.version.checked_sub(expected);
    Ok(PastEdits { edits, complete })
}
