//! Which fields of an entity a person can change, and what each may hold.

use scry_model::cache::Entity;
use scry_protocol::EntityType;
use scry_protocol::variable::{VariableKind, VariableSchema};
use scry_text as text;
use scry_text::json::{Json, Object};
use serde_json::{Map, Value};

use crate::app::value::{label, say};

/// What an encounter may be.
pub(crate) const ENCOUNTER_STATUSES: [&str; 3] = ["planned", "active", "resolved"];
/// The highest level the server takes.
const MAX_LEVEL: i64 = 1_000;
/// The longest prose the server takes, in characters.
const MAX_PROSE_CHARS: usize = 10_000;

/// A field that can be changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EditField {
    /// The dotted name: `level`, `variables.morale`.
    pub name: String,
    pub label: String,
    pub kind: FieldKind,
    pub unit: String,
    /// What may be written: `0 to 500`.
    pub note: String,
}

/// The kind of value that a field takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldKind {
    /// One line that must not be empty.
    Name,
    Line,
    /// Prose of any number of lines.
    Prose,
    Level,
    Number(Box<VariableSchema>),
    Choice(Vec<String>),
    Flag,
    /// Texts, one to a line.
    List,
}

impl EditField {
    fn new(name: &str, kind: FieldKind) -> Self {
        let (unit, note) = match &kind {
            FieldKind::Number(schema) => (schema.unit.clone().unwrap_or_default(), range(schema)),
            FieldKind::Level => (String::new(), String::new()),
            FieldKind::List => (String::new(), "one to a line".to_owned()),
            FieldKind::Choice(values) => (String::new(), values.join(" | ")),
            FieldKind::Name | FieldKind::Line | FieldKind::Prose | FieldKind::Flag => (String::new(), String::new()),
        };
        Self { name: name.to_owned(), label: label(name), kind, unit, note }
    }

    /// Returns the input of the update that sets this field.
    #[must_use]
    pub(crate) fn input(&self, value: Value) -> Map<String, Value> {
        input(&self.name, value)
    }
}

/// Returns the input of an update that sets one field; a variable is a patch of `variables`.
#[must_use]
pub(crate) fn input(name: &str, value: Value) -> Map<String, Value> {
    match name.split_once('.') {
        Some((table, key)) => {
            Map::from_iter([(table.to_owned(), Value::Object(Map::from_iter([(key.to_owned(), value)])))])
        }
        None => Map::from_iter([(name.to_owned(), value)]),
    }
}

/// Lists what can be changed about an entity, in the order in which it is shown; nothing for what is not edited here.
#[must_use]
pub(crate) fn fields(entity: &Entity) -> Vec<EditField> {
    let own: &[(&str, FieldKind)] = match entity.key.entity_type {
        EntityType::Campaign | EntityType::Kingdom => &[("name", FieldKind::Name)],
        EntityType::Settlement => &[("name", FieldKind::Name), ("level", FieldKind::Level)],
        EntityType::Structure => &[("name", FieldKind::Name), ("type", FieldKind::Line), ("level", FieldKind::Level)],
        EntityType::Location => &[("name", FieldKind::Name), ("type", FieldKind::Line)],
        EntityType::Encounter => &[("name", FieldKind::Name)],
        EntityType::Member | EntityType::Other(_) => return Vec::new(),
    };
    let mut all: Vec<_> = own.iter().map(|(name, kind)| EditField::new(name, kind.clone())).collect();
    if entity.key.entity_type == EntityType::Encounter {
        all.push(EditField::new("status", FieldKind::Choice(ENCOUNTER_STATUSES.map(str::to_owned).into())));
    }
    all.extend(variables(entity));
    all.push(EditField::new("description", FieldKind::Prose));
    all
}

/// Finds a field that can be changed by its dotted name.
#[must_use]
pub(crate) fn field(entity: &Entity, name: &str) -> Option<EditField> {
    fields(entity).into_iter().find(|field| field.name == name)
}

