//! Rooms: the units of subscription.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::entity::EntityType;
use super::id::{Id, InvalidId};

/// Names a room of the gateway; written `kind:id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Room {
    Campaign(Id),
    Settlement(Id),
    Structure(Id),
    User(Id),
}

/// Says why a text is no room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoom {
    #[error("a room is written kind:id, for example campaign:0197…")]
    NoKind,
    #[error("unknown kind of room; known are campaign, settlement, structure and user")]
    UnknownKind,
    #[error(transparent)]
    Id(#[from] InvalidId),
}

impl Room {
    /// Returns the id behind the kind.
    #[must_use]
    pub const fn id(&self) -> &Id {
        match self {
            Self::Campaign(id) | Self::Settlement(id) | Self::Structure(id) | Self::User(id) => id,
        }
    }

    /// Returns the word before the colon.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Campaign(_) => "campaign",
            Self::Settlement(_) => "settlement",
            Self::Structure(_) => "structure",
            Self::User(_) => "user",
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
    type Err = InvalidRoom;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, id) = text.split_once(':').ok_or(InvalidRoom::NoKind)?;
        let build = match kind {
            "campaign" => Self::Campaign,
            "settlement" => Self::Settlement,
            "structure" => Self::Structure,
            "user" => Self::User,
            _ => return Err(InvalidRoom::UnknownKind),
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
        for text in ["campaign:a", "settlement:b-1", "structure:c", "user:d"] {
            assert_eq!(text.parse::<Room>().unwrap().to_string(), text);
        }
        assert_eq!("campaign".parse::<Room>(), Err(InvalidRoom::NoKind));
        assert_eq!("company:1".parse::<Room>(), Err(InvalidRoom::UnknownKind));
        assert_eq!("campaign:".parse::<Room>(), Err(InvalidRoom::Id(InvalidId::Empty)));
    }
}
