//! Notifications: words from one user to others, kept until they are read.

use std::collections::BTreeSet;

use jiff::Timestamp;
use scry_protocol::messages::NotificationNew;
use scry_protocol::{EntityRef, EntityType, EphemeralEvent, Id};
use scry_text as text;
use serde_json::json;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::idempotency::IdempotentRequest;
use super::preferences::KINDS;
use super::unit_of_work::UnitOfWork;
use super::{Caller, Domain, DomainError};
use crate::access::parse_id;
use crate::clock;
use crate::db::DbError;
use crate::limits::LimitKind;

/// Names how much a notification matters.
pub const LEVELS: [&str; 4] = ["info", "success", "warning", "error"];
/// Bounds one notification: users, characters of title and body.
const MAX_RECIPIENTS: usize = 100;
const MAX_TITLE_CHARS: usize = 200;
const MAX_BODY_CHARS: usize = 4_000;
/// How many notifications one more may push out: few, where an older version kept more than are kept now.
const MAX_EVICTED: i64 = 8;

/// A notification of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its id.
    pub id: Id,
    /// Its title.
    pub title: String,
    /// Its text; may be empty.
    pub body: String,
    /// How much it matters: `info`, `success`, `warning` or `error`.
    pub level: String,
    /// RFC 3339 UTC with milliseconds.
    pub created_at: String,
    /// Who speaks, see [`KINDS`].
    pub kind: String,
    /// Whether the user has marked it as read.
    pub read: bool,
    /// What it is about, where it is about one thing.
    pub subject: Option<EntityRef>,
}

impl Domain {
    /// Sends a notification to users who share a campaign with the caller; returns how many got it.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] naming the field; a stranger's id is treated like one that does not exist;
    /// [`DomainError::Limited`] when the caller has sent too many.
    pub async fn notify(
        &self,
        caller: &Caller,
        users: &[Id],
        title: &str,
        body: &str,
        level: &str,
        idempotency_key: Option<&str>,
    ) -> Result<usize, DomainError> {
        let request = IdempotentRequest::new(idempotency_key, &json!(["notify", users, title, body, level]))?;
        let (title, body) = (text::line(title), text::block(body));
        check(users, &title, &body, level)?;
        // In one order, whoever sends: two that write to the same users never wait for each other.
        let users: BTreeSet<&Id> = users.iter().collect();
        for user in &users {
            self.state.quotas.notification(&caller.user_id, user).map_err(|wait| {
                DomainError::too_often(LimitKind::Notifications, "you have sent too many notifications", wait)
            })?;
        }
        self.change(caller, async |unit: &mut UnitOfWork| {
            if let Some(first) = unit.find_result(request.as_ref()).await? {
                return Ok(first);
            }
            for user in &users {
                if !share_campaign(unit.db(), &caller.user_id, user).await? {
                    return Err(DomainError::NotFound("user"));
                }
                send(unit, user, KINDS[0], &title, &body, level).await?;
            }
            let count = users.len();
            unit.store_result(request.as_ref(), &count).await?;
            Ok(count)
        })
        .await
    }

    /// Returns the caller's latest notifications, newest first; only those not read yet, if so asked.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn notifications(&self, caller: &Caller, unread: bool) -> Result<Vec<Notification>, DomainError> {
        let rows = sqlx::query(
            "SELECT id, title, body, level, created_at, kind, read_at, entity_type, entity_id FROM notifications \
             WHERE user_id = $1 AND (read_at IS NULL OR $3 = 0) ORDER BY created_at DESC, id DESC LIMIT $2",
        )
        .bind(caller.user_id.as_str())
        .bind(i64::from(self.state.config.quota.notifications_kept))
        .bind(i64::from(unread))
        .fetch_all(&self.state.db.queries)
        .await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Marks one of the caller's notifications as read.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] when it is not theirs.
    pub async fn mark_notification_read(&self, caller: &Caller, id: &Id) -> Result<Notification, DomainError> {
        let row = sqlx::query(
            "UPDATE notifications SET read_at = COALESCE(read_at, $3) WHERE id = $1 AND user_id = $2 \
             RETURNING id, title, body, level, created_at, kind, read_at, entity_type, entity_id",
        )
        .bind(id.as_str())
        .bind(caller.user_id.as_str())
        .bind(clock::format_time(clock::now()))
        .fetch_optional(&self.state.db.writer)
        .await?
        .ok_or(DomainError::NotFound("notification"))?;
        Ok(read(&row)?)
    }

