//! Which values a variable may take, by its schema.

use scry_protocol::variable::VariableSchema;
use serde_json::{Map, Value};

/// The number of variables that an error names at most.
const MAX_LISTED_NAMES: usize = 20;

/// What is wrong with a value, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct VariableError {
    /// The field's name.
    pub field: String,
    /// What is wrong with the value, as the end of a sentence.
    pub problem: String,
}

impl VariableError {
    /// Builds a fault.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Checks every variable against its schema, and the schemas themselves.
///
/// # Errors
/// The first [`VariableError`], naming the variable.
pub fn check(variables: &Map<String, Value>, schemas: &Map<String, Value>) -> Result<(), VariableError> {
    for (name, schema) in schemas {
        let field = || format!("variableSchemas.{name}");
        let schema = VariableSchema::from_json(schema).map_err(|problem| VariableError::new(field(), problem))?;
        if let Some(value) = variables.get(name) {
            schema.check(value).map_err(|problem| VariableError::new(super::fields::variable(name), problem))?;
        }
    }
    match variables.keys().find(|name| !schemas.contains_key(*name)) {
        None => Ok(()),
        Some(stranger) => {
            let problem = format!("is not declared; variableSchemas declares {}", known_names(schemas));
            Err(VariableError::new(super::fields::variable(stranger), problem))
        }
    }
}

/// Returns the names of variables, as many as a reader can use.
fn known_names(schemas: &Map<String, Value>) -> String {
    let names: Vec<&str> = schemas.keys().map(String::as_str).take(MAX_LISTED_NAMES).collect();
    match schemas.len() {
        0 => "nothing yet".to_owned(),
        count if count > MAX_LISTED_NAMES => format!("{} and {} more", names.join(", "), count - MAX_LISTED_NAMES),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(name: &str, value: Value) -> Option<String> {
        let schemas = json!({
            "gold": {"type": "number", "min": 0, "max": 10},
            "mood": {"type": "choice", "values": ["calm", "angry"]},
            "note": {"type": "text"}, "open": {"type": "flag"}, "guests": {"type": "list"},
        });
        let variables = Map::from_iter([(name.to_owned(), value)]);
        check(&variables, schemas.as_object().unwrap()).err().map(|fault| fault.to_string())
    }

    #[test]
    fn values_of_their_type_pass() {
        let good = [
            ("gold", json!(0)),
            ("mood", json!("angry")),
            ("note", json!("")),
            ("open", json!(true)),
            ("guests", json!(["a"])),
        ];
        for (name, value) in good {
            assert_eq!(fault(name, value), None);
        }
    }

    #[test]
    fn error_names_the_variable_and_the_remedy() {
        let faults = [
            ("gold", json!(11), "variables.gold: must be at most 10, not 11"),
            ("gold", json!(-1), "variables.gold: must be at least 0, not -1"),
            ("gold", json!("much"), "variables.gold: must be a number, not \"much\""),
            ("mood", json!("sad"), "variables.mood: must be one of calm, angry, not \"sad\""),
            ("open", json!("yes"), "variables.open: must be true or false, not \"yes\""),
            ("note", json!(3), "variables.note: must be a text, not 3"),
            ("guests", json!([{}]), "variables.guests: must be a list of plain values, not [{}]"),
            (
                "silver",
                json!(1),
                "variables.silver: is not declared; variableSchemas declares gold, mood, note, open, guests",
            ),
        ];
        for (name, value, sentence) in faults {
            assert_eq!(fault(name, value).as_deref(), Some(sentence));
        }
    }

    #[test]
    fn a_schema_without_a_type_is_refused() {
        let schemas = json!({"gold": {"min": 0}});
        let fault = check(&Map::new(), schemas.as_object().unwrap()).unwrap_err();
        assert_eq!(fault.field, "variableSchemas.gold");
    }
}
