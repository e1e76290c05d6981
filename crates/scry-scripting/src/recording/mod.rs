//! Recordings: what was delivered, in a file that can be replayed (pure).
//!
//! A recording is text, one JSON value per line. The first line is the header, an object:
//!
//! ```json
//! {"scry":"recording","v":1,"startedAt":"2026-02-03T04:05:06.789Z","rooms":["campaign:0197…"],"by":"scry 0.1.0"}
//! ```
//!
//! Every other line is one delivery, an array of three or four: milliseconds since the start, the room it came
//! through (null for what was sent to the user alone), the name of the Socket.IO event, and its body if that is not
//! the `{"type": name, …}` form; the body of such an event is the third item itself:
//!
//! ```json
//! [1204,"campaign:0197…",{"type":"structure_updated","payload":{…},"metadata":{…}}]
//! [1300,"campaign:0197…","presence:change",{"userId":"…"}]
//! ```
//!
//! Times never go back. Unknown fields of the header and further items of a line are ignored; a higher `v` is refused.
//!
//! The header may hold `state`: what the campaigns were when the recording began, each
//! `{"campaignId":…,"position":{…},"nodes":[…]}` with the entities as the API tells them. It is what a dashboard
//! begins with.

mod read;
mod schedule;
mod write;

pub use self::read::{DamageNotice, Recording, RecordingError, read};
pub(crate) use self::schedule::PlaybackSchedule;
pub use self::schedule::PlaybackSpeed;
pub use self::write::{entry, header};

use jiff::Timestamp;
use scry_protocol::{Id, Position};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Versions the format.
pub(crate) const RECORDING_VERSION: u32 = 1;

/// The first line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingHeader {
    /// Always `recording`; tells the file from other JSON lines.
    scry: String,
    v: u32,
    /// The time from which the entries' times are counted.
    pub started_at: Timestamp,
    /// The names of the rooms that were listened to.
    #[serde(default)]
    pub rooms: Vec<String>,
    /// The program that wrote it.
    #[serde(default)]
    pub by: String,
    /// The campaigns' states when the recording began; empty where it was made without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state: Vec<RecordedState>,
}

/// The state of a campaign when the recording began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedState {
    /// The campaign's id.
    pub campaign_id: Id,
    /// The position in the journal that the state belongs to; `None` where the server keeps no journal.
    #[serde(default)]
    pub position: Option<Position>,
    /// Every entity as the API sends it, `__typename` included.
    pub nodes: Vec<Value>,
}

impl RecordingHeader {
    /// Builds a header of the current version.
    #[must_use]
    pub fn new(started_at: Timestamp, rooms: Vec<String>, state: Vec<RecordedState>) -> Self {
        let by = concat!("scry ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { scry: "recording".to_owned(), v: RECORDING_VERSION, started_at, rooms, by, state }
    }
}
