//! Snapshots: each is the journal replayed to its position, and as fresh as what was acknowledged before.

use std::collections::BTreeMap;

use serde_json::Value;

use super::index::{HistoryIndex, JournaledEvent, RecordedRequest};
use super::order::acknowledged_before;
use super::{ConsistencyRule, Findings};
use crate::consistency::history::{HistoryAnswer, HistoryRequest};

/// What a snapshot says, and the events say as well.
#[derive(Debug, Clone, Default, PartialEq)]
struct SnapshotState {
    things: BTreeMap<String, SnapshotEntity>,
    time: Value,
}

/// One entity.
#[derive(Debug, Clone, Default, PartialEq)]
struct SnapshotEntity {
    version: i64,
    name: Value,
    /// The settlement that a structure stands in.
    parent: Option<String>,
    variables: BTreeMap<String, Value>,
}

/// One answered request for a snapshot.
#[derive(Debug, Clone, Copy)]
struct SnapshotReply<'a> {
    asked: usize,
    answered: usize,
    position: u64,
    snapshot: &'a Value,
}

pub fn check(index: &HistoryIndex, findings: &mut Findings) {
    let mut views: Vec<SnapshotReply> = index.ops.values().flat_map(views).collect();
    fresh(index, &views, findings);
    views.sort_by_key(|view| view.position);
    let mut world = SnapshotState::of(index.start);
    let mut journal = index.journal.iter().peekable();
    for view in views {
        while let Some(entry) = journal.next_if(|entry| entry.seq <= view.position) {
            world.replay(entry);
        }
        compare(&world, view, index, findings);
    }
}

fn views<'a>(op: &RecordedRequest<'a>) -> Vec<SnapshotReply<'a>> {
    if !matches!(op.request, HistoryRequest::Snapshot) {
        return Vec::new();
    }
    let view = |reply: super::index::RecordedReply<'a>| {
        let HistoryAnswer::Viewed { snapshot } = reply.answer else { return None };
        let position = snapshot["position"]["seq"].as_u64()?;
        Some(SnapshotReply { asked: op.send_of(reply.attempt), answered: reply.line, position, snapshot })
    };
    op.acknowledged().filter_map(view).collect()
}

/// Each snapshot holds what was acknowledged, and seen by anybody, before it was asked for.
fn fresh(index: &HistoryIndex, views: &[SnapshotReply], findings: &mut Findings) {
    let asked: Vec<usize> = views.iter().map(|view| view.asked).collect();
    let acknowledged = acknowledged_before(index, &asked);
    let mut answered: Vec<(usize, u64)> = views.iter().map(|view| (view.answered, view.position)).collect();
    answered.sort_unstable();
    let mut by_request = views.to_vec();
    by_request.sort_by_key(|view| view.asked);
    let (mut seen, mut next) = ((0, 0), 0);
    for view in by_request {
        while let Some((line, position)) = answered.get(next).filter(|(line, _)| *line < view.asked) {
            seen = seen.max((*position, *line));
            next += 1;
        }
        for (position, line) in [seen, acknowledged[&view.asked]] {
            findings.demand(
                view.position >= position,
                ConsistencyRule::SnapshotIsFresh,
                &[line, view.answered],
                || format!("a snapshot at {} was asked for when {position} had been told", view.position),
            );
        }
    }
}

fn compare(world: &SnapshotState, view: SnapshotReply, index: &HistoryIndex, findings: &mut Findings) {
    let told = SnapshotState::of(view.snapshot);
    let lines = [view.answered];
    let epoch = &index.start["position"]["epoch"];
    findings.demand(
        view.snapshot["position"]["epoch"] == *epoch,
        ConsistencyRule::SnapshotIsTheJournal,
        &lines,
        || "a snapshot of another epoch".to_owned(),
    );
    findings.demand(told == *world, ConsistencyRule::SnapshotIsTheJournal, &lines, || {
        format!("a snapshot at {} differs from the journal: {}", view.position, world.difference(&told))
    });
    for town in view.snapshot["settlements"].as_array().into_iter().flatten() {
        let (id, computed) = (town["id"].as_str().unwrap_or_default(), &town["computed"]["weight"]["value"]);
        let expected = told.weight(id);
        findings.demand(computed.as_i64() == Some(expected), ConsistencyRule::SnapshotIsTheJournal, &lines, || {
            format!("the weight of {id} is computed as {computed} and should be {expected}")
        });
    }
}

impl SnapshotState {
    /// Reads a snapshot.
    fn of(snapshot: &Value) -> Self {
        let lists = ["settlements", "structures", "kingdoms", "members"].into_iter();
        let listed = lists.flat_map(|list| snapshot[list].as_array().into_iter().flatten());
        let things = listed.chain([&snapshot["campaign"]]).filter_map(SnapshotEntity::read).collect();
        Self { things, time: snapshot["campaign"]["worldTime"].clone() }
    }

