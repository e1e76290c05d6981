//! What a formula works with: one sort of number, flags, texts, lists and entities.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::{EvalError, Facts};

/// Results are rounded to this many parts of one: 0.1 + 0.2 is 0.3.
const ROUNDING_FACTOR: f64 = 1e9;
/// Beyond this a double no longer tells neighbouring whole numbers apart.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A value while a formula is worked out.
#[derive(Debug, Clone)]
pub(super) enum Val<'a> {
    Number(f64),
    Flag(bool),
    Text(Cow<'a, str>),
    List(Vec<Val<'a>>),
    Entity(&'a Facts),
    Entities(&'a [Facts]),
}

impl<'a> Val<'a> {
    /// Reads a stored value; `None` for null, which is no value, and for an object.
    pub(super) fn from_json(value: &'a Value) -> Option<Self> {
        match value {
            Value::Null | Value::Object(_) => None,
            Value::Bool(flag) => Some(Self::Flag(*flag)),
            Value::Number(number) => number.as_f64().map(Self::Number),
            Value::String(text) => Some(Self::Text(text.into())),
            Value::Array(items) => Some(Self::List(items.iter().filter_map(Self::from_json).collect())),
        }
    }

    /// Returns the result as it is stored.
    pub(super) fn into_json(self) -> Result<Value, EvalError> {
        match self {
            Self::Number(number) => stored(number),
            Self::Flag(flag) => Ok(flag.into()),
            Self::Text(text) => Ok(text.into_owned().into()),
            Self::List(items) => items.into_iter().map(Self::into_json).collect(),
            Self::Entity(_) | Self::Entities(_) => {
                Err(EvalError::Mistake("an entity is not a value; name one of its fields".to_owned()))
            }
        }
    }

    pub(super) const fn describe(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Entity(_) => "an entity",
            Self::Entities(_) => "a list of structures",
        }
    }

    pub(super) fn number(&self) -> Result<f64, EvalError> {
        if let Self::Number(number) = self { Ok(*number) } else { Err(type_error("a number", self)) }
    }

    pub(super) fn flag(&self) -> Result<bool, EvalError> {
        if let Self::Flag(flag) = self { Ok(*flag) } else { Err(type_error("true or false", self)) }
    }

    pub(super) fn list(self) -> Result<Vec<Self>, EvalError> {
        match self {
            Self::List(items) => Ok(items),
            Self::Entities(entities) => Ok(entities.iter().map(Self::Entity).collect()),
            Self::Number(_) | Self::Flag(_) | Self::Text(_) | Self::Entity(_) => Err(type_error("a list", &self)),
        }
    }

    /// Returns whether two values are the same; those of different sorts are not.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).is_some_and(std::cmp::Ordering::is_eq),
            (Self::Flag(a), Self::Flag(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            _ => false,
        }
    }
}

/// Builds the complaint about a value of the wrong sort.
pub(super) fn type_error(wanted: &str, found: &Val<'_>) -> EvalError {
    EvalError::Mistake(format!("expected {wanted}, found {}", found.describe()))
}

fn stored(number: f64) -> Result<Value, EvalError> {
    let rounded = (number * ROUNDING_FACTOR).round() / ROUNDING_FACTOR;
    let number = if rounded.is_finite() { rounded } else { number };
    if number.fract().abs() < f64::EPSILON && number.abs() <= MAX_EXACT_INTEGER {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within the range")]
        let whole = number as i64;
        return Ok(whole.into());
    }
    let undefined = || EvalError::Undefined("the result is too large".to_owned());
    Number::from_f64(number).map(Value::Number).ok_or_else(undefined)
}
