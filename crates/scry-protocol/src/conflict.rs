//! What two people who edit the same thing are told.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Chooses what happens to an edit whose `expectedVersion` is no longer the current one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnConflict {
    /// Refuses whenever the version differs.
    Reject,
    /// Applies when the two sides touched different fields, refuses otherwise.
    #[default]
    Merge,
    /// Applies, and tells the user whose value was replaced.
    LastWriteWins,
}

/// A refused edit; sent as `extensions.conflict`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// The entity's version on the server.
    pub current_version: i64,
    /// The fields that both sides changed.
    pub fields: Vec<FieldConflict>,
}

/// One field that both sides changed: the common `base`, the refused `mine`, the stored `theirs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldConflict {
    /// The field's name as in `changedFields`.
    pub field: String,
    /// The value at the version that the edit expected.
    pub base: Value,
    /// The value that was refused.
    pub mine: Value,
    /// The value on the server.
    pub theirs: Value,
}
