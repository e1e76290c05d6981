use std::collections::{BTreeMap, BTreeSet};

use scry_world::{Sheet, World};

use super::super::action::ActionRequest;
use super::*;

fn node(kind: &str, slug: &str, more: Value) -> Value {
    let mut node = json!({"__typename": kind, "id": slug});
    node.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    node
}

fn sheet(level: i64, sheet: &Sheet) -> Value {
    json!({"level": level, "variables": sheet.variables, "variableSchemas": sheet.schemas_json(),
        "computed": sheet.computed_json(), "conditions": sheet.conditions_json()})
}

/// The bundled world as a snapshot tells it, with slugs for ids.
fn nodes() -> Vec<Value> {
    let campaign = World::bundled().campaigns.swap_remove(0);
    let settlements = campaign.settlements.iter().map(|it| node("Settlement", &it.slug, sheet(it.level, &it.sheet)));
    let structures = campaign.structures.iter().map(|it| {
        let mut more = sheet(it.level, &it.sheet);
        more["settlementId"] = json!(it.settlement);
        more["type"] = json!(it.kind);
        node("Structure", &it.slug, more)
    });
    let encounters =
        campaign.encounters.iter().map(|it| node("Encounter", &it.slug, json!({"status": it.status.as_str()})));
    settlements.chain(structures).chain(encounters).collect()
}

fn table(seed: u64) -> Simulator {
    Simulator::new(seed, "emberfall".parse().unwrap(), &nodes())
}

/// Plays acts, answering creations with fresh ids, and hands each to `see` before it is done.
fn play(table: &mut Simulator, acts: usize, mut see: impl FnMut(&Simulator, &PlayerAction)) {
    for number in 0..acts {
        let action = table.decide().expect("there is always something to do");
        see(table, &action);
        table.done(&action, &json!({"createStructure": {"id": format!("stall-{number}")}}));
    }
}

fn thing<'a>(table: &'a Simulator, id: &Id) -> &'a SimulatedEntity {
    table.world.settlements.iter().chain(&table.world.structures).find(|thing| thing.id == *id).unwrap()
}

#[test]
fn ten_thousand_acts_stay_within_every_schema() {
    let mut seats = BTreeSet::new();
    play(&mut table(7), 10_000, |table, action| {
        seats.insert(action.role);
        let (ActionKind::UpdateSettlement { id, input } | ActionKind::UpdateStructure { id, input }) =
            &action.action_kind
        else {
            return;
        };
        let thing = thing(table, id);
        assert!(!input.is_empty());
        for (name, value) in input.get("variables").and_then(Value::as_object).into_iter().flatten() {
            thing.schemas[name].check(value).unwrap_or_else(|fault| panic!("{id}: {name} {fault}"));
            assert_ne!(thing.variables.get(name), Some(value), "{id}: {name} does not change");
        }
        if let Some(level) = input.get("level") {
            assert!((thing.home_level..=thing.home_level + 2).contains(&level.as_i64().unwrap()), "{id}: {level}");
        }
    });
    assert_eq!(seats.len(), 3, "everybody at the table acts");
}

#[test]
fn every_sort_of_act_happens_and_none_dominates() {
    let mut counts = BTreeMap::new();
    play(&mut table(11), 2_000, |_, action| {
        let sort = match action.action_kind.request() {
            ActionRequest::Graphql { query, .. } => query.split('{').nth(1).unwrap().trim().split('(').next().unwrap(),
            ActionRequest::Publish { event, .. } => event,
        };
        *counts.entry(sort).or_insert(0) += 1;
    });
    assert_eq!(counts.len(), 7, "{counts:?}");
    assert!(counts.values().all(|count| (10..1_200).contains(count)), "{counts:?}");
}

#[test]
fn the_world_is_still_itself_after_hours() {
    let mut table = table(3);
    play(&mut table, 20_000, |_, _| {});
    let structures = &table.world.structures;
    assert!((18..=18 + MAX_STALLS).contains(&structures.len()));
    let sound = structures.iter().filter(|structure| structure.text("status") == "sound").count();
    assert!(sound * 2 >= structures.len(), "{sound} of {} are sound", structures.len());
    for settlement in &table.world.settlements {
        let home = settlement.home["population"].as_f64().unwrap();
        let ratio = settlement.number("population") / home;
        assert!((0.4..2.0).contains(&ratio), "{}: population {ratio} of what it was", settlement.id);
    }
    let inn = structures.iter().find(|structure| structure.id.as_str() == "lame-heron").unwrap();
    assert!(inn.number("guests") <= inn.number("beds"));
}

#[test]
fn the_same_seed_decides_the_same() {
    let acts = |seed| {
        let mut acts = Vec::new();
        let mut table = table(seed);
        play(&mut table, 300, |_, action| acts.push(action.clone()));
        (acts, (0..50).map(|_| table.pause()).collect::<Vec<_>>())
    };
    assert_eq!(acts(5), acts(5));
    assert_ne!(acts(5), acts(6));
}

#[test]
fn the_pace_is_a_persons_with_bursts_now_and_then() {
    let mut table = table(1);
    let pauses: Vec<Duration> = (0..1_000).map(|_| table.pause()).collect();
    let quick = pauses.iter().filter(|pause| **pause < Duration::from_millis(300)).count();
    assert!((100..500).contains(&quick), "{quick}");
    assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(3)));
}

#[test]
fn looking_again_keeps_homes_and_forgets_stalls_that_are_gone() {
    let mut table = table(2);
    play(&mut table, 3_000, |_, _| {});
    let home = table.world.settlements[0].home.clone();
    let mut seen = nodes();
    seen[0]["variables"]["population"] = json!(9_000);
    table.look(&seen);
    assert_eq!(table.world.settlements[0].home, home);
    assert!((table.world.settlements[0].number("population") - 9_000.0).abs() < f64::EPSILON);
    assert!(table.stalls.is_empty());
    table.look(&[]);
    assert!(
        matches!(table.decide().map(|action| action.action_kind), Some(ActionKind::AdvanceTime { .. })),
        "the clock remains"
    );
}
