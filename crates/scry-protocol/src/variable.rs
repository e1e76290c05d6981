//! What a variable may hold.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// The kinds on the wire.
const KIND_NAMES: [&str; 5] = ["number", "text", "choice", "flag", "list"];
/// Bounds a text in characters, a list in items, and a value that is quoted in a sentence.
const MAX_TEXT_CHARS: usize = 10_000;
const MAX_LIST_ITEMS: usize = 1_000;
const MAX_QUOTED_CHARS: usize = 60;

/// A variable: the same keys in a world file and on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariableSchema {
    /// What kind of value it holds.
    #[serde(rename = "type")]
    pub kind: VariableKind,
    /// What people see instead of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The unit, which people see behind a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The least value of a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    /// The greatest value of a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
    /// What a choice chooses from, in order of rank where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Marks what players should not be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// A sentence about it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Keys that only a newer version knows; a world file may have none.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The kinds of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableKind {
    /// A number.
    Number,
    /// A text.
    Text,
    /// One of the schema's values.
    Choice,
    /// True or false.
    Flag,
    /// Texts.
    List,
}

impl VariableSchema {
    /// Reads a schema as it is on the wire, and checks it.
    ///
    /// # Errors
    /// What the schema lacks or contradicts.
    pub fn from_json(json: &Value) -> Result<Self, String> {
        if !json.get("type").and_then(Value::as_str).is_some_and(|kind| KIND_NAMES.contains(&kind)) {
            return Err(format!("needs a `type`: one of {}", KIND_NAMES.join(", ")));
        }
        let schema: Self = serde_json::from_value(json.clone()).map_err(|error| error.to_string())?;
        schema.validate()?;
        Ok(schema)
    }

    /// Checks a value; the error completes the sentence "the variable …".
    ///
    /// # Errors
    /// What the value must be instead.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        match self.kind {
            VariableKind::Number => self.check_number(value),
            VariableKind::Text => match value.as_str() {
                Some(text) if text.chars().count() <= MAX_TEXT_CHARS => Ok(()),
                Some(_) => Err(format!("must have at most {MAX_TEXT_CHARS} characters")),
                None => Err(format!("must be a text, not {}", quoted(value))),
            },
            VariableKind::Choice => match value.as_str() {
                Some(text) if self.values.iter().any(|known| known == text) => Ok(()),
                Some(_) | None => Err(format!("must be one of {}, not {}", self.values.join(", "), quoted(value))),
            },
            VariableKind::Flag if value.is_boolean() => Ok(()),
            VariableKind::Flag => Err(format!("must be true or false, not {}", quoted(value))),
            VariableKind::List => check_list(value),
        }
    }

    /// Checks the schema itself.
    ///
    /// # Errors
    /// What the schema lacks or contradicts.
    pub fn validate(&self) -> Result<(), String> {
        match (self.kind, self.bounds()) {
            (VariableKind::Choice, _) if self.values.is_empty() => {
                Err("is a choice without values; it needs `values`, a list of texts".to_owned())
            }
            (VariableKind::Number, (min, max)) if min > max => Err("has a min above its max".to_owned()),
            _ => Ok(()),
        }
    }

    /// Returns the least and the greatest number allowed.
    #[must_use]
    pub fn bounds(&self) -> (f64, f64) {
        let bound = |number: &Option<Number>| number.as_ref().and_then(Number::as_f64);
        (bound(&self.min).unwrap_or(f64::MIN), bound(&self.max).unwrap_or(f64::MAX))
    }

    fn check_number(&self, value: &Value) -> Result<(), String> {
        let (min, max) = self.bounds();
        match value.as_f64() {
            Some(number) if number < min => Err(format!("must be at least {min}, not {number}")),
            Some(number) if number > max => Err(format!("must be at most {max}, not {number}")),
            Some(_) => Ok(()),
            None => Err(format!("must be a number, not {}", quoted(value))),
        }
    }
}

fn check_list(value: &Value) -> Result<(), String> {
    match value.as_array() {
        Some(items) if items.len() > MAX_LIST_ITEMS => Err(format!("must have at most {MAX_LIST_ITEMS} items")),
        Some(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => Ok(()),
        Some(_) | None => Err(format!("must be a list of plain values, not {}", quoted(value))),
    }
}

/// Writes a value into a sentence, cut where it is long.
fn quoted(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= MAX_QUOTED_CHARS {
        text
    } else {
        format!("{}…", text.chars().take(MAX_QUOTED_CHARS).collect::<String>())
    }
}
