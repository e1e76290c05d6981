//! A model that knows every state of a small world, and what is told of it: never anything else than was so.

use proptest::prelude::*;

use super::*;
use crate::rewind::Rewind;

/// As long as a value may be to be told by an event.
const MAX_TOLD_CHARS: usize = 20;
const LONG_TEXT: &str = "a story that is too long for an event to tell";

/// One thing that is done to one of two settlements.
#[derive(Debug, Clone)]
enum StateMove {
    Set(usize, &'static str, Value),
    WorkOut(usize, i64, bool),
    Create(usize),
    Delete(usize),
}

/// Every state there was, and the events between them.
#[derive(Debug, Default)]
struct StateModel {
    states: Vec<HashMap<Id, Value>>,
    events: Vec<Event>,
}

fn id(number: usize) -> Id {
    Id::parse(&format!("s{number}")).unwrap()
}

fn moves() -> impl Strategy<Value = Vec<StateMove>> {
    let text = prop_oneof![Just(LONG_TEXT), Just("short"), Just(""), Just("another story, and as long as the first")];
    let set = prop_oneof![
        (1_i64..9).prop_map(|level| ("level", json!(level))),
        text.clone().prop_map(|text| ("description", json!(text))),
        "[a-c]".prop_map(|name| ("name", json!(name))),
        (0_i64..3).prop_map(|food| ("variables.food", json!(food))),
        text.prop_map(|note| ("variables.note", json!(note))),
        Just(("variables.food", Value::Null)),
    ];
    let one = prop_oneof![
        8 => (0_usize..2, set).prop_map(|(number, (field, value))| StateMove::Set(number, field, value)),
        3 => (0_usize..2, 0_i64..4, any::<bool>()).prop_map(|(number, income, holds)| StateMove::WorkOut(number, income, holds)),
        1 => (0_usize..2).prop_map(StateMove::Create),
        1 => (0_usize..2).prop_map(StateMove::Delete),
    ];
    prop::collection::vec(one, 1..30)
}

fn play(moves: &[StateMove]) -> StateModel {
    let first = json!({"id": "s0", "entityType": "settlement", "campaignId": "c", "name": "a", "level": 1, "version": 1,
        "description": "", "variables": {}, "variableSchemas": {}, "computed": {"income": {"value": 0, "unit": "gp"}},
        "conditions": [{"name": "starving", "holds": false}]});
    let mut world = StateModel { states: vec![HashMap::from([(id(0), first)])], events: Vec::new() };
    let mut made = 2;
    let mut ids = [id(0), id(1)];
    for one in moves {
        world.step(one, &mut ids, &mut made);
    }
    world
}

impl StateModel {
    fn step(&mut self, one: &StateMove, ids: &mut [Id; 2], made: &mut usize) {
        let mut state = self.states.last().unwrap().clone();
        let (name, payload, version, changes) = match one {
            StateMove::Set(number, field, value) => {
                let Some(entity) = state.get_mut(&ids[*number]) else { return };
                let mut after = Arc::new(entity.clone());
                let stored = EntityField::Stored((*field).to_owned());
                let from = values::read(&after, &stored);
                if from == *value {
                    return;
                }
                values::write(&mut after, &stored, value);
                *entity = (*after).clone();
                entity["version"] = json!(entity["version"].as_i64().unwrap() + 1);
                (
                    ("settlement_updated", "update"),
                    vec![(*field).to_owned()],
                    Some(entity["version"].clone()),
                    vec![((*field).to_owned(), from, value.clone())],
                )
            }
            StateMove::WorkOut(number, income, holds) => {
                let Some(entity) = state.get_mut(&ids[*number]) else { return };
                let worked_out = [("income", json!(income)), ("starving", json!(holds))];
                let mut after = Arc::new(entity.clone());
                let mut changes = Vec::new();
                for (field, to) in worked_out {
                    let worked_out = EntityField::Computed(field.to_owned());
                    let from = values::read(&after, &worked_out);
                    if from != to {
                        values::write(&mut after, &worked_out, &to);
                        changes.push((field.to_owned(), from, to));
                    }
                }
                if changes.is_empty() {
                    return;
                }
                *entity = (*after).clone();
                (
                    ("state_invalidated", "update"),
                    changes.iter().map(|(field, ..)| field.clone()).collect(),
                    None,
                    changes,
                )
            }
            StateMove::Create(number) => {
                if state.contains_key(&ids[*number]) {
                    return;
                }
                ids[*number] = id(*made);
                *made += 1;
                let entity = json!({"id": ids[*number], "entityType": "settlement", "campaignId": "c", "name": "new",
                    "level": 2, "version": 1, "description": LONG_TEXT, "variables": {"food": 1}, "variableSchemas": {},
                    "computed": {"income": {"value": 3, "unit": "gp"}}, "conditions": []});
                state.insert(ids[*number].clone(), entity);
                let told = [
                    ("name", json!("new")),
                    ("level", json!(2)),
                    ("description", json!(LONG_TEXT)),
                    ("variables.food", json!(1)),
                ];
                let changes: Vec<_> = told.map(|(field, to)| (field.to_owned(), Value::Null, to)).to_vec();
                (
                    ("settlement_updated", "create"),
                    changes.iter().map(|(field, ..)| field.clone()).collect(),
                    Some(json!(1)),
                    changes,
                )
            }
            StateMove::Delete(number) => {
                let Some(entity) = state.remove(&ids[*number]) else { return };
                let version = json!(entity["version"].as_i64().unwrap() + 1);
                (("settlement_updated", "delete"), Vec::new(), Some(version), Vec::new())
            }
        };
        let number = match one {
            StateMove::Set(number, ..)
            | StateMove::WorkOut(number, ..)
            | StateMove::Create(number)
            | StateMove::Delete(number) => *number,
        };
        let is_short = |value: &Value| value.to_string().len() <= MAX_TOLD_CHARS;
        let changes: Vec<_> = changes
            .iter()
            .filter(|(_, from, to)| is_short(from) && is_short(to))
            .map(|(field, from, to)| json!({"field": field, "from": from, "to": to}))
            .collect();
        let body = if name.0 == "state_invalidated" {
            json!({"scope": "entity", "campaignId": "c", "entityType": "settlement", "entityId": ids[number], "affectedFields": payload})
        } else {
            json!({"settlementId": ids[number], "operation": name.1, "campaignId": "c", "changedFields": payload})
        };
        let mut metadata =
            json!({"epoch": "e", "seq": self.events.len() + 1, "source": "rules-engine", "changes": changes});
        if let Some(version) = version {
            metadata["version"] = version;
        }
        let event = json!({"type": name.0, "payload": body, "metadata": metadata});
        self.events.push(Event::from_value(&event).unwrap());
        self.states.push(state);
    }

