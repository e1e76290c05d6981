//! What a payload must look like.

use scry_text as text;
use scry_text::suggest::nearest;
use serde_json::Value;

use super::PayloadError;
use super::template::{PayloadTemplate, RoomTemplate};

/// Bounds a regular expression of a schema, in bytes once it is compiled.
const MAX_REGEX_BYTES: usize = 1024 * 1024;
/// Words by which a schema says more than its own `properties` and `required` do.
const COMBINING_KEYWORDS: [&str; 7] = ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"];

/// A JSON Schema that is ready to check payloads.
#[derive(Debug)]
pub struct PayloadSchema(jsonschema::Validator);

impl PayloadSchema {
    /// Builds a schema, of draft 2020-12 unless it says otherwise; it refers to nothing outside itself.
    ///
    /// # Errors
    /// What is wrong with the schema, and where in it.
    pub fn new(schema: &Value) -> Result<Self, String> {
        let validator = jsonschema::options()
            // Linear in the text, whatever a payload holds.
            .with_pattern_options(jsonschema::PatternOptions::regex().size_limit(MAX_REGEX_BYTES))
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .offline()
            .build(schema)
            .map_err(|error| {
                let (place, problem) = (dotted("schema", error.instance_path().as_str()), error.to_string());
                format!("{}: {}", place, text::line(&problem))
            })?;
        Ok(Self(validator))
    }

    /// Checks a payload.
    ///
    /// # Errors
    /// [`PayloadError`] with the path of the first fault; it does not repeat the value.
    pub fn check(&self, payload: &Value) -> Result<(), PayloadError> {
        self.0.validate(payload).map_err(|error| PayloadError {
            path: text::line(&dotted("payload", error.instance_path().as_str())).into_owned(),
            problem: text::line(&error.masked_with("it").to_string()).into_owned(),
        })
    }
}

/// Returns what in a schema lets a room go without a name, as far as that can be told from it alone.
pub(super) fn unnamed_room_path(schema: &Value, room: &RoomTemplate) -> Option<String> {
    room.paths().find_map(|path| optional_part(schema, path))
}

/// Returns whether a schema speaks of a member of payloads.
pub(super) fn mentions(schema: &Value, member: &str) -> bool {
    let is_required =
        |required: &Value| required.as_array().is_some_and(|names| names.iter().any(|name| name == member));
    schema.get("properties").is_some_and(|properties| properties.get(member).is_some())
        || schema.get("required").is_some_and(is_required)
}

/// Returns which path of a summary is likely to be a slip of the finger.
pub(super) fn misspelt_path(schema: &Value, summary: &PayloadTemplate) -> Option<String> {
    let properties = schema.get("properties")?.as_object()?;
    summary.paths().find_map(|path| {
        let key = path.split('.').next().filter(|key| !properties.contains_key(*key))?;
        let near = nearest(key, properties.keys().map(String::as_str))?;
        Some(format!("{{{path}}} is not a property; did you mean {{{near}}}?"))
    })
}

/// Returns which part of a path payloads need not have.
fn optional_part(schema: &Value, path: &str) -> Option<String> {
    let mut node = schema;
    for key in path.split('.') {
        if COMBINING_KEYWORDS.iter().any(|word| node.get(word).is_some()) {
            return None;
        }
        let required = node.get("required").and_then(Value::as_array);
        if !required.is_some_and(|names| names.iter().any(|name| name == key)) {
            let known = node.get("properties").and_then(Value::as_object);
            let near = nearest(key, known.into_iter().flatten().map(|(name, _)| name.as_str()));
            let near = near.filter(|near| *near != key).map(|near| format!("; did you mean {{{near}}}?"));
            return Some(near.unwrap_or_else(|| "; add it to the schema's required".to_owned()));
        }
        node = node.get("properties").and_then(|properties| properties.get(key))?;
    }
    None
}

/// Writes a JSON Pointer as people write a path: `payload.lines[2].amount`.
fn dotted(root: &str, pointer: &str) -> String {
    let mut path = root.to_owned();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.bytes().all(|b| b.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
        } else {
            path.push_str(&format!(".{part}"));
        }
    }
    path
}
