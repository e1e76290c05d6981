//! What changed lately of one entity, by field.

use std::ops::Index;
use std::sync::Arc;

use jiff::Timestamp;
use scry_protocol::Id;
use scry_text::json::Json;

/// The latest change of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestChange {
    /// The value before, where it was known.
    pub from: Option<Json>,
    /// The time of the event that made the change, as its sender tells it.
    pub at: Timestamp,
    /// The user who made the change, where the event names one.
    pub by: Option<Id>,
    /// The event's number in its journal.
    pub seq: Option<u64>,
}

/// The latest change of each field, by dotted name and in its order.
///
/// Most entities have none and the rest a few: a list takes the tenth part of a map's first node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LatestChanges(Vec<(Arc<str>, LatestChange)>);

impl LatestChanges {
    /// Returns the latest change of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&LatestChange> {
        self.place(field).ok().and_then(|place| self.0.get(place)).map(|(_, change)| change)
    }

    /// Returns whether a change of this field is known.
    #[must_use]
    pub fn contains_key(&self, field: &str) -> bool {
        self.place(field).is_ok()
    }

    /// Lists the fields with their latest changes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &LatestChange)> {
        self.0.iter().map(|(field, change)| (&**field, change))
    }

    /// Lists the changes.
    pub fn values(&self) -> impl Iterator<Item = &LatestChange> {
        self.0.iter().map(|(_, change)| change)
    }

    /// Records a change, in place of an earlier one of the same field.
    pub(super) fn insert(&mut self, field: &str, change: LatestChange) {
        match self.place(field) {
            Ok(place) => {
                if let Some((_, held)) = self.0.get_mut(place) {
                    *held = change;
                }
            }
            Err(place) => {
                self.0.reserve_exact(1);
                self.0.insert(place, (field.into(), change));
            }
        }
    }

    fn place(&self, field: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(held, _)| (**held).cmp(field))
    }
}

impl Index<&str> for LatestChanges {
    type Output = LatestChange;

    /// Returns the latest change of a field that has one.
    #[expect(clippy::expect_used, reason = "as for every map")]
    fn index(&self, field: &str) -> &LatestChange {
        self.get(field).expect("a field that has changed")
    }
}
