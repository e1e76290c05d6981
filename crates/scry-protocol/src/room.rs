//! Rooms: the units of subscription.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::entity::EntityType;
use super::id::{Id, ParseIdError};

/// A room of the gateway; written `kind:id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Room {
    /// Everything of one campaign.
    Campaign(Id),
    /// One settlement and what stands in it.
    Settlement(Id),
    /// One structure.
    Structure(Id),
    /// What concerns one user alone.
    User(Id),
    /// A room of a kind that a catalogue declares.
    Custom(RoomKind, Id),
}

/// A kind of room that a catalogue declares: a short word such as `company`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKind(Arc<str>);

/// Why a text is no room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseRoomError {
    /// The text has no colon.
    #[error("a room is written kind:id, for example campaign:0197…")]
    NoKind,
    /// What stands before the colon is not the name of a kind.
    #[error(
        "a kind of room is a word of at most {} small letters, digits, - and _, such as campaign",
        RoomKind::MAX_LEN
    )]
    BadKind,
    /// What stands after the colon is not an id.
    #[error(transparent)]
    Id(#[from] ParseIdError),
}

impl RoomKind {
    /// Bounds the length of the word, in bytes.
    pub const MAX_LEN: usize = 32;
    /// The kinds of rooms that the gateway has by itself; no catalogue declares them.
    pub const BUILT_IN: [&str; 4] = ["campaign", "settlement", "structure", "user"];

    /// Reads a kind that the gateway has not by itself.
    ///
    /// # Errors
    /// [`ParseRoomError::BadKind`] when the text is no such word.
    pub fn parse(text: &str) -> Result<Self, ParseRoomError> {
        let is_word = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= Self::MAX_LEN
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if is_word && !Self::BUILT_IN.contains(&text) { Ok(Self(text.into())) } else { Err(ParseRoomError::BadKind) }
    }

    /// Returns the word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Room {
    /// Returns the id behind the kind.
    #[must_use]
    pub const fn id(&self) -> &Id {
        match self {
            Self::Campaign(id) | Self::Settlement(id) | Self::Structure(id) | Self::User(id) | Self::Custom(_, id) => {
                id
            }
        }
    }

    /// Returns the word before the colon.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Campaign(_) => RoomKind::BUILT_IN[0],
            Self::Settlement(_) => RoomKind::BUILT_IN[1],
            Self::Structure(_) => RoomKind::BUILT_IN[2],
            Self::User(_) => RoomKind::BUILT_IN[3],
            Self::Custom(kind, _) => kind.as_str(),
        }
    }

    /// Returns the room that belongs to an entity alone, if its type has one.
    #[must_use]
    pub fn of_entity(entity_type: &EntityType, id: &Id) -> Option<Self> {
        match entity_type {
            EntityType::Campaign => Some(Self::Campaign(id.clone())),
            EntityType::Settlement => Some(Self::Settlement(id.clone())),
            EntityType::Structure => Some(Self::Structure(id.clone())),
            EntityType::Kingdom
            | EntityType::Location
            | EntityType::Encounter
            | EntityType::Member
            | EntityType::Other(_) => None,
        }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.id())
    }
}

impl FromStr for Room {
    type Err = ParseRoomError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, id) = text.split_once(':').ok_or(ParseRoomError::NoKind)?;
        let build = match kind {
            "campaign" => Self::Campaign,
            "settlement" => Self::Settlement,
            "structure" => Self::Structure,
            "user" => Self::User,
            declared => return Ok(Self::Custom(RoomKind::parse(declared)?, Id::parse(id)?)),
        };
        Ok(build(Id::parse(id)?))
    }
}

impl Serialize for Room {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Room {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_read_back_as_they_are_written() {
        for text in ["campaign:a", "settlement:b-1", "structure:c", "user:d", "company:acme", "cost-centre_2:7"] {
            assert_eq!(text.parse::<Room>().unwrap().to_string(), text);
        }
        assert_eq!("campaign".parse::<Room>(), Err(ParseRoomError::NoKind));
        for kind in ["", "Company", "2nd", "a b", "a\u{1b}", &"x".repeat(33)] {
            assert_eq!(format!("{kind}:1").parse::<Room>(), Err(ParseRoomError::BadKind), "{kind:?}");
        }
        assert_eq!("campaign:".parse::<Room>(), Err(ParseRoomError::Id(ParseIdError::Empty)));
    }
}
