//! What an effect makes of an entity's variables.

use scry_protocol::variable::{VariableKind, VariableSchema};
use serde_json::{Map, Value};

use super::fields::{self, Flat};

/// What an effect does to the variables of one entity, made ready to be done many times.
#[derive(Debug)]
pub struct PreparedEffect {
    set: Vec<(String, Value)>,
    add: Vec<Addition>,
}

#[derive(Debug)]
struct Addition {
    variable: String,
    amount: f64,
    min: f64,
    max: f64,
}

impl PreparedEffect {
    /// Makes an effect ready: `set` values as they are, `add` within the variable's bounds.
    ///
    /// # Errors
    /// A sentence where the entity has come to be such that the effect does not fit it.
    pub fn new(
        schemas: &Map<String, Value>,
        set: &Map<String, Value>,
        add: &Map<String, Value>,
    ) -> Result<Self, String> {
        let mut prepared = Self { set: Vec::new(), add: Vec::new() };
        for (name, value) in set {
            schema(schemas, name)?.check(value).map_err(|problem| format!("{name} {problem}"))?;
            prepared.set.push((name.clone(), value.clone()));
        }
        for (name, amount) in add {
            let schema = schema(schemas, name)?;
            let (VariableKind::Number, Some(amount)) = (schema.kind, amount.as_f64()) else {
                return Err(not_a_number(name));
            };
            let (min, max) = schema.bounds();
            prepared.add.push(Addition { variable: name.clone(), amount, min, max });
        }
        Ok(prepared)
    }

    /// Works out what the effect changes now.
    ///
    /// # Errors
    /// A sentence where a variable to add to is no number.
    pub fn patch(&self, variables: &Map<String, Value>) -> Result<Flat, String> {
        let mut patch: Flat = self.set.iter().map(|(name, value)| (fields::variable(name), value.clone())).collect();
        for (name, sum) in self.sums(variables)? {
            patch.insert(fields::variable(name), sum);
        }
        Ok(patch)
    }

    /// Changes the variables.
    ///
    /// # Errors
    /// A sentence where a variable to add to is no number; then nothing is changed.
    pub fn apply(&self, variables: &mut Map<String, Value>) -> Result<(), String> {
        let sums = self.sums(variables)?;
        for (name, value) in self.set.iter().map(|(name, value)| (name.as_str(), value.clone())).chain(sums) {
            match variables.get_mut(name) {
                Some(stored) => *stored = value,
                None => {
                    variables.insert(name.to_owned(), value);
                }
            }
        }
        Ok(())
    }

    fn sums(&self, variables: &Map<String, Value>) -> Result<Vec<(&str, Value)>, String> {
        let sums = self.add.iter().map(|Addition { variable, amount, min, max }| {
            let now = variables.get(variable).and_then(Value::as_f64).ok_or_else(|| not_a_number(variable))?;
            Ok((variable.as_str(), number_json((now + amount).max(*min).min(*max))))
        });
        sums.collect()
    }
}

fn not_a_number(variable: &str) -> String {
    format!("{variable} is not a number, so nothing can be added to it")
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
        let prepared = PreparedEffect::new(&schemas, &map(set), &map(add))?;
        let patch = prepared.patch(&variables)?;
        // Both ways lead to the same.
        let mut fields = map(json!({ "variables": variables }));
        fields::apply(&mut String::new(), &mut fields, &patch);
        let mut applied = variables;
        prepared.apply(&mut applied)?;
        assert_eq!(fields["variables"], Value::Object(applied));
        Ok(json!(patch))
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        assert_eq!(changed(json!({}), json!({"gold": -9})), Ok(json!({"variables.gold": 0})));
        assert_eq!(changed(json!({}), json!({"gold": 99})), Ok(json!({"variables.gold": 10})));
        assert_eq!(changed(json!({"mood": "high"}), json!({"gold": 0.5})).unwrap()["variables.gold"], json!(5.5));
    }

    #[test]
    fn effect_that_no_longer_fits_is_an_error() {
        assert_eq!(
            changed(json!({"mood": "wild"}), json!({})).unwrap_err(),
            "mood must be one of low, high, not \"wild\""
        );
        assert_eq!(
            changed(json!({}), json!({"mood": 1})).unwrap_err(),
            "mood is not a number, so nothing can be added to it"
        );
        assert_eq!(changed(json!({}), json!({"silver": 1})).unwrap_err(), "silver is not declared any more");
    }
}
