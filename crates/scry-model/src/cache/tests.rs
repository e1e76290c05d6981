mod size;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use proptest::prelude::*;
use scry_protocol::{EntityRef, EntityType, Event, Id, Position};
use scry_text::json;
use serde_json::{Value, json};

use super::refetch::BATCH_WINDOW;
use super::*;
use crate::event::Snapshot;

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn settlement(name: &str) -> EntityRef {
    EntityRef::new(EntityType::Settlement, id(name))
}

fn structure(name: &str) -> EntityRef {
    EntityRef::new(EntityType::Structure, id(name))
}

fn campaign_node() -> Value {
    json!({"__typename": "Campaign", "id": "c", "name": "Emberfall", "version": 1, "worldTime": "1207-09-14T18:20:00.000Z"})
}

fn settlement_node(name: &str, version: i64, level: i64) -> Value {
    json!({"__typename": "Settlement", "id": name, "campaignId": "c", "kingdomId": "k", "name": name,
           "version": version, "level": level, "variables": {"population": 100 * level},
           "computed": {"defence": {"value": level * 4, "formula": "level * 4", "dependsOnTime": false},
                        "upkeep": {"value": 18, "formula": "…", "dependsOnTime": true}}})
}

fn structure_node(name: &str, parent: &str) -> Value {
    json!({"__typename": "Structure", "id": name, "campaignId": "c", "settlementId": parent, "name": name, "version": 1})
}

fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

struct CacheFixture {
    cache: Cache,
    now: Instant,
    seq: u64,
}

impl CacheFixture {
    fn new() -> Self {
        let mut cache = Cache::default();
        let nodes = vec![
            campaign_node(),
            json!({"__typename": "Kingdom", "id": "k", "campaignId": "c", "name": "Vael", "version": 1}),
            settlement_node("harrow", 1, 3),
            settlement_node("salt", 1, 2),
            structure_node("tower", "harrow"),
        ];
        cache.snapshot(
            Snapshot { campaign_id: id("c"), position: Some(Position::new("e", 10)), nodes: json::intern_all(&nodes) },
            at(),
        );
        Self { cache, now: Instant::now(), seq: 10 }
    }

    fn event(&mut self, mut event: Value) {
        self.seq += 1;
        event["metadata"]["epoch"] = json!("e");
        event["metadata"]["seq"] = json!(self.seq);
        let event = Event::from_value(&event).unwrap();
        self.cache.event(&event, self.now, at());
    }

    fn settlement_updated(&mut self, name: &str, operation: &str, fields: &[&str], version: Option<i64>) {
        let mut event = json!({"type": "settlement_updated", "payload":
            {"settlementId": name, "campaignId": "c", "operation": operation, "changedFields": fields}, "metadata": {"userId": "mira"}});
        if let Some(version) = version {
            event["metadata"]["version"] = json!(version);
        }
        self.event(event);
    }

    fn due(&mut self) -> Option<Refetch> {
        self.now += BATCH_WINDOW;
        self.cache.refetch_due(self.now)
    }

    fn answer(&mut self, request_id: RequestId, nodes: Vec<Value>) {
        self.cache.answered(request_id, json::intern_all(&nodes), self.now, at());
    }

    fn level(&self, name: &str) -> Option<i64> {
        self.cache.get(&settlement(name))?.field("level")?.as_i64()
    }
}

#[test]
fn ancestors_of_an_entity_that_is_its_own_parent_are_finite() {
    let mut fixture = CacheFixture::new();
    let above = |fixture: &CacheFixture, key: &EntityRef| -> Vec<String> {
        let entity = fixture.cache.get(key).unwrap();
        fixture.cache.ancestors(entity).map(|entity| entity.key.id.to_string()).collect()
    };
    assert_eq!(above(&fixture, &structure("tower")), ["harrow", "k", "c"]);
    let mut odd = settlement_node("harrow", 2, 3);
    odd["kingdomId"] = json!("harrow");
    let mut other = structure_node("tower", "tower");
    other["version"] = json!(2);
    let snapshot =
        Snapshot { campaign_id: id("c"), position: None, nodes: json::intern_all(&[campaign_node(), odd, other]) };
    fixture.cache.snapshot(snapshot, at());
    assert_eq!(above(&fixture, &settlement("harrow")), [""; 0]);
    assert_eq!(above(&fixture, &structure("tower")), [""; 0]);
}

