//! Entities as a table for people (pure).

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::text;

const COLUMNS: [&str; 9] = ["id", "name", "level", "type", "status", "role", "worldTime", "myRole", "version"];

/// Writes entities as lines of aligned columns; a column that none of them has is left out.
#[must_use]
pub fn table(entities: &[Value]) -> Vec<String> {
    let columns: Vec<&str> =
        COLUMNS.into_iter().filter(|column| entities.iter().any(|entity| !cell(entity, column).is_empty())).collect();
    let mut rows: Vec<Vec<String>> = vec![columns.iter().map(|column| column.to_uppercase()).collect()];
    rows.extend(entities.iter().map(|entity| columns.iter().map(|column| cell(entity, column)).collect()));
    let widths: Vec<usize> =
        (0..columns.len()).map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or_default()).collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> =
        row.iter().zip(widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width()))).collect();
    cells.join("  ").trim_end().to_owned()
}

fn cell(entity: &Value, column: &str) -> String {
    match &entity[column] {
        Value::Null => String::new(),
        Value::String(value) => text::line(value).into_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            text::line(&entity[column].to_string()).into_owned()
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
        assert_eq!(table(&entities), ["ID  NAME    LEVEL", "a   砦      2", "b   Tower   10"]);
    }
}
