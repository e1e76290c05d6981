//! JSON values as people read them.

use std::cmp::Ordering;
use std::fmt::Display;

use scry_text as text;
use scry_text::json::Json;
use serde_json::{Number, Value};

/// Reads JSON in either of its forms: as it has just come, or as it is kept.
pub(crate) trait JsonValue: Display + Sized {
    /// Returns what the value is made of.
    fn parts(&self) -> JsonParts<'_, Self>;
}

/// The parts of a JSON value.
#[derive(Debug)]
pub(crate) enum JsonParts<'a, T> {
    Null,
    Bool(bool),
    Number(&'a Number),
    Text(&'a str),
    List(&'a [T]),
    Object,
}

impl JsonValue for Value {
    fn parts(&self) -> JsonParts<'_, Self> {
        match self {
            Self::Null => JsonParts::Null,
            Self::Bool(flag) => JsonParts::Bool(*flag),
            Self::Number(number) => JsonParts::Number(number),
            Self::String(text) => JsonParts::Text(text),
            Self::Array(items) => JsonParts::List(items),
            Self::Object(_) => JsonParts::Object,
        }
    }
}

impl JsonValue for Json {
    fn parts(&self) -> JsonParts<'_, Self> {
        match self {
            Self::Null => JsonParts::Null,
            Self::Bool(flag) => JsonParts::Bool(*flag),
            Self::Number(number) => JsonParts::Number(number),
            Self::Text(text) => JsonParts::Text(text),
            Self::List(items) => JsonParts::List(items),
            Self::Object(_) => JsonParts::Object,
        }
    }
}

/// Returns a value on one line: numbers grouped, flags as yes and no, nothing as a dash.
///
/// Foreign text may be passed in: the result is safe to show.
#[must_use]
pub(crate) fn say<T: JsonValue>(value: &T) -> String {
    match value.parts() {
        JsonParts::Null => "–".to_owned(),
        JsonParts::Bool(true) => "yes".to_owned(),
        JsonParts::Bool(false) => "no".to_owned(),
        JsonParts::Number(number) => group(&number.to_string()),
        JsonParts::Text(text) => text::line(text).into_owned(),
        JsonParts::List([]) => "none".to_owned(),
        JsonParts::List(items) => items.iter().map(say).collect::<Vec<_>>().join(", "),
        JsonParts::Object => text::line(&value.to_string()).into_owned(),
    }
}

/// Returns the name of a field for people: `variables.foodStores` is `food stores`.
#[must_use]
pub(crate) fn field_name(dotted: &str) -> String {
    let name = dotted.rsplit('.').next().unwrap_or(dotted);
    let mut said = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for c in text::line(name).chars() {
        if c == '_' || c == '-' {
            said.push(' ');
        } else if c.is_uppercase() && after_lower {
            said.push(' ');
            said.extend(c.to_lowercase());
        } else {
            said.push(c);
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    said
}

/// Returns the name of a field as a label: with a capital first letter.
#[must_use]
pub(crate) fn label(dotted: &str) -> String {
    let name = field_name(dotted);
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The direction in which a value changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
    /// Not a number, or not known before.
    Other,
}

/// Compares a value with what it was before.
#[must_use]
pub(crate) fn direction(from: Option<&Json>, to: Option<&Json>) -> Direction {
    let number = |value: Option<&Json>| value.and_then(Json::as_f64);
    match (number(from), number(to)) {
        (Some(from), Some(to)) => match from.partial_cmp(&to) {
            Some(Ordering::Less) => Direction::Up,
            Some(Ordering::Greater) => Direction::Down,
            Some(Ordering::Equal) | None => Direction::Other,
        },
        _ => Direction::Other,
    }
}

/// Separates thousands by a space: `1284` is `1 284`.
#[must_use]
pub(crate) fn group(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, fraction) = rest.split_at(digits);
    let mut said = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            said.push(' ');
        }
        said.push(digit);
    }
    said + fraction
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_said_plainly() {
        let said: Vec<_> =
            [json!(1284), json!(-1_234_567.5), json!(12), json!(true), json!(null), json!(["salt", "iron"]), json!([])]
                .iter()
                .map(say)
                .collect();
        assert_eq!(said, ["1 284", "-1 234 567.5", "12", "yes", "–", "salt, iron", "none"]);
    }

    #[test]
    fn a_value_cannot_speak_to_the_terminal() {
        assert_eq!(say(&json!("a\u{1b}[2J\nb")), "a�[2J b");
        assert!(!say(&json!({"x": "\u{1b}]52;c;aGk=\u{7}"})).contains('\u{1b}'));
    }

    #[test]
    fn names_are_spelt_out() {
        assert_eq!(field_name("variables.foodStores"), "food stores");
        assert_eq!(label("computed.upkeep_per_month"), "Upkeep per month");
    }

    #[test]
    fn a_direction_needs_two_numbers() {
        let direction = |from: Value, to: Value| direction(Some(&from.into()), Some(&to.into()));
        assert_eq!(direction(json!(3), json!(4)), Direction::Up);
        assert_eq!(direction(json!(3), json!(2.5)), Direction::Down);
        assert_eq!(super::direction(None, Some(&json!(2).into())), Direction::Other);
        assert_eq!(direction(json!("a"), json!("b")), Direction::Other);
    }
}