#[test]
fn an_update_keeps_the_old_value_on_screen_as_stale_until_the_refetch_lands() {
    let mut f = CacheFixture::new();
    f.settlement_updated("harrow", "update", &["level"], Some(2));
    let entity = f.cache.get(&settlement("harrow")).unwrap();
    assert_eq!(entity.field("level"), Some(&json!(3).into()));
    assert!(entity.is_field_stale("level") && !entity.is_field_stale("name"));

    let refetch = f.due().unwrap();
    assert_eq!(refetch.ids, [id("harrow")]);
    f.answer(refetch.request_id, vec![settlement_node("harrow", 2, 4)]);
    let entity = f.cache.get(&settlement("harrow")).unwrap();
    assert!(!entity.is_stale());
    let change = &entity.changes["level"];
    assert_eq!((entity.field("level"), &change.from), (Some(&json!(4).into()), &Some(json!(3).into())));
    assert_eq!((&change.by, change.seq), (&Some(id("mira")), Some(11)));
    assert_eq!(entity.changes["computed.defence"].by, None, "what follows from the edit is marked without an author");
    assert!(!entity.changes.contains_key("variables") && entity.changes.contains_key("variables.population"));
}

#[test]
fn evictions_within_the_window_are_one_query_and_nothing_is_asked_before_it_ends() {
    let mut f = CacheFixture::new();
    f.settlement_updated("harrow", "update", &["level"], Some(2));
    f.now += Duration::from_millis(10);
    f.settlement_updated("salt", "update", &["level"], Some(2));
    assert_eq!(f.cache.refetch_due(f.now), None);
    let deadline = f.cache.refetch_deadline().unwrap();
    assert_eq!(f.cache.refetch_due(deadline).unwrap().ids, [id("harrow"), id("salt")]);
    assert_eq!(f.cache.refetch_deadline(), None, "one query at a time");
}

#[test]
fn answer_older_than_a_later_event_is_discarded() {
    let mut f = CacheFixture::new();
    f.settlement_updated("harrow", "update", &["level"], Some(2));
    let first = f.due().unwrap();
    f.settlement_updated("harrow", "update", &["level"], Some(3));
    f.answer(first.request_id, vec![settlement_node("harrow", 2, 4)]);
    assert_eq!(f.level("harrow"), Some(3));
    assert!(f.cache.get(&settlement("harrow")).unwrap().is_stale());

    let second = f.due().unwrap();
    f.answer(second.request_id, vec![settlement_node("harrow", 3, 5)]);
    assert_eq!(f.level("harrow"), Some(5));
    assert_eq!(f.due(), None);
}

#[test]
fn an_answer_that_proves_it_includes_the_later_event_is_applied() {
    let mut f = CacheFixture::new();
    f.settlement_updated("harrow", "update", &["level"], Some(2));
    let refetch = f.due().unwrap();
    f.settlement_updated("harrow", "update", &["level"], Some(3));
    f.answer(refetch.request_id, vec![settlement_node("harrow", 3, 5)]);
    assert_eq!(f.level("harrow"), Some(5));
    assert_eq!(f.due(), None);
}

#[test]
fn without_versions_a_later_event_always_asks_again() {
    let mut f = CacheFixture::new();
    f.settlement_updated("harrow", "update", &[], None);
    let refetch = f.due().unwrap();
    f.settlement_updated("harrow", "update", &[], None);
    f.answer(refetch.request_id, vec![settlement_node("harrow", 9, 9)]);
    assert_eq!(f.level("harrow"), Some(3));
    assert!(f.due().is_some());
}

