//! How an edit meets the edits that came before it.

use std::collections::HashMap;

use scry_protocol::{Conflict, FieldConflict, FieldDiff, Id, OnConflict};
use serde_json::Value;

use super::fields::{Flat, same};

/// What was stored after the version that the editor had seen.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEdits {
    /// The changes since that version, oldest first.
    pub edits: Vec<PastEdit>,
    /// Whether the journal still reaches back to that version.
    pub complete: bool,
}

/// One earlier edit.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEdit {
    /// Who made it; `None` for the server itself.
    pub by: Option<Id>,
    /// The fields that it changed.
    pub changes: Vec<FieldDiff>,
}

/// An edit and what it meets.
#[derive(Debug, Clone, Copy)]
pub struct MergeInput<'a> {
    /// The values that the editor wants.
    pub mine: &'a Flat,
    /// The values as they are stored.
    pub stored: &'a Flat,
    /// The version that the edit expected.
    pub version: i64,
    /// The version that the editor had seen; `None` asks for no comparison.
    pub expected: Option<i64>,
    /// What happens to fields that somebody else has changed meanwhile.
    pub policy: OnConflict,
}

/// Answers an edit.
#[derive(Debug, Clone, PartialEq)]
pub enum MergeOutcome {
    /// Apply; `replaced` lists the values of others that it overwrites.
    Apply {
        /// The values of others that it overwrites.
        replaced: Vec<OverwrittenValue>,
    },
    /// Refuse it.
    Reject(Conflict),
}

/// A value that an edit overwrites, and who had set it.
#[derive(Debug, Clone, PartialEq)]
pub struct OverwrittenValue {
    /// Who had set it; `None` for the server itself.
    pub by: Option<Id>,
    /// The field, with the values of both sides.
    pub field: FieldConflict,
}

/// Decides whether an edit is applied, given what was changed since the version it expects.
#[must_use]
pub fn decide(edit: MergeInput<'_>, past: &PastEdits) -> MergeOutcome {
    if edit.expected.is_none_or(|expected| expected == edit.version) {
        return MergeOutcome::Apply { replaced: Vec::new() };
    }
    let overlap = overlap(edit, past);
    match edit.policy {
        OnConflict::LastWriteWins => MergeOutcome::Apply { replaced: overlap },
        OnConflict::Merge if overlap.is_empty() => MergeOutcome::Apply { replaced: overlap },
        OnConflict::Merge | OnConflict::Reject => MergeOutcome::Reject(Conflict {
            current_version: edit.version,
            fields: overlap.into_iter().map(|replaced| replaced.field).collect(),
        }),
    }
}

/// Returns the fields that both sides changed to different values.
fn overlap(edit: MergeInput<'_>, past: &PastEdits) -> Vec<OverwrittenValue> {
    let changed = changed(past);
    let both = |(field, mine): (&String, &Value)| {
        let theirs = edit.stored.get(field).cloned().unwrap_or_default();
        if same(mine, &theirs) {
            return None;
        }
        let (base, by) = match changed.get(field.as_str()) {
            // Nobody knows any more what the editor had seen: every difference may be a conflict.
            known if !past.complete => (Value::Null, known.and_then(|known| known.by.clone())),
            Some(known) if same(known.base, &theirs) => return None,
            Some(known) => (known.base.clone(), known.by.clone()),
            None => return None,
        };
        Some(OverwrittenValue { by, field: FieldConflict { field: field.clone(), base, mine: mine.clone(), theirs } })
    };
    edit.mine.iter().filter_map(both).collect()
}

/// What past edits did to a field.
struct PastChange<'a> {
    /// Its value before the first of them.
    base: &'a Value,
    /// Who made the last of them.
    by: &'a Option<Id>,
}

/// Goes through the past edits once, and tells for each field what they did to it.
fn changed(past: &PastEdits) -> HashMap<&str, PastChange<'_>> {
    let mut fields: HashMap<&str, PastChange<'_>> = HashMap::new();
    for edit in &past.edits {
        for change in &edit.changes {
            let known = fields.entry(&change.field).or_insert(PastChange { base: &change.from, by: &edit.by });
            known.by = &edit.by;
        }
    }
    fields
}

#[cfg(test)]
mod tests;
