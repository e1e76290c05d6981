//! Lists as tables for people (pure).

use scry_text as text;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

/// The columns of each list; a dotted name is a value inside another.
pub const ENTITY_COLUMNS: &[&str] =
    &["id", "name", "level", "type", "status", "role", "worldTime", "myRole", "version"];
/// The columns of `scry get notifications`.
pub const NOTIFICATION_COLUMNS: &[&str] = &["id", "createdAt", "level", "kind", "read", "title", "body"];
/// The columns of the preferences for notifications.
pub const PREFERENCE_COLUMNS: &[&str] = &["levels", "kinds"];
/// The columns of the scheduled effects.
pub const EFFECT_COLUMNS: &[&str] = &["at", "name", "entityType", "entityId", "description"];
/// The columns of the journal.
pub const EVENT_COLUMNS: &[&str] =
    &["seq", "event.metadata.timestamp", "type", "event.metadata.source", "event.metadata.userId"];

/// Writes values as lines of aligned columns; a column that none of them has is left out.
#[must_use]
pub fn table(values: &[Value], columns: &[&str]) -> Vec<String> {
    let columns: Vec<&str> =
        columns.iter().copied().filter(|column| values.iter().any(|value| !cell(value, column).is_empty())).collect();
    let title = |column: &&str| column.rsplit('.').next().unwrap_or_default().to_uppercase();
    let mut rows: Vec<Vec<String>> = vec![columns.iter().map(title).collect()];
    rows.extend(values.iter().map(|value| columns.iter().map(|column| cell(value, column)).collect()));
    let widths: Vec<usize> =
        (0..columns.len()).map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or_default()).collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> =
        row.iter().zip(widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width()))).collect();
    cells.join("  ").trim_end().to_owned()
}

fn cell(value: &Value, column: &str) -> String {
    let found = column.split('.').try_fold(value, |value, key| value.get(key)).unwrap_or(&Value::Null);
    match found {
        Value::Null => String::new(),
        Value::String(text) => text::line(text).into_owned(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            text::line(&words.join(", ")).into_owned()
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            text::line(&found.to_string()).into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let entities =
            [json!({"id": "a", "name": "砦", "level": 2}), json!({"id": "b", "name": "Tower\n", "level": 10})];
        assert_eq!(table(&entities, ENTITY_COLUMNS), ["ID  NAME    LEVEL", "a   砦      2", "b   Tower   10"]);
        let events = [json!({"seq": 1, "type": "t", "event": {"metadata": {"source": "api"}}})];
        assert_eq!(table(&events, EVENT_COLUMNS), ["SEQ  TYPE  SOURCE", "1    t     api"]);
        assert_eq!(table(&[json!({"levels": ["info", "error"]})], PREFERENCE_COLUMNS), ["LEVELS", "info, error"]);
    }
}
