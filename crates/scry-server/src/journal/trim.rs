//! Forgetting old events: the journal keeps what a client may resume from, and no more.

use jiff::Timestamp;
use scry_protocol::Id;
use sqlx::{AnyConnection, Row};

use super::Journal;
use super::read::{signed, unsigned};
use crate::config::JournalConfig;
use crate::db::{DbError, Tx};

/// The number of events that one change deletes at most: edits wait for its turn.
const MAX_TRIMMED_EVENTS: u64 = 1_000;

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
            let surplus = head.seq.saturating_sub(config.max_events);
            // Looked up beside the writer: most campaigns have nothing to forget.
            let upto = self.last_before(&campaign, oldest).await?.max(surplus);
            while let Some(first) = self.first_upto(&campaign, upto).await? {
                let floor = upto.min(first.saturating_add(MAX_TRIMMED_EVENTS - 1));
                deleted += self.db.write(async |tx: &mut Tx| delete(tx, &campaign, floor).await).await?;
            }
        }
        Ok(deleted)
    }

    /// Returns the last event of a campaign that was made before a time; 0 if there is none.
    async fn last_before(&self, campaign: &Id, oldest_ms: i64) -> Result<u64, DbError> {
        let row = sqlx::query("SELECT MAX(seq) FROM journal WHERE campaign_id = $1 AND created_ms < $2")
            .bind(campaign.as_str())
            .bind(oldest_ms)
            .fetch_one(&self.db.reader)
            .await?;
        row.try_get::<Option<i64>, _>(0)?.map_or(Ok(0), unsigned)
    }

    /// Returns the first event of a campaign that is kept, unless it comes after `upto`.
    async fn first_upto(&self, campaign: &Id, upto: u64) -> Result<Option<u64>, DbError> {
        let row = sqlx::query("SELECT MIN(seq) FROM journal WHERE campaign_id = $1 AND seq <= $2")
            .bind(campaign.as_str())
            .bind(signed(upto))
            .fetch_one(&self.db.reader)
            .await?;
        row.try_get::<Option<i64>, _>(0)?.map(unsigned).transpose()
    }
}

/// Deletes a campaign's events up to and including `floor`; returns how many there were.
async fn delete(db: &mut AnyConnection, campaign: &Id, floor: u64) -> Result<u64, DbError> {
    let mut deleted = 0;
    for statement in [
        "DELETE FROM journal_rooms WHERE campaign_id = $1 AND seq <= $2",
        "UPDATE campaigns SET floor = $2 WHERE id = $1 AND floor < $2",
        "DELETE FROM journal WHERE campaign_id = $1 AND seq <= $2",
    ] {
        let done = sqlx::query(statement).bind(campaign.as_str()).bind(signed(floor)).execute(&mut *db).await?;
        deleted = done.rows_affected();
    }
    Ok(deleted)
}
