//! `--set field=value`, typed as the field is (pure).

use std::io;

use serde_json::{Map, Value};

/// Fields whose values are texts even when they look like something else.
const TEXT_FIELDS: [&str; 11] = [
    "role",
    "userId",
    "name",
    "description",
    "type",
    "status",
    "worldTime",
    "campaignId",
    "kingdomId",
    "settlementId",
    "locationId",
];

/// The reason why an assignment cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AssignError {
    /// The assignment has no `=`.
    #[error("--set {0}: write it as FIELD=VALUE, for example level=3 or variables.population=1200")]
    Form(String),
    /// The value is not of the field's kind.
    #[error("--set {field}: “{value}” is {problem}")]
    Type {
        /// The field's name.
        field: String,
        /// The value as it was given, made safe for display and shortened.
        value: String,
        /// What is wrong with the value.
        problem: String,
    },
    /// The content behind `@` could not be read.
    #[error("--set {field}: cannot read {from}: {source}")]
    Unreadable {
        /// The field's name.
        field: String,
        /// The file's path, or `-` for stdin.
        from: String,
        /// The error that the operating system gave.
        source: io::Error,
    },
}

/// Builds an input from assignments; `schemas` are the entity's `variableSchemas`, null where there are none.
///
/// A variable is read by its schema. Without one, and for every other field, what is JSON is taken as such, except in
/// fields that hold texts. `read` fetches the content behind `@FILE` and `@-`.
///
/// # Errors
/// [`AssignError`] naming the field and what it needs.
pub fn input(
    assignments: &[String],
    schemas: &Value,
    read: impl Fn(&str) -> io::Result<String>,
) -> Result<Map<String, Value>, AssignError> {
    let mut input = Map::new();
    for assignment in assignments {
        let (field, text) = assignment.split_once('=').ok_or_else(|| AssignError::Form(assignment.clone()))?;
        let text = match text.strip_prefix('@') {
            Some(from) => read(from).map_err(|source| AssignError::Unreadable {
                field: field.to_owned(),
                from: from.to_owned(),
                source,
            })?,
            None => text.to_owned(),
        };
        match field.split_once('.') {
            Some(("variables", key)) => {
                let value = typed(&schemas[key], &text).map_err(|problem| wrong(field, &text, problem))?;
                let variables = input.entry("variables").or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(variables) = variables {
                    variables.insert(key.to_owned(), value);
                }
            }
            Some(_) => {
                return Err(wrong(field, &text, "not a field that can be set; only variables have a dot".to_owned()));
            }
            None if field == "level" => {
                let level: i64 =
                    text.trim().parse().map_err(|_| wrong(field, &text, "not a whole number".to_owned()))?;
                input.insert(field.to_owned(), level.into());
            }
            None if TEXT_FIELDS.contains(&field) => {
                input.insert(field.to_owned(), text.into());
            }
            None => {
                input.insert(field.to_owned(), loose(&text));
            }
        }
    }
    Ok(input)
}

/// Reads a value as a schema wants it; an empty text removes the variable.
fn typed(schema: &Value, text: &str) -> Result<Value, String> {
    if text == "null" {
        return Ok(Value::Null);
    }
    match schema["type"].as_str() {
        Some("number") => serde_json::from_str::<serde_json::Number>(text.trim())
            .map(Value::Number)
            .map_err(|_| "not a number, which the variable needs".to_owned()),
        Some("flag") => match text {
            "true" | "yes" | "on" => Ok(true.into()),
            "false" | "no" | "off" => Ok(false.into()),
            _ => Err("not a flag; write true or false".to_owned()),
        },
        Some("choice") => choice(&schema["values"], text),
        Some("list") => match serde_json::from_str(text) {
            Ok(list @ Value::Array(_)) => Ok(list),
            _ => Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect()),
        },
        Some("text") => Ok(text.into()),
        Some(_) | None => Ok(loose(text)),
    }
}

fn choice(values: &Value, text: &str) -> Result<Value, String> {
    let known: Vec<&str> = values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if known.is_empty() || known.contains(&text) {
        return Ok(text.into());
    }
    Err(format!("not one of the choices {}", known.join(", ")))
}

fn loose(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn wrong(field: &str, value: &str, problem: String) -> AssignError {
    let value = scry_text::line(value).chars().take(80).collect();
    AssignError::Type { field: field.to_owned(), value, problem }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(assignments: &[&str]) -> Result<Value, String> {
        let schemas = json!({"population": {"type": "number"}, "motto": {"type": "text"}, "walled": {"type": "flag"},
            "status": {"type": "choice", "values": ["sound", "damaged"]}, "goods": {"type": "list"}});
        let assignments: Vec<String> = assignments.iter().map(|text| (*text).to_owned()).collect();
        let read =
            |from: &str| if from == "-" { Ok("from stdin".to_owned()) } else { Err(io::ErrorKind::NotFound.into()) };
        input(&assignments, &schemas, read).map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_typed_by_their_field() {
        assert_eq!(
            set(&[
                "name=42",
                "level=3",
                "variables.population=1200",
                "variables.motto=7",
                "variables.walled=yes",
                "variables.status=damaged",
                "variables.goods=salt, fish",
                "variables.new=[1]",
                "description=@-"
            ]),
            Ok(json!({"name": "42", "level": 3, "variables": {"population": 1200, "motto": "7", "walled": true,
                "status": "damaged", "goods": ["salt", "fish"], "new": [1]}, "description": "from stdin"}))
        );
        assert_eq!(set(&["variables.population=null"]), Ok(json!({"variables": {"population": null}})));
    }

    #[test]
    fn a_wrong_value_names_the_field_and_what_it_needs() {
        let problem = |text: &str| set(&[text]).unwrap_err();
        assert_eq!(
            problem("variables.population=many"),
            "--set variables.population: “many” is not a number, which the variable needs"
        );
        assert_eq!(
            problem("variables.status=gone"),
            "--set variables.status: “gone” is not one of the choices sound, damaged"
        );
        assert!(problem("level=x").contains("not a whole number"));
        assert!(problem("level").contains("FIELD=VALUE"));
        assert!(problem("computed.x=1").contains("only variables have a dot"));
        assert!(problem("description=@nowhere").contains("cannot read nowhere"));
    }
}
