//! What becomes of an edit.

use scry_protocol::{Conflict, ErrorCode};
use serde::{Deserialize, Serialize};

use super::edit::Edit;

/// Tells whoever holds the outbox what became of an edit.
///
/// For each key the first is [`EditOutcome::Stored`], also for edits that an earlier run left behind.
#[derive(Debug, Clone, PartialEq)]
pub enum EditOutcome {
    /// The edit is on disk and waits; a crash no longer loses it.
    Stored(Edit),
    /// The edit could not be stored, and is therefore not sent; the reason is one safe sentence.
    NotStored { key: String, reason: String },
    /// The edit is on its way. Where no answer comes, [`EditOutcome::Waiting`] follows.
    Sending { key: String },
    /// The edit waits to be sent, or sent again, once the connection is live.
    Waiting { key: String },
    /// The server has applied it. `version` is the entity's after the edit, where the answer told one.
    Applied { key: String, version: Option<i64> },
    /// The server said no. The edit is kept until the person retries or discards it.
    Refused { key: String, refusal: EditRefusal },
    /// The person gave it up.
    Discarded { key: String },
    /// Another program has had it answered, or has given it up; the campaign's events tell which.
    Gone { key: String },
    /// Something about the outbox that a person should know; one safe sentence.
    Notice(String),
}

/// Why an edit was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditRefusal {
    pub code: ErrorCode,
    /// One safe sentence.
    pub message: String,
    /// What somebody else changed meanwhile, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
}

/// How far an edit in the outbox has come.
#[derive(Debug, Clone, PartialEq)]
pub enum EditState {
    Pending,
    Sending,
    Refused(EditRefusal),
}