    /// Makes the change that an event tells of.
    fn replay(&mut self, entry: &JournaledEvent) {
        let Some(id) = entry.entity() else { return };
        if entry.operation() == "delete" {
            self.things.remove(id);
            return;
        }
        let thing = self.things.entry(id.to_owned()).or_default();
        thing.version = entry.version().unwrap_or(thing.version);
        if entry.name() == "structure_updated" {
            thing.parent = entry.payload("settlementId").as_str().map(str::to_owned);
        }
        for change in entry.metadata("changes").as_array().into_iter().flatten() {
            let (field, to) = (change["field"].as_str().unwrap_or_default(), &change["to"]);
            match field.strip_prefix("variables.") {
                Some(variable) => _ = thing.variables.insert(variable.to_owned(), to.clone()),
                None if field == "name" => thing.name = to.clone(),
                None if field == "worldTime" => self.time = to.clone(),
                None => {}
            }
        }
    }

    /// Works out what the rule of the world comes to.
    fn weight(&self, town: &str) -> i64 {
        let number =
            |thing: &SnapshotEntity, name: &str| thing.variables.get(name).and_then(Value::as_i64).unwrap_or_default();
        let structures = self.things.values().filter(|thing| thing.parent.as_deref() == Some(town));
        let within: i64 = structures.map(|structure| number(structure, "mark")).sum();
        self.things.get(town).map_or(0, |town| number(town, "mark") * 2 + number(town, "tithe")) + within
    }

    /// Tells the first difference.
    fn difference(&self, told: &Self) -> String {
        let mut ids = self.things.keys().chain(told.things.keys());
        let differing = ids.find(|id| self.things.get(*id) != told.things.get(*id));
        match differing {
            Some(id) => format!("{id} should be {:?} and is {:?}", self.things.get(id), told.things.get(id)),
            None => format!("the time should be {} and is {}", self.time, told.time),
        }
    }
}

impl SnapshotEntity {
    fn read(entity: &Value) -> Option<(String, Self)> {
        let variables = entity["variables"].as_object().into_iter().flatten();
        let thing = Self {
            version: entity["version"].as_i64()?,
            name: entity["name"].clone(),
            parent: entity["settlementId"].as_str().map(str::to_owned),
            variables: variables.map(|(name, value)| (name.clone(), value.clone())).collect(),
        };
        Some((entity["id"].as_str()?.to_owned(), thing))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ConsistencyRule;
    use crate::consistency::checker::fixture::{HistoryFixture, broken};

    #[test]
    fn a_snapshot_with_another_value_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_snapshot(|snapshot| snapshot["settlements"][0]["variables"]["note"] = json!("n0"));
        assert_eq!(broken(&fixture), [ConsistencyRule::SnapshotIsTheJournal]);
    }

    #[test]
    fn a_snapshot_with_another_version_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_snapshot(|snapshot| snapshot["settlements"][0]["version"] = json!(4));
        assert_eq!(broken(&fixture), [ConsistencyRule::SnapshotIsTheJournal]);
    }

    #[test]
    fn a_snapshot_without_an_entity_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_snapshot(|snapshot| snapshot["members"] = json!([]));
        assert_eq!(broken(&fixture), [ConsistencyRule::SnapshotIsTheJournal]);
    }

    #[test]
    fn a_snapshot_with_a_wrong_computed_value_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_snapshot(|snapshot| snapshot["settlements"][0]["computed"]["weight"]["value"] = json!(1));
        assert_eq!(broken(&fixture), [ConsistencyRule::SnapshotIsTheJournal]);
    }

    #[test]
    fn a_snapshot_at_another_time_of_the_world_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_snapshot(|snapshot| snapshot["campaign"]["worldTime"] = json!("1200-01-01T00:00:00.000Z"));
        assert_eq!(broken(&fixture), [ConsistencyRule::SnapshotIsTheJournal]);
    }

    #[test]
    fn a_snapshot_from_before_an_acknowledged_change_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_snapshot(|snapshot| {
            snapshot["position"]["seq"] = json!(8);
            let town = &mut snapshot["settlements"][0];
            (town["version"], town["variables"]["mark"], town["variables"]["note"]) =
                (json!(4), json!(11), json!("n11"));
            town["computed"]["weight"]["value"] = json!(23);
        });
        assert_eq!(broken(&fixture), [ConsistencyRule::SnapshotIsFresh]);
    }

    #[test]
    fn a_snapshot_that_goes_back_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.view_start_again();
        assert!(broken(&fixture).contains(&ConsistencyRule::SnapshotIsFresh));
    }
}
