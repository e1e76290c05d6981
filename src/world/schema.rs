//! What a variable may hold.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// Describes a variable: the same keys in a world file and on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableSchema {
    #[serde(rename = "type")]
    pub kind: VariableKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
    /// What a choice chooses from, in order of rank where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Marks what players should not be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Names the kinds of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableKind {
    Number,
    Text,
    /// One of the schema's values.
    Choice,
    /// True or false.
    Flag,
    /// Texts.
    List,
}

impl VariableSchema {
    /// Checks a value; the error completes the sentence "the variable …".
    ///
    /// # Errors
    /// What the value must be instead.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        match self.kind {
            VariableKind::Number => self.check_number(value),
            VariableKind::Text if value.is_string() => Ok(()),
            VariableKind::Text => Err(format!("must be a text, not {value}")),
            VariableKind::Choice => match value.as_str() {
                Some(text) if self.values.iter().any(|known| known == text) => Ok(()),
                Some(_) | None => Err(format!("must be one of {}, not {value}", self.values.join(", "))),
            },
            VariableKind::Flag if value.is_boolean() => Ok(()),
            VariableKind::Flag => Err(format!("must be true or false, not {value}")),
            VariableKind::List => match value.as_array() {
                Some(items) if items.iter().all(Value::is_string) => Ok(()),
                Some(_) | None => Err(format!("must be a list of texts, not {value}")),
            },
        }
    }

    /// Checks the schema itself.
    ///
    /// # Errors
    /// What the schema lacks or contradicts.
    pub fn check_itself(&self) -> Result<(), String> {
        match (self.kind, self.bounds()) {
            (VariableKind::Choice, _) if self.values.is_empty() => Err("is a choice without values".to_owned()),
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
            None => Err(format!("must be a number, not {value}")),
        }
    }
}
