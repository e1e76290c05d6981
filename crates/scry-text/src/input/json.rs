//! Checking a JSON value as a whole, and naming the place of what is wrong with it.

use std::fmt::Write;

use serde_json::Value;

use super::{TextError, text};

/// Bounds the name of a place, in characters: it is told to whoever sent it.
const MAX_PATH_CHARS: usize = 200;

/// A text that is refused, and where it stands: `input.title`, `userIds[2]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct InputError {
    /// Where it stands: `input.title`, `userIds[2]`.
    pub place: String,
    /// What is wrong with it.
    pub problem: TextError,
}

/// A step on the way from the root to a value.
enum PathStep<'a> {
    Key(&'a str),
    Index(usize),
}

/// Checks every text of a value, keys among them; `root` names the value itself.
///
/// # Errors
/// [`InputError`] for the first text that no database may get.
pub fn json(root: &str, value: &Value) -> Result<(), InputError> {
    walk(value, &mut Vec::new()).map_err(|(steps, problem)| InputError { place: path(root, &steps), problem })
}

type LocatedTextError<'a> = (Vec<PathStep<'a>>, TextError);

/// JSON is parsed to a bounded depth, so the way down is short.
fn walk<'a>(value: &'a Value, way: &mut Vec<PathStep<'a>>) -> Result<(), LocatedTextError<'a>> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::String(string) => text(string).map(|_| ()).map_err(|problem| (std::mem::take(way), problem)),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            way.push(PathStep::Index(index));
            walk(item, way)?;
            way.pop();
            Ok(())
        }),
        Value::Object(fields) => fields.iter().try_for_each(|(key, field)| {
            way.push(PathStep::Key(key));
            text(key).map_err(|problem| (std::mem::take(way), problem))?;
            walk(field, way)?;
            way.pop();
            Ok(())
        }),
    }
}

fn path(root: &str, steps: &[PathStep<'_>]) -> String {
    let mut place = root.to_owned();
    for step in steps {
        // Writing to a String cannot fail.
        let _ = match step {
            PathStep::Index(index) => write!(place, "[{index}]"),
            PathStep::Key(key) if place.is_empty() => write!(place, "{}", key.escape_debug()),
            PathStep::Key(key) => write!(place, ".{}", key.escape_debug()),
        };
    }
    place.chars().take(MAX_PATH_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place_of(value: &Value) -> Option<String> {
        super::json("", value).err().map(|error| error.place)
    }

    #[test]
    fn sound_value_passes() {
        assert_eq!(place_of(&json!({"a": ["b", {"c": "\u{1}\u{202e}\\u0000"}], "d": null, "e": 1.5})), None);
    }

    #[test]
    fn place_of_the_refused_text_is_named() {
        assert_eq!(place_of(&json!({"title": "a\0"})).as_deref(), Some("title"));
        assert_eq!(place_of(&json!({"a": [1, ["x", "\0"]]})).as_deref(), Some("a[1][1]"));
        assert_eq!(place_of(&json!({"a": {"b\0": 1}})).as_deref(), Some("a.b\\0"));
        let named = super::json("payload", &json!("\0")).unwrap_err();
        assert_eq!(named.to_string(), "payload: must not contain the character U+0000");
    }

    #[test]
    fn place_is_bounded() {
        let key = "k".repeat(100_000);
        assert_eq!(place_of(&json!({key: "\0"})).unwrap().len(), MAX_PATH_CHARS);
    }
}
