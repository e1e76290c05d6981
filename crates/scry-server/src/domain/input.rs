//! Checking what a request asks for, by the table of its kind.

use scry_calendar::{Calendar, CalendarError, WorldTime, WorldTimeError};
use scry_protocol::Id;
use scry_text::input as rules;
use serde_json::{Map, Value, json};
use sqlx::AnyConnection;

use super::kind::{FieldShape, FieldSpec};
use super::{DomainError, Entity, EntityKind, FieldMap, store};
use crate::limits::LimitKind;
use crate::rules::{fields, variables};

/// Bounds any text but a name, in characters, and a level.
const MAX_TEXT_CHARS: usize = 10_000;
const MAX_LEVEL: i64 = 1_000;
/// Bounds the variables of one entity, and those that one edit names: an event names all that have changed.
pub(super) const MAX_VARIABLES: usize = 500;
/// Bounds what is stored of one entity, in bytes of JSON: every edit reads and writes all of it.
const MAX_ENTITY_BYTES: usize = 256 * 1024;

/// Checks an update's fields, and writes them the one way in which they are stored.
pub(super) fn update(kind: EntityKind, input: &FieldMap) -> Result<fields::Flat, DomainError> {
    let mut checked = FieldMap::new();
    for (name, value) in input {
        let value = if name == "name" { check_name(value)? } else { check_shape(editable(kind, name)?, value)? };
        checked.insert(name.clone(), value);
    }
    Ok(fields::patch(&checked))
}

/// Checks a create's fields and adds the defaults; returns the name and the rest.
pub(super) fn create(kind: EntityKind, input: &FieldMap) -> Result<(String, FieldMap), DomainError> {
    let name = check_name(input.get("name").unwrap_or(&Value::Null))?;
    let mut all = kind.defaults();
    for field in kind.fields() {
        match (input.get(field.name), field.shape) {
            (None | Some(Value::Null), FieldShape::Parent(_)) => return Err(field_error(field, "is needed")),
            (None | Some(Value::Null), _) => {}
            (Some(value), _) => {
                all.insert(field.name.to_owned(), check_shape(field, value)?);
            }
        }
    }
    if let Some(Value::Object(variables)) = all.get_mut("variables") {
        variables.retain(|_, value| !value.is_null());
    }
    Ok((name.as_str().unwrap_or_default().to_owned(), all))
}

/// Checks an entity as a whole: its variables against their schemas, its calendar.
pub(super) fn check_entity(entity: &Entity) -> Result<(), DomainError> {
    let table = |field| entity.fields.get(field).and_then(Value::as_object);
    if let Some(calendar) = entity.fields.get("calendar") {
        Calendar::from_json(calendar).map_err(|error| unusable_calendar(&error))?;
    }
    match (table("variables"), table("variableSchemas")) {
        (Some(variables), Some(schemas)) => Ok(variables::check(variables, schemas)?),
        _ => Ok(()),
    }
}

fn unusable_calendar(error: &CalendarError) -> DomainError {
    let problem = error.to_string();
    if matches!(error, CalendarError::OutOfBounds { .. }) {
        DomainError::out_of_bounds(LimitKind::Calendar, "calendar", problem)
    } else {
        DomainError::invalid("calendar", problem)
    }
}

/// Checks that an entity has not become larger than one may be; one that was so before may shrink.
pub(super) fn check_size(entity: &Entity, before: Option<&Entity>) -> Result<(), DomainError> {
    let count = |entity: &Entity, field| entity.fields.get(field).and_then(Value::as_object).map_or(0, Map::len);
    for field in ["variables", "variableSchemas"] {
        let (now, then) = (count(entity, field), before.map_or(0, |before| count(before, field)));
        if now > MAX_VARIABLES && now > then {
            let problem = format!("has {now} entries; {MAX_VARIABLES} are allowed");
            return Err(DomainError::out_of_bounds(LimitKind::EntitySize, field, problem));
        }
    }
    let bytes = |entity: &Entity| serde_json::to_vec(&entity.fields).map_or(usize::MAX, |json| json.len());
    let now = bytes(entity);
    if now > MAX_ENTITY_BYTES && before.is_none_or(|before| now > bytes(before)) {
        let most = MAX_ENTITY_BYTES / 1024;
        let problem = format!("would make the entity larger than {most} KiB; shorten it");
        return Err(DomainError::out_of_bounds(LimitKind::EntitySize, "input", problem));
    }
    Ok(())
}

