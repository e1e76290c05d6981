//! What becomes of an edit.

use scry_protocol::{Conflict, ErrorCode};
use serde::{Deserialize, Serialize};

use super::edit::Edit;

/// A step in the life of an edit, reported to the outbox's owner.
///
/// For each key the first is [`EditOutcome::Stored`], also for edits that an earlier run left behind.
#[derive(Debug, Clone, PartialEq)]
pub enum EditOutcome {
    /// The edit is on disk and waits; a crash no longer loses it.
    Stored(Edit),
    /// The edit could not be stored, and is therefore not sent; the reason is one safe sentence.
    NotStored {
        /// The key of the edit.
        key: String,
        /// The reason in one sentence, made safe for display.
        reason: String,
    },
    /// The edit is on its way. Where no answer comes, [`EditOutcome::Waiting`] follows.
    Sending {
        /// The key of the edit.
        key: String,
    },
    /// The edit waits to be sent, or sent again, once the connection is live.
    Waiting {
        /// The key of the edit.
        key: String,
    },
    /// The server has applied it. `version` is the entity's after the edit, where the answer told one.
    Applied {
        /// The key of the edit.
        key: String,
        /// The entity's version after the edit.
        version: Option<i64>,
    },
    /// The server said no. The edit is kept until the person retries or discards it.
    Refused {
        /// The key of the edit.
        key: String,
        /// The server's reason.
        refusal: EditRefusal,
    },
    /// The person gave it up.
    Discarded {
        /// The key of the edit.
        key: String,
    },
    /// Another program has had it answered, or has given it up; the campaign's events tell which.
    Gone {
        /// The key of the edit.
        key: String,
    },
    /// Something about the outbox that a person should know; one safe sentence.
    Notice(String),
}

/// The reason why an edit was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditRefusal {
    /// The code of the server's error.
    pub code: ErrorCode,
    /// One safe sentence.
    pub message: String,
    /// What somebody else changed meanwhile, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
}

/// The progress of an edit in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub enum EditState {
    /// The edit waits to be sent, or sent again.
    Pending,
    /// The edit has been sent and is not answered yet.
    Sending,
    /// The server has refused the edit; a user must retry or discard it.
    Refused(EditRefusal),
}
