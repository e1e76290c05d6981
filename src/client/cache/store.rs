//! The entities and the tree they form.

use std::collections::{BTreeMap, BTreeSet};

use super::entity::Entity;
use crate::protocol::{EntityRef, EntityType, Id};

/// Holds one campaign's entities as last told, and knows which of them are stale.
#[derive(Debug, Default)]
pub struct Cache {
    entities: BTreeMap<EntityRef, Entity>,
    children: BTreeMap<Id, BTreeSet<EntityRef>>,
}

impl Cache {
    /// Returns the campaign itself, once it is known.
    #[must_use]
    pub fn campaign(&self) -> Option<&Entity> {
        self.of_type(&EntityType::Campaign).next()
    }

    /// Returns an entity.
    #[must_use]
    pub fn get(&self, key: &EntityRef) -> Option<&Entity> {
        self.entities.get(key)
    }

    /// Returns the current world time, RFC 3339 UTC.
    #[must_use]
    pub fn world_time(&self) -> Option<&str> {
        self.campaign()?.field("worldTime")?.as_str()
    }

    /// Lists the entities of one type that stand under `parent`, by name.
    #[must_use]
    pub fn children(&self, parent: &Id, entity_type: &EntityType) -> Vec<&Entity> {
        let keys = self.children.get(parent).into_iter().flatten();
        let mut found: Vec<_> =
            keys.filter(|key| key.entity_type == *entity_type).filter_map(|key| self.entities.get(key)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.key.cmp(&b.key)));
        found
    }

    /// Lists every entity of one type.
    pub fn of_type<'a>(&'a self, entity_type: &'a EntityType) -> impl Iterator<Item = &'a Entity> {
        self.entities.values().filter(move |entity| entity.key.entity_type == *entity_type)
    }

    /// Returns the name of the member with this user id.
    #[must_use]
    pub fn user_name(&self, user_id: &Id) -> Option<&str> {
        self.of_type(&EntityType::Member)
            .find(|member| member.field("userId").and_then(serde_json::Value::as_str) == Some(user_id.as_str()))
            .map(|member| &*member.name)
    }

    /// Counts the entities held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Tells whether nothing is known yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }
}