/// Checks that what an entity points at is in its own campaign.
pub(super) async fn check_links(
    db: &mut AnyConnection,
    entity: &Entity,
    named: impl Fn(&str) -> bool,
) -> Result<(), DomainError> {
    for field in entity.kind.fields().iter().filter(|field| named(field.name)) {
        let (FieldShape::Parent(kind) | FieldShape::Link(kind)) = field.shape else { continue };
        let Some(id) = entity.link(field.name) else { continue };
        match store::load(db, kind, &id).await? {
            Some(target) if target.campaign_id == entity.campaign_id => {}
            _ => return Err(field_error(field, format!("there is no such {} in this campaign", kind.as_str()))),
        }
    }
    Ok(())
}

/// Reads a time of a world.
pub(super) fn time(field: &str, text: &str) -> Result<WorldTime, DomainError> {
    text.parse().map_err(|error: WorldTimeError| DomainError::invalid(field, error.to_string()))
}

fn editable(kind: EntityKind, name: &str) -> Result<&'static FieldSpec, DomainError> {
    kind.fields()
        .iter()
        .find(|field| field.name == name && field.editable)
        .ok_or_else(|| DomainError::invalid(name, format!("cannot be changed on a {}", kind.as_str())))
}

fn check_name(value: &Value) -> Result<Value, DomainError> {
    let name = rules::name(value.as_str().unwrap_or_default());
    name.map(Value::from).map_err(|problem| DomainError::invalid("name", problem.to_string()))
}

fn check_shape(field: &FieldSpec, value: &Value) -> Result<Value, DomainError> {
    match field.shape {
        FieldShape::Text => match value.as_str() {
            Some(text) if text.chars().count() <= MAX_TEXT_CHARS && rules::text(text).is_ok() => Ok(value.clone()),
            _ => Err(field_error(field, format!("must be a text of at most {MAX_TEXT_CHARS} characters"))),
        },
        FieldShape::Level => match value.as_i64() {
            Some(level) if (0..=MAX_LEVEL).contains(&level) => Ok(value.clone()),
            _ => Err(field_error(field, format!("must be a whole number from 0 to {MAX_LEVEL}"))),
        },
        FieldShape::Choice(values) => match value.as_str() {
            Some(text) if values.contains(&text) => Ok(value.clone()),
            _ => Err(field_error(field, format!("must be one of {}", values.join(", ")))),
        },
        FieldShape::Time => time(field.name, value.as_str().unwrap_or_default()).map(|time| json!(time)),
        FieldShape::Object if value.is_object() || value.is_null() => Ok(value.clone()),
        FieldShape::Object | FieldShape::Table if !value.is_object() => {
            Err(field_error(field, "must be a JSON object"))
        }
        FieldShape::Table if value.as_object().is_some_and(|table| table.len() > MAX_VARIABLES) => {
            let problem = format!("may name {MAX_VARIABLES} entries in one request; send the rest in another");
            Err(DomainError::out_of_bounds(LimitKind::EntitySize, field.name, problem))
        }
        FieldShape::Object | FieldShape::Table => plain_keys(field, value).cloned(),
        FieldShape::Parent(_) => id(field, value),
        FieldShape::Link(_) if value.is_null() => Ok(Value::Null),
        FieldShape::Link(_) => id(field, value),
        FieldShape::Computed | FieldShape::Conditions => Err(field_error(field, "is computed and cannot be set")),
    }
}

/// Keeps dots and white space out of the names of variables: fields are named `variables.KEY`.
fn plain_keys<'a>(field: &FieldSpec, value: &'a Value) -> Result<&'a Value, DomainError> {
    let keys = value.as_object().into_iter().flat_map(serde_json::Map::keys);
    let plain = |key: &String| {
        (1..=64).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    match keys.into_iter().find(|key| !plain(key)) {
        Some(_) => Err(field_error(field, "its keys must be 1 to 64 letters, digits, _ or -")),
        None => Ok(value),
    }
}

fn id(field: &FieldSpec, value: &Value) -> Result<Value, DomainError> {
    let id = value.as_str().and_then(|text| Id::parse(text).ok()).ok_or_else(|| field_error(field, "must be an id"))?;
    Ok(id.as_str().into())
}

fn field_error(field: &FieldSpec, problem: impl Into<String>) -> DomainError {
    DomainError::invalid(field.name, problem)
}
