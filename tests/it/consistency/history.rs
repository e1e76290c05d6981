//! The history of a run: what was asked, what was answered and what arrived, one line of JSON each, in the order
//! in which it happened.
//!
//! A request is recorded before its first byte leaves, an answer after its last byte has come. So a line that stands
//! before another happened before it, and the checker needs no clock.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of a history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HistoryLine {
    /// Microseconds since the run began.
    pub at: u64,
    #[serde(flatten)]
    pub record: HistoryRecord,
}

/// What a line reports.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum HistoryRecord {
    /// The state before the first request, and the effects that the clock brings.
    Start {
        database: String,
        seed: u64,
        snapshot: Value,
        effects: Vec<MonthlyEffect>,
    },
    /// One attempt to have a request answered; several attempts of one `op` ask for the same.
    Send {
        op: u64,
        attempt: u64,
        node: usize,
        request: HistoryRequest,
    },
    Reply {
        op: u64,
        attempt: u64,
        answer: HistoryAnswer,
    },
    /// A socket asks for a room.
    Subscribe {
        stream: u64,
        subscriber: String,
        room: String,
        since: Option<u64>,
    },
    /// A socket was let in.
    Joined {
        stream: u64,
        epoch: String,
        position: u64,
        recovered: bool,
    },
    /// A socket was not let in.
    Refused {
        stream: u64,
        code: String,
    },
    /// A durable event arrived.
    Delivered {
        stream: u64,
        seq: u64,
        digest: String,
    },
    /// A socket was told that it has lost its room.
    Revoked {
        stream: u64,
    },
    /// A notification arrived.
    Message {
        user: String,
        title: String,
    },
    /// The titles in a user's list of notifications.
    Listed {
        user: String,
        titles: Vec<String>,
    },
    /// Something was broken.
    Fault {
        what: InjectedFault,
        part: String,
    },
    /// An event as the server's journal has it, read after the run.
    Journal {
        seq: u64,
        epoch: String,
        event: Value,
    },
    /// The run is over: everybody had the time to catch up.
    End,
}

/// A change of the world that comes with the clock, once a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthlyEffect {
    pub name: String,
    /// The day of the month; where a month is shorter, its last.
    pub day: i8,
    /// The name of the settlement whose `tithe` it raises by one.
    pub target: String,
}

/// What is asked of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum HistoryRequest {
    /// Sets the variables `mark` and `note` of a settlement or structure.
    Edit {
        key: String,
        entity: String,
        structure: bool,
        mark: i64,
        expected: Option<i64>,
    },
    Create {
        key: String,
        settlement: String,
        name: String,
        mark: i64,
    },
    Delete {
        key: String,
        entity: String,
    },
    Advance {
        key: String,
        seconds: i64,
    },
    Snapshot,
    /// The user accepts an invitation.
    Admit {
        user: String,
        invitation: String,
    },
    Remove {
        user: String,
    },
    Notify {
        key: String,
        user: String,
        title: String,
    },
    Login {
        family: u64,
    },
    /// Trades a refresh token, named by its digest, for the next one.
    Refresh {
        family: u64,
        token: String,
    },
}

/// What the server answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum HistoryAnswer {
    Written {
        entity: String,
        version: i64,
        mark: Value,
        note: Value,
    },
    Moved {
        previous: String,
        new: String,
        elapsed: i64,
    },
    Viewed {
        snapshot: Value,
    },
    Token {
        token: String,
    },
    Done,
    /// A definite no: nothing was changed.
    Refused {
        code: String,
    },
    /// No answer, or one that leaves open what became of the request.
    Unknown {
        why: String,
    },
}

/// What was done to a part of the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InjectedFault {
    Killed,
    Terminated,
    Stopped,
    Crashed,
}

impl HistoryRequest {
    /// Returns the idempotency key of a change, which its event carries as the correlation id.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Edit { key, .. }
            | Self::Create { key, .. }
            | Self::Delete { key, .. }
            | Self::Advance { key, .. }
            | Self::Notify { key, .. } => Some(key),
            Self::Snapshot | Self::Admit { .. } | Self::Remove { .. } | Self::Login { .. } | Self::Refresh { .. } => {
                None
            }
        }
    }
}

/// Writes a history; clones write the same one.
#[derive(Debug, Clone)]
pub struct HistoryRecorder {
    file: Arc<Mutex<File>>,
    began: Instant,
    next: Arc<AtomicU64>,
}

impl HistoryRecorder {
    /// Begins a history in a new file.
    pub fn create(path: &Path) -> Self {
        let file = Arc::new(Mutex::new(File::create(path).unwrap()));
        Self { file, began: Instant::now(), next: Arc::new(AtomicU64::new(1)) }
    }

    /// Writes a line at once, so that a run that is cut short leaves all that happened.
    pub fn write(&self, record: HistoryRecord) {
        let mut file = self.file.lock().unwrap();
        // The time is taken under the lock, so that lines and times are in one order.
        let at = u64::try_from(self.began.elapsed().as_micros()).unwrap();
        let mut line = serde_json::to_vec(&HistoryLine { at, record }).unwrap();
        line.push(b'\n');
        file.write_all(&line).unwrap();
    }

    /// Returns a number that no other request, attempt, stream, mark or key of this history has.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// Returns a digest of a text: a history holds no secrets, and no event twice.
pub fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Returns the digest of an event as every subscriber must get it: a replay differs by its mark alone.
pub fn event_digest(event: &Value) -> String {
    let mut event = event.clone();
    if let Some(metadata) = event["metadata"].as_object_mut() {
        metadata.shift_remove("replayed");
    }
    // The order of keys says nothing in JSON.
    event.sort_all_objects();
    digest(&event.to_string())
}
