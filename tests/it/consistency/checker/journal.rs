//! The journal by itself: numbers, epoch, rooms, versions.

use std::collections::HashMap;

use serde_json::Value;

use super::index::{HistoryIndex, JournaledEvent};
use super::{ConsistencyRule, Findings};

/// A version that no event may have: the entity is gone.
const DELETED_VERSION: i64 = -1;

pub fn check(index: &HistoryIndex, findings: &mut Findings) {
    numbers(index, findings);
    rooms(index, findings);
    versions(index, findings);
}

fn numbers(index: &HistoryIndex, findings: &mut Findings) {
    let position = &index.start["position"];
    let mut last = position["seq"].as_u64().unwrap_or_default();
    for entry in &index.journal {
        findings.demand(entry.seq == last + 1, ConsistencyRule::JournalIsGapless, &[entry.line], || {
            format!("event {} follows event {last}", entry.seq)
        });
        let inside = (entry.metadata("seq"), entry.metadata("epoch"));
        let same = *inside.0 == entry.seq && *inside.1 == entry.epoch && position["epoch"] == entry.epoch;
        findings.demand(same, ConsistencyRule::JournalIsGapless, &[entry.line], || {
            format!("event {} is not of the epoch {} or names another position", entry.seq, position["epoch"])
        });
        last = entry.seq;
    }
}

fn rooms(index: &HistoryIndex, findings: &mut Findings) {
    let mut heads: HashMap<String, (u64, usize)> = HashMap::new();
    for entry in &index.journal {
        for kind in ["settlement", "structure"] {
            let Some(id) = entry.payload(&format!("{kind}Id")).as_str() else { continue };
            let room = format!("{kind}:{id}");
            if !entry.is_in(&room) {
                continue;
            }
            let named = entry.metadata("prev")[kind].as_u64();
            let (head, line) = heads.get(&room).copied().unwrap_or((0, entry.line));
            findings.demand(named == Some(head), ConsistencyRule::RoomsAreChained, &[line, entry.line], || {
                format!("event {} names {named:?} as its predecessor in {room}, which is {head}", entry.seq)
            });
            heads.insert(room, (entry.seq, entry.line));
        }
    }
}

fn versions(index: &HistoryIndex, findings: &mut Findings) {
    let mut versions = first_versions(index.start);
    for entry in &index.journal {
        let (Some(entity), Some(version)) = (entry.entity(), entry.version()) else { continue };
        let expected = match (entry.operation(), versions.get(entity)) {
            ("create", None) => 1,
            ("create", Some(_)) | (_, None | Some(&(DELETED_VERSION, _))) => {
                findings.add(
                    ConsistencyRule::VersionsCountChanges,
                    &[entry.line],
                    format!("{entity} cannot change in this way"),
                );
                continue;
            }
            (_, Some((version, _))) => version + 1,
        };
        let before = versions.get(entity).map_or(entry.line, |(_, line)| *line);
        findings.demand(version == expected, ConsistencyRule::VersionsCountChanges, &[before, entry.line], || {
            format!("{entity} comes to version {version}, where {expected} was next")
        });
        let left = if entry.operation() == "delete" { DELETED_VERSION } else { version };
        versions.insert(entity.to_owned(), (left, entry.line));
    }
}

/// Maps the entities of a snapshot to their version and the snapshot's line.
fn first_versions(snapshot: &Value) -> HashMap<String, (i64, usize)> {
    let lists = ["settlements", "structures", "kingdoms", "members"].into_iter();
    let listed = lists.flat_map(|list| snapshot[list].as_array().into_iter().flatten());
    let version = |entity: &Value| Some((entity["id"].as_str()?.to_owned(), (entity["version"].as_i64()?, 0)));
    listed.chain([&snapshot["campaign"]]).filter_map(version).collect()
}

/// Returns the entries of the journal that carry a key, as changes that people asked for.
pub fn asked_for<'a, 'b>(index: &'b HistoryIndex<'a>) -> HashMap<&'b str, Vec<&'b JournaledEvent<'a>>> {
    let mut by_key: HashMap<&str, Vec<&JournaledEvent>> = HashMap::new();
    for entry in index.journal.iter().filter(|entry| entry.source() == "api") {
        by_key.entry(entry.correlation()).or_default().push(entry);
    }
    by_key
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ConsistencyRule;
    use crate::consistency::checker::fixture::{HistoryFixture, broken};

    #[test]
    fn a_missing_number_breaks_the_journal() {
        let mut fixture = HistoryFixture::good();
        fixture.drop_event(2);
        assert!(broken(&fixture).contains(&ConsistencyRule::JournalIsGapless));
    }

    #[test]
    fn a_number_that_comes_twice_breaks_the_journal() {
        let mut fixture = HistoryFixture::good();
        fixture.repeat_event(2);
        assert!(broken(&fixture).contains(&ConsistencyRule::JournalIsGapless));
    }

    #[test]
    fn another_epoch_breaks_the_journal() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(2, |event| event["metadata"]["epoch"] = json!("another"));
        assert_eq!(broken(&fixture), [ConsistencyRule::JournalIsGapless]);
    }

    #[test]
    fn a_wrong_predecessor_breaks_the_chain_of_a_room() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(3, |event| event["metadata"]["prev"]["settlement"] = json!(0));
        assert_eq!(broken(&fixture), [ConsistencyRule::RoomsAreChained]);
    }

    #[test]
    fn a_version_that_is_left_out_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(3, |event| event["metadata"]["version"] = json!(4));
        assert!(broken(&fixture).contains(&ConsistencyRule::VersionsCountChanges));
    }

    #[test]
    fn a_change_of_what_was_deleted_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_event(3, |event| event["payload"]["operation"] = json!("delete"));
        assert!(broken(&fixture).contains(&ConsistencyRule::VersionsCountChanges));
    }
}