fn variables(entity: &Entity) -> Vec<EditField> {
    let nothing = Object::default();
    let table = |name: &str| entity.field(name).and_then(Json::as_object);
    let (values, schemas) = (table("variables").unwrap_or(&nothing), table("variableSchemas").unwrap_or(&nothing));
    let bare = values.keys().filter(|key| !schemas.contains_key(key));
    schemas.keys().chain(bare).map(|key| variable(key, schemas.get(key), values.get(key))).collect()
}

fn variable(key: &str, schema: Option<&Json>, value: Option<&Json>) -> EditField {
    let name = format!("variables.{key}");
    let Some(schema) = schema.and_then(read_schema) else {
        return EditField::new(&name, kind_of(value));
    };
    let said = schema.label.clone();
    let kind = match schema.kind {
        VariableKind::Number => FieldKind::Number(Box::new(schema)),
        VariableKind::Text => FieldKind::Line,
        VariableKind::Choice => FieldKind::Choice(schema.values),
        VariableKind::Flag => FieldKind::Flag,
        VariableKind::List => FieldKind::List,
    };
    let field = EditField::new(&name, kind);
    match said {
        Some(label) => EditField { label: text::line(&label).into_owned(), ..field },
        None => field,
    }
}

fn read_schema(schema: &Json) -> Option<VariableSchema> {
    serde_json::from_value(schema.into()).ok()
}

/// Guesses from what a variable without a schema holds what it may hold.
fn kind_of(value: Option<&Json>) -> FieldKind {
    match value {
        Some(Json::Number(_)) => FieldKind::Number(Box::new(free_number())),
        Some(Json::Bool(_)) => FieldKind::Flag,
        Some(Json::List(_)) => FieldKind::List,
        Some(Json::Text(_) | Json::Object(_) | Json::Null) | None => FieldKind::Line,
    }
}

fn free_number() -> VariableSchema {
    VariableSchema {
        kind: VariableKind::Number,
        label: None,
        unit: None,
        min: None,
        max: None,
        values: Vec::new(),
        secret: false,
        description: None,
        other: Map::new(),
    }
}

fn range(schema: &VariableSchema) -> String {
    let said = |number: &Option<serde_json::Number>| number.as_ref().map(|number| say(&Value::Number(number.clone())));
    match (said(&schema.min), said(&schema.max)) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => String::new(),
    }
}

impl FieldKind {
    /// Reads what was typed.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the field's name.
    pub(crate) fn read(&self, typed: &str, unit: &str) -> Result<Value, String> {
        match self {
            Self::Name if typed.trim().is_empty() => Err("must not be empty".to_owned()),
            Self::Name => Ok(typed.trim().into()),
            Self::Prose if typed.chars().count() > MAX_PROSE_CHARS => {
                Err(format!("must be at most {MAX_PROSE_CHARS} characters, not {}", typed.chars().count()))
            }
            Self::Line | Self::Prose => Ok(typed.into()),
            Self::Level => {
                let level: Option<i64> = ungroup(typed).parse().ok();
                let level = level.filter(|level| (0..=MAX_LEVEL).contains(level));
                level.map(Value::from).ok_or_else(|| format!("must be a whole number from 0 to {MAX_LEVEL}"))
            }
            Self::Number(schema) => {
                let number = number(typed, unit).ok_or_else(|| {
                    let example = if unit.is_empty() { "12 or 1.5".to_owned() } else { format!("12 or 12 {unit}") };
                    format!("must be a number, for example {example}")
                })?;
                schema.check(&number).map(|()| number)
            }
            Self::Choice(values) if values.iter().any(|value| value == typed) => Ok(typed.into()),
            Self::Choice(values) => Err(format!("must be one of {}", values.join(", "))),
            Self::Flag => match typed {
                "yes" => Ok(true.into()),
                "no" => Ok(false.into()),
                _ => Err("must be yes or no".to_owned()),
            },
            Self::List => {
                let items = typed.lines().map(str::trim).filter(|item| !item.is_empty());
                Ok(Value::Array(items.map(Value::from).collect()))
            }
        }
    }

