//! Fields with a conflict, until it is resolved.
//!
//! A watch opens for a user who lost a value or was refused one. It is resolved by the next edit of that field that
//! replaces nothing unseen, whoever makes it, or by the end of the entity; then that user is notified.

use std::collections::BTreeMap;

use scry_protocol::messages::ConflictResolved;
use scry_protocol::{EphemeralEvent, Id};
use sqlx::{Any, AssertSqlSafe, Row};

use super::unit_of_work::UnitOfWork;
use super::{DomainError, Entity};
use crate::access::parse_id;
use crate::db::batch;

/// Opens watches of a user on fields of an entity; those that are open already stay so.
pub(super) async fn open(unit: &mut UnitOfWork, user: &Id, entity: &Id, fields: &[String]) -> Result<(), DomainError> {
    let now = unit.now.as_millisecond();
    for fields in fields.chunks(batch::MAX_ROWS) {
        let statement = format!(
            "INSERT INTO disputes (entity_id, field, user_id, created_ms) VALUES {} \
             ON CONFLICT (entity_id, field, user_id) DO UPDATE SET created_ms = excluded.created_ms",
            batch::rows(unit.db(), fields.len(), 4)
        );
        let mut query = sqlx::query::<Any>(AssertSqlSafe(statement));
        for field in fields {
            query = query.bind(entity.as_str()).bind(field.as_str()).bind(user.as_str()).bind(now);
        }
        query.execute(unit.db()).await?;
    }
    Ok(())
}

/// Drops the watches of a user who leaves a campaign: former members are not notified.
pub(super) async fn drop_of_user(unit: &mut UnitOfWork, user: &Id, campaign: &Id) -> Result<(), DomainError> {
    sqlx::query(
        "DELETE FROM disputes WHERE user_id = $1 AND entity_id IN (SELECT id FROM entities WHERE campaign_id = $2)",
    )
    .bind(user.as_str())
    .bind(campaign.as_str())
    .execute(unit.db())
    .await?;
    Ok(())
}

/// Resolves the watches on some fields of an entity, or on all of them, and notifies their users.
pub(super) async fn resolve(
    unit: &mut UnitOfWork,
    entity: &Entity,
    fields: Option<&[String]>,
) -> Result<(), DomainError> {
    let rows = sqlx::query("SELECT user_id, field FROM disputes WHERE entity_id = $1 ORDER BY user_id, field")
        .bind(entity.id.as_str())
        .fetch_all(unit.db())
        .await?;
    let mut resolved: BTreeMap<Id, Vec<String>> = BTreeMap::new();
    for row in &rows {
        let field: String = row.try_get(1)?;
        if fields.is_none_or(|chosen| chosen.contains(&field)) {
            resolved.entry(parse_id(row.try_get(0)?)?).or_default().push(field);
        }
    }
    for (user, fields) in resolved {
        for fields in fields.chunks(batch::MAX_ROWS) {
            let list = batch::list(unit.db(), 3, fields.len());
            let statement = format!("DELETE FROM disputes WHERE entity_id = $1 AND user_id = $2 AND field IN ({list})");
            let query = sqlx::query::<Any>(AssertSqlSafe(statement)).bind(entity.id.as_str()).bind(user.as_str());
            fields.iter().fold(query, |query, field| query.bind(field.as_str())).execute(unit.db()).await?;
        }
        let (entity_type, entity_id) = (entity.kind.into(), entity.id.clone());
        unit.notify(&user, &EphemeralEvent::ConflictResolved(ConflictResolved { entity_type, entity_id, fields }))
            .await?;
    }
    Ok(())
}
