//! What the table knows of the campaign.

use std::collections::BTreeMap;

use scry_protocol::Id;
use scry_protocol::variable::VariableSchema;
use serde_json::{Map, Value};

/// The campaign as the table last saw it, and how each thing was when it was first seen.
#[derive(Debug, Clone, Default)]
pub(super) struct WorldView {
    pub settlements: Vec<SimulatedEntity>,
    pub structures: Vec<SimulatedEntity>,
    pub encounters: Vec<SimulatedEncounter>,
    /// Computed values that depend on time, anywhere in the campaign.
    pub timely: Vec<String>,
}

/// A settlement or a structure.
#[derive(Debug, Clone)]
pub(super) struct SimulatedEntity {
    pub id: Id,
    pub level: i64,
    pub variables: Map<String, Value>,
    pub schemas: BTreeMap<String, VariableSchema>,
    pub computed: Vec<String>,
    /// The level and the variables that everything returns to in the long run.
    pub home_level: i64,
    pub home: Map<String, Value>,
}

/// An encounter.
#[derive(Debug, Clone)]
pub(super) struct SimulatedEncounter {
    pub id: Id,
    pub status: String,
}

impl WorldView {
    /// Takes in a snapshot's nodes; what was known before keeps its home.
    pub(crate) fn look(&mut self, nodes: &[Value]) {
        let before = std::mem::take(self);
        for node in nodes {
            match node.get("__typename").and_then(Value::as_str) {
                Some("Settlement") => self.settlements.extend(thing(node, &before.settlements)),
                Some("Structure") => self.structures.extend(thing(node, &before.structures)),
                Some("Encounter") => self.encounters.extend(encounter(node)),
                Some(_) | None => {}
            }
            self.timely.extend(timely(node));
        }
        self.timely.sort_unstable();
        self.timely.dedup();
    }
}

impl SimulatedEntity {
    /// Returns a variable as a number, 0 if it is none.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.variables.get(name).and_then(Value::as_f64).unwrap_or(0.0)
    }

    /// Returns a variable as a text, empty if it is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.variables.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Does to this copy what an update did to the original: fields are set, variables patched.
    pub(crate) fn apply(&mut self, input: &Map<String, Value>) {
        if let Some(level) = input.get("level").and_then(Value::as_i64) {
            self.level = level;
        }
        for (name, value) in input.get("variables").and_then(Value::as_object).into_iter().flatten() {
            self.variables.insert(name.clone(), value.clone());
        }
    }
}

fn thing(node: &Value, before: &[SimulatedEntity]) -> Option<SimulatedEntity> {
    let id = id(node, "id")?;
    let object = |key| node.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
    let level = node.get("level").and_then(Value::as_i64)?;
    let variables = object("variables");
    let known = before.iter().find(|thing| thing.id == id);
    let schema = |(name, schema): (String, Value)| Some((name, serde_json::from_value(schema).ok()?));
    Some(SimulatedEntity {
        level,
        schemas: object("variableSchemas").into_iter().filter_map(schema).collect(),
        computed: object("computed").keys().cloned().collect(),
        home_level: known.map_or(level, |thing| thing.home_level),
        home: known.map_or_else(|| variables.clone(), |thing| thing.home.clone()),
        variables,
        id,
    })
}

fn encounter(node: &Value) -> Option<SimulatedEncounter> {
    Some(SimulatedEncounter { id: id(node, "id")?, status: node.get("status")?.as_str()?.to_owned() })
}

fn timely(node: &Value) -> impl Iterator<Item = String> {
    let computed = node.get("computed").and_then(Value::as_object).into_iter().flatten();
    computed.filter(|(_, value)| value.get("dependsOnTime") == Some(&Value::Bool(true))).map(|(name, _)| name.clone())
}

fn id(node: &Value, key: &str) -> Option<Id> {
    node.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok())
}
