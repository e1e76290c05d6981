//! The overlay against a model of the server, under every order in which news can come.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use proptest::prelude::*;
use scry_model::cache::Refetch;
use scry_model::event::Snapshot;
use scry_protocol::{EntityType, ErrorCode, Position};
use scry_text::json::Json;
use serde_json::{Value, json};

use super::*;

const FIELDS: [&str; 2] = ["level", "variables.population"];

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn town() -> EntityRef {
    EntityRef::new(EntityType::Settlement, id("s"))
}

fn input(field: usize, value: i64) -> serde_json::Map<String, Value> {
    let value = if field == 0 { json!({"level": value}) } else { json!({"variables": {"population": value}}) };
    value.as_object().unwrap().clone()
}

fn edit(key: &str, field: usize, value: i64) -> Edit {
    let change = EditChange::update(&town(), input(field, value), Some(1));
    Edit { key: key.to_owned(), campaign: id("c"), at: Timestamp::UNIX_EPOCH, correlation: None, change }
}

fn refusal() -> EditRefusal {
    EditRefusal { code: ErrorCode::Conflict, message: "somebody else was first".to_owned(), conflict: None }
}

/// A server with one town, every value of which is different from all others.
struct ServerModel {
    values: [i64; 2],
    version: i64,
    /// For each value that was ever stored, when that was.
    order: BTreeMap<i64, i64>,
}

impl ServerModel {
    fn store(&mut self, field: usize, value: i64, key: Option<&str>) -> Value {
        self.version += 1;
        let from = std::mem::replace(&mut self.values[field], value);
        self.order.insert(value, self.version);
        json!({"type": "settlement_updated",
            "payload": {"settlementId": "s", "campaignId": "c", "operation": "update", "changedFields": [FIELDS[field]]},
            "metadata": {"v": 1, "epoch": "x", "seq": self.version, "version": self.version, "correlationId": key,
                         "changes": [{"field": FIELDS[field], "from": from, "to": value}]}})
    }

    fn node(&self) -> Value {
        json!({"__typename": "Settlement", "id": "s", "campaignId": "c", "kingdomId": "k", "name": "Saltwick",
               "version": self.version, "level": self.values[0], "variables": {"population": self.values[1]}})
    }
}

#[derive(Debug, Clone)]
enum ModelStep {
    /// The person sets a field.
    Mine(usize),
    /// Somebody else does.
    Theirs(usize),
    /// The oldest edit reaches the server, which says yes or no.
    Send {
        accepted: bool,
        tells_key: bool,
    },
    /// The next piece of news from the outbox arrives.
    Outcome,
    /// The next event arrives.
    Event,
    /// The cache asks, and is answered at once or later.
    Ask,
    Answer,
}

fn step() -> impl Strategy<Value = ModelStep> {
    let field = 0..FIELDS.len();
    prop_oneof![
        field.clone().prop_map(ModelStep::Mine),
        field.prop_map(ModelStep::Theirs),
        (any::<bool>(), any::<bool>()).prop_map(|(accepted, tells_key)| ModelStep::Send { accepted, tells_key }),
        Just(ModelStep::Outcome),
        Just(ModelStep::Outcome),
        Just(ModelStep::Event),
        Just(ModelStep::Event),
        Just(ModelStep::Ask),
        Just(ModelStep::Answer),
    ]
}

struct PendingModel {
    server: ServerModel,
    cache: Cache,
    pending: PendingEdits,
    now: Instant,
    outbox: VecDeque<(String, usize, i64)>,
    outcomes: VecDeque<EditOutcome>,
    events: VecDeque<Value>,
    asked: Option<(Refetch, Value)>,
    next: i64,
    /// What the person set and was not told to be refused, oldest first, until it is told to be applied.
    open: Vec<(String, usize, i64)>,
    mine: Vec<i64>,
    /// The latest stored value each field has shown.
    floor: [i64; 2],
}

impl PendingModel {
    fn new() -> Self {
        let server = ServerModel { values: [1, 2], version: 1, order: BTreeMap::from([(1, 1), (2, 1)]) };
        let mut cache = Cache::default();
        let position = Some(Position::new("x", 1));
        cache.snapshot(
            Snapshot { campaign_id: id("c"), position, nodes: vec![server.node().into()] },
            Timestamp::UNIX_EPOCH,
        );
        Self {
            server,
            cache,
            pending: PendingEdits::default(),
            now: Instant::now(),
            outbox: VecDeque::new(),
            outcomes: VecDeque::new(),
            events: VecDeque::new(),
            asked: None,
            next: 10,
            open: Vec::new(),
            mine: Vec::new(),
            floor: [1, 1],
        }
    }

