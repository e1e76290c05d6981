//! Changes made through the API.

use scry_protocol::{EntityType, Id, OnConflict};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Api, queries};
use crate::error::ApiError;

/// Limits a change to what the caller has seen, and makes its repetition harmless.
#[derive(Debug, Clone, Default)]
pub struct EditOptions {
    /// The version the change was made from.
    pub expected_version: Option<i64>,
    /// A repeated key returns the first result and changes nothing.
    pub idempotency_key: Option<String>,
    /// What happens where another user has changed the entity since that version.
    pub on_conflict: OnConflict,
}

/// The result of moving a campaign's clock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockMove {
    /// The world time before the move, RFC 3339 UTC.
    pub previous_time: String,
    /// The world time after the move, RFC 3339 UTC.
    pub new_time: String,
    /// The seconds of world time between the two; negative where the clock was set back.
    pub elapsed_seconds: i64,
    /// After which time scheduled effects happen; told where the clock was rewound.
    #[serde(default)]
    pub effects_after: Option<String>,
}

impl Api {
    /// Creates an entity and returns it as the API tells it.
    ///
    /// # Errors
    /// [`ApiError`], as for every question; [`ApiError::NotOffered`] for a type that is not created this way.
    pub async fn create(
        &self,
        kind: &EntityType,
        input: Map<String, Value>,
        terms: &EditOptions,
    ) -> Result<Value, ApiError> {
        let (name, fields) = self.editable(kind)?;
        let query = format!(
            "mutation ($input: Create{name}Input!, $key: String) {{ \
             result: create{name}(input: $input, idempotencyKey: $key) {{ {fields} }} }}"
        );
        self.query(&query, json!({"input": input, "key": terms.idempotency_key}), "result").await
    }

    /// Changes an entity and returns it as the API tells it.
    ///
    /// # Errors
    /// [`ApiError`], as for every question; [`ApiError::Conflict`] when somebody else was first.
    pub async fn update(
        &self,
        kind: &EntityType,
        id: &Id,
        input: Map<String, Value>,
        terms: &EditOptions,
    ) -> Result<Value, ApiError> {
        let (name, fields) = self.editable(kind)?;
        let query = format!(
            "mutation ($id: ID!, $input: Update{name}Input!, $version: Int, $conflict: OnConflict!, $key: String) {{ \
             result: update{name}(id: $id, input: $input, expectedVersion: $version, onConflict: $conflict, \
             idempotencyKey: $key) {{ {fields} }} }}"
        );
        let variables = json!({"id": id, "input": input, "version": terms.expected_version,
            "conflict": terms.on_conflict, "key": terms.idempotency_key});
        self.query(&query, variables, "result").await
    }

    /// Deletes an entity and everything in it.
    ///
    /// # Errors
    /// [`ApiError`], as for every question; [`ApiError::Conflict`] when somebody else was first.
    pub async fn delete(&self, kind: &EntityType, id: &Id, terms: &EditOptions) -> Result<(), ApiError> {
        let (name, _) = self.editable(kind)?;
        let query = format!(
            "mutation ($id: ID!, $version: Int, $key: String) {{ \
             result: delete{name}(id: $id, expectedVersion: $version, idempotencyKey: $key) }}"
        );
        let variables = json!({"id": id, "version": terms.expected_version, "key": terms.idempotency_key});
        self.graphql(&query, variables).await.map(|_| ())
    }

    /// Moves a campaign's clock by seconds, back when they are negative.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn advance_time(&self, campaign: &Id, seconds: i64, terms: &EditOptions) -> Result<ClockMove, ApiError> {
        let query = "mutation ($campaign: ID!, $seconds: Int!, $key: String) { result: advanceWorldTime(campaignId: \
                     $campaign, seconds: $seconds, idempotencyKey: $key) { previousTime newTime elapsedSeconds } }";
        let variables = json!({"campaign": campaign, "seconds": seconds, "key": terms.idempotency_key});
        self.query(query, variables, "result").await
    }

    /// Sets a campaign's clock to an RFC 3339 time; with `rewind`, scheduled effects after it happen again.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn set_time(
        &self,
        campaign: &Id,
        time: &str,
        rewind: bool,
        terms: &EditOptions,
    ) -> Result<ClockMove, ApiError> {
        // Only a server that can rewind is asked to.
        let query = if rewind {
            "mutation ($campaign: ID!, $time: String!, $key: String) { result: setWorldTime(campaignId: $campaign, \
             time: $time, rewind: true, idempotencyKey: $key) { previousTime newTime elapsedSeconds effectsAfter } }"
        } else {
            "mutation ($campaign: ID!, $time: String!, $key: String) { result: setWorldTime(campaignId: \
             $campaign, time: $time, idempotencyKey: $key) { previousTime newTime elapsedSeconds } }"
        };
        let variables = json!({"campaign": campaign, "time": time, "key": terms.idempotency_key});
        self.query(query, variables, "result").await
    }

    fn editable(&self, kind: &EntityType) -> Result<(&'static str, &'static str), ApiError> {
        queries::editable(kind).ok_or_else(|| self.not_offered(&format!("changes to {kind}s in this way")))
    }
}
