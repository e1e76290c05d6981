//! What users want to be told at once.

use scry_protocol::{EphemeralEvent, Id};
use sqlx::{AnyConnection, Row};

use super::notification::LEVELS;
use super::{Caller, Domain, DomainError};
use crate::db::{DbError, Tx};

/// Names what users are told about: words from others, edits that met, what the rules of a world say, and invitations.
pub const KINDS: [&str; 4] = ["message", "conflict", "rule", INVITATION];
/// The kind of a notification that somebody was invited to a campaign.
pub const INVITATION: &str = "invitation";

/// The levels and kinds that a user is told at once; the rest only waits in the list of notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPreferences {
    /// The levels that the user is told at once.
    pub levels: Vec<String>,
    /// The kinds that the user is told at once.
    pub kinds: Vec<String>,
}

impl Domain {
    /// Returns what the caller wants to be told at once: everything, unless they said otherwise.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn notification_preferences(&self, caller: &Caller) -> Result<DeliveryPreferences, DomainError> {
        let mut tx = self.state.db.read().await?;
        Ok(load(&mut tx, &caller.user_id).await?)
    }

    /// Changes what the caller wants to be told at once; what is left out stays.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] naming what is no level or kind.
    pub async fn set_notification_preferences(
        &self,
        caller: &Caller,
        levels: Option<Vec<String>>,
        kinds: Option<Vec<String>>,
    ) -> Result<DeliveryPreferences, DomainError> {
        let change = async |tx: &mut Tx| {
            let stored = load(tx, &caller.user_id).await?;
            let wanted = DeliveryPreferences {
                levels: choose("levels", &LEVELS, levels.unwrap_or(stored.levels))?,
                kinds: choose("kinds", &KINDS, kinds.unwrap_or(stored.kinds))?,
            };
            store(tx, &caller.user_id, &wanted).await?;
            Ok(wanted)
        };
        self.state.db.write(change).await
    }
}

impl DeliveryPreferences {
    /// Returns whether a user wants to be told of a message at once.
    #[must_use]
    pub fn wants(&self, message: &EphemeralEvent) -> bool {
        let named = |list: &[String], name: &str| list.iter().any(|item| item == name);
        match message {
            EphemeralEvent::NotificationNew(new) => {
                named(&self.levels, &new.level) && named(&self.kinds, new.kind.as_deref().unwrap_or(KINDS[0]))
            }
            EphemeralEvent::DocumentConflict(_) | EphemeralEvent::ConflictResolved(_) => named(&self.kinds, "conflict"),
            EphemeralEvent::PresenceState(_)
            | EphemeralEvent::PresenceChange(_)
            | EphemeralEvent::UserOnline(_)
            | EphemeralEvent::UserOffline(_)
            | EphemeralEvent::UserTyping(_) => true,
        }
    }
}

/// Loads what a user wants to be told at once.
pub(super) async fn load(db: &mut AnyConnection, user: &Id) -> Result<DeliveryPreferences, DbError> {
    let row = sqlx::query("SELECT muted_levels, muted_kinds FROM notification_preferences WHERE user_id = $1")
        .bind(user.as_str())
        .fetch_optional(db)
        .await?;
    let (levels, kinds): (String, String) = match row {
        Some(row) => (row.try_get(0)?, row.try_get(1)?),
        None => (String::new(), String::new()),
    };
    let muted = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    Ok(DeliveryPreferences { levels: others(&LEVELS, &muted(&levels)), kinds: others(&KINDS, &muted(&kinds)) })
}

async fn store(db: &mut AnyConnection, user: &Id, wanted: &DeliveryPreferences) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO notification_preferences (user_id, muted_levels, muted_kinds) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET muted_levels = $2, muted_kinds = $3",
    )
    .bind(user.as_str())
    .bind(others(&LEVELS, &wanted.levels).join(","))
    .bind(others(&KINDS, &wanted.kinds).join(","))
    .execute(db)
    .await?;
    Ok(())
}

/// Checks a choice and brings it into the order of the table.
fn choose(field: &'static str, known: &[&str], chosen: Vec<String>) -> Result<Vec<String>, DomainError> {
    if let Some(stranger) = chosen.iter().find(|name| !known.contains(&name.as_str())) {
        let stranger = scry_text::line(stranger);
        return Err(DomainError::invalid(field, format!("“{stranger}” is unknown; known are {}", known.join(", "))));
    }
    Ok(known.iter().filter(|name| chosen.iter().any(|chosen| chosen == *name)).map(|name| (*name).to_owned()).collect())
}

fn others(known: &[&str], names: &[String]) -> Vec<String> {
    known.iter().filter(|name| !names.iter().any(|other| other == *name)).map(|name| (*name).to_owned()).collect()
}