#[test]
fn an_event_that_an_answer_already_included_marks_its_author_and_asks_nothing() {
    let mut f = CacheFixture::new();
    f.settlement_updated("harrow", "update", &["name"], Some(2));
    let refetch = f.due().unwrap();
    f.answer(refetch.request_id, vec![settlement_node("harrow", 3, 5)]);
    f.settlement_updated("harrow", "update", &["level"], Some(3));
    let entity = f.cache.get(&settlement("harrow")).unwrap();
    assert!(!entity.is_stale());
    assert_eq!(entity.changes["level"].by, Some(id("mira")));
    assert_eq!(f.due(), None);
}

#[test]
fn a_created_structure_appears_under_its_parent_marked_as_new() {
    let mut f = CacheFixture::new();
    f.event(
        json!({"type": "structure_updated", "metadata": {"version": 1, "userId": "tor"}, "payload":
        {"structureId": "stall", "settlementId": "salt", "campaignId": "c", "operation": "create", "changedFields": ["name"]}}),
    );
    let refetch = f.due().unwrap();
    f.answer(refetch.request_id, vec![structure_node("stall", "salt")]);
    let children = f.cache.children(&id("salt"), &EntityType::Structure);
    assert_eq!(children.len(), 1);
    assert_eq!(children[0].changes["name"].by, Some(id("tor")));
}

#[test]
fn a_deleted_parent_takes_its_children_and_an_answer_under_way_does_not_bring_them_back() {
    let mut f = CacheFixture::new();
    f.event(json!({"type": "structure_updated", "metadata": {}, "payload":
        {"structureId": "tower", "settlementId": "harrow", "campaignId": "c", "operation": "update"}}));
    let refetch = f.due().unwrap();
    f.settlement_updated("harrow", "delete", &[], None);
    f.answer(refetch.request_id, vec![structure_node("tower", "harrow")]);
    assert!(f.cache.get(&settlement("harrow")).is_none() && f.cache.get(&structure("tower")).is_none());
    assert_eq!(f.cache.children(&id("k"), &EntityType::Settlement).len(), 1);
}

#[test]
fn entity_missing_from_a_refetch_is_removed() {
    let mut f = CacheFixture::new();
    f.settlement_updated("salt", "update", &["level"], Some(2));
    let refetch = f.due().unwrap();
    f.answer(refetch.request_id, vec![]);
    assert!(f.cache.get(&settlement("salt")).is_none());
}

#[test]
fn an_invalidation_evicts_only_the_computed_fields_it_names() {
    let mut f = CacheFixture::new();
    f.event(json!({"type": "state_invalidated", "metadata": {}, "payload":
        {"scope": "campaign", "campaignId": "c", "affectedFields": ["defence"]}}));
    let entity = f.cache.get(&settlement("harrow")).unwrap();
    assert!(entity.is_field_stale("computed.defence") && !entity.is_field_stale("computed.upkeep"));
    assert!(!entity.is_field_stale("level"));
    assert_eq!(f.due().unwrap().ids, [id("harrow"), id("salt")], "the tower has no such field");
}

#[test]
fn the_clock_is_set_at_once_and_what_depends_on_time_is_evicted() {
    let mut f = CacheFixture::new();
    f.event(json!({"type": "world_time_changed", "metadata": {"version": 2}, "payload": {"campaignId": "c",
        "previousTime": "1207-09-14T18:20:00.000Z", "newTime": "1207-09-14T21:20:00.000Z", "elapsedSeconds": 10800}}));
    assert_eq!(f.cache.world_time(), Some("1207-09-14T21:20:00.000Z"));
    let entity = f.cache.get(&settlement("harrow")).unwrap();
    assert!(entity.is_field_stale("computed.upkeep") && !entity.is_field_stale("computed.defence"));
}

#[test]
fn event_covered_by_the_snapshot_changes_nothing() {
    let mut f = CacheFixture::new();
    f.seq = 9;
    f.settlement_updated("harrow", "update", &["level"], Some(2));
    assert!(!f.cache.get(&settlement("harrow")).unwrap().is_stale());
}

