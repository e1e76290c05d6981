//! The domain's nouns: entity types, operations on them, roles towards them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::Id;

/// A type of entity; written in lower case on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityType {
    /// A campaign: the world that everything else belongs to.
    Campaign,
    /// A kingdom of a campaign.
    Kingdom,
    /// A settlement of a kingdom.
    Settlement,
    /// A structure of a settlement.
    Structure,
    /// A location of a campaign.
    Location,
    /// An encounter of a campaign.
    Encounter,
    /// A user's membership of a campaign.
    Member,
    /// A type only a foreign gateway knows; kept as it came.
    Other(Box<str>),
}

impl EntityType {
    /// The types this protocol defines, parents before children.
    pub const KNOWN: [Self; 7] = [
        Self::Campaign,
        Self::Kingdom,
        Self::Settlement,
        Self::Structure,
        Self::Location,
        Self::Encounter,
        Self::Member,
    ];

    /// Returns the name used on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Campaign => "campaign",
            Self::Kingdom => "kingdom",
            Self::Settlement => "settlement",
            Self::Structure => "structure",
            Self::Location => "location",
            Self::Encounter => "encounter",
            Self::Member => "member",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for EntityType {
    /// Reads a type name in any case; foreign gateways write `Settlement` or `SETTLEMENT`.
    fn from(name: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(name.into()))
    }
}

impl fmt::Display for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EntityType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EntityType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::from(name.as_ref()))
    }
}

/// A reference to one entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityRef {
    /// The entity's type.
    pub entity_type: EntityType,
    /// The entity's id.
    pub id: Id,
}

impl EntityRef {
    /// Builds a reference.
    #[must_use]
    pub const fn new(entity_type: EntityType, id: Id) -> Self {
        Self { entity_type, id }
    }
}

/// What happened to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// It was created.
    #[serde(alias = "CREATE", alias = "created")]
    Create,
    /// It was changed.
    #[serde(alias = "UPDATE", alias = "updated")]
    Update,
    /// It was deleted.
    #[serde(alias = "DELETE", alias = "deleted")]
    Delete,
}

impl Operation {
    /// Returns the name used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Ranks what a member may do in a campaign; a higher role includes the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// May see the campaign.
    Viewer,
    /// May also change what is in it.
    Editor,
    /// May also change the campaign's members and delete it.
    Owner,
}

impl Role {
    /// Returns the name used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "VIEWER",
            Self::Editor => "EDITOR",
            Self::Owner => "OWNER",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Viewer, Self::Editor, Self::Owner].into_iter().find(|role| role.as_str() == text).ok_or(ParseRoleError)
    }
}

/// Says that a text names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown role; known are OWNER, EDITOR and VIEWER")]
pub struct ParseRoleError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_are_read_in_any_case_and_unknown_ones_are_kept() {
        assert_eq!(EntityType::from("Settlement"), EntityType::Settlement);
        assert_eq!(EntityType::from("Dragon").as_str(), "Dragon");
    }

    #[test]
    fn a_higher_role_outranks_a_lower_one() {
        assert!(Role::Owner > Role::Editor && Role::Editor > Role::Viewer);
    }
}
