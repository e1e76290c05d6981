//! Which values a variable may take, by its schema.

use serde_json::{Map, Value};

/// Names the types a schema may have.
const TYPES: [&str; 5] = ["number", "text", "choice", "flag", "list"];
/// Bounds a text, and a list in items.
const MAX_TEXT: usize = 10_000;
const MAX_LIST: usize = 1_000;

/// Says what is wrong with a value, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Fault {
    pub field: String,
    pub problem: String,
}

impl Fault {
    /// Builds a fault.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Checks every variable against its schema, and the schemas themselves.
///
/// # Errors
/// The first [`Fault`], naming the variable.
pub fn check(variables: &Map<String, Value>, schemas: &Map<String, Value>) -> Result<(), Fault> {
    for (name, schema) in schemas {
        check_schema(schema).map_err(|problem| Fault::new(format!("variableSchemas.{name}"), problem))?;
    }
    for (name, value) in variables {
        let field = super::fields::variable(name);
        let schema = schemas.get(name).ok_or_else(|| {
            let known: Vec<&str> = schemas.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "nothing yet".to_owned() } else { known.join(", ") };
            Fault::new(&field, format!("is not declared; variableSchemas declares {known}"))
        })?;
        check_value(value, schema).map_err(|problem| Fault::new(field, problem))?;
    }
    Ok(())
}

fn check_schema(schema: &Value) -> Result<(), String> {
    let kind = schema.get("type").and_then(Value::as_str);
    match kind {
        Some("choice") if texts(schema.get("values")).is_empty() => {
            Err("a choice needs `values`, a list of texts".to_owned())
        }
        Some(kind) if TYPES.contains(&kind) => Ok(()),
        _ => Err(format!("needs a `type`: one of {}", TYPES.join(", "))),
    }
}

fn check_value(value: &Value, schema: &Value) -> Result<(), String> {
    match schema.get("type").and_then(Value::as_str).unwrap_or_default() {
        "number" => check_number(value, schema),
        "text" => check_text(value),
        "choice" => check_choice(value, &texts(schema.get("values"))),
        "flag" if value.is_boolean() => Ok(()),
        "flag" => Err("must be true or false".to_owned()),
        _ => check_list(value),
    }
}

fn check_number(value: &Value, schema: &Value) -> Result<(), String> {
    let number = value.as_f64().ok_or("must be a number")?;
    let bound = |key| schema.get(key).and_then(Value::as_f64);
    match (bound("min"), bound("max")) {
        (Some(min), _) if number < min => Err(format!("must be at least {min}, not {number}")),
        (_, Some(max)) if number > max => Err(format!("must be at most {max}, not {number}")),
        _ => Ok(()),
    }
}

fn check_text(value: &Value) -> Result<(), String> {
    let text = value.as_str().ok_or("must be a text")?;
    if text.chars().count() > MAX_TEXT { Err(format!("must have at most {MAX_TEXT} characters")) } else { Ok(()) }
}

fn check_choice(value: &Value, values: &[&str]) -> Result<(), String> {
    match value.as_str() {
        Some(text) if values.contains(&text) => Ok(()),
        _ => Err(format!("must be one of {}", values.join(", "))),
    }
}

fn check_list(value: &Value) -> Result<(), String> {
    let items = value.as_array().ok_or("must be a list")?;
    if items.len() > MAX_LIST {
        return Err(format!("must have at most {MAX_LIST} items"));
    }
    if items.iter().any(|item| item.is_object() || item.is_array()) {
        return Err("must be a list of plain values".to_owned());
    }
    Ok(())
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
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
    fn a_fault_names_the_variable_and_the_remedy() {
        let faults = [
            ("gold", json!(11), "variables.gold: must be at most 10, not 11"),
            ("gold", json!(-1), "variables.gold: must be at least 0, not -1"),
            ("gold", json!("much"), "variables.gold: must be a number"),
            ("mood", json!("sad"), "variables.mood: must be one of calm, angry"),
            ("open", json!("yes"), "variables.open: must be true or false"),
            ("note", json!(3), "variables.note: must be a text"),
            ("guests", json!([{}]), "variables.guests: must be a list of plain values"),
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