    fn perform(&mut self, step: &ModelStep) {
        match step {
            ModelStep::Mine(field) => self.submit(*field),
            ModelStep::Theirs(field) => {
                self.next += 1;
                let event = self.server.store(*field, self.next, None);
                self.events.push_back(event);
            }
            ModelStep::Send { accepted, tells_key } => self.send(*accepted, *tells_key),
            ModelStep::Outcome => self.hear(),
            ModelStep::Event => {
                let Some(event) = self.events.pop_front().and_then(|event| Event::from_value(&event)) else { return };
                self.pending.event(&event, None);
                self.cache.event(&event, self.now, Timestamp::UNIX_EPOCH);
            }
            ModelStep::Ask => {
                self.now += Duration::from_secs(1);
                if let Some(refetch) = self.cache.refetch_due(self.now) {
                    self.asked = Some((refetch, self.server.node()));
                }
            }
            ModelStep::Answer => {
                if let Some((refetch, node)) = self.asked.take() {
                    self.cache.answered(refetch.request_id, vec![node.into()], self.now, Timestamp::UNIX_EPOCH);
                }
            }
        }
        self.pending.settle(&self.cache);
    }

    fn submit(&mut self, field: usize) {
        self.next += 1;
        let key = format!("k{}", self.next);
        let edit = edit(&key, field, self.next);
        self.pending.submit(edit.clone(), Vec::new());
        self.outcomes.push_back(EditOutcome::Stored(edit));
        self.outbox.push_back((key.clone(), field, self.next));
        self.open.push((key, field, self.next));
        self.mine.push(self.next);
    }

    fn send(&mut self, accepted: bool, tells_key: bool) {
        let Some((key, field, value)) = self.outbox.pop_front() else { return };
        self.outcomes.push_back(EditOutcome::Sending { key: key.clone() });
        if accepted {
            let event = self.server.store(field, value, tells_key.then_some(key.as_str()));
            self.events.push_back(event);
            self.outcomes.push_back(EditOutcome::Applied { key, version: Some(self.server.version) });
        } else {
            self.outcomes.push_back(EditOutcome::Refused { key, refusal: refusal() });
        }
    }

    fn hear(&mut self) {
        let Some(outcome) = self.outcomes.pop_front() else { return };
        if let EditOutcome::Applied { key, .. } | EditOutcome::Refused { key, .. } = &outcome {
            self.open.retain(|(open, ..)| open != key);
        }
        self.pending.outcome(outcome);
    }

