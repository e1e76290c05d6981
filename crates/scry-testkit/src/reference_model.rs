//! What edits of one settlement must come to, worked out from whole states: slow, plain, and easy to believe.

use std::collections::BTreeMap;

use scry_protocol::{FieldConflict, OnConflict};
use serde_json::Value;

/// Maps fields to values; a variable that is not there is null.
pub type FieldValues = BTreeMap<String, Value>;

/// Every state there ever was; the first is version 1.
#[derive(Debug, Clone)]
pub struct ReferenceModel {
    states: Vec<FieldValues>,
    /// Who made each state; nobody made the first.
    authors: Vec<Option<usize>>,
    /// The oldest version after which every change is still known.
    known_since: usize,
}

/// What must become of an edit.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpectedOutcome {
    /// It is applied.
    Accepted {
        /// The version that it makes.
        version: usize,
        /// The values that it replaces unseen.
        losses: Vec<LostValue>,
    },
    /// It is refused.
    Refused {
        /// The version on the server.
        current: usize,
        /// The fields that both sides changed.
        fields: Vec<FieldConflict>,
    },
}

/// A value that was replaced unseen, and whose it was.
#[derive(Debug, Clone, PartialEq)]
pub struct LostValue {
    /// Whose value it was; `None` for the first one.
    pub loser: Option<usize>,
    /// The field, with the values of both sides.
    pub field: FieldConflict,
}

impl ReferenceModel {
    /// Builds a model that begins with these values.
    pub fn new(first: FieldValues) -> Self {
        Self { states: vec![first], authors: vec![None], known_since: 1 }
    }

    /// Returns the version, counted from 1.
    pub fn version(&self) -> usize {
        self.states.len()
    }

    /// Returns the values.
    pub fn state(&self) -> &FieldValues {
        self.states.last().unwrap()
    }

    /// Forgets what led to all versions up to one.
    pub fn forget(&mut self, upto: usize) {
        self.known_since = self.known_since.max(upto);
    }

    /// Returns the first version whose changes the server still knows.
    pub fn known_since(&self) -> usize {
        self.known_since
    }

    /// Makes an edit and says what becomes of it.
    pub fn edit(
        &mut self,
        author: usize,
        expected: Option<usize>,
        wishes: &FieldValues,
        policy: OnConflict,
    ) -> ExpectedOutcome {
        let losses = expected.map_or_else(Vec::new, |expected| self.meets(expected, wishes));
        let is_stale = expected.is_some_and(|expected| expected != self.version());
        let is_refused = match policy {
            OnConflict::Reject => is_stale,
            OnConflict::Merge => !losses.is_empty(),
            OnConflict::LastWriteWins => false,
        };
        if is_refused {
            let fields = losses.into_iter().map(|loss| loss.field).collect();
            return ExpectedOutcome::Refused { current: self.version(), fields };
        }
        let mut next = self.state().clone();
        next.extend(wishes.clone());
        if next != *self.state() {
            self.states.push(next);
            self.authors.push(Some(author));
        }
        ExpectedOutcome::Accepted { version: self.version(), losses }
    }

    /// Returns the wishes whose field is no longer what the editor had seen, and not what they want either.
    fn meets(&self, expected: usize, wishes: &FieldValues) -> Vec<LostValue> {
        let now = self.state();
        let meets = |(field, mine): (&String, &Value)| {
            let (base, theirs) = (self.states[expected - 1][field].clone(), now[field].clone());
            let is_known = expected >= self.known_since;
            if theirs == *mine || is_known && base == theirs || expected == self.version() {
                return None;
            }
            let base = if is_known { base } else { Value::Null };
            let loser = self.last_author(field, expected.max(self.known_since));
            Some(LostValue { loser, field: FieldConflict { field: field.clone(), base, mine: mine.clone(), theirs } })
        };
        wishes.iter().filter_map(meets).collect()
    }

    /// Returns who changed a field last, after a version.
    fn last_author(&self, field: &str, after: usize) -> Option<usize> {
        let changed = |version: &usize| self.states[version - 1][field] != self.states[version - 2][field];
        (after + 1..=self.version()).rev().find(changed).and_then(|version| self.authors[version - 1])
    }
}
