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
    NotStored {
        /// The edit's idempotency key.
        key: String,
        /// The reason.
        reason: String,
    },
    /// The edit is on its way. Where no answer comes, [`EditOutcome::Waiting`] follows.
    Sending {
        /// The edit's idempotency key.
        key: String,
    },
    /// The edit waits to be sent, or sent again, once the connection is live.
    Waiting {
        /// The edit's idempotency key.
        key: String,
    },
    /// The server has applied it. `version` is the entity's after the edit, where the answer told one.
    Applied {
        /// The edit's idempotency key.
        key: String,
        /// The entity's version after it.
        version: Option<i64>,
    },
    /// The server said no. The edit is kept until the person retries or discards it.
    Refused {
        /// The edit's idempotency key.
        key: String,
        /// The reason.
        refusal: EditRefusal,
    },
    /// The person gave it up.
    Discarded {
        /// The edit's idempotency key.
        key: String,
    },
    /// Another program has had it answered, or has given it up; the campaign's events tell which.
    Gone {
        /// The edit's idempotency key.
        key: String,
    },
    /// Something about the outbox that a person should know; one safe sentence.
    Notice(String),
}

/// Why an edit was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditRefusal {
    /// The reason, for programs.
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
    /// It waits to be sent.
    Pending,
    /// It has been sent and is not answered yet.
    Sending,
    /// The server refused it.
    Refused(EditRefusal),
}