    fn shown(&self, field: usize) -> i64 {
        let entity = self.cache.get(&town()).unwrap();
        self.pending.above(entity).field(FIELDS[field]).and_then(Json::as_i64).unwrap()
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        for field in 0..FIELDS.len() {
            let shown = self.shown(field);
            let known = self.server.order.get(&shown).copied();
            prop_assert!(known.is_some() || self.mine.contains(&shown), "{} comes from nowhere", shown);
            let latest = self.open.iter().rfind(|(_, of, _)| *of == field).map(|(_, _, value)| *value);
            // An edit whose own event has come may give way to what came after it, before its answer is told.
            if let Some(latest) = latest.filter(|latest| !self.server.order.contains_key(latest)) {
                prop_assert_eq!(shown, latest, "the person's own value is covered");
            }
            if let Some(known) = known {
                prop_assert!(known >= self.floor[field], "{} was overtaken and is shown again", shown);
                self.floor[field] = known;
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn shown_value_is_pending_or_stored_and_never_reverts(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut model = PendingModel::new();
        for step in &steps {
            model.perform(step);
            model.check()?;
        }
        while !(model.outbox.is_empty() && model.outcomes.is_empty() && model.events.is_empty()) {
            for step in [ModelStep::Send { accepted: true, tells_key: false }, ModelStep::Outcome, ModelStep::Event] {
                model.perform(&step);
                model.check()?;
            }
        }
        for _ in 0..3 {
            model.perform(&ModelStep::Ask);
            model.perform(&ModelStep::Answer);
            model.check()?;
        }
        prop_assert_eq!([model.shown(0), model.shown(1)], model.server.values);
        prop_assert!(model.pending.all().iter().all(|held| held.state.is_refused()), "{:?}", model.pending.all());
    }
}

#[test]
fn a_created_row_stands_until_its_entity_is_here_and_then_is_that_entity() {
    let mut pending = PendingEdits::default();
    let mut cache = Cache::default();
    let change = EditChange::Create {
        entity_type: EntityType::Settlement,
        input: json!({"kingdomId": "k", "name": "Oak\u{1b}ford"}).as_object().unwrap().clone(),
    };
    let edit =
        Edit { key: "key-1".to_owned(), campaign: id("c"), at: Timestamp::UNIX_EPOCH, correlation: None, change };
    pending.submit(edit, Vec::new());
    let row = pending.created().next().unwrap().clone();
    assert_eq!((&*row.name, row.parent.as_ref().map(Id::as_str)), ("Oak\u{fffd}ford", Some("k")));
    assert_eq!(pending.mark_of(&row.key), Some(PendingMark::Waiting));
    pending.outcome(EditOutcome::Applied { key: "key-1".to_owned(), version: Some(1) });
    assert_eq!(pending.settle(&cache), [], "its entity is not here yet");
    let event = json!({"type": "settlement_updated", "metadata": {"correlationId": "key-1", "version": 1},
        "payload": {"settlementId": "s", "campaignId": "c", "operation": "create", "changedFields": []}});
    pending.event(&Event::from_value(&event).unwrap(), None);
    assert_eq!(pending.created().count(), 1);
    let server = ServerModel { values: [1, 2], version: 1, order: BTreeMap::new() };
    cache.snapshot(
        Snapshot { campaign_id: id("c"), position: None, nodes: vec![server.node().into()] },
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(pending.settle(&cache), [(row.key, town())]);
    assert_eq!(pending.created().count(), 0);
}

#[test]
fn the_clock_shows_every_move_until_its_own_event_has_moved_it() {
    let mut pending = PendingEdits::default();
    let clock = |key: &str, change| Edit {
        key: key.to_owned(),
        campaign: id("c"),
        at: Timestamp::UNIX_EPOCH,
        correlation: None,
        change,
    };
    pending.submit(clock("a", EditChange::AdvanceTime { seconds: 3_600 }), Vec::new());
    pending.submit(clock("b", EditChange::AdvanceTime { seconds: 60 }), Vec::new());
    assert_eq!(pending.world_time("1207-09-14T15:20:00Z").as_deref(), Some("1207-09-14T16:21:00.000Z"));
    pending.outcome(EditOutcome::Applied { key: "a".to_owned(), version: None });
    assert_eq!(pending.world_time("1207-09-14T15:20:00Z").as_deref(), Some("1207-09-14T16:21:00.000Z"));
    let event = json!({"type": "world_time_changed", "metadata": {"correlationId": "a"}, "payload": {"campaignId": "c",
        "previousTime": "1207-09-14T15:20:00Z", "newTime": "1207-09-14T16:20:00Z", "elapsedSeconds": 3600}});
    pending.event(&Event::from_value(&event).unwrap(), None);
    assert_eq!(pending.world_time("1207-09-14T16:20:00Z").as_deref(), Some("1207-09-14T16:21:00.000Z"));
    pending.outcome(EditOutcome::Refused { key: "b".to_owned(), refusal: refusal() });
    assert_eq!(pending.world_time("1207-09-14T16:20:00Z"), None);
}

#[test]
fn late_news_about_what_is_over_brings_nothing_back() {
    let mut pending = PendingEdits::default();
    let made = edit("k1", 0, 4);
    pending.submit(made.clone(), Vec::new());
    pending.settled_now("k1");
    pending.outcome(EditOutcome::Stored(made));
    pending.outcome(EditOutcome::Sending { key: "k1".to_owned() });
    assert_eq!(pending.all(), []);
}

#[test]
fn a_refused_edit_stays_refused_when_the_disk_tells_what_it_builds_on() {
    let mut pending = PendingEdits::default();
    let made = edit("k1", 0, 4);
    pending.submit(made.clone(), Vec::new());
    pending.outcome(EditOutcome::Refused { key: "k1".to_owned(), refusal: refusal() });
    let town = EditChange::update(&town(), input(0, 4), Some(9));
    pending.outcome(EditOutcome::Stored(Edit { change: town, ..made }));
    let held = pending.find("k1").unwrap();
    assert!(held.state.is_refused() && !held.was_found, "{held:?}");
}
