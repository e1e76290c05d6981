//! Whose invitations a user does not want.

use scry_protocol::Id;
use sqlx::Row;

use super::super::unit_of_work::UnitOfWork;
use super::super::{Caller, Domain, DomainError};
use super::format_millis;
use crate::db::Tx;
use crate::limits::LimitKind;

/// Bounds the entries of one user's list.
const MAX_BLOCKS: i64 = 200;

/// An entry of the list of those whose invitations a user does not want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// A user's id or name, as it was written; it need not be anybody's.
    pub user: String,
    /// RFC 3339 UTC with milliseconds.
    pub created_at: String,
}

impl Domain {
    /// Blocks a user, named by id or by user name: their invitations do not reach the caller, those that have included.
    ///
    /// # Errors
    /// [`DomainError::Limited`] when the list is full.
    pub async fn block_inviter(&self, caller: &Caller, user: &str) -> Result<Block, DomainError> {
        let user = parse_user_id(user)?;
        self.change(caller, async |unit: &mut UnitOfWork| {
            let row = sqlx::query("SELECT COUNT(*) FROM blocks WHERE user_id = $1 AND blocked <> $2")
                .bind(caller.user_id.as_str())
                .bind(user.as_str())
                .fetch_one(unit.db())
                .await?;
            if row.try_get::<i64, _>(0)? >= MAX_BLOCKS {
                let sentence = format!("your list of blocked users has {MAX_BLOCKS} entries; remove one first");
                return Err(DomainError::too_many(LimitKind::Invitations, sentence));
            }
            let now = unit.now.as_millisecond();
            sqlx::query(
                "INSERT INTO blocks (user_id, blocked, created_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id, blocked) DO UPDATE SET created_ms = $3",
            )
            .bind(caller.user_id.as_str())
            .bind(user.as_str())
            .bind(now)
            .execute(unit.db())
            .await?;
            // The inviter's row stays, so that they do not learn of it.
            sqlx::query(
                "UPDATE invitations SET user_id = NULL WHERE user_id = $1 \
             AND inviter_id IN (SELECT id FROM users WHERE id = $2 OR username = $2)",
            )
            .bind(caller.user_id.as_str())
            .bind(user.as_str())
            .execute(unit.db())
            .await?;
            Ok(Block { user: user.to_string(), created_at: format_millis(now) })
        })
        .await
    }

    /// Removes an entry of the caller's list.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] when it is not there.
    pub async fn unblock_inviter(&self, caller: &Caller, user: &str) -> Result<(), DomainError> {
        let user = parse_user_id(user)?;
        let remove = async |tx: &mut Tx| {
            let removed = sqlx::query("DELETE FROM blocks WHERE user_id = $1 AND blocked = $2")
                .bind(caller.user_id.as_str())
                .bind(user.as_str())
                .execute(&mut **tx)
                .await?;
            if removed.rows_affected() == 0 { Err(DomainError::NotFound("blocked user")) } else { Ok(()) }
        };
        self.state.db.write(remove).await
    }

    /// Returns whose invitations the caller does not want, the latest first.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn blocked_inviters(&self, caller: &Caller) -> Result<Vec<Block>, DomainError> {
        let rows =
            sqlx::query("SELECT blocked, created_ms FROM blocks WHERE user_id = $1 ORDER BY created_ms DESC, blocked")
                .bind(caller.user_id.as_str())
                .fetch_all(&self.state.db.queries)
                .await?;
        let block =
            |row: &sqlx::any::AnyRow| Ok(Block { user: row.try_get(0)?, created_at: format_millis(row.try_get(1)?) });
        rows.iter().map(block).collect()
    }
}

fn parse_user_id(user: &str) -> Result<Id, DomainError> {
    Id::parse(user.trim()).map_err(|_| DomainError::invalid("userId", "must be a user's id or name, without blanks"))
}
