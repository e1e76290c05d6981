//! Loading a world into the database; what is already there is left alone.

use scry_protocol::Id;
use scry_world::{Campaign, Sheet, StoredDefinition, World};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use uuid::{Builder, Uuid};

use super::auth::password::Passwords;
use super::auth::{key, users};
use super::clock;
use super::db::{Db, DbError, Tx};
use super::domain::{Entity, EntityKind, FieldMap, Member, member, store};
use super::error::ServerError;
use crate::config::ServerConfig;

/// The moment that the ids of seeded things carry: 2026-01-01T00:00:00Z in Unix milliseconds.
const SEED_TIME_MS: u64 = 1_767_225_600_000;

/// Counts what a seed added; all zero when everything was there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeedReport {
    /// New users.
    pub users: usize,
    /// New campaigns.
    pub campaigns: usize,
    /// New entities.
    pub entities: usize,
}

/// Loads a world, in one transaction. A user or campaign that exists, or did, is not touched.
///
/// Ids are derived from the names in the world file, so that every server that loads the same world
/// knows its things by the same ids.
///
/// # Errors
/// [`ServerError`] naming the setting that does not work.
pub async fn seed(config: &ServerConfig, world: &World) -> Result<SeedReport, ServerError> {
    key::prepare_data_dir(&config.data_dir)?;
    let passwords = Passwords::new(config.auth.argon2).map_err(|error| ServerError::Config(error.to_string()))?;
    let db = Db::open(config).await?;
    let report = load(&db, &passwords, world).await;
    db.close().await;
    report
}

async fn load(db: &Db, passwords: &Passwords, world: &World) -> Result<SeedReport, ServerError> {
    let newcomers = missing_users(db, passwords, world).await?;
    db.write(async |tx: &mut Tx| {
        let mut report = SeedReport::default();
        for user in &newcomers {
            report.users += usize::from(add_user(tx, user).await?);
        }
        for campaign in &world.campaigns {
            let added = add_campaign(tx, campaign).await?;
            report.campaigns += usize::from(added > 0);
            report.entities += added;
        }
        Ok(report)
    })
    .await
}

/// Returns the users of a world who are not known yet. Their passwords are hashed here, before anybody waits for the
/// change that adds them.
async fn missing_users(db: &Db, passwords: &Passwords, world: &World) -> Result<Vec<users::UserRecord>, ServerError> {
    let mut newcomers = Vec::new();
    for user in &world.users {
        let mut reader = db.read().await?;
        let is_known = users::by_name(&mut reader, &user.name).await?.is_some();
        drop(reader);
        if is_known {
            continue;
        }
        let hash = passwords.hash(user.password.clone()).await;
        newcomers.push(users::UserRecord {
            id: stable_id(&["user", &user.name]),
            username: user.name.clone(),
            password_hash: hash.map_err(|error| ServerError::Config(error.to_string()))?,
            is_service: user.service,
            is_disabled: false,
        });
    }
    Ok(newcomers)
}

async fn add_user(db: &mut AnyConnection, user: &users::UserRecord) -> Result<bool, DbError> {
    if users::by_name(db, &user.username).await?.is_some() {
        return Ok(false);
    }
    users::insert(db, user).await?;
    Ok(true)
}

