//! The World tree: which rows there are, which one is selected, what is folded.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use scry_model::cache::{Cache, Entity};
use scry_protocol::{EntityRef, EntityType, Id};

use super::filter::Filter;
use super::merged_view::MergedView;

/// A world with more settlements and structures than this opens with its settlements folded.
const MAX_UNFOLDED_ENTITIES: usize = 60;

/// The subject of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TreeNode {
    Entity(EntityRef),
    /// Everything of one type that stands under the campaign rather than in the tree.
    Group(EntityType),
}

impl TreeNode {
    /// Returns the entity, unless the row is a group.
    #[must_use]
    pub(crate) const fn entity(&self) -> Option<&EntityRef> {
        match self {
            Self::Entity(key) => Some(key),
            Self::Group(_) => None,
        }
    }
}

/// A row of the World pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeRow {
    pub(crate) node: TreeNode,
    pub(crate) depth: u16,
    /// Whether the row is folded; `None` for a leaf.
    pub(crate) folded: Option<bool>,
    /// How many rows stand directly under it.
    pub(crate) children: usize,
}

/// The rows of the World pane, and the place among them.
#[derive(Debug, Default)]
pub struct Tree {
    rows: Vec<TreeRow>,
    folded: BTreeSet<TreeNode>,
    selected: usize,
    offset: usize,
    /// When each entity last changed before our eyes; what has faded is dropped.
    fresh: BTreeMap<EntityRef, Timestamp>,
    /// When anything under an entity last did: what a folded row hides.
    fresh_under: BTreeMap<EntityRef, Timestamp>,
    /// No mark is older than this; most looks for faded ones end here.
    oldest: Option<Timestamp>,
    opened: bool,
    filter: Option<Filter>,
    /// How many entities pass the filter.
    passing: usize,
    bookmarks: BTreeSet<EntityRef>,
}

impl Tree {
    /// Lists the rows, folded ones left out.
    #[must_use]
    pub fn rows(&self) -> &[TreeRow] {
        &self.rows
    }

    /// Returns the index of the selected row.
    #[must_use]
    pub(crate) const fn selected(&self) -> usize {
        self.selected
    }

    /// Returns the index of the first row in view.
    #[must_use]
    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the selected row.
    #[must_use]
    pub(crate) fn row(&self) -> Option<&TreeRow> {
        self.rows.get(self.selected)
    }

    /// Returns the selected entity.
    #[must_use]
    pub(crate) fn entity(&self) -> Option<&EntityRef> {
        self.row().and_then(|row| row.node.entity())
    }

    /// Rebuilds the rows from the cache; the selection stays on its entity, or where it was.
    pub(crate) fn rebuild(&mut self, seen: MergedView<'_>) {
        self.fold_large_world_once(seen.cache);
        let selected = self.row().map(|row| row.node.clone());
        let passing = self.filter.as_ref().map(|filter| passing(filter, seen.cache));
        self.passing = passing.as_ref().map_or(0, |passing| passing.count);
        let nothing = BTreeSet::new();
        // What passes is shown even where it was folded away.
        let folded = if passing.is_some() { &nothing } else { &self.folded };
        self.rows = TreeBuilder { seen, folded, passing: passing.as_ref(), rows: Vec::new() }.build();
        let found = selected.and_then(|node| self.rows.iter().position(|row| row.node == node));
        self.selected = found.unwrap_or(self.selected).min(self.rows.len().saturating_sub(1));
    }

    fn fold_large_world_once(&mut self, cache: &Cache) {
        if self.opened || cache.is_empty() {
            return;
        }
        self.opened = true;
        if cache.len() > MAX_UNFOLDED_ENTITIES {
            self.folded =
                cache.of_type(&EntityType::Settlement).map(|entity| TreeNode::Entity(entity.key.clone())).collect();
            self.folded.extend([TreeNode::Group(EntityType::Location), TreeNode::Group(EntityType::Encounter)]);
        }
    }

    /// Moves the selection by `by` rows, stopping at the ends.
    pub(crate) fn step(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
    }

    /// Selects the first row.
    pub(crate) const fn first(&mut self) {
        self.selected = 0;
    }

    /// Selects the last row.
    pub(crate) const fn last(&mut self) {
        self.selected = self.rows.len().saturating_sub(1);
    }

    /// Folds or unfolds the selected row; tells whether it could.
    pub(crate) fn toggle(&mut self, seen: MergedView<'_>) -> bool {
        let Some(TreeRow { node, folded: Some(folded), .. }) = self.row().cloned() else { return false };
        self.set_folded(node, !folded, seen);
        true
    }

    /// Folds the selected row, or goes to its parent.
    pub(crate) fn fold(&mut self, seen: MergedView<'_>) {
        match self.row().cloned() {
            Some(TreeRow { node, folded: Some(false), .. }) => self.set_folded(node, true, seen),
            Some(row) => {
                let above = self.rows.get(..self.selected).unwrap_or_default();
                self.selected = above.iter().rposition(|other| other.depth < row.depth).unwrap_or(self.selected);
            }
            None => {}
        }
    }

