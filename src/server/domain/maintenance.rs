//! Forgetting what nobody may ask for any more.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::{AnyConnection, Row};

use super::idempotency::KEPT_MS;
use crate::config::server::ServerConfig;
use crate::server::clock;
use crate::server::db::{Db, DbError, Tx};

/// Bounds the campaigns that are forgotten at a time, so that nobody waits for long.
const MAX_CAMPAIGNS: i64 = 20;

/// Deletes the results of requests that are too old to be repeated, disputes that nobody settled, and refresh tokens
/// that have expired.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn forget_requests(db: &Db, now: Timestamp) -> Result<(), DbError> {
    let oldest = now.as_millisecond() - KEPT_MS;
    let requests = "DELETE FROM idempotency WHERE (user_id, key) IN \
                    (SELECT user_id, key FROM idempotency WHERE created_ms < $1 LIMIT 500)";
    let disputes = "DELETE FROM disputes WHERE (entity_id, field, user_id) IN \
                    (SELECT entity_id, field, user_id FROM disputes WHERE created_ms < $1 LIMIT 500)";
    let tokens = "DELETE FROM refresh_tokens WHERE digest IN \
                  (SELECT digest FROM refresh_tokens WHERE expires_ms < $1 LIMIT 500)";
    db.delete_in_steps(requests, oldest).await?;
    db.delete_in_steps(disputes, oldest).await?;
    db.delete_in_steps(tokens, now.as_millisecond()).await?;
    Ok(())
}

/// Deletes expired invitations, and notifications, ended logins and what is left of deleted campaigns, once they are older than the settings say.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn forget_old(db: &Db, config: &ServerConfig, now: Timestamp) -> Result<(), DbError> {
    let quota = &config.quota;
    sqlx::query("DELETE FROM invitations WHERE expires_ms < $1").bind(now.as_millisecond()).execute(&db.writer).await?;
    forget_notifications(db, before(now, quota.notification_keep)).await?;
    // An access token outlives its login by a while, and until then it must be known that the login has ended.
    let sessions = before(now, quota.session_keep.max(config.auth.access_ttl * 2));
    forget_sessions(db, now, sessions).await?;
    forget_campaigns(db, before(now, quota.deleted_campaign_keep.max(config.journal.keep))).await
}

async fn forget_notifications(db: &Db, oldest: Timestamp) -> Result<(), DbError> {
    sqlx::query("DELETE FROM notifications WHERE created_at < $1")
        .bind(clock::stamp(oldest))
        .execute(&db.writer)
        .await?;
    Ok(())
}

/// Deletes the tokens that have expired, then the logins that have none left or were ended long ago.
async fn forget_sessions(db: &Db, now: Timestamp, oldest: Timestamp) -> Result<(), DbError> {
    let statements = [
        ("DELETE FROM refresh_tokens WHERE expires_ms < $1", now),
        ("DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE revoked_ms < $1)", oldest),
        // A printed token has no refresh token; its login is known for as long as it would be good.
        ("DELETE FROM sessions WHERE revoked_ms < $1 AND COALESCE(token_expires_ms, 0) < $1", oldest),
        (
            "DELETE FROM sessions WHERE created_ms < $1 AND revoked_ms IS NULL AND COALESCE(token_expires_ms, 0) < $1 \
             AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.session_id = sessions.id)",
            oldest,
        ),
    ];
    db.write(async |tx: &mut Tx| {
        for (statement, until) in statements {
            sqlx::query(statement).bind(until.as_millisecond()).execute(&mut **tx).await?;
        }
        Ok(())
    })
    .await
}

/// Deletes the rows of campaigns that were deleted, once their last event is older than `oldest`.
async fn forget_campaigns(db: &Db, oldest: Timestamp) -> Result<(), DbError> {
    db.write(async |tx: &mut Tx| forget_campaigns_in(tx, oldest).await).await
}