#[test]
fn a_failed_query_is_asked_again_after_a_pause_and_its_late_answer_is_ignored() {
    let mut f = CacheFixture::new();
    f.settlement_updated("harrow", "update", &["level"], Some(2));
    let refetch = f.due().unwrap();
    f.cache.failed(refetch.request_id, f.now);
    assert_eq!(f.due(), None);
    f.now = f.cache.refetch_deadline().unwrap();
    let again = f.cache.refetch_due(f.now).unwrap();
    f.answer(refetch.request_id, vec![settlement_node("harrow", 2, 9)]);
    assert_eq!(f.level("harrow"), Some(3));
    f.answer(again.request_id, vec![settlement_node("harrow", 2, 4)]);
    assert_eq!(f.level("harrow"), Some(4));
}

#[test]
fn exported_snapshot_restores_the_same_cache() {
    let mut f = CacheFixture::new();
    let before = f.cache.revision();
    f.settlement_updated("harrow", "update", &["level"], Some(2));
    assert_ne!(f.cache.revision(), before);
    let awaited = f.cache.export().unwrap();
    assert_eq!(awaited.position, Some(Position::new("e", 10)), "a value is awaited");
    let refetch = f.due().unwrap();
    f.answer(refetch.request_id, vec![settlement_node("harrow", 2, 4)]);
    let exported = f.cache.export().unwrap();
    assert_eq!(exported.position, Some(Position::new("e", 11)));

    let mut again = Cache::default();
    again.snapshot(exported.clone(), at());
    assert_eq!(again.len(), f.cache.len());
    assert_eq!(again.get(&settlement("harrow")).unwrap().field("level"), Some(&json!(4).into()));
    assert_eq!(again.children(&id("harrow"), &EntityType::Structure).len(), 1);
    assert_eq!(again.export().unwrap(), exported);
    assert_eq!(Cache::default().export(), None);
}

#[test]
fn a_server_that_cannot_be_asked_is_asked_once_and_the_values_stay_stale() {
    let mut f = CacheFixture::new();
    f.settlement_updated("harrow", "update", &["level"], Some(2));
    f.due().unwrap();
    assert!(f.cache.cannot_refetch(), "it is news");
    f.settlement_updated("salt", "update", &["level"], Some(2));
    assert_eq!((f.cache.refetch_deadline(), f.cache.refetches()), (None, 1));
    assert!(f.cache.get(&settlement("harrow")).unwrap().is_field_stale("level"));
    assert!(f.cache.get(&settlement("salt")).unwrap().is_field_stale("level"));
    assert!(!f.cache.cannot_refetch(), "it is no news any more");

    let nodes = vec![campaign_node(), settlement_node("harrow", 2, 4)];
    f.cache.snapshot(
        Snapshot { campaign_id: id("c"), position: Some(Position::new("e", 20)), nodes: json::intern_all(&nodes) },
        at(),
    );
    f.seq = 20;
    f.settlement_updated("harrow", "update", &["level"], Some(3));
    assert!(f.due().is_some(), "who tells everything can be asked again");
}

/// 10,000 events in one second, answered after 5 ms each: at most one query per window, 34 in all.
#[test]
fn a_burst_of_ten_thousand_events_leads_to_a_bounded_number_of_queries() {
    let mut f = CacheFixture::new();
    let start = f.now;
    let mut answer_at = None;
    for i in 0..10_000_u32 {
        f.now = start + Duration::from_micros(u64::from(i) * 100);
        f.settlement_updated(if i % 2 == 0 { "harrow" } else { "salt" }, "update", &["level"], Some(i64::from(i) + 2));
        if let Some(refetch) = f.cache.refetch_due(f.now) {
            answer_at = Some((f.now + Duration::from_millis(5), refetch.request_id, i64::from(i) + 2));
        }
        if let Some((due, request_id, version)) = answer_at.filter(|(due, ..)| *due <= f.now) {
            assert!(due <= f.now);
            answer_at = None;
            f.answer(request_id, vec![settlement_node("harrow", version, 1), settlement_node("salt", version, 1)]);
        }
    }
    assert!(f.cache.refetches() <= 34, "{} queries", f.cache.refetches());
    assert!(f.cache.refetches() >= 10, "and the screen is not starved: {} queries", f.cache.refetches());
}