    /// Unfolds the selected row, or goes to its first child; tells whether it could.
    pub(crate) fn unfold(&mut self, seen: MergedView<'_>) -> bool {
        match self.row().cloned() {
            Some(TreeRow { node, folded: Some(true), .. }) => self.set_folded(node, false, seen),
            Some(TreeRow { folded: Some(false), .. }) => self.step(1),
            Some(_) | None => return false,
        }
        true
    }

    fn set_folded(&mut self, node: TreeNode, folded: bool, seen: MergedView<'_>) {
        if folded {
            self.folded.insert(node);
        } else {
            self.folded.remove(&node);
        }
        self.rebuild(seen);
    }

    /// Puts a filter over the tree, or takes it away; the selection goes to the nearest row that is left.
    pub(crate) fn set_filter(&mut self, filter: Option<Filter>, seen: MergedView<'_>) {
        let lost = self.filter.is_some() && filter.is_none();
        let selected = self.entity().cloned();
        self.filter = filter;
        self.rebuild(seen);
        if let Some(key) = selected.filter(|_| lost) {
            self.reveal(&key, seen);
        }
    }

    /// Returns the filter over the tree, with how many entities pass it.
    #[must_use]
    pub(crate) fn filter(&self) -> Option<(&Filter, usize)> {
        self.filter.as_ref().map(|filter| (filter, self.passing))
    }

    /// Sets or removes a bookmark on the selected entity.
    pub(crate) fn toggle_bookmark(&mut self) {
        if let Some(key) = self.entity().cloned()
            && !self.bookmarks.remove(&key)
        {
            self.bookmarks.insert(key);
        }
    }

    /// Puts other bookmarks in place of the ones there are.
    pub(crate) fn set_bookmarks(&mut self, bookmarks: Vec<EntityRef>) {
        self.bookmarks = bookmarks.into_iter().collect();
    }

    /// Selects a row, if there is one.
    pub(crate) fn select(&mut self, row: usize) {
        self.selected = if row < self.rows.len() { row } else { self.selected };
    }

    /// Lists the bookmarked entities.
    #[must_use]
    pub(crate) const fn bookmarks(&self) -> &BTreeSet<EntityRef> {
        &self.bookmarks
    }

    /// Returns the next bookmarked entity after the selection, around the end.
    #[must_use]
    pub(crate) fn next_bookmark(&self, seen: MergedView<'_>) -> Option<EntityRef> {
        self.next(seen, true, |key| self.bookmarks.contains(key))
    }

    /// Selects an entity, unfolding what hides it; tells whether the tree has it.
    pub(crate) fn reveal(&mut self, key: &EntityRef, seen: MergedView<'_>) -> bool {
        if let Some(entity) = seen.get(key) {
            for above in seen.cache.ancestors(&entity) {
                self.folded.remove(&TreeNode::Entity(above.key.clone()));
            }
        }
        self.folded.remove(&TreeNode::Group(key.entity_type.clone()));
        self.rebuild(seen);
        let place = |tree: &Self| tree.rows.iter().position(|row| row.node.entity() == Some(key));
        let mut found = place(self);
        if found.is_none() && self.filter.is_some() && seen.get(key).is_some() {
            // A user who goes to an entity wants to arrive; the filter gives way.
            self.filter = None;
            self.rebuild(seen);
            found = place(self);
        }
        self.selected = found.unwrap_or(self.selected);
        found.is_some()
    }

    /// Scrolls as little as needed to have the selection within `height` rows.
    pub(crate) fn scroll_into_view(&mut self, height: usize) {
        let height = height.max(1);
        let lowest = self.rows.len().saturating_sub(height);
        self.offset = self.offset.clamp((self.selected + 1).saturating_sub(height), self.selected).min(lowest);
    }

    /// Marks an entity as changed at `at`, and what it stands under as hiding that.
    pub(crate) fn mark(&mut self, entity: &Entity, cache: &Cache, at: Timestamp) {
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
        self.fresh.insert(entity.key.clone(), at);
        for above in cache.ancestors(entity) {
            let latest = self.fresh_under.entry(above.key.clone()).or_insert(at);
            *latest = at.max(*latest);
        }
    }

    /// Drops the marks from before `since`; tells whether there were any.
    pub(crate) fn fade(&mut self, since: Timestamp) -> bool {
        if self.oldest.is_none_or(|oldest| oldest > since) {
            return false;
        }
        let before = self.fresh.len();
        self.fresh.retain(|_, at| *at > since);
        self.fresh_under.retain(|_, at| *at > since);
        self.oldest = self.fresh.values().min().copied();
        self.fresh.len() != before
    }

    /// Lists what has changed lately, with the time of each change.
    #[must_use]
    pub const fn fresh(&self) -> &BTreeMap<EntityRef, Timestamp> {
        &self.fresh
    }