async fn forget_campaigns_in(db: &mut AnyConnection, oldest: Timestamp) -> Result<(), DbError> {
    // A catalogue's journal looks like a campaign without an entity, but is one that still grows.
    let rows = sqlx::query(
        "SELECT c.id FROM campaigns c WHERE c.id NOT LIKE 'catalogue:%' \
         AND NOT EXISTS (SELECT 1 FROM entities e WHERE e.campaign_id = c.id) \
         AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.campaign_id = c.id AND j.created_ms >= $1) LIMIT $2",
    )
    .bind(oldest.as_millisecond())
    .bind(MAX_CAMPAIGNS)
    .fetch_all(&mut *db)
    .await?;
    for row in rows {
        let campaign: String = row.try_get(0)?;
        for statement in [
            "DELETE FROM journal_rooms WHERE campaign_id = $1",
            "DELETE FROM journal WHERE campaign_id = $1",
            "DELETE FROM memberships WHERE campaign_id = $1",
            "DELETE FROM invitations WHERE campaign_id = $1",
            "DELETE FROM definitions WHERE campaign_id = $1",
            "DELETE FROM campaigns WHERE id = $1",
        ] {
            sqlx::query(statement).bind(campaign.as_str()).execute(&mut *db).await?;
        }
    }
    Ok(())
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::core::Core;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    async fn run(core: &Core, statements: &[String]) {
        for statement in statements {
            sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&core.db.writer).await.unwrap();
        }
    }

    async fn ids(core: &Core, table: &str) -> Vec<String> {
        let query = format!("SELECT id FROM {table} ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&core.db.reader).await.unwrap();
        rows.iter().map(|row| row.try_get(0).unwrap()).collect()
    }

    #[tokio::test]
    async fn what_is_older_than_the_settings_say_is_deleted_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let core = Core::open(ServerConfig::new(dir.path())).await.unwrap();
        let now = clock::now();
        let days = |days: u32| before(now, DAY * days);
        let ms = |ago: u32| days(ago).as_millisecond();
        let later = now.checked_add(DAY).unwrap().as_millisecond();
        let note = |id: &str, at: Timestamp| {
            format!(
                "INSERT INTO notifications (id, user_id, title, body, level, created_at) \
                 VALUES ('{id}', 'u', 't', '', 'info', '{}')",
                clock::stamp(at)
            )
        };
        let session = |id: &str, made: i64, ended: &str| {
            format!("INSERT INTO sessions VALUES ('{id}', 'u', {made}, {ended}, NULL)")
        };
        let printed = |id: &str, ended: &str, expires: i64| {
            format!("INSERT INTO sessions VALUES ('{id}', 'u', {}, {ended}, {expires})", ms(99))
        };
        let token = |session: &str, expires: i64| {
            format!(
                "INSERT INTO refresh_tokens (digest, session_id, expires_ms) VALUES ('{session}', '{session}', {expires})"
            )
        };
        let campaign = |id: &str| format!("INSERT INTO campaigns (id, epoch) VALUES ('{id}', 'e')");
        let event = |campaign: &str, at: i64| {
            format!(
                "INSERT INTO journal (campaign_id, seq, epoch, event_id, type, body, changes, created_ms) \
                 VALUES ('{campaign}', 1, 'e', '{campaign}', 'entity_updated', '{{}}', '[]', {at})"
            )
        };
        run(
            &core,
            &[
                "INSERT INTO users VALUES ('u', 'u', '', 0, '', NULL, NULL)".to_owned(),
                note("old", days(91)),
                note("young", days(89)),
                session("expired", ms(31), "NULL"),
                token("expired", ms(1)),
                session("ended-long-ago", ms(40), &ms(31).to_string()),
                token("ended-long-ago", later),
                session("ended", ms(40), &ms(1).to_string()),
                token("ended", later),
                session("living", ms(40), "NULL"),
                token("living", later),
                session("new", ms(0), "NULL"),
                printed("printed", "NULL", later),
                printed("printed-ended", &ms(31).to_string(), later),
                printed("printed-expired", "NULL", ms(31)),
                printed("printed-ended-expired", &ms(32).to_string(), ms(31)),
                campaign("gone"),
                event("gone", ms(8)),
                campaign("lately"),
                event("lately", ms(6)),
                campaign("catalogue:erp"),
                campaign("there"),
                "INSERT INTO entities (id, campaign_id, kind, name, version, created_at, updated_at, fields) \
                 VALUES ('there', 'there', 'campaign', 'There', 1, '', '', '{}')"
                    .to_owned(),
            ],
        )
        .await;
        forget_old(&core.db, &core.config, now).await.unwrap();
        assert_eq!(ids(&core, "notifications").await, ["young"]);
        assert_eq!(ids(&core, "sessions").await, ["ended", "living", "new", "printed", "printed-ended"]);
        assert_eq!(ids(&core, "campaigns").await, ["catalogue:erp", "lately", "there"]);
    }
}
