//! Entities in the database.

use scry_protocol::{Id, Role};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row};

use super::idempotency::StoredResult;
use super::{Entity, EntityKind};
use crate::access::{parse_id, parse_role};
use crate::db::{DbError, batch};

/// What an entity counts at least, in bytes: a change of less than that need not be added up.
pub(crate) const MIN_ENTITY_BYTES: i64 = 4_096;

/// Loads an entity of one kind.
pub(crate) async fn load(db: &mut AnyConnection, kind: EntityKind, id: &Id) -> Result<Option<Entity>, DbError> {
    let row = sqlx::query(
        "SELECT id, campaign_id, kind, name, version, created_at, updated_at, fields FROM entities \
         WHERE id = $1 AND kind = $2",
    )
    .bind(id.as_str())
    .bind(kind.as_str())
    .fetch_optional(db)
    .await?;
    row.as_ref().map(entity).transpose()
}

/// An entity and what a change of it has to know besides.
pub(super) struct EntityForEdit {
    pub entity: Entity,
    /// The role that the one who changes it has in its campaign.
    pub role: Option<Role>,
    /// Whether somebody waits for a conflict about it to be resolved.
    pub is_disputed: bool,
    /// What was asked under the same key before, and the result.
    pub earlier: Option<StoredResult>,
}

/// Loads an entity of one kind for a user who wants to change it under a key that is remembered since a time.
///
/// One statement, because everybody who waits for the writer waits for each of them.
pub(super) async fn find(
    db: &mut AnyConnection,
    kind: EntityKind,
    id: &Id,
    user: &Id,
    key: (&str, i64),
) -> Result<Option<EntityForEdit>, DbError> {
    let row = sqlx::query(
        "SELECT e.id, e.campaign_id, e.kind, e.name, e.version, e.created_at, e.updated_at, e.fields, m.role, \
         i.request, i.result, (SELECT COUNT(*) FROM disputes d WHERE d.entity_id = e.id) AS disputes FROM entities e \
         LEFT JOIN memberships m ON m.campaign_id = e.campaign_id AND m.user_id = $3 \
         LEFT JOIN idempotency i ON i.user_id = $3 AND i.key = $4 AND i.created_ms > $5 \
         WHERE e.id = $1 AND e.kind = $2",
    )
    .bind(id.as_str())
    .bind(kind.as_str())
    .bind(user.as_str())
    .bind(key.0)
    .bind(key.1)
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let request: Option<String> = row.try_get("request")?;
    Ok(Some(EntityForEdit {
        entity: entity(&row)?,
        role: row.try_get::<Option<String>, _>("role")?.map(|role| parse_role(&role)).transpose()?,
        is_disputed: row.try_get::<i64, _>("disputes")? > 0,
        earlier: request
            .map(|request| Ok::<_, DbError>(StoredResult { request, result: row.try_get("result")? }))
            .transpose()?,
    }))
}

