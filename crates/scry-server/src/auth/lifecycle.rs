//! What becomes of users: a new password, disabled, enabled, deleted. Each ends what it makes worthless.

use jiff::Timestamp;
use scry_protocol::Id;
use sqlx::Row;

use super::sessions;
use super::users::UserRecord;
use crate::access::parse_id;
use crate::clock;
use crate::db::{Db, DbError, Tx};
use crate::domain::{Caller, Domain, DomainError};
use crate::state::AppState;

/// How far back to look for users who were disabled; covers clocks that differ a little.
const LOOK_BACK_MS: i64 = 10_000;

/// A user as an operator sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's id.
    pub id: Id,
    /// The name that the user logs in with.
    pub username: String,
    /// Whether this is a program that may publish events.
    pub is_service: bool,
    /// Whether they may not log in for now.
    pub is_disabled: bool,
    /// When it was created, as RFC 3339 UTC.
    pub created_at: String,
}

/// The reason why a user stays.
#[derive(Debug, thiserror::Error)]
pub enum DeleteUserError {
    /// Lists the campaigns by name.
    #[error("{0} would be left without an owner; make somebody else an owner, or delete the campaign, first")]
    OnlyOwner(String),
    /// A change that the deletion needs was refused.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl From<DbError> for DeleteUserError {
    fn from(error: DbError) -> Self {
        Self::Domain(error.into())
    }
}

/// Returns all users but the deleted ones, by name.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn list(db: &Db) -> Result<Vec<Account>, DbError> {
    let rows = sqlx::query(
        "SELECT id, username, is_service, disabled_ms, created_at FROM users WHERE deleted_ms IS NULL ORDER BY username",
    )
    .fetch_all(&db.reader)
    .await?;
    let account = |row: &sqlx::any::AnyRow| {
        Ok(Account {
            id: parse_id(row.try_get(0)?)?,
            username: row.try_get(1)?,
            is_service: row.try_get::<i64, _>(2)? == 1,
            is_disabled: row.try_get::<Option<i64>, _>(3)?.is_some(),
            created_at: row.try_get(4)?,
        })
    };
    rows.iter().map(account).collect()
}

/// Gives a user another password, and ends their sessions; returns how many.
///
/// # Errors
/// [`DbError`] when the database does not answer; of more than 200 sessions some may then be left, until it is done
/// again.
pub async fn set_password(db: &Db, user: &Id, hash: &str) -> Result<u64, DbError> {
    let now_ms = clock::now().as_millisecond();
    let change = async |tx: &mut Tx| {
        sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
            .bind(user.as_str())
            .bind(hash)
            .execute(&mut **tx)
            .await?;
        sessions::end_some_of(tx, user, now_ms).await
    };
    Ok(db.write(change).await? + sessions::end_all_of(db, user, now_ms).await?)
}

/// Keeps a user out until they are enabled again, and ends their sessions; returns how many.
///
/// # Errors
/// [`DbError`] when the database does not answer; of more than 200 sessions some may then be left, until it is done
/// again.
pub async fn disable(db: &Db, user: &Id) -> Result<u64, DbError> {
    let now_ms = clock::now().as_millisecond();
    let change = async |tx: &mut Tx| {
        sqlx::query("UPDATE users SET disabled_ms = COALESCE(disabled_ms, $2) WHERE id = $1")
            .bind(user.as_str())
            .bind(now_ms)
            .execute(&mut **tx)
            .await?;
        sessions::end_some_of(tx, user, now_ms).await
    };
    Ok(db.write(change).await? + sessions::end_all_of(db, user, now_ms).await?)
}

/// Returns the users who were disabled a moment ago, on whatever node.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn disabled_recently(db: &Db, now: Timestamp) -> Result<Vec<Id>, DbError> {
    let rows = sqlx::query("SELECT id FROM users WHERE disabled_ms > $1")
        .bind(now.as_millisecond().saturating_sub(LOOK_BACK_MS))
        .fetch_all(&db.reader)
        .await?;
    rows.iter().map(|row| parse_id(row.try_get(0)?)).collect()
}

/// Lets a disabled user log in again; the sessions that were ended stay so.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn enable(db: &Db, user: &Id) -> Result<(), DbError> {
    db.write(async |tx: &mut Tx| {
        sqlx::query("UPDATE users SET disabled_ms = NULL WHERE id = $1 AND deleted_ms IS NULL")
            .bind(user.as_str())
            .execute(&mut **tx)
            .await?;
        Ok(())
    })
    .await
}

