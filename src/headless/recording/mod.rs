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

mod read;
mod schedule;
mod write;

pub use self::read::{Notice, ReadError, Recording, read};
pub use self::schedule::{Schedule, Speed};
pub use self::write::{entry, header};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Versions the format.
pub const VERSION: u32 = 1;

/// Describes a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Always `recording`; tells the file from other JSON lines.
    scry: String,
    v: u32,
    pub started_at: Timestamp,
    #[serde(default)]
    pub rooms: Vec<String>,
    /// The program that wrote it.
    #[serde(default)]
    pub by: String,
}

impl Header {
    /// Builds a header of the current version.
    #[must_use]
    pub fn new(started_at: Timestamp, rooms: Vec<String>) -> Self {
        let by = concat!("scry ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { scry: "recording".to_owned(), v: VERSION, started_at, rooms, by }
    }
}