#[derive(Debug, Clone)]
enum CacheStep {
    Edit(u8),
    Create(u8),
    Delete(u8),
    Query,
    Answer,
    Fail,
}

fn step() -> impl Strategy<Value = CacheStep> {
    prop_oneof![
        4 => (0..4u8).prop_map(CacheStep::Edit),
        1 => (0..4u8).prop_map(CacheStep::Create),
        1 => (0..4u8).prop_map(CacheStep::Delete),
        3 => Just(CacheStep::Query),
        3 => Just(CacheStep::Answer),
        1 => Just(CacheStep::Fail),
    ]
}

proptest! {
    /// Whatever the interleaving of edits, queries, slow answers and failures: once nothing is
    /// wanted any more, the cache tells the database's story.
    #[test]
    fn cache_converges_to_the_database(
        steps in prop::collection::vec(step(), 1..80),
        versioned in any::<bool>(),
    ) {
        let mut f = CacheFixture::new();
        let mut database: BTreeMap<String, (i64, i64)> =
            BTreeMap::from([("harrow".to_owned(), (1, 3)), ("salt".to_owned(), (1, 2))]);
        let mut versions = 100;
        let mut in_flight: Option<(RequestId, Vec<Value>)> = None;
        let name = |n: u8| ["harrow", "salt", "vael", "mere"][usize::from(n)].to_owned();
        let query = |f: &mut CacheFixture, database: &BTreeMap<String, (i64, i64)>| f.due().map(|refetch| {
            let nodes = refetch.ids.iter().filter_map(|id| {
                database.get(id.as_str()).map(|(version, level)| settlement_node(id.as_str(), *version, *level))
            }).collect();
            (refetch.request_id, nodes)
        });
        for step in steps {
            match step {
                CacheStep::Edit(n) => if let Some(row) = database.get_mut(&name(n)) {
                    *row = (row.0 + 1, row.1 + 1);
                    let version = row.0;
                    f.settlement_updated(&name(n), "update", &["level"], versioned.then_some(version));
                },
                CacheStep::Create(n) => if let Entry::Vacant(place) = database.entry(name(n)) {
                    versions += 100;
                    place.insert((versions, 1));
                    f.settlement_updated(&name(n), "create", &["name"], versioned.then_some(versions));
                },
                CacheStep::Delete(n) => if database.remove(&name(n)).is_some() {
                    f.settlement_updated(&name(n), "delete", &[], None);
                },
                CacheStep::Query => if in_flight.is_none() { in_flight = query(&mut f, &database); },
                CacheStep::Answer => if let Some((request_id, nodes)) = in_flight.take() { f.answer(request_id, nodes); },
                CacheStep::Fail => if let Some((request_id, _)) = in_flight.take() {
                    let now = f.now;
                    f.cache.failed(request_id, now);
                },
            }
        }
        if let Some((request_id, nodes)) = in_flight.take() { f.answer(request_id, nodes); }
        while let Some(deadline) = f.cache.refetch_deadline() {
            f.now = deadline;
            let (request_id, nodes) = query(&mut f, &database).unwrap();
            f.answer(request_id, nodes);
        }
        let told: BTreeMap<String, (i64, i64)> = f.cache.of_type(&EntityType::Settlement)
            .map(|entity| (entity.name.to_string(), (entity.version, entity.field("level").unwrap().as_i64().unwrap())))
            .collect();
        prop_assert_eq!(told, database);
        prop_assert_eq!(f.cache.stale_count(), 0);
    }
}