/// Deletes a user for good: memberships, messages and password go, what they have written stays under a name that says
/// that they have gone.
///
/// # Errors
/// [`DeleteUserError`]; nothing has been deleted where the user is the only owner of a campaign.
pub async fn delete(state: &AppState, user: &UserRecord) -> Result<(), DeleteUserError> {
    let orphans = only_owned(&state.db, &user.id).await?;
    if !orphans.is_empty() {
        return Err(DeleteUserError::OnlyOwner(orphans.join(", ")));
    }
    // First of all nobody acts as this user any more; what follows may then be done again if it was cut off.
    disable(&state.db, &user.id).await?;
    leave_campaigns(state, user).await?;
    erase(&state.db, user).await?;
    Ok(())
}

/// Names the campaigns that nobody else owns.
async fn only_owned(db: &Db, user: &Id) -> Result<Vec<String>, DbError> {
    let rows = sqlx::query(
        "SELECT e.name FROM memberships m JOIN entities e ON e.id = m.campaign_id \
         WHERE m.user_id = $1 AND m.role = 'OWNER' AND NOT EXISTS (SELECT 1 FROM memberships o \
         WHERE o.campaign_id = m.campaign_id AND o.role = 'OWNER' AND o.user_id <> $1) ORDER BY e.name",
    )
    .bind(user.as_str())
    .fetch_all(&db.reader)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Ends every membership by the event that others hear of it.
async fn leave_campaigns(state: &AppState, user: &UserRecord) -> Result<(), DomainError> {
    let rows = sqlx::query("SELECT campaign_id FROM memberships WHERE user_id = $1")
        .bind(user.id.as_str())
        .fetch_all(&state.db.reader)
        .await?;
    let domain = Domain::new(state.clone());
    let caller = Caller {
        user_id: user.id.clone(),
        name: user.username.clone(),
        correlation_id: uuid::Uuid::now_v7().to_string(),
    };
    for row in rows {
        let campaign = parse_id(row.try_get(0)?)?;
        domain.remove_member(&caller, &campaign, &user.id, None).await?;
    }
    Ok(())
}

/// Removes what is about the user alone, and frees their name: nothing that was meant for it reaches its next bearer.
async fn erase(db: &Db, user: &UserRecord) -> Result<(), DbError> {
    let (id, name) = (user.id.as_str(), user.username.as_str());
    // A user may have any number of these.
    for statement in [
        "DELETE FROM room_members WHERE user_id = $1 AND room IN \
         (SELECT room FROM room_members WHERE user_id = $1 LIMIT 200)",
        "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE user_id = $1 LIMIT 200)",
        "DELETE FROM inbox WHERE user_id = $1 AND seq IN (SELECT seq FROM inbox WHERE user_id = $1 LIMIT 200)",
        "DELETE FROM idempotency WHERE user_id = $1 AND key IN \
         (SELECT key FROM idempotency WHERE user_id = $1 LIMIT 200)",
        "DELETE FROM disputes WHERE user_id = $1 AND entity_id IN \
         (SELECT entity_id FROM disputes WHERE user_id = $1 LIMIT 200)",
        "DELETE FROM refresh_tokens WHERE digest IN (SELECT t.digest FROM refresh_tokens t \
         JOIN sessions s ON s.id = t.session_id WHERE s.user_id = $1 LIMIT 200)",
    ] {
        db.delete_in_steps(statement, user.id.to_string()).await?;
    }
    db.write(async |tx: &mut Tx| {
        sqlx::query("DELETE FROM notification_preferences WHERE user_id = $1").bind(id).execute(&mut **tx).await?;
        // Invitations and blocks name a user by id or by name, as somebody wrote it.
        for statement in [
            "DELETE FROM invitations WHERE inviter_id = $1 OR user_id = $1 OR invitee = $1 OR invitee = $2",
            "DELETE FROM blocks WHERE user_id = $1 OR blocked = $1 OR blocked = $2",
        ] {
            sqlx::query(statement).bind(id).bind(name).execute(&mut **tx).await?;
        }
        sqlx::query("UPDATE users SET username = $2, password_hash = '', deleted_ms = $3 WHERE id = $1")
            .bind(id)
            .bind(tombstone(&user.id))
            .bind(clock::now().as_millisecond())
            .execute(&mut **tx)
            .await?;
        Ok(())
    })
    .await
}

/// Returns the name of a deleted user: nobody can register it, because a user's name has no blanks.
fn tombstone(user: &Id) -> String {
    let text = user.as_str();
    format!("deleted user {}", &text[text.len().saturating_sub(12)..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_deleted_user_cannot_be_registered() {
        let name = tombstone(&Id::parse("019357b2-aaaa-7bbb-8ccc-0123456789ab").unwrap());
        assert_eq!(name, "deleted user 0123456789ab");
        assert!(scry_text::input::username(&name).is_err());
        assert_eq!(tombstone(&Id::parse("gm").unwrap()), "deleted user gm");
    }
}
