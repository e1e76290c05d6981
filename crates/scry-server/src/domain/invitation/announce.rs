//! Telling users that they were invited, after whoever invited them has been answered.

use scry_protocol::messages::NotificationNew;
use scry_protocol::{EntityType, EphemeralEvent, Id};
use scry_text as text;
use sqlx::{AnyConnection, Row};

use super::super::notification;
use super::super::preferences::INVITATION;
use super::super::unit_of_work::UnitOfWork;
use super::super::{Caller, Domain, DomainError};
use super::{ENTITY_TYPE, rows};
use crate::access::parse_id;
use crate::db::DbError;

/// How much of a campaign's name is quoted, in characters: the name is the inviter's own text.
const MAX_QUOTED_CHARS: usize = 60;

impl Domain {
    /// Announces what waits to be announced, soon and without keeping the caller.
    ///
    /// What is missed here, because the server ends, is announced by the next maintenance.
    pub(super) fn announce_soon(&self) {
        let domain = self.clone();
        tokio::spawn(async move {
            if let Err(error) = domain.announce_invitations().await {
                tracing::warn!(%error, "announcing invitations failed");
            }
        });
    }

    /// Tells users of the invitations that have not been announced yet.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer; the rest is announced later.
    pub async fn announce_invitations(&self) -> Result<(), DomainError> {
        let rows = sqlx::query("SELECT id FROM invitations WHERE announced = 0 ORDER BY created_ms, id LIMIT 100")
            .fetch_all(&self.state.db.reader)
            .await?;
        for row in rows {
            self.announce(&parse_id(row.try_get(0)?)?).await?;
        }
        Ok(())
    }

    async fn announce(&self, id: &Id) -> Result<(), DomainError> {
        let Some((inviter, name)) = inviter_of(&self.state.db.reader, id).await? else { return Ok(()) };
        let correlation_id = uuid::Uuid::now_v7().to_string();
        let caller = Caller { user_id: inviter.clone(), name: name.clone(), correlation_id };
        self.change(&caller, async |unit: &mut UnitOfWork| {
            // Somebody else may have announced it since, or withdrawn it.
            let claimed =
                sqlx::query("UPDATE invitations SET announced = 1 WHERE id = $1 AND announced = 0 RETURNING invitee")
                    .bind(id.as_str())
                    .fetch_optional(unit.db())
                    .await?;
            let Some(row) = claimed else { return Ok(()) };
            let invitee: String = row.try_get(0)?;
            if let Some(user) = find_invitee(unit.db(), &invitee, &inviter, &name).await? {
                sqlx::query("UPDATE invitations SET user_id = $2 WHERE id = $1")
                    .bind(id.as_str())
                    .bind(user.as_str())
                    .execute(unit.db())
                    .await?;
                let (now, most) = (unit.now, i64::from(self.state.config.quota.max_invitations_received));
                if rows::open_for_user(unit.db(), &user, now).await? > most {
                    evict_one(unit.db(), &user).await?;
                }
                if let Some(invitation) = rows::load(unit.db(), id, now).await? {
                    let new = notification_text(&invitation, unit.timestamp());
                    notification::insert(unit, &user, &new).await?;
                    unit.notify(&user, &EphemeralEvent::NotificationNew(new)).await?;
                }
            }
            Ok(())
        })
        .await
    }
}

/// Writes what the user is told; the words are fixed, whatever the inviter wrote.
fn notification_text(invitation: &super::Invitation, created_at: String) -> NotificationNew {
    let campaign = quote(&invitation.campaign_name);
    let (inviter, role) = (text::line(&invitation.inviter_name), invitation.role.as_str().to_lowercase());
    NotificationNew {
        id: Id::from(uuid::Uuid::now_v7()),
        title: format!("{inviter} invites you to “{campaign}”"),
        body: format!("You would be a member with the role {role}. Accept or decline the invitation."),
        level: "info".to_owned(),
        created_at,
        kind: Some(INVITATION.to_owned()),
        entity_type: Some(EntityType::from(ENTITY_TYPE)),
        entity_id: Some(invitation.id.clone()),
    }
}

fn quote(name: &str) -> String {
    let name = text::line(name);
    match name.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.into_owned(),
    }
}

async fn inviter_of(db: &sqlx::AnyPool, id: &Id) -> Result<Option<(Id, String)>, DbError> {
    let row =
        sqlx::query("SELECT u.id, u.username FROM invitations i JOIN users u ON u.id = i.inviter_id WHERE i.id = $1")
            .bind(id.as_str())
            .fetch_optional(db)
            .await?;
    row.map(|row| Ok((parse_id(row.try_get(0)?)?, row.try_get(1)?))).transpose()
}

/// Returns the user whom an invitation means; `None` if nobody has that name, or they have blocked the inviter.
async fn find_invitee(db: &mut AnyConnection, invitee: &str, inviter: &Id, name: &str) -> Result<Option<Id>, DbError> {
    let row = sqlx::query(
        "SELECT id FROM users WHERE (id = $1 OR username = $1) AND deleted_ms IS NULL AND NOT EXISTS \
         (SELECT 1 FROM blocks b WHERE b.user_id = users.id AND b.blocked IN ($2, $3)) ORDER BY id LIMIT 1",
    )
    .bind(invitee)
    .bind(inviter.as_str())
    .bind(name)
    .fetch_optional(db)
    .await?;
    row.map(|row| parse_id(row.try_get(0)?)).transpose()
}

/// Takes from a user the oldest invitation of whoever has invited them most; that one is not told.
async fn evict_one(db: &mut AnyConnection, user: &Id) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE invitations SET user_id = NULL WHERE id = (SELECT id FROM invitations WHERE user_id = $1 \
         AND inviter_id = (SELECT inviter_id FROM invitations WHERE user_id = $1 GROUP BY inviter_id \
         ORDER BY COUNT(*) DESC, MIN(created_ms) LIMIT 1) ORDER BY created_ms, id LIMIT 1)",
    )
    .bind(user.as_str())
    .execute(db)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaigns_name_cannot_fill_the_notification_or_change_its_direction() {
        let name = format!("gold\u{202e}\n{}", "x".repeat(500));
        let quoted = quote(&name);
        assert_eq!(quoted.chars().count(), MAX_QUOTED_CHARS + 1);
        assert!(quoted.starts_with("gold xxx") && quoted.ends_with('…'), "{quoted}");
        assert_eq!(quote("Emberfall"), "Emberfall");
    }
}
