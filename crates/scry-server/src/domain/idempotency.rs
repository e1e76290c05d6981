//! Requests that may come twice: the second gets the first one's result and changes nothing.

use scry_text::input;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::DomainError;
use super::unit_of_work::UnitOfWork;
use crate::auth::digest;
use crate::db::DbError;

/// How long a result is kept.
pub(super) const RESULT_TTL_MS: i64 = 24 * 3600 * 1000;

/// What was asked under a key before, as a digest, and the result as JSON.
pub(super) struct StoredResult {
    pub request: String,
    pub result: String,
}

/// One request by its key and by what it asks for.
pub(super) struct IdempotentRequest {
    key: String,
    /// A digest of what is asked: the same key with another request is a mistake worth telling.
    asked: String,
}

impl IdempotentRequest {
    /// Builds the name of a request; `None` where the caller gave no key.
    pub(super) fn new(key: Option<&str>, asked: &impl Serialize) -> Result<Option<Self>, DomainError> {
        let Some(key) = key else { return Ok(None) };
        let key = input::key(key).map_err(|problem| DomainError::invalid("idempotencyKey", problem.to_string()))?;
        let asked = serde_json::to_vec(asked).map_err(|error| DbError::corrupt("request", error))?;
        Ok(Some(Self { key: key.to_owned(), asked: digest::hex(&Sha256::digest(asked)) }))
    }

    /// Returns the key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Reads the result of the same request; the same key with another one is a mistake worth telling.
    pub(super) fn result<T: DeserializeOwned>(&self, earlier: &StoredResult) -> Result<T, DomainError> {
        if earlier.request != self.asked {
            return Err(DomainError::invalid("idempotencyKey", "was already used for another request; use a new one"));
        }
        Ok(serde_json::from_str(&earlier.result).map_err(|error| DbError::corrupt("result", error))?)
    }
}

impl UnitOfWork {
    /// Returns the result of the same request, if it was made in the last 24 h.
    pub(super) async fn find_result<T: DeserializeOwned>(
        &mut self,
        request: Option<&IdempotentRequest>,
    ) -> Result<Option<T>, DomainError> {
        let Some(request) = request else { return Ok(None) };
        let oldest = self.results_kept_since();
        let user = self.caller().user_id.clone();
        let row =
            sqlx::query("SELECT request, result FROM idempotency WHERE user_id = $1 AND key = $2 AND created_ms > $3")
                .bind(user.as_str())
                .bind(request.key.as_str())
                .bind(oldest)
                .fetch_optional(self.db())
                .await?;
        let Some(row) = row else { return Ok(None) };
        request.result(&StoredResult { request: row.try_get(0)?, result: row.try_get(1)? }).map(Some)
    }

    /// Returns the time, in Unix milliseconds, since which requests are remembered.
    pub(super) fn results_kept_since(&self) -> i64 {
        self.now.as_millisecond() - RESULT_TTL_MS
    }

    /// Stores the result of a request, in the transaction of its change.
    pub(super) async fn store_result(
        &mut self,
        request: Option<&IdempotentRequest>,
        result: &impl Serialize,
    ) -> Result<(), DomainError> {
        let Some(request) = request else { return Ok(()) };
        let result = serde_json::to_string(result).map_err(|error| DbError::corrupt("result", error))?;
        let (user, now) = (self.caller().user_id.clone(), self.now.as_millisecond());
        sqlx::query(
            "INSERT INTO idempotency (user_id, key, request, result, created_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (user_id, key) DO UPDATE SET request = $3, result = $4, created_ms = $5",
        )
        .bind(user.as_str())
        .bind(request.key.as_str())
        .bind(request.asked.as_str())
        .bind(result)
        .bind(now)
        .execute(self.db())
        .await?;
        Ok(())
    }
}