/// Adds a campaign and all that is in it; returns how many entities, 0 if it was there.
async fn add_campaign(db: &mut AnyConnection, campaign: &Campaign) -> Result<usize, DbError> {
    let id = stable_id(&["campaign", &campaign.slug]);
    let added = sqlx::query("INSERT INTO campaigns (id, epoch) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
        .bind(id.as_str())
        .bind(Uuid::now_v7().to_string())
        .execute(&mut *db)
        .await?;
    if added.rows_affected() == 0 {
        return Ok(0);
    }
    let entities = entities(campaign, &id);
    for entity in &entities {
        store::insert(db, entity).await?;
    }
    add_members(db, campaign, &id).await?;
    add_definitions(db, campaign, &id).await?;
    Ok(entities.len())
}

async fn add_members(db: &mut AnyConnection, campaign: &Campaign, campaign_id: &Id) -> Result<(), DbError> {
    let now = clock::format_time(clock::now());
    for listed in &campaign.members {
        let user = users::by_name(db, &listed.user).await?;
        let user = user.ok_or_else(|| DbError::corrupt("member", format!("there is no user {}", listed.user)))?;
        let id = stable_id(&["member", &campaign.slug, &listed.user]);
        let made = Member::new(campaign_id, &user.id, &user.username, listed.role, now.clone());
        member::insert(db, &Member { id, ..made }).await?;
    }
    Ok(())
}

async fn add_definitions(db: &mut AnyConnection, campaign: &Campaign, campaign_id: &Id) -> Result<(), DbError> {
    for (rank, mut definition) in (0_i64..).zip(campaign.definitions()) {
        set_target(&mut definition, campaign);
        sqlx::query("INSERT INTO definitions (campaign_id, kind, slug, body, rank) VALUES ($1, $2, $3, $4, $5)")
            .bind(campaign_id.as_str())
            .bind(definition.kind)
            .bind(definition.slug)
            .bind(definition.body.to_string())
            .bind(rank)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Names an effect's target by the id it has in the database.
fn set_target(definition: &mut StoredDefinition, campaign: &Campaign) {
    let Some(target) = definition.body.get("target").and_then(Value::as_str) else { return };
    let is_settlement = campaign.settlements.iter().any(|settlement| settlement.slug == target);
    let kind = if is_settlement { EntityKind::Settlement } else { EntityKind::Structure };
    let id = stable_id(&[kind.as_str(), &campaign.slug, target]);
    definition.body["entityType"] = json!(kind);
    definition.body["entityId"] = json!(id);
}

/// Returns a campaign and all that is in it, parents first.
fn entities(campaign: &Campaign, campaign_id: &Id) -> Vec<Entity> {
    let plot = CampaignSeed { campaign, campaign_id, now: clock::format_time(clock::now()) };
    let mut entities = vec![plot.entity(
        EntityKind::Campaign,
        &campaign.slug,
        &campaign.name,
        vec![
            ("description", json!(campaign.description)),
            ("worldTime", json!(campaign.world_time)),
            ("calendar", campaign.calendar.to_json()),
        ],
    )];
    entities.extend(
        campaign.kingdoms.iter().map(|it| {
            plot.entity(EntityKind::Kingdom, &it.slug, &it.name, vec![("description", json!(it.description))])
        }),
    );
    entities.extend(campaign.settlements.iter().map(|it| {
        let mut fields = sheet(&it.sheet);
        fields.extend([
            ("kingdomId", plot.id(EntityKind::Kingdom, Some(&it.kingdom))),
            ("description", json!(it.description)),
            ("level", json!(it.level)),
        ]);
        plot.entity(EntityKind::Settlement, &it.slug, &it.name, fields)
    }));
    entities.extend(campaign.structures.iter().map(|it| {
        let mut fields = sheet(&it.sheet);
        fields.extend([
            ("settlementId", plot.id(EntityKind::Settlement, Some(&it.settlement))),
            ("type", json!(it.kind)),
            ("description", json!(it.description)),
            ("level", json!(it.level)),
        ]);
        plot.entity(EntityKind::Structure, &it.slug, &it.name, fields)
    }));
    entities.extend(campaign.locations.iter().map(|it| {
        plot.entity(
            EntityKind::Location,
            &it.slug,
            &it.name,
            vec![
                ("kingdomId", plot.id(EntityKind::Kingdom, it.kingdom.as_deref())),
                ("settlementId", plot.id(EntityKind::Settlement, it.settlement.as_deref())),
                ("description", json!(it.description)),
                ("type", json!(it.kind)),
            ],
        )
    }));
    entities.extend(campaign.encounters.iter().map(|it| {
        plot.entity(
            EntityKind::Encounter,
            &it.slug,
            &it.name,
            vec![
                ("locationId", plot.id(EntityKind::Location, it.location.as_deref())),
                ("description", json!(it.description)),
                ("status", json!(it.status.as_str())),
            ],
        )
    }));
    entities
}

/// What all entities of a campaign share.
struct CampaignSeed<'a> {
    campaign: &'a Campaign,
    campaign_id: &'a Id,
    now: String,
}

impl CampaignSeed<'_> {
    fn entity(&self, kind: EntityKind, slug: &str, name: &str, fields: Vec<(&str, Value)>) -> Entity {
        let id = match kind {
            EntityKind::Campaign => self.campaign_id.clone(),
            EntityKind::Kingdom
            | EntityKind::Settlement
            | EntityKind::Structure
            | EntityKind::Location
            | EntityKind::Encounter => self.id_of(kind, slug),
        };
        let mut all: FieldMap = kind.defaults();
        all.extend(fields.into_iter().map(|(field, value)| (field.to_owned(), value)));
        Entity {
            id,
            campaign_id: self.campaign_id.clone(),
            kind,
            name: name.to_owned(),
            version: 1,
            created_at: self.now.clone(),
            updated_at: self.now.clone(),
            fields: all,
        }
    }

    fn id(&self, kind: EntityKind, slug: Option<&str>) -> Value {
        slug.map_or(Value::Null, |slug| json!(self.id_of(kind, slug)))
    }

    fn id_of(&self, kind: EntityKind, slug: &str) -> Id {
        stable_id(&[kind.as_str(), &self.campaign.slug, slug])
    }
}

fn sheet(sheet: &Sheet) -> Vec<(&'static str, Value)> {
    vec![
        ("variables", Value::Object(sheet.variables.clone())),
        ("variableSchemas", sheet.schemas_json()),
        ("computed", sheet.computed_json()),
        ("conditions", sheet.conditions_json()),
    ]
}

/// Derives a UUID of version 7's form from names: a fixed time, then the digest of the names.
fn stable_id(names: &[&str]) -> Id {
    let digest = Sha256::digest(names.join("\n").as_bytes());
    let mut random = [0; 10];
    random.iter_mut().zip(digest.iter()).for_each(|(place, byte)| *place = *byte);
    Id::from(Builder::from_unix_timestamp_millis(SEED_TIME_MS, &random).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_distinct_and_of_version_7() {
        let id = stable_id(&["settlement", "emberfall", "saltwick"]);
        assert_eq!(id, stable_id(&["settlement", "emberfall", "saltwick"]));
        assert_ne!(id, stable_id(&["structure", "emberfall", "saltwick"]));
        let uuid: Uuid = id.as_str().parse().unwrap();
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
    }
}