    /// Returns whether anything below a row has changed lately.
    #[must_use]
    pub(crate) fn is_fresh_under(&self, node: &TreeNode) -> bool {
        match node {
            TreeNode::Entity(key) => self.fresh_under.contains_key(key),
            TreeNode::Group(kind) => {
                let from = EntityRef::new(kind.clone(), Id::lowest());
                self.fresh.range(from..).next().is_some_and(|(key, _)| key.entity_type == *kind)
            }
        }
    }

    /// Takes every mark away.
    pub(crate) fn forget_marks(&mut self) {
        self.fresh.clear();
        self.fresh_under.clear();
        self.oldest = None;
    }

    /// Returns the next entity with a fresh mark after the selection, or before it, around the ends.
    #[must_use]
    pub(crate) fn next_change(&self, seen: MergedView<'_>, forward: bool) -> Option<EntityRef> {
        self.next(seen, forward, |key| self.fresh.contains_key(key))
    }

    fn next(&self, seen: MergedView<'_>, forward: bool, wanted: impl Fn(&EntityRef) -> bool) -> Option<EntityRef> {
        let nothing = BTreeSet::new();
        let all = TreeBuilder { seen, folded: &nothing, passing: None, rows: Vec::new() }.build();
        let here = self.row().and_then(|row| all.iter().position(|other| other.node == row.node)).unwrap_or(0);
        let count = all.len();
        (1..=count)
            .map(|step| if forward { here + step } else { here + count - step })
            .filter_map(|index| all.get(index % count)?.node.entity())
            .find(|key| wanted(key))
            .cloned()
    }
}

/// The part of the tree that a filter leaves.
struct FilterMatches {
    /// What passes, and what it stands under.
    shown: BTreeSet<EntityRef>,
    count: usize,
}

fn passing(filter: &Filter, cache: &Cache) -> FilterMatches {
    let mut passing = FilterMatches { shown: BTreeSet::new(), count: 0 };
    let shown = EntityType::KNOWN.iter().filter(|kind| **kind != EntityType::Member);
    for entity in shown.flat_map(|kind| cache.of_type(kind)).filter(|entity| filter.fits_entity(entity)) {
        passing.count += 1;
        let mut next = Some(entity);
        while let Some(entity) = next.filter(|entity| passing.shown.insert(entity.key.clone())) {
            next = cache.ancestors(entity).next();
        }
    }
    passing
}

/// Walks the cache in the order of the tree.
struct TreeBuilder<'a> {
    seen: MergedView<'a>,
    folded: &'a BTreeSet<TreeNode>,
    passing: Option<&'a FilterMatches>,
    rows: Vec<TreeRow>,
}

impl TreeBuilder<'_> {
    fn build(mut self) -> Vec<TreeRow> {
        let Some(campaign) = self.seen.cache.campaign() else { return self.rows };
        let id = campaign.key.id.clone();
        self.push(TreeNode::Entity(campaign.key.clone()), 0, 0);
        for kingdom in self.seen.children(&id, &EntityType::Kingdom) {
            self.entity(kingdom, 0);
        }
        for entity_type in [EntityType::Location, EntityType::Encounter] {
            self.group(&id, entity_type);
        }
        self.rows
    }

    fn entity(&mut self, entity: &Entity, depth: u16) {
        let inner = match entity.key.entity_type {
            EntityType::Kingdom => EntityType::Settlement,
            EntityType::Settlement => EntityType::Structure,
            EntityType::Campaign
            | EntityType::Structure
            | EntityType::Location
            | EntityType::Encounter
            | EntityType::Member
            | EntityType::Other(_) => {
                self.push(TreeNode::Entity(entity.key.clone()), depth, 0);
                return;
            }
        };
        let children = self.seen.children(&entity.key.id, &inner);
        if self.push(TreeNode::Entity(entity.key.clone()), depth, children.len()) {
            for child in children {
                self.entity(child, depth + 1);
            }
        }
    }

    fn group(&mut self, campaign: &Id, entity_type: EntityType) {
        let mut members = self.seen.children(campaign, &entity_type);
        if let Some(passing) = self.passing {
            members.retain(|member| passing.shown.contains(&member.key));
        }
        if !members.is_empty() && self.push(TreeNode::Group(entity_type), 0, members.len()) {
            for member in members {
                self.push(TreeNode::Entity(member.key.clone()), 1, 0);
            }
        }
    }

    /// Adds a row; tells whether what is under it is shown.
    fn push(&mut self, node: TreeNode, depth: u16, children: usize) -> bool {
        let hidden = |passing: &FilterMatches| node.entity().is_some_and(|key| !passing.shown.contains(key));
        if self.passing.is_some_and(hidden) {
            return true;
        }
        let folded = (children > 0).then(|| self.folded.contains(&node));
        self.rows.push(TreeRow { node, depth, folded, children });
        folded == Some(false)
    }
}
