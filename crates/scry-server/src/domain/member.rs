//! Members of a campaign.

use scry_protocol::event::EntityUpdated;
use scry_protocol::{EntityType, FieldDiff, Id, Operation, Payload, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::idempotency::IdempotentRequest;
use super::unit_of_work::{EventDetails, UnitOfWork};
use super::{Caller, Domain, DomainError, EntityKind, conflict_watch, invitation};
use crate::access::{parse_id, parse_role};
use crate::db::DbError;
use crate::rules::authorization::CampaignAction;

/// A membership; `id` is its own, `name` the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The membership's id.
    pub id: Id,
    /// The campaign that it belongs to.
    pub campaign_id: Id,
    /// The user's id.
    pub user_id: Id,
    /// The user's name.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// The version after the last change, counted from 1.
    pub version: i64,
    /// When it was created, as RFC 3339 UTC.
    pub created_at: String,
    /// When it was last changed, as RFC 3339 UTC.
    pub updated_at: String,
}

impl Member {
    /// Builds a new membership of a user.
    pub(crate) fn new(campaign: &Id, user_id: &Id, name: &str, role: Role, now: String) -> Self {
        Self {
            id: Id::from(uuid::Uuid::now_v7()),
            campaign_id: campaign.clone(),
            user_id: user_id.clone(),
            name: name.to_owned(),
            role,
            version: 1,
            created_at: now.clone(),
            updated_at: now,
        }
    }

    fn event(&self, operation: Operation, changes: &[FieldDiff]) -> Payload {
        Payload::EntityUpdated(EntityUpdated {
            entity_type: EntityType::Member,
            entity_id: self.id.clone(),
            campaign_id: self.campaign_id.clone(),
            operation,
            changed_fields: changes.iter().map(|change| change.field.clone()).collect(),
        })
    }
}

impl Domain {
    /// Makes a user a member, or gives a member another role, as the operator of the server says: nobody is asked.
    ///
    /// # Errors
    /// [`DomainError`]; the last owner stays one.
    pub async fn enrol(&self, user: &Caller, campaign: &Id, role: Role) -> Result<Member, DomainError> {
        self.change(user, async |unit: &mut UnitOfWork| {
            if let Some(member) = by_user(unit.db(), campaign, &user.user_id).await? {
                return change_role(unit, member, role).await;
            }
            invitation::delete_for_member(unit, &user.user_id, campaign).await?;
            let member = Member::new(campaign, &user.user_id, &user.name, role, unit.timestamp());
            store_new(unit, &member).await?;
            Ok(member)
        })
        .await
    }

    /// Ends a user's membership; an owner may remove anybody, everybody may leave.
    ///
    /// # Errors
    /// [`DomainError`]; the last owner stays.
    pub async fn remove_member(
        &self,
        caller: &Caller,
        campaign: &Id,
        user: &Id,
        idempotency_key: Option<&str>,
    ) -> Result<(), DomainError> {
        let request = IdempotentRequest::new(idempotency_key, &json!(["remove-member", campaign, user]))?;
        self.change(caller, async |unit: &mut UnitOfWork| {
            if let Some(()) = unit.find_result(request.as_ref()).await? {
                return Ok(());
            }
            let action = if *user == caller.user_id { CampaignAction::View } else { CampaignAction::ManageMembers };
            unit.authorize(campaign, action, EntityKind::Campaign.as_str()).await?;
            let member = by_user(unit.db(), campaign, user).await?.ok_or(DomainError::NotFound("member"))?;
            require_remaining_owner(unit, &member).await?;
            sqlx::query("DELETE FROM memberships WHERE id = $1").bind(member.id.as_str()).execute(unit.db()).await?;
            conflict_watch::drop_of_user(unit, &member.user_id, campaign).await?;
            invitation::delete_for_member(unit, &member.user_id, campaign).await?;
            let details = EventDetails {
                version: Some(member.version + 1),
                revoked_user: Some(member.user_id.clone()),
                ..EventDetails::default()
            };
            unit.record(member.event(Operation::Delete, &[]), details).await?;
            unit.store_result(request.as_ref(), &()).await
        })
        .await
    }

    /// Changes a member's role.
    ///
    /// # Errors
    /// [`DomainError`]; only owners may, and the last owner stays one.
    pub async fn set_member_role(
        &self,
        caller: &Caller,
        campaign: &Id,
        user: &Id,
        role: Role,
        idempotency_key: Option<&str>,
    ) -> Result<Member, DomainError> {
        let request = IdempotentRequest::new(idempotency_key, &json!(["set-member-role", campaign, user, role]))?;
        self.change(caller, async |unit: &mut UnitOfWork| {
            if let Some(first) = unit.find_result(request.as_ref()).await? {
                return Ok(first);
            }
            unit.authorize(campaign, CampaignAction::ManageMembers, EntityKind::Campaign.as_str()).await?;
            let member = by_user(unit.db(), campaign, user).await?.ok_or(DomainError::NotFound("member"))?;
            let member = change_role(unit, member, role).await?;
            unit.store_result(request.as_ref(), &member).await?;
            Ok(member)
        })
        .await
    }
}

