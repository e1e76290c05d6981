//! Plausible changes of one settlement or structure.
//!
//! Each move returns the input of an update, or nothing if the thing does not lend itself to it. Numbers,
//! moods and switches wander, but are pulled back to where they were first seen, so that a table left
//! alone over night does not end in nonsense.

use fastrand::Rng;
use scry_protocol::variable::VariableKind;
use serde_json::{Map, Value, json};

use super::world_view::SimulatedEntity;

/// Numbers that change from day to day; the others are built or dug, not counted.
const DRIFTING_NUMBERS: [&str; 17] = [
    "population",
    "treasury",
    "food",
    "unrest",
    "garrison",
    "stores",
    "guests",
    "oil",
    "yield",
    "dues",
    "flour",
    "orders",
    "stalls",
    "offerings",
    "takings",
    "soldiers",
    "acolytes",
];
/// Numbers that must not pass another one.
const UPPER_BOUNDS: [(&str, &str); 2] = [("guests", "beds"), ("stores", "capacity")];
/// Switches that somebody throws; others follow from what happens.
const SWITCHED_FLAGS: [&str; 4] = ["beacon", "lit", "gatesShut", "besieged"];
/// Ships that come and go.
const SHIP_LISTS: [&str; 7] =
    ["Patient Eel", "Marigold", "Iron Bargain", "Saint's Wake", "Lady of Carrow", "Ninth Daughter", "Honest Tom"];

type EntityInput = Map<String, Value>;

/// Lets one counted number rise or fall a little, more often towards home than away.
pub(super) fn drift(rng: &mut Rng, thing: &SimulatedEntity) -> Option<EntityInput> {
    let name = pick(rng, thing, |name, kind| kind == VariableKind::Number && DRIFTING_NUMBERS.contains(&name))?;
    let (value, home) = (thing.number(&name), thing.home.get(&name).and_then(Value::as_f64).unwrap_or(0.0));
    let (min, max) = thing.schemas.get(&name)?.bounds();
    let ceiling = UPPER_BOUNDS.iter().find(|(below, _)| *below == name).map_or(max, |(_, above)| thing.number(above));
    let homesick = ((home - value) / (home.abs() * 0.25).max(4.0)).clamp(-1.0, 1.0);
    let step = ((home.abs() * 0.03).max(1.5) * (0.3 + 0.7 * rng.f64())).round().max(1.0);
    let sign = if rng.f64() < 0.5 + 0.45 * homesick { 1.0 } else { -1.0 };
    change(thing, &name, json!(whole((value + sign * step).clamp(min, max.min(ceiling)))))
}

/// Moves a ranked choice, such as morale, one step, more often towards home than away.
pub(super) fn shift(rng: &mut Rng, thing: &SimulatedEntity) -> Option<EntityInput> {
    let name = pick(rng, thing, |name, kind| kind == VariableKind::Choice && name != "status" && name != "ore")?;
    let values = &thing.schemas.get(&name)?.values;
    let rank =
        |value: Option<&Value>| values.iter().position(|known| Some(known.as_str()) == value.and_then(Value::as_str));
    let (now, home) = (rank(thing.variables.get(&name))?, rank(thing.home.get(&name))?);
    let up = if now == home { rng.bool() } else { (now < home) == (rng.f64() < 0.75) };
    let next = if up { (now + 1).min(values.len() - 1) } else { now.saturating_sub(1) };
    change(thing, &name, json!(values.get(next)?))
}

/// Throws a switch; one that is not as it was at home is thrown back sooner.
pub(super) fn switch(rng: &mut Rng, thing: &SimulatedEntity) -> Option<EntityInput> {
    let name = pick(rng, thing, |name, kind| kind == VariableKind::Flag && SWITCHED_FLAGS.contains(&name))?;
    let now = thing.variables.get(&name)?.as_bool()?;
    let at_home = thing.home.get(&name)?.as_bool()? == now;
    // A siege is an event, not a habit.
    let chance = if at_home && name == "besieged" { 0.1 } else { 0.7 };
    (rng.f64() < chance).then(|| change(thing, &name, json!(!now)))?
}

