//! The campaign as the person sees it: what the server says, with their own edits above it.

use std::borrow::Cow;

use scry_model::cache::{Cache, Entity};
use scry_protocol::{EntityRef, EntityType, Id};

use super::App;
use super::pending::PendingEdits;

/// The server's entities with the edits that wait laid over them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MergedView<'a> {
    pub cache: &'a Cache,
    pub pending: &'a PendingEdits,
}

impl<'a> MergedView<'a> {
    /// Returns an entity as the person sees it; one that is being created goes by its edit's key.
    #[must_use]
    pub(crate) fn get(self, key: &EntityRef) -> Option<Cow<'a, Entity>> {
        match self.cache.get(key) {
            Some(entity) => Some(self.pending.above(entity)),
            None => self.pending.created().find(|row| row.key == *key).map(Cow::Borrowed),
        }
    }

    /// Lists the entities of one type under `parent`, what is being created among them, by name.
    #[must_use]
    pub(crate) fn children(self, parent: &Id, entity_type: &EntityType) -> Vec<&'a Entity> {
        let mut found = self.cache.children(parent, entity_type);
        let here = |row: &&Entity| row.key.entity_type == *entity_type && row.parent.as_ref() == Some(parent);
        let created: Vec<_> = self.pending.created().filter(here).collect();
        if !created.is_empty() {
            found.extend(created);
            found.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.key.cmp(&b.key)));
        }
        found
    }
}

impl App {
    /// Returns the campaign as the person sees it.
    #[must_use]
    pub(crate) const fn seen(&self) -> MergedView<'_> {
        MergedView { cache: &self.cache, pending: &self.pending }
    }

    /// Returns the entity the Detail pane shows.
    #[must_use]
    pub fn selected(&self) -> Option<Cow<'_, Entity>> {
        self.seen_entity(self.tree.entity()?)
    }

    /// Returns an entity as the person sees it.
    #[must_use]
    pub(crate) fn seen_entity(&self, key: &EntityRef) -> Option<Cow<'_, Entity>> {
        self.seen().get(key)
    }

    /// Returns world time as the person sees it.
    pub(super) fn seen_world_time(&self) -> Option<String> {
        let told = self.cache.world_time()?;
        Some(self.pending.world_time(told).unwrap_or_else(|| told.to_owned()))
    }

    pub(super) fn rebuild_tree(&mut self) {
        self.tree.rebuild(MergedView { cache: &self.cache, pending: &self.pending });
    }

    /// Selects an entity in the tree; tells whether it is there.
    pub(super) fn reveal(&mut self, key: &EntityRef) -> bool {
        let found = self.tree.reveal(key, MergedView { cache: &self.cache, pending: &self.pending });
        if found {
            self.detail_place = super::detail::DetailPosition::default();
        }
        found
    }
}