/// Gives a member another role, unless they have it, and records it.
async fn change_role(unit: &mut UnitOfWork, mut member: Member, role: Role) -> Result<Member, DomainError> {
    if member.role == role {
        return Ok(member);
    }
    require_remaining_owner(unit, &member).await?;
    let changes = vec![FieldDiff { field: "role".to_owned(), from: json!(member.role), to: json!(role) }];
    member.role = role;
    member.version += 1;
    member.updated_at = unit.timestamp();
    sqlx::query("UPDATE memberships SET role = $2, version = $3, updated_at = $4 WHERE id = $1")
        .bind(member.id.as_str())
        .bind(role.as_str())
        .bind(member.version)
        .bind(member.updated_at.as_str())
        .execute(unit.db())
        .await?;
    let payload = member.event(Operation::Update, &changes);
    unit.record(payload, EventDetails { version: Some(member.version), changes, ..EventDetails::default() }).await?;
    Ok(member)
}

/// Stores a new membership and records it.
pub(super) async fn store_new(unit: &mut UnitOfWork, member: &Member) -> Result<(), DomainError> {
    insert(unit.db(), member).await?;
    let change = |field: &str, to| FieldDiff { field: field.to_owned(), from: serde_json::Value::Null, to };
    let changes = vec![
        change("name", json!(member.name)),
        change("role", json!(member.role)),
        change("userId", json!(member.user_id)),
    ];
    let payload = member.event(Operation::Create, &changes);
    unit.record(payload, EventDetails { version: Some(member.version), changes, ..EventDetails::default() }).await?;
    Ok(())
}

/// Stores a membership.
pub(crate) async fn insert(db: &mut AnyConnection, member: &Member) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO memberships (id, campaign_id, user_id, role, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(member.id.as_str())
    .bind(member.campaign_id.as_str())
    .bind(member.user_id.as_str())
    .bind(member.role.as_str())
    .bind(member.version)
    .bind(member.created_at.as_str())
    .bind(member.updated_at.as_str())
    .execute(db)
    .await?;
    Ok(())
}

/// Returns a campaign's members, by name.
pub(super) async fn in_campaign(db: &mut AnyConnection, campaign: &Id) -> Result<Vec<Member>, DbError> {
    let rows = sqlx::query(
        "SELECT m.id, m.campaign_id, m.user_id, u.username, m.role, m.version, m.created_at, m.updated_at \
         FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.campaign_id = $1 ORDER BY u.username",
    )
    .bind(campaign.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

/// Loads a membership by its own id.
pub(super) async fn load(db: &mut AnyConnection, id: &Id) -> Result<Option<Member>, DbError> {
    let row = sqlx::query(
        "SELECT m.id, m.campaign_id, m.user_id, u.username, m.role, m.version, m.created_at, m.updated_at \
         FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(db)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Loads a user's membership of a campaign.
pub(super) async fn by_user(db: &mut AnyConnection, campaign: &Id, user: &Id) -> Result<Option<Member>, DbError> {
    let row = sqlx::query(
        "SELECT m.id, m.campaign_id, m.user_id, u.username, m.role, m.version, m.created_at, m.updated_at \
         FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.campaign_id = $1 AND m.user_id = $2",
    )
    .bind(campaign.as_str())
    .bind(user.as_str())
    .fetch_optional(db)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Refuses a change that would leave the campaign to nobody.
async fn require_remaining_owner(unit: &mut UnitOfWork, member: &Member) -> Result<(), DomainError> {
    if member.role != Role::Owner {
        return Ok(());
    }
    let row = sqlx::query("SELECT COUNT(*) FROM memberships WHERE campaign_id = $1 AND role = 'OWNER'")
        .bind(member.campaign_id.as_str())
        .fetch_one(unit.db())
        .await?;
    if row.try_get::<i64, _>(0)? > 1 {
        return Ok(());
    }
    Err(DomainError::invalid("userId", "is the only owner; make somebody else an owner first"))
}

fn read(row: &AnyRow) -> Result<Member, DbError> {
    Ok(Member {
        id: parse_id(row.try_get(0)?)?,
        campaign_id: parse_id(row.try_get(1)?)?,
        user_id: parse_id(row.try_get(2)?)?,
        name: row.try_get(3)?,
        role: parse_role(row.try_get(4)?)?,
        version: row.try_get(5)?,
        created_at: row.try_get(6)?,
        updated_at: row.try_get(7)?,
    })
}
