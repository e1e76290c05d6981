//! Anything that has an id.

use async_graphql::Union;

use super::types::{Campaign, Encounter, Kingdom, Location, Member, Settlement, Structure};
use crate::domain::{EntityKind, query};

/// Anything in a campaign that has an id.
#[derive(Union)]
pub(super) enum Node {
    Campaign(Campaign),
    Kingdom(Kingdom),
    Settlement(Settlement),
    Structure(Structure),
    Location(Location),
    Encounter(Encounter),
    Member(Member),
}

impl Node {
    /// Builds the answer; `None` for an entity that claims to be a campaign without a view of it.
    pub(super) fn new(node: query::NodeRecord) -> Option<Self> {
        Some(match node {
            query::NodeRecord::Campaign(view) => Self::Campaign(view.into()),
            query::NodeRecord::Member(member) => Self::Member(member.into()),
            query::NodeRecord::Entity(entity) => match entity.kind {
                EntityKind::Campaign => return None,
                EntityKind::Kingdom => Self::Kingdom(entity.into()),
                EntityKind::Settlement => Self::Settlement(entity.into()),
                EntityKind::Structure => Self::Structure(entity.into()),
                EntityKind::Location => Self::Location(entity.into()),
                EntityKind::Encounter => Self::Encounter(entity.into()),
            },
        })
    }
}