/// Lets a ship come in or put to sea.
pub(super) fn sail(rng: &mut Rng, thing: &SimulatedEntity) -> Option<EntityInput> {
    let mut ships = thing.variables.get("ships")?.as_array()?.clone();
    let away: Vec<&str> = SHIP_LISTS.into_iter().filter(|ship| !ships.contains(&json!(ship))).collect();
    if ships.len() > 1 && (rng.bool() || away.is_empty() || ships.len() > 5) {
        ships.remove(rng.usize(..ships.len()));
    } else {
        ships.push(json!(rng.choice(away)?));
    }
    change(thing, "ships", json!(ships))
}

/// Takes a structure one step through its life: built until it is sound, worn, damaged, rebuilt, now and
/// then lost.
pub(super) fn work(rng: &mut Rng, thing: &SimulatedEntity) -> Option<EntityInput> {
    let condition = thing.number("condition");
    let (status, condition) = match thing.text("status") {
        "building" if condition >= 85.0 => ("sound", 100.0),
        "building" => ("building", condition + f64::from(rng.i32(6..=15))),
        "sound" if rng.f64() < 0.12 => ("damaged", condition - f64::from(rng.i32(15..=40))),
        "sound" => ("sound", if condition > 60.0 { condition - f64::from(rng.i32(1..=3)) } else { 95.0 }),
        "damaged" if rng.f64() < 0.1 => ("destroyed", 0.0),
        "damaged" => ("building", condition),
        "destroyed" => ("building", 5.0),
        _ => return None,
    };
    let mut variables = Map::new();
    if status != thing.text("status") {
        variables.insert("status".to_owned(), json!(status));
    }
    let (min, max) = thing.schemas.get("condition")?.bounds();
    variables.insert("condition".to_owned(), json!(whole(condition.clamp(min, max))));
    if thing.schemas.contains_key("passable") {
        variables.insert("passable".to_owned(), json!(status == "sound"));
    }
    patch(thing, variables)
}

/// Lets a settlement rise or fall a level, with what follows for its people.
pub(super) fn level(rng: &mut Rng, thing: &SimulatedEntity) -> Option<EntityInput> {
    let up = thing.level <= thing.home_level || (thing.level < thing.home_level + 2 && rng.bool());
    let population = thing.number("population") * if up { 1.05 } else { 0.96 };
    let (min, max) = thing.schemas.get("population")?.bounds();
    let mut variables = Map::from_iter([("population".to_owned(), json!(whole(population.clamp(min, max))))]);
    let morale = if up { "high" } else { "low" };
    if thing.schemas.get("morale").is_some_and(|schema| schema.check(&json!(morale)).is_ok()) {
        variables.insert("morale".to_owned(), json!(morale));
    }
    let mut input = patch(thing, variables).unwrap_or_default();
    input.insert("level".to_owned(), json!(if up { thing.level + 1 } else { thing.level - 1 }));
    Some(input)
}

fn pick(rng: &mut Rng, thing: &SimulatedEntity, wanted: impl Fn(&str, VariableKind) -> bool) -> Option<String> {
    let names = thing.schemas.iter().filter(|(name, schema)| wanted(name, schema.kind)).map(|(name, _)| name);
    let names: Vec<&String> = names.filter(|name| thing.variables.contains_key(*name)).collect();
    rng.choice(names).cloned()
}

fn change(thing: &SimulatedEntity, name: &str, value: Value) -> Option<EntityInput> {
    patch(thing, Map::from_iter([(name.to_owned(), value)]))
}

/// Makes an update of the variables that really change; nothing if none does.
fn patch(thing: &SimulatedEntity, mut variables: EntityInput) -> Option<EntityInput> {
    let same = |now: &Value, then: &Value| now == then || (now.is_number() && now.as_f64() == then.as_f64());
    variables.retain(|name, value| !thing.variables.get(name).is_some_and(|now| same(now, value)));
    (!variables.is_empty()).then(|| Map::from_iter([("variables".to_owned(), variables.into())]))
}

#[expect(clippy::cast_possible_truncation, reason = "every number at the table is small")]
fn whole(number: f64) -> i64 {
    number.round() as i64
}
