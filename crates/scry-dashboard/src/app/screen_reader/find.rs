//! Finding what a person names: an entity by its name, or by a few letters of it.

use scry_protocol::{EntityRef, EntityType};

use crate::app::App;
use crate::app::fuzzy::FuzzyMatcher;

impl App {
    /// Finds the entity that is meant: by its whole name, its beginning, or a few letters; says so if there is none.
    pub(super) fn find(&mut self, wanted: &str) -> Option<EntityRef> {
        let found = self.nearest_entity(wanted);
        if found.is_none() {
            self.reply(format!("Nothing in this world is called “{wanted}”."));
        }
        found
    }

    fn nearest_entity(&self, wanted: &str) -> Option<EntityRef> {
        let kinds = EntityType::KNOWN.iter().filter(|kind| **kind != EntityType::Member);
        let mut known: Vec<_> = kinds.flat_map(|kind| self.cache.of_type(kind)).collect();
        known.sort_by(|a, b| a.name.cmp(&b.name));
        let lower = wanted.to_lowercase();
        let whole = known.iter().find(|entity| entity.name.to_lowercase() == lower);
        let begins = || known.iter().find(|entity| entity.name.to_lowercase().starts_with(&lower));
        let fuzzy = FuzzyMatcher::new(wanted);
        let near = || known.iter().max_by_key(|entity| fuzzy.score(&entity.name));
        let found = whole.or_else(begins).or_else(|| near().filter(|entity| fuzzy.score(&entity.name).is_some()));
        found.map(|entity| entity.key.clone())
    }
}