    /// Counts the caller's notifications that are not read yet.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn unread_notifications(&self, caller: &Caller) -> Result<u64, DomainError> {
        let row = sqlx::query("SELECT COUNT(*) FROM notifications WHERE user_id = $1 AND read_at IS NULL")
            .bind(caller.user_id.as_str())
            .fetch_one(&self.state.db.queries)
            .await?;
        Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default())
    }

    /// Marks all of the caller's notifications as read; returns how many were not.
    ///
    /// # Errors
    /// [`DomainError::Database`] when the database does not answer.
    pub async fn mark_all_notifications_read(&self, caller: &Caller) -> Result<u64, DomainError> {
        let mark = "UPDATE notifications SET read_at = $2 WHERE id IN \
                    (SELECT id FROM notifications WHERE user_id = $1 AND read_at IS NULL LIMIT 200)";
        let now = clock::format_time(clock::now());
        Ok(self.state.db.update_in_steps(mark, caller.user_id.as_str(), now).await?)
    }
}

/// Stores a notification and the message that announces it.
pub(super) async fn send(
    unit: &mut UnitOfWork,
    user: &Id,
    kind: &str,
    title: &str,
    body: &str,
    level: &str,
) -> Result<(), DomainError> {
    let new = NotificationNew {
        id: Id::from(uuid::Uuid::now_v7()),
        title: title.to_owned(),
        body: body.to_owned(),
        level: level.to_owned(),
        created_at: unit.timestamp(),
        kind: Some(kind.to_owned()),
        entity_type: None,
        entity_id: None,
    };
    insert(unit, user, &new).await?;
    unit.notify(user, &EphemeralEvent::NotificationNew(new)).await
}

/// Stores a notification that another application has made, with the id that it gave it; returns how it is listed.
pub(super) async fn store_external(
    unit: &mut UnitOfWork,
    user: &Id,
    new: NotificationNew,
) -> Result<NotificationNew, DomainError> {
    if !LEVELS.contains(&new.level.as_str()) {
        return Err(DomainError::invalid("payload.level", format!("must be one of {}", LEVELS.join(", "))));
    }
    let created_at: Timestamp = new
        .created_at
        .parse()
        .map_err(|_| DomainError::invalid("payload.createdAt", "must be a time such as 2026-01-01T08:00:00Z"))?;
    // Whoever speaks through a service speaks as people do.
    let (title, body) = (text::line(&new.title).into_owned(), text::block(&new.body).into_owned());
    let new = NotificationNew {
        title,
        body,
        created_at: clock::format_time(created_at),
        kind: None,
        entity_type: None,
        entity_id: None,
        ..new
    };
    let known = sqlx::query("SELECT 1 FROM notifications WHERE id = $1").bind(new.id.as_str());
    if known.fetch_optional(unit.db()).await?.is_some() {
        return Err(DomainError::invalid("payload.id", "is the id of another notification"));
    }
    insert(unit, user, &new).await?;
    Ok(new)
}

/// Stores a notification about one thing that another message announces; returns its id.
pub(super) async fn store(
    unit: &mut UnitOfWork,
    user: &Id,
    kind: &str,
    title: String,
    body: String,
    subject: &EntityRef,
) -> Result<Id, DomainError> {
    let id = Id::from(uuid::Uuid::now_v7());
    let (level, created_at, kind) = (LEVELS[2].to_owned(), unit.timestamp(), Some(kind.to_owned()));
    let (entity_type, entity_id) = (Some(subject.entity_type.clone()), Some(subject.id.clone()));
    let new = NotificationNew { id: id.clone(), title, body, level, created_at, kind, entity_type, entity_id };
    insert(unit, user, &new).await?;
    Ok(id)
}

