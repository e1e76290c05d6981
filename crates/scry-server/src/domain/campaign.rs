//! A campaign as one of its members sees it.

use scry_protocol::{Id, Position, Role};
use sqlx::{AnyConnection, Row};

use super::{Caller, Domain, DomainError, Entity, store};
use crate::access::parse_role;
use crate::db::DbError;

/// A campaign, the caller's role in it, and the position that this state corresponds to.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignView {
    /// The campaign itself.
    pub entity: Entity,
    /// What the caller may do in it.
    pub role: Role,
    /// Where its journal stood when it was read.
    pub position: Position,
}

impl Domain {
    /// Returns the campaigns that the caller is a member of, by name.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn campaigns(&self, caller: &Caller) -> Result<Vec<CampaignView>, DomainError> {
        let mut tx = self.state.db.read().await?;
        Ok(views(&mut tx, &caller.user_id).await?)
    }

    /// Returns one of the caller's campaigns; `None` for others and for what does not exist.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn campaign(&self, caller: &Caller, id: &Id) -> Result<Option<CampaignView>, DomainError> {
        let mut tx = self.state.db.read().await?;
        Ok(view(&mut tx, &caller.user_id, id).await?)
    }
}

/// Loads a user's view of one campaign: state, role and position in one statement.
pub(super) async fn view(db: &mut AnyConnection, user: &Id, id: &Id) -> Result<Option<CampaignView>, DbError> {
    let row = sqlx::query(
        "SELECT e.id, e.campaign_id, e.kind, e.name, e.version, e.created_at, e.updated_at, e.fields, \
         m.role, c.epoch, c.seq FROM entities e \
         JOIN campaigns c ON c.id = e.id JOIN memberships m ON m.campaign_id = e.id AND m.user_id = $2 \
         WHERE e.id = $1 AND e.kind = 'campaign'",
    )
    .bind(id.as_str())
    .bind(user.as_str())
    .fetch_optional(db)
    .await?;
    row.as_ref().map(read).transpose()
}

async fn views(db: &mut AnyConnection, user: &Id) -> Result<Vec<CampaignView>, DbError> {
    let rows = sqlx::query(
        "SELECT e.id, e.campaign_id, e.kind, e.name, e.version, e.created_at, e.updated_at, e.fields, \
         m.role, c.epoch, c.seq FROM memberships m \
         JOIN entities e ON e.id = m.campaign_id JOIN campaigns c ON c.id = e.id \
         WHERE m.user_id = $1 ORDER BY e.name, e.id",
    )
    .bind(user.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &sqlx::any::AnyRow) -> Result<CampaignView, DbError> {
    let seq: i64 = row.try_get("seq")?;
    let seq = u64::try_from(seq).map_err(|error| DbError::corrupt("seq", error))?;
    Ok(CampaignView {
        entity: store::entity(row)?,
        role: parse_role(row.try_get("role")?)?,
        position: Position::new(row.try_get::<String, _>("epoch")?, seq),
    })
}
