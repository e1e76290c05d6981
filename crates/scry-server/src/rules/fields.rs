//! An entity as a flat list of fields, the form in which edits are compared.
//!
//! Variables are fields of their own (`variables.population`); any other value, however deep, is one.

use std::collections::{BTreeMap, HashSet};

use scry_protocol::FieldDiff;
use serde_json::{Map, Value};

/// Maps field names to values, variables one by one.
pub type Flat = BTreeMap<String, Value>;

const VARIABLES: &str = "variables";

/// Returns the name of a variable as a field.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("{VARIABLES}.{key}")
}

/// Flattens a name and the fields beside it.
#[must_use]
pub fn flatten(name: &str, fields: &Map<String, Value>) -> Flat {
    let mut flat = patch(fields);
    flat.insert("name".to_owned(), name.into());
    flat
}

/// Flattens the fields that an edit names; a variable whose value is null is to be removed.
#[must_use]
pub fn patch(fields: &Map<String, Value>) -> Flat {
    let mut flat = Flat::new();
    for (field, value) in fields {
        match value.as_object().filter(|_| field == VARIABLES) {
            Some(variables) => flat.extend(variables.iter().map(|(key, value)| (variable(key), value.clone()))),
            None => {
                flat.insert(field.clone(), value.clone());
            }
        }
    }
    flat
}

/// Applies a flat edit to a name and the fields beside it.
pub fn apply(name: &mut String, fields: &mut Map<String, Value>, edit: &Flat) {
    let mut removed = HashSet::new();
    for (field, value) in edit {
        match (field.as_str(), field.split_once('.')) {
            ("name", _) => value.as_str().unwrap_or_default().clone_into(name),
            (_, Some((VARIABLES, key))) if value.is_null() => {
                removed.insert(key);
            }
            (_, Some((VARIABLES, key))) => set_variable(fields, key, value),
            _ => {
                fields.insert(field.clone(), value.clone());
            }
        }
    }
    // All at once: the map keeps its order, so that each removal would move whatever comes after it.
    if let Some(variables) = fields.get_mut(VARIABLES).and_then(Value::as_object_mut).filter(|_| !removed.is_empty()) {
        variables.retain(|key, _| !removed.contains(key.as_str()));
    }
}

/// Returns the fields whose values differ, in alphabetical order; an absent field counts as null.
#[must_use]
pub fn changes(before: &Flat, after: &Flat) -> Vec<FieldDiff> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |field: &String| {
        let from = before.get(field).cloned().unwrap_or_default();
        let to = after.get(field).cloned().unwrap_or_default();
        (!same(&from, &to)).then(|| FieldDiff { field: field.clone(), from, to })
    };
    names.into_iter().filter_map(change).collect()
}

/// Returns whether two values are the same to a reader: `5` and `5.0` are.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}

fn set_variable(fields: &mut Map<String, Value>, key: &str, value: &Value) {
    let variables = fields.entry(VARIABLES).or_insert_with(|| Value::Object(Map::new()));
    if let Some(variables) = variables.as_object_mut() {
        variables.insert(key.to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn an_edit_changes_only_what_it_names() {
        let mut name = "Saltwick".to_owned();
        let mut fields = map(json!({"level": 3, "variables": {"gold": 5, "morale": 2}}));
        let before = flatten(&name, &fields);
        apply(&mut name, &mut fields, &patch(&map(json!({"level": 4, "variables": {"gold": null, "grain": 9}}))));
        assert_eq!(fields, map(json!({"level": 4, "variables": {"morale": 2, "grain": 9}})));
        let changes = changes(&before, &flatten(&name, &fields));
        let named: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(named, ["level", "variables.gold", "variables.grain"]);
        assert_eq!(changes[1], FieldDiff { field: "variables.gold".to_owned(), from: json!(5), to: Value::Null });
    }

    #[test]
    fn removing_every_variable_takes_time_in_proportion_to_their_number() {
        let time = |count: usize| {
            let variables: Map<String, Value> = (0..count).map(|index| (format!("v{index:06}"), json!(1))).collect();
            let edit: Flat = variables.keys().map(|key| (variable(key), Value::Null)).collect();
            let mut fields = map(json!({ "variables": variables }));
            let began = std::time::Instant::now();
            apply(&mut String::new(), &mut fields, &edit);
            assert_eq!(fields, map(json!({"variables": {}})));
            began.elapsed()
        };
        // Ten times as many would take a hundred times as long if each removal moved the rest.
        let (few, many) = (time(4_000).max(std::time::Duration::from_millis(1)), time(40_000));
        assert!(many < few * 50, "{few:?} for 4,000, {many:?} for 40,000");
    }

    #[test]
    fn the_same_number_written_differently_is_no_change() {
        let flat = |value: Value| Flat::from([("variables.gold".to_owned(), value)]);
        assert!(changes(&flat(json!(5)), &flat(json!(5.0))).is_empty());
        assert_eq!(changes(&flat(json!(5)), &flat(json!("5"))).len(), 1);
    }
}
