//! Forgetting old events: the journal keeps what a client may resume from, and no more.

use jiff::Timestamp;
use sqlx::Row;

use super::Journal;
use super::read::{signed, unsigned};
use crate::config::server::JournalConfig;
use crate::server::db::DbError;

impl Journal {
    /// Deletes what is older than the configuration keeps, and raises each campaign's floor.
    ///
    /// The newest event of a campaign goes too once it is old enough: the campaign's `seq` is kept
    /// in its own row. Returns how many events were deleted.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer.
    pub async fn trim(&self, config: &JournalConfig, now: Timestamp) -> Result<u64, DbError> {
        let oldest = now.as_millisecond().saturating_sub(i64::try_from(config.keep.as_millis()).unwrap_or(i64::MAX));
        let mut deleted = 0;
        for (campaign, head) in self.heads().await? {
            let mut tx = self.db.write().await?;
            let aged: Option<i64> =
                sqlx::query("SELECT MAX(seq) FROM journal WHERE campaign_id = $1 AND created_ms < $2")
                    .bind(campaign.as_str())
                    .bind(oldest)
                    .fetch_one(&mut *tx)
                    .await?
                    .try_get(0)?;
            let floor = aged.map_or(Ok(0), unsigned)?.max(head.seq.saturating_sub(config.max_events));
            let trimmed = sqlx::query("DELETE FROM journal WHERE campaign_id = $1 AND seq <= $2")
                .bind(campaign.as_str())
                .bind(signed(floor))
                .execute(&mut *tx)
                .await?;
            if trimmed.rows_affected() > 0 {
                sqlx::query("DELETE FROM journal_rooms WHERE campaign_id = $1 AND seq <= $2")
                    .bind(campaign.as_str())
                    .bind(signed(floor))
                    .execute(&mut *tx)
                    .await?;
                sqlx::query("UPDATE campaigns SET floor = $2 WHERE id = $1 AND floor < $2")
                    .bind(campaign.as_str())
                    .bind(signed(floor))
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                deleted += trimmed.rows_affected();
            }
        }
        Ok(deleted)
    }
}
