//! Forgetting what nobody may ask for any more.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::idempotency::RESULT_TTL_MS;
use crate::clock;
use crate::config::ServerConfig;
use crate::db::{Db, DbError};

/// Bounds the campaigns that are forgotten at a time.
const MAX_CAMPAIGNS_PER_RUN: i64 = 20;

/// For how long an expired refresh token is known, so that who comes back with it hears that it has expired.
const EXPIRED_TOKEN_KEEP: Duration = Duration::from_secs(24 * 3600);

/// Deletes the results of requests that are too old to be repeated, and conflicts that nobody resolved.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn delete_old_requests(db: &Db, now: Timestamp) -> Result<(), DbError> {
    let oldest = now.as_millisecond() - RESULT_TTL_MS;
    let requests = "DELETE FROM idempotency WHERE (user_id, key) IN \
                    (SELECT user_id, key FROM idempotency WHERE created_ms < $1 LIMIT 500)";
    let disputes = "DELETE FROM disputes WHERE (entity_id, field, user_id) IN \
                    (SELECT entity_id, field, user_id FROM disputes WHERE created_ms < $1 LIMIT 500)";
    db.delete_in_steps(requests, oldest).await?;
    db.delete_in_steps(disputes, oldest).await?;
    Ok(())
}

/// Deletes expired invitations, and notifications, ended logins and what is left of deleted campaigns, once they are
/// older than the settings say.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn delete_expired(db: &Db, config: &ServerConfig, now: Timestamp) -> Result<(), DbError> {
    let quota = &config.quota;
    let invitations = "DELETE FROM invitations WHERE id IN \
                       (SELECT id FROM invitations WHERE expires_ms < $1 LIMIT 500)";
    db.delete_in_steps(invitations, now.as_millisecond()).await?;
    let notifications = "DELETE FROM notifications WHERE id IN \
                         (SELECT id FROM notifications WHERE created_at < $1 LIMIT 500)";
    db.delete_in_steps(notifications, clock::format_time(before(now, quota.notification_keep))).await?;
    // An access token outlives its login by a while, and until then it must be known that the login has ended.
    let sessions = before(now, quota.session_keep.max(config.auth.access_ttl * 2));
    delete_old_sessions(db, now, sessions).await?;
    delete_old_campaigns(db, before(now, quota.deleted_campaign_keep.max(config.journal.keep))).await
}

/// Deletes the tokens that expired a day ago, then the logins that have none left or were ended long ago.
async fn delete_old_sessions(db: &Db, now: Timestamp, oldest: Timestamp) -> Result<(), DbError> {
    let expired = "DELETE FROM refresh_tokens WHERE digest IN \
                   (SELECT digest FROM refresh_tokens WHERE expires_ms < $1 LIMIT 500)";
    db.delete_in_steps(expired, before(now, EXPIRED_TOKEN_KEEP).as_millisecond()).await?;
    let statements = [
        "DELETE FROM refresh_tokens WHERE digest IN (SELECT t.digest FROM refresh_tokens t \
         JOIN sessions s ON s.id = t.session_id WHERE s.revoked_ms < $1 LIMIT 500)",
        // A printed token has no refresh token; its login is known for as long as it would be good.
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions \
         WHERE revoked_ms < $1 AND COALESCE(token_expires_ms, 0) < $1 LIMIT 500)",
        "DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s \
         WHERE s.created_ms < $1 AND s.revoked_ms IS NULL AND COALESCE(s.token_expires_ms, 0) < $1 \
         AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.session_id = s.id) LIMIT 500)",
    ];
    for statement in statements {
        db.delete_in_steps(statement, oldest.as_millisecond()).await?;
    }
    Ok(())
}

/// Deletes the rows of campaigns that were deleted, once their last event is older than `oldest`.
async fn delete_old_campaigns(db: &Db, oldest: Timestamp) -> Result<(), DbError> {
    // A catalogue's journal looks like a campaign without an entity, but is one that still grows.
    let rows = sqlx::query(
        "SELECT c.id FROM campaigns c WHERE c.id NOT LIKE 'catalogue:%' \
         AND NOT EXISTS (SELECT 1 FROM entities e WHERE e.campaign_id = c.id) \
         AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.campaign_id = c.id AND j.created_ms >= $1) LIMIT $2",
    )
    .bind(oldest.as_millisecond())
    .bind(MAX_CAMPAIGNS_PER_RUN)
    .fetch_all(&db.reader)
    .await?;
    for row in rows {
        delete_campaign_rows(db, row.try_get(0)?).await?;
    }
    Ok(())
}

/// Deletes what is left of one campaign; its own row goes last, so that what a crash leaves is found again.
async fn delete_campaign_rows(db: &Db, campaign: String) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM journal_rooms WHERE campaign_id = $1 AND seq IN \
         (SELECT seq FROM journal_rooms WHERE campaign_id = $1 LIMIT 500)",
        "DELETE FROM journal WHERE campaign_id = $1 AND seq IN \
         (SELECT seq FROM journal WHERE campaign_id = $1 LIMIT 500)",
        "DELETE FROM memberships WHERE campaign_id = $1",
        "DELETE FROM invitations WHERE campaign_id = $1",
        "DELETE FROM definitions WHERE campaign_id = $1",
        "DELETE FROM campaigns WHERE id = $1",
    ];
    for statement in statements {
        db.delete_in_steps(statement, campaign.clone()).await?;
    }
    Ok(())
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::AppState;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    async fn run(state: &AppState, statements: &[String]) {
        for statement in statements {
            sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&state.db.writer).await.unwrap();
        }
    }

    async fn ids(state: &AppState, table: &str) -> Vec<String> {
        let query = format!("SELECT id FROM {table} ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&state.db.reader).await.unwrap();
        rows.iter().map(|row| row.try_get(0).unwrap()).collect()
    }

    #[tokio::test]
    async fn only_rows_older_than_the_settings_are_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let state = AppState::open(ServerConfig::new(dir.path())).await.unwrap();
        let now = clock::now();
        let days = |days: u32| before(now, DAY * days);
        let ms = |ago: u32| days(ago).as_millisecond();
        let later = now.checked_add(DAY).unwrap().as_millisecond();
        let note = |id: &str, at: Timestamp| {
            format!(
                "INSERT INTO notifications (id, user_id, title, body, level, created_at) \
                 VALUES ('{id}', 'u', 't', '', 'info', '{}')",
                clock::format_time(at)
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
            &state,
            &[
                "INSERT INTO users VALUES ('u', 'u', '', 0, '', NULL, NULL)".to_owned(),
                note("old", days(91)),
                note("young", days(89)),
                session("expired", ms(31), "NULL"),
                token("expired", ms(2)),
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
        delete_expired(&state.db, &state.config, now).await.unwrap();
        assert_eq!(ids(&state, "notifications").await, ["young"]);
        assert_eq!(ids(&state, "sessions").await, ["ended", "living", "new", "printed", "printed-ended"]);
        assert_eq!(ids(&state, "campaigns").await, ["catalogue:erp", "lately", "there"]);
    }
}