fn check(users: &[Id], title: &str, body: &str, level: &str) -> Result<(), DomainError> {
    let how_many = || format!("must be 1 to {MAX_RECIPIENTS} ids");
    if users.is_empty() {
        return Err(DomainError::invalid("userIds", how_many()));
    }
    if users.len() > MAX_RECIPIENTS {
        return Err(DomainError::out_of_bounds(LimitKind::Notifications, "userIds", how_many()));
    }
    if title.trim().is_empty() || title.chars().count() > MAX_TITLE_CHARS {
        return Err(DomainError::invalid("title", format!("must have 1 to {MAX_TITLE_CHARS} characters")));
    }
    if body.chars().count() > MAX_BODY_CHARS {
        return Err(DomainError::invalid("body", format!("must have at most {MAX_BODY_CHARS} characters")));
    }
    if !LEVELS.contains(&level) {
        return Err(DomainError::invalid("level", format!("must be one of {}", LEVELS.join(", "))));
    }
    Ok(())
}

/// Returns whether two users share a campaign, or are one.
async fn share_campaign(db: &mut sqlx::AnyConnection, a: &Id, b: &Id) -> Result<bool, DbError> {
    let shared = sqlx::query(
        "SELECT 1 FROM users WHERE id = $1 AND id = $2 UNION ALL \
         SELECT 1 FROM memberships a JOIN memberships b ON b.campaign_id = a.campaign_id \
         WHERE a.user_id = $1 AND b.user_id = $2",
    )
    .bind(a.as_str())
    .bind(b.as_str())
    .fetch_optional(db)
    .await?;
    Ok(shared.is_some())
}

/// Stores a notification that the caller has caused.
pub(super) async fn insert(unit: &mut UnitOfWork, user: &Id, new: &NotificationNew) -> Result<(), DbError> {
    let (sender, kept) = (unit.caller().user_id.clone(), i64::from(unit.notifications_kept));
    sqlx::query(
        "INSERT INTO notifications (id, user_id, title, body, level, created_at, kind, entity_type, entity_id, \
         sender_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(new.id.as_str())
    .bind(user.as_str())
    .bind(new.title.as_str())
    .bind(new.body.as_str())
    .bind(new.level.as_str())
    .bind(new.created_at.as_str())
    .bind(new.kind.as_deref().unwrap_or(KINDS[0]))
    .bind(new.entity_type.as_ref().map(|kind| kind.as_str().to_owned()))
    .bind(new.entity_id.as_ref().map(ToString::to_string))
    .bind(sender.as_str())
    .execute(unit.db())
    .await?;
    evict_oldest(unit.db(), user, kept).await
}

/// Drops the oldest notifications of the sender who has most, read ones first, if a user has more than are kept.
///
/// So whoever floods a user's list pushes out their own notifications and nobody else's.
async fn evict_oldest(db: &mut sqlx::AnyConnection, user: &Id, kept: i64) -> Result<(), DbError> {
    let row = sqlx::query("SELECT COUNT(*) FROM notifications WHERE user_id = $1").bind(user.as_str());
    let over = row.fetch_one(&mut *db).await?.try_get::<i64, _>(0)? - kept;
    if over <= 0 {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE user_id = $1 AND sender_id = \
         (SELECT sender_id FROM notifications WHERE user_id = $1 GROUP BY sender_id \
         ORDER BY COUNT(*) DESC, MIN(created_at) LIMIT 1) \
         ORDER BY CASE WHEN read_at IS NULL THEN 1 ELSE 0 END, created_at, id LIMIT $2)",
    )
    .bind(user.as_str())
    .bind(over.min(MAX_EVICTED))
    .execute(db)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Notification, DbError> {
    let (entity_type, id): (Option<String>, Option<String>) = (row.try_get(7)?, row.try_get(8)?);
    let subject = match entity_type.zip(id) {
        Some((entity_type, id)) => Some(EntityRef::new(EntityType::from(entity_type.as_str()), parse_id(&id)?)),
        None => None,
    };
    Ok(Notification {
        id: parse_id(row.try_get(0)?)?,
        title: row.try_get(1)?,
        body: row.try_get(2)?,
        level: row.try_get(3)?,
        created_at: row.try_get(4)?,
        kind: row.try_get(5)?,
        read: row.try_get::<Option<String>, _>(6)?.is_some(),
        subject,
    })
}
