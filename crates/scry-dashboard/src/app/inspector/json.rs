//! JSON as lines that can be folded.

use std::collections::BTreeSet;

use serde_json::Value;

/// Deeper than this nothing is unfolded any more, and shown on one line.
const MAX_DEPTH: usize = 24;

/// A line of a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonLine {
    pub depth: usize,
    /// The way to the value: `.payload.changedFields[0]`.
    pub path: String,
    pub key: String,
    pub value: String,
    /// Whether what the line opens is folded; `None` where it opens nothing.
    pub folded: Option<bool>,
}

/// Writes a value as lines; what `folded` names is on one line, with how much is in it.
#[must_use]
pub(super) fn lines(value: &Value, folded: &BTreeSet<String>) -> Vec<JsonLine> {
    let mut writer = JsonWriter { folded, lines: Vec::new() };
    writer.value(String::new(), String::new(), value, 0, "");
    writer.lines
}

struct JsonWriter<'a> {
    folded: &'a BTreeSet<String>,
    lines: Vec<JsonLine>,
}

impl JsonWriter<'_> {
    fn value(&mut self, path: String, key: String, value: &Value, depth: usize, comma: &str) {
        let children: Vec<(String, String, &Value)> = match value {
            Value::Object(map) => map
                .iter()
                .map(|(name, inner)| (format!("{path}.{name}"), format!("{}: ", quoted(name)), inner))
                .collect(),
            Value::Array(items) => {
                let numbered = items.iter().enumerate();
                numbered.map(|(index, inner)| (format!("{path}[{index}]"), String::new(), inner)).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        if children.is_empty() || depth >= MAX_DEPTH {
            self.push(depth, path, key, format!("{value}{comma}"), None);
            return;
        }
        let (open, close) = if value.is_object() { ("{", "}") } else { ("[", "]") };
        if self.folded.contains(&path) {
            let count = children.len();
            self.push(depth, path, key, format!("{open} {count} … {close}{comma}"), Some(true));
            return;
        }
        self.push(depth, path.clone(), key, open.to_owned(), Some(false));
        let last = children.len() - 1;
        for (index, (child_path, child_key, child)) in children.into_iter().enumerate() {
            self.value(child_path, child_key, child, depth + 1, if index == last { "" } else { "," });
        }
        self.push(depth, path, String::new(), format!("{close}{comma}"), None);
    }

    fn push(&mut self, depth: usize, path: String, key: String, value: String, folded: Option<bool>) {
        self.lines.push(JsonLine { depth, path, key, value, folded });
    }
}

fn quoted(name: &str) -> String {
    Value::from(name).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(value: &Value, folded: &[&str]) -> String {
        let folded = folded.iter().map(|path| (*path).to_owned()).collect();
        let line = |line: JsonLine| format!("{}{}{}\n", "  ".repeat(line.depth), line.key, line.value);
        lines(value, &folded).into_iter().map(line).collect()
    }

    #[test]
    fn unfolded_lines_are_the_json_itself() {
        let value = json!({"a": 1, "b": {"c": [true, null, {}], "d": "x\"y"}, "e": []});
        assert_eq!(serde_json::from_str::<Value>(&text(&value, &[])).unwrap(), value);
        assert_eq!(text(&value, &[".b"]).lines().nth(2), Some("  \"b\": { 2 … },"));
        assert_eq!(text(&value, &[".b.c"]).lines().nth(3), Some("    \"c\": [ 3 … ],"));
    }

    #[test]
    fn a_deep_value_stays_small() {
        let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
        assert!(lines(&deep, &BTreeSet::new()).len() < 100);
    }
}
