//! Anything that has an id.

use async_graphql::Union;

use super::types::{Campaign, Encounter, Kingdom, Location, Member, Settlement, Structure};
use crate::domain::{Kind, query};

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
    pub(super) fn new(node: query::Node) -> Option<Self> {
        Some(match node {
            query::Node::Campaign(view) => Self::Campaign(view.into()),
            query::Node::Member(member) => Self::Member(member.into()),
            query::Node::Entity(entity) => match entity.kind {
                Kind::Campaign => return None,
                Kind::Kingdom => Self::Kingdom(entity.into()),
                Kind::Settlement => Self::Settlement(entity.into()),
                Kind::Structure => Self::Structure(entity.into()),
                Kind::Location => Self::Location(entity.into()),
                Kind::Encounter => Self::Encounter(entity.into()),
            },
        })
    }
}