/// Loads an entity of whatever kind.
pub(crate) async fn load_any(db: &mut AnyConnection, id: &Id) -> Result<Option<Entity>, DbError> {
    let row = sqlx::query(
        "SELECT id, campaign_id, kind, name, version, created_at, updated_at, fields FROM entities WHERE id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(db)
    .await?;
    row.as_ref().map(entity).transpose()
}

/// Returns a campaign's entities of one kind, by name.
pub(crate) async fn in_campaign(
    db: &mut AnyConnection,
    campaign: &Id,
    kind: EntityKind,
) -> Result<Vec<Entity>, DbError> {
    let rows = sqlx::query(
        "SELECT id, campaign_id, kind, name, version, created_at, updated_at, fields FROM entities \
         WHERE campaign_id = $1 AND kind = $2 ORDER BY name, id",
    )
    .bind(campaign.as_str())
    .bind(kind.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(entity).collect()
}

/// Counts a campaign's entities, itself included.
pub(crate) async fn count_in_campaign(db: &mut AnyConnection, campaign: &Id) -> Result<usize, DbError> {
    let row = sqlx::query("SELECT COUNT(*) FROM entities WHERE campaign_id = $1").bind(campaign.as_str());
    Ok(usize::try_from(row.fetch_one(db).await?.try_get::<i64, _>(0)?).unwrap_or_default())
}

/// Returns an entity's children, by name.
pub(crate) async fn children(db: &mut AnyConnection, parent: &Id) -> Result<Vec<Entity>, DbError> {
    let rows = sqlx::query(
        "SELECT id, campaign_id, kind, name, version, created_at, updated_at, fields FROM entities \
         WHERE parent_id = $1 ORDER BY name, id",
    )
    .bind(parent.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(entity).collect()
}

/// Returns the children of several entities, by parent and name.
pub(crate) async fn children_of(db: &mut AnyConnection, parents: &[Entity]) -> Result<Vec<Entity>, DbError> {
    let mut children = Vec::new();
    for parents in parents.chunks(batch::MAX_ROWS) {
        let statement = format!(
            "SELECT id, campaign_id, kind, name, version, created_at, updated_at, fields FROM entities \
             WHERE parent_id IN ({}) ORDER BY parent_id, name, id",
            batch::list(db, 1, parents.len())
        );
        let query = sqlx::query::<Any>(AssertSqlSafe(statement));
        let query = parents.iter().fold(query, |query, parent| query.bind(parent.id.as_str()));
        for row in query.fetch_all(&mut *db).await? {
            children.push(entity(&row)?);
        }
    }
    Ok(children)
}

/// Stores a new entity; returns how many bytes its fields take.
pub(crate) async fn insert(db: &mut AnyConnection, entity: &Entity) -> Result<i64, DbError> {
    let (fields, bytes) = serialize_fields(entity);
    sqlx::query(
        "INSERT INTO entities (id, campaign_id, kind, parent_id, name, version, created_at, updated_at, fields, bytes) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(entity.id.as_str())
    .bind(entity.campaign_id.as_str())
    .bind(entity.kind.as_str())
    .bind(entity.parent().map(|id| id.to_string()))
    .bind(entity.name.as_str())
    .bind(entity.version)
    .bind(entity.created_at.as_str())
    .bind(entity.updated_at.as_str())
    .bind(fields)
    .bind(bytes)
    .execute(db)
    .await?;
    Ok(bytes)
}

/// Writes an entity's fields as they are stored, and counts the bytes.
fn serialize_fields(entity: &Entity) -> (String, i64) {
    let fields = Value::Object(entity.fields.clone()).to_string();
    let bytes = i64::try_from(fields.len()).unwrap_or(i64::MAX);
    (fields, bytes)
}

/// Returns what a campaign's entities take in bytes, each of them at least [`MIN_ENTITY_BYTES`].
pub(crate) async fn bytes_in_campaign(db: &mut AnyConnection, campaign: &Id) -> Result<i64, DbError> {
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(CASE WHEN bytes < $2 THEN $2 ELSE bytes END), 0) AS BIGINT) FROM entities \
         WHERE campaign_id = $1",
    )
    .bind(campaign.as_str())
    .bind(MIN_ENTITY_BYTES)
    .fetch_one(db)
    .await?;
    Ok(row.try_get(0)?)
}

/// Stores an entity's new state, and returns how many bytes its fields take; its identity, kind and campaign never
/// change.
pub(crate) async fn update(db: &mut AnyConnection, entity: &Entity) -> Result<i64, DbError> {
    let (fields, bytes) = serialize_fields(entity);
    sqlx::query(
        "UPDATE entities SET parent_id = $2, name = $3, version = $4, updated_at = $5, fields = $6, bytes = $7 \
         WHERE id = $1",
    )
    .bind(entity.id.as_str())
    .bind(entity.parent().map(|id| id.to_string()))
    .bind(entity.name.as_str())
    .bind(entity.version)
    .bind(entity.updated_at.as_str())
    .bind(fields)
    .bind(bytes)
    .execute(db)
    .await?;
    Ok(bytes)
}

/// Does the same with several entities, each once, in few statements however many there are.
pub(crate) async fn update_all(db: &mut AnyConnection, entities: &[Entity]) -> Result<(), DbError> {
    for entities in entities.chunks(batch::MAX_ROWS) {
        // Both databases call the columns of such a list so.
        let statement = format!(
            "UPDATE entities SET parent_id = new.column2, name = new.column3, version = new.column4, \
             updated_at = new.column5, fields = new.column6, bytes = new.column7 \
             FROM (VALUES {}) AS new WHERE entities.id = new.column1",
            batch::rows(db, entities.len(), 7)
        );
        let mut query = sqlx::query::<Any>(AssertSqlSafe(statement));
        for entity in entities {
            let (fields, bytes) = serialize_fields(entity);
            query = query
                .bind(entity.id.as_str())
                .bind(entity.parent().map(|id| id.to_string()))
                .bind(entity.name.as_str())
                .bind(entity.version)
                .bind(entity.updated_at.as_str())
                .bind(fields)
                .bind(bytes);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Returns a user's role in a campaign, as a connection or transaction sees it.
pub(crate) async fn role(db: &mut AnyConnection, user: &Id, campaign: &Id) -> Result<Option<Role>, DbError> {
    let row = sqlx::query("SELECT role FROM memberships WHERE campaign_id = $1 AND user_id = $2")
        .bind(campaign.as_str())
        .bind(user.as_str())
        .fetch_optional(db)
        .await?;
    row.map(|row| parse_role(&row.try_get::<String, _>(0)?)).transpose()
}

/// Reads an entity from the columns `id, campaign_id, kind, name, version, created_at, updated_at, fields`.
pub(crate) fn entity(row: &AnyRow) -> Result<Entity, DbError> {
    let kind: String = row.try_get("kind")?;
    let fields: String = row.try_get("fields")?;
    Ok(Entity {
        id: parse_id(row.try_get("id")?)?,
        campaign_id: parse_id(row.try_get("campaign_id")?)?,
        kind: EntityKind::parse(&kind).ok_or_else(|| DbError::corrupt("kind", kind))?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        fields: serde_json::from_str(&fields).map_err(|error| DbError::corrupt("fields", error))?,
    })
}
