//! Fields that two people disagree about, until somebody settles them.
//!
//! A dispute opens for whoever lost a value or was refused one. It is settled by the next edit of that field that
//! replaces nothing unseen, whoever makes it, or by the end of the entity; then its holder is told.

use std::collections::BTreeMap;

use scry_protocol::messages::ConflictResolved;
use scry_protocol::{EphemeralEvent, Id};
use sqlx::{Any, AssertSqlSafe, Row};

use super::unit::Unit;
use super::{DomainError, Entity};
use crate::access::parse_id;
use crate::db::batch;

/// Opens disputes of a user about fields of an entity; those that are open already stay so.
pub(super) async fn open(unit: &mut Unit, user: &Id, entity: &Id, fields: &[String]) -> Result<(), DomainError> {
    let now = unit.now.as_millisecond();
    for fields in fields.chunks(batch::MAX_ROWS) {
        let statement = format!(
            "INSERT INTO disputes (entity_id, field, user_id, created_ms) VALUES {} \
             ON CONFLICT (entity_id, field, user_id) DO UPDATE SET created_ms = excluded.created_ms",
            batch::rows(fields.len(), 4)
        );
        let mut query = sqlx::query::<Any>(AssertSqlSafe(statement));
        for field in fields {
            query = query.bind(entity.as_str()).bind(field.as_str()).bind(user.as_str()).bind(now);
        }
        query.execute(unit.db()).await?;
    }
    Ok(())
}

/// Drops the disputes of one who leaves a campaign: what becomes of its things is theirs to know no longer.
pub(super) async fn forget(unit: &mut Unit, user: &Id, campaign: &Id) -> Result<(), DomainError> {
    sqlx::query(
        "DELETE FROM disputes WHERE user_id = $1 AND entity_id IN (SELECT id FROM entities WHERE campaign_id = $2)",
    )
    .bind(user.as_str())
    .bind(campaign.as_str())
    .execute(unit.db())
    .await?;
    Ok(())
}

/// Settles the disputes about some fields of an entity, or about all of them, and tells those who held them.
pub(super) async fn settle(unit: &mut Unit, entity: &Entity, fields: Option<&[String]>) -> Result<(), DomainError> {
    let rows = sqlx::query("SELECT user_id, field FROM disputes WHERE entity_id = $1 ORDER BY user_id, field")
        .bind(entity.id.as_str())
        .fetch_all(unit.db())
        .await?;
    let mut settled: BTreeMap<Id, Vec<String>> = BTreeMap::new();
    for row in &rows {
        let field: String = row.try_get(1)?;
        if fields.is_none_or(|chosen| chosen.contains(&field)) {
            settled.entry(parse_id(row.try_get(0)?)?).or_default().push(field);
        }
    }
    for (user, fields) in settled {
        for fields in fields.chunks(batch::MAX_ROWS) {
            let list = batch::list(3, fields.len());
            let statement = format!("DELETE FROM disputes WHERE entity_id = $1 AND user_id = $2 AND field IN ({list})");
            let query = sqlx::query::<Any>(AssertSqlSafe(statement)).bind(entity.id.as_str()).bind(user.as_str());
            fields.iter().fold(query, |query, field| query.bind(field.as_str())).execute(unit.db()).await?;
        }
        let (entity_type, entity_id) = (entity.kind.into(), entity.id.clone());
        unit.tell(&user, &EphemeralEvent::ConflictResolved(ConflictResolved { entity_type, entity_id, fields }))
            .await?;
    }
    Ok(())
}
