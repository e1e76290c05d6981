//! Catalogues: files that teach the gateway the events of another application (pure).
//!
//! A catalogue names events. Of each it says what a payload must look like (a JSON Schema), which rooms it goes to
//! (templates over the payload), whether it is journaled, queued or only passed on, and how a client shows it; of each
//! kind of room, who may subscribe. [`Catalogue::parse`] reads TOML and checks it as a whole, [`Catalogues`] holds all
//! that one gateway serves: on the wire a name has one meaning, so no two of them declare the same.

mod build;
mod displays;
mod raw;
mod schema;
mod set;
mod template;

use std::sync::Arc;

use scry_protocol::catalogue::{EventDisplay, METADATA_KEY, Severity};
use scry_protocol::{Id, Room, RoomKind};
use scry_text::toml_file::{self, TomlFileError};
use serde_json::Value;

pub use displays::EventDisplays;
pub use schema::PayloadSchema;
pub use set::Catalogues;
pub use template::PayloadTemplate;

use template::RoomTemplate;

/// The catalogues that come with the program, by the name that the settings use.
pub const BUNDLED: [(&str, &str); 2] = [
    ("capacity", include_str!("../../../assets/catalogues/capacity.toml")),
    ("erp", include_str!("../../../assets/catalogues/erp.toml")),
];

/// One catalogue.
#[derive(Debug)]
pub struct Catalogue {
    /// The catalogue's name.
    pub name: Arc<str>,
    /// Names its journal among those of the campaigns, none of which has such an id.
    pub journal: Id,
    /// The service accounts that may publish its events; none named means any.
    pub publishers: Vec<String>,
    /// The kinds of rooms that it declares.
    pub rooms: Vec<RoomDefinition>,
    /// The events that it declares.
    pub events: Vec<EventDefinition>,
}

/// Who may subscribe to the rooms of a kind: whoever has the claim, or a membership row.
#[derive(Debug)]
pub struct RoomDefinition {
    /// The kind's name.
    pub kind: RoomKind,
    /// A claim of the access token that is the room's id, or a list with it.
    pub claim: Option<String>,
    /// Whether membership rows count.
    pub members: bool,
}

/// What becomes of an event that nobody is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Numbered and kept: whoever resumes gets it.
    Journaled,
    /// Kept for each user until they connect, and delivered once.
    Queued,
    /// Passed on to whoever is there.
    Ephemeral,
}

/// One event.
#[derive(Debug)]
pub struct EventDefinition {
    /// The event's name.
    pub name: Arc<str>,
    /// Whether the event is kept.
    pub durability: Durability,
    /// The sentence that clients show.
    pub summary: PayloadTemplate,
    /// How much the event matters.
    pub severity: Severity,
    rooms: Vec<RoomTemplate>,
    schema: PayloadSchema,
}

/// What is wrong with a payload, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PayloadError {
    /// Such as `payload.lines[2].amount`.
    pub path: String,
    /// What is wrong, as the end of a sentence.
    pub problem: String,
}

impl Catalogue {
    /// Reads and checks a catalogue.
    ///
    /// # Errors
    /// The first fault found, with its line.
    pub fn parse(toml: &str) -> Result<Self, TomlFileError> {
        toml_file::read(toml, "catalogue", build::catalogue)
    }

    /// Returns whether a service account may publish its events.
    #[must_use]
    pub fn is_publisher(&self, username: &str) -> bool {
        self.publishers.is_empty() || self.publishers.iter().any(|name| name == username)
    }
}

impl EventDefinition {
    /// Checks a payload; returns the rooms that the event goes to, each once.
    ///
    /// # Errors
    /// [`PayloadError`] with the path of the first fault.
    pub fn admit(&self, payload: &Value) -> Result<Vec<Room>, PayloadError> {
        let fault =
            |path: &str, problem: &str| Err(PayloadError { path: path.to_owned(), problem: problem.to_owned() });
        match payload {
            Value::Object(members) if members.contains_key(METADATA_KEY) => {
                return fault("payload.metadata", "is added by the gateway; leave it out");
            }
            Value::Object(_) => self.schema.check(payload)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return fault("payload", "must be an object");
            }
        }
        let mut rooms = Vec::new();
        for template in &self.rooms {
            let room = template.fill(payload)?;
            if !rooms.contains(&room) {
                rooms.push(room);
            }
        }
        Ok(rooms)
    }

    /// Returns the path of what in a payload names one of its rooms.
    #[must_use]
    pub fn naming(&self, room: &Room, payload: &Value) -> String {
        let template = self.rooms.iter().find(|template| template.fill(payload).as_ref() == Ok(room));
        let path = template.and_then(|template| template.paths().next());
        path.map_or_else(|| "payload".to_owned(), |path| format!("payload.{path}"))
    }

    /// Returns how a client shows it.
    #[must_use]
    pub fn display(&self) -> EventDisplay {
        EventDisplay { name: self.name.to_string(), summary: self.summary.to_string(), severity: self.severity }
    }
}

#[cfg(test)]
mod tests;