    /// Returns how many characters of a text are shown whole.
    #[must_use]
    pub(crate) const fn longest(&self) -> usize {
        match self {
            Self::Prose | Self::List => text::MAX_BLOCK_CHARS,
            Self::Name | Self::Line | Self::Level | Self::Number(_) | Self::Choice(_) | Self::Flag => {
                text::MAX_LINE_CHARS
            }
        }
    }

    /// Writes a value the way it is typed.
    #[must_use]
    pub(crate) fn write(&self, value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::Array(items) => {
                let texts = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned));
                texts.collect::<Vec<_>>().join("\n")
            }
            Value::Null => String::new(),
            Value::Object(_) => value.to_string(),
        }
    }
}

/// Reads a number with or without its unit, thousands apart or not: `1 284 people`.
fn number(typed: &str, unit: &str) -> Option<Value> {
    let typed = typed.trim();
    let bare = if unit.is_empty() { typed } else { typed.strip_suffix(unit).unwrap_or(typed) };
    let plain = ungroup(bare);
    if let Ok(whole) = plain.parse::<i64>() {
        return Some(whole.into());
    }
    // Words like `inf` are numbers to a computer only.
    let looks_like_one = plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    let number = plain.parse::<f64>().ok().filter(|number| looks_like_one && number.is_finite())?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

fn ungroup(typed: &str) -> String {
    typed.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '_' | '\'')).collect()
}

#[cfg(test)]
mod tests {
    use scry_model::cache::provisional;
    use serde_json::json;

    use super::*;

    fn town() -> Entity {
        let node = json!({"__typename": "Settlement", "id": "s", "campaignId": "c", "name": "Saltwick", "level": 2,
            "variables": {"gold": 18, "walled": true, "note": {"x": 1}},
            "variableSchemas": {"gold": {"type": "number", "unit": "gp a month", "min": 0, "max": 500, "newer": 1},
                                "morale": {"type": "choice", "values": ["wary", "high"]}}});
        provisional(node).unwrap()
    }

    fn read(name: &str, typed: &str) -> Result<Value, String> {
        let field = field(&town(), name).unwrap();
        field.kind.read(typed, &field.unit)
    }

    #[test]
    fn every_variable_is_edited_as_its_schema_says_and_one_without_as_what_it_is() {
        let names: Vec<_> = fields(&town()).into_iter().map(|field| field.name).collect();
        let variables = ["variables.gold", "variables.morale", "variables.walled", "variables.note"];
        assert_eq!(names, [&["name", "level"], &variables[..], &["description"]].concat());
        assert_eq!(field(&town(), "variables.walled").unwrap().kind, FieldKind::Flag);
        assert_eq!(field(&town(), "variables.gold").unwrap().note, "0 to 500");
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (typed, value) in [("1 2", json!(12)), ("12.5", json!(12.5)), (" 40 gp a month ", json!(40))] {
            assert_eq!(read("variables.gold", typed), Ok(value), "{typed}");
        }
        for typed in ["", "inf", "nan", "twelve", "1,5", "12 sp"] {
            let error = read("variables.gold", typed).unwrap_err();
            assert_eq!(error, "must be a number, for example 12 or 12 gp a month", "{typed}");
        }
        assert_eq!(read("variables.gold", "501").unwrap_err(), "must be at most 500, not 501");
        assert_eq!(read("level", "1.5").unwrap_err(), "must be a whole number from 0 to 1000");
    }

    #[test]
    fn written_value_is_read_back() {
        let list = json!(["salt", "iron ore"]);
        assert_eq!(FieldKind::List.read(&FieldKind::List.write(&list), ""), Ok(list));
        assert_eq!(FieldKind::List.read("a\n\n b \n", ""), Ok(json!(["a", "b"])));
        assert_eq!(FieldKind::Flag.read(&FieldKind::Flag.write(&json!(false)), ""), Ok(json!(false)));
        assert_eq!(FieldKind::Name.read("  ", "").unwrap_err(), "must not be empty");
    }

    #[test]
    fn a_variable_is_set_by_a_patch() {
        let field = field(&town(), "variables.gold").unwrap();
        assert_eq!(Value::Object(field.input(json!(3))), json!({"variables": {"gold": 3}}));
    }
}