    /// Returns what the client knows at a place, having been told everything after it and the state at the end.
    fn known_at(&self, seq: usize) -> CampaignState {
        let mut rewind = Rewind::default();
        for (event, at) in self.events.iter().zip(1_u64..).skip(seq) {
            rewind.take(event, at);
        }
        let nodes = self.states.last().unwrap().iter().map(|(id, entity)| (id.clone(), Arc::new(entity.clone())));
        let (entities, told) = rewind.finish(nodes, self.events.len() as u64);
        CampaignState::new(Position::new("e", seq as u64), entities, told)
    }
}

/// Returns whether everything that is told is so; what is left out is not told.
fn is_true(told: &Value, really: &Value) -> bool {
    match (told, really) {
        (Value::Object(told), Value::Object(really)) => told.iter().all(|(key, value)| {
            // A field that is null need not be there, and no time is kept in this model.
            key == "updatedAt" || is_true(value, really.get(key).unwrap_or(&Value::Null))
        }),
        (Value::Array(told), Value::Array(really)) => {
            told.len() == really.len() && told.iter().zip(really).all(|(told, really)| is_true(told, really))
        }
        (told, really) => told == really,
    }
}

fn check(world: &StateModel, seq: usize, around: &EntityAroundEvent) -> Result<(), TestCaseError> {
    let id = world.events[seq - 1].payload.subject().id;
    for (told, really) in [(&around.before, &world.states[seq - 1]), (&around.after, &world.states[seq])] {
        if let Some(told) = told {
            let really = really.get(&id);
            prop_assert!(
                really.is_some_and(|really| is_true(told, really)),
                "#{seq}: {told} is told, and it was {really:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_past_is_told_as_it_was_or_not_at_all(moves in moves(), since: prop::sample::Index) {
        let world = play(&moves);
        let since = since.index(world.events.len() + 1);
        let mut known = world.known_at(since);
        for (event, seq) in world.events.iter().zip(1..).skip(since) {
            let around = known.apply(event, seq as u64);
            check(&world, seq, &around)?;
            let id = event.payload.subject().id;
            if around.certainty == Certainty::Whole {
                let (told, really) = (around.after.as_deref(), world.states[seq].get(&id));
                prop_assert_eq!(told.is_some(), really.is_some());
                for field in event.payload.changed_fields().iter().filter(|_| event.payload.name() == "settlement_updated") {
                    let field = EntityField::Stored(field.clone());
                    let read = |entity: Option<&Value>| entity.map(|entity| values::read(entity, &field));
                    prop_assert_eq!(read(told), read(really), "#{}: {:?}", seq, field);
                }
            }
            // What is there at the end was never gone, so that something is always known of it.
            if world.states.last().unwrap().contains_key(&id) {
                prop_assert!(around.after.is_some(), "#{seq} {event:?}");
            }
        }
    }

    #[test]
    fn events_that_are_missing_lead_to_nothing_that_was_not_so(moves in moves(), heard in prop::collection::vec(any::<bool>(), 30)) {
        let world = play(&moves);
        let entities = world.states[0].iter().map(|(id, entity)| (id.clone(), Arc::new(entity.clone())));
        let mut known = CampaignState::new(Position::new("e", 0), entities, KnownResults::default());
        for ((event, seq), _) in world.events.iter().zip(1..).zip(&heard).filter(|(_, heard)| **heard) {
            check(&world, seq, &known.apply(event, seq as u64))?;
        }
    }
}
