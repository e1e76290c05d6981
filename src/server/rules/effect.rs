//! What an effect makes of an entity's variables.

use serde_json::{Map, Value};

use super::fields::{self, Flat};
use crate::world::{VariableKind, VariableSchema};

/// Works out what an effect changes: `set` values as they are, `add` within the variable's bounds.
///
/// # Errors
/// A sentence where the entity has come to be such that the effect does not fit it.
pub fn patch(
    variables: &Map<String, Value>,
    schemas: &Map<String, Value>,
    set: &Map<String, Value>,
    add: &Map<String, Value>,
) -> Result<Flat, String> {
    let mut patch = Flat::new();
    for (name, value) in set {
        let schema = schema(schemas, name)?;
        schema.check(value).map_err(|problem| format!("{name} {problem}"))?;
        patch.insert(fields::variable(name), value.clone());
    }
    for (name, amount) in add {
        let schema = schema(schemas, name)?;
        let number = |value: Option<&Value>| value.and_then(Value::as_f64);
        let (VariableKind::Number, Some(now), Some(amount)) =
            (schema.kind, number(variables.get(name)), number(Some(amount)))
        else {
            return Err(format!("{name} is no number to add to"));
        };
        let (min, max) = schema.bounds();
        patch.insert(fields::variable(name), number_json((now + amount).max(min).min(max)));
    }
    Ok(patch)
}

fn schema(schemas: &Map<String, Value>, name: &str) -> Result<VariableSchema, String> {
    let schema = schemas.get(name).ok_or_else(|| format!("{name} is not declared any more"))?;
    VariableSchema::from_json(schema).map_err(|problem| format!("the schema of {name} {problem}"))
}

/// Writes a number as people do: a whole one without a point.
fn number_json(number: f64) -> Value {
    if number.fract().abs() < f64::EPSILON && number.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within the range")]
        let whole = number as i64;
        return whole.into();
    }
    number.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(set: Value, add: Value) -> Result<Value, String> {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let variables = map(json!({"gold": 5, "mood": "low"}));
        let schemas = map(json!({
            "gold": {"type": "number", "min": 0, "max": 10}, "mood": {"type": "choice", "values": ["low", "high"]},
        }));
        patch(&variables, &schemas, &map(set), &map(add)).map(|patch| json!(patch))
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        assert_eq!(changed(json!({}), json!({"gold": -9})), Ok(json!({"variables.gold": 0})));
        assert_eq!(changed(json!({}), json!({"gold": 99})), Ok(json!({"variables.gold": 10})));
        assert_eq!(changed(json!({"mood": "high"}), json!({"gold": 0.5})).unwrap()["variables.gold"], json!(5.5));
    }

    #[test]
    fn what_no_longer_fits_is_told() {
        assert_eq!(
            changed(json!({"mood": "wild"}), json!({})).unwrap_err(),
            "mood must be one of low, high, not \"wild\""
        );
        assert_eq!(changed(json!({}), json!({"mood": 1})).unwrap_err(), "mood is no number to add to");
        assert_eq!(changed(json!({}), json!({"silver": 1})).unwrap_err(), "silver is not declared any more");
    }
}
