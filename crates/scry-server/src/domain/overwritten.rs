//! Values of one person that another has replaced without having seen them: who lost them is told, and finds it listed.

use std::collections::BTreeMap;

use scry_protocol::messages::DocumentConflict;
use scry_protocol::{EntityRef, EphemeralEvent, Id, OnConflict};
use serde_json::{Map, Value};

use super::preferences::KINDS;
use super::unit_of_work::UnitOfWork;
use super::{DomainError, Entity, conflict_watch, notification, store};
use crate::rules::merge::OverwrittenValue;

/// How many lost values a notification tells; the others it counts.
const MAX_LISTED_VALUES: usize = 20;
/// How much of a text is quoted, in characters.
const MAX_QUOTED_CHARS: usize = 80;

/// Notifies each user whose values were replaced; nobody is notified of replacing their own.
///
/// Former members are skipped: they learn nothing of what came after them.
pub(super) async fn notify(
    unit: &mut UnitOfWork,
    entity: &Entity,
    replaced: Vec<OverwrittenValue>,
) -> Result<(), DomainError> {
    let author = unit.caller().user_id.clone();
    let mut by_user: BTreeMap<Id, Vec<OverwrittenValue>> = BTreeMap::new();
    for value in replaced {
        if let Some(user) = value.by.clone().filter(|user| *user != author) {
            by_user.entry(user).or_default().push(value);
        }
    }
    for (user, values) in by_user {
        if store::role(unit.db(), &user, &entity.campaign_id).await?.is_none() {
            continue;
        }
        let fields: Vec<String> = values.iter().map(|value| value.field.field.clone()).collect();
        conflict_watch::open(unit, &user, &entity.id, &fields).await?;
        let title = format!("{} replaced what you wrote in {}", unit.caller().name, entity.name);
        let body = describe_values(entity, &values);
        let subject = EntityRef::new(entity.kind.into(), entity.id.clone());
        let listed = notification::store(unit, &user, KINDS[1], title, body, &subject).await?;
        unit.notify(&user, &EphemeralEvent::DocumentConflict(conflict(entity, &author, &values, listed))).await?;
    }
    Ok(())
}

fn conflict(entity: &Entity, by: &Id, values: &[OverwrittenValue], listed: Id) -> DocumentConflict {
    let table = |pick: fn(&OverwrittenValue) -> &Value| -> Value {
        let pairs = values.iter().map(|value| (value.field.field.clone(), pick(value).clone()));
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    DocumentConflict {
        entity_type: entity.kind.into(),
        entity_id: entity.id.clone(),
        strategy: OnConflict::LastWriteWins,
        conflicted_fields: values.iter().map(|value| value.field.field.clone()).collect(),
        original_value: table(|value| &value.field.theirs),
        incoming_value: table(|value| &value.field.mine),
        resolved_value: table(|value| &value.field.mine),
        by: by.clone(),
        notification_id: Some(listed),
    }
}

/// Says in a few sentences which values were lost.
fn describe_values(entity: &Entity, values: &[OverwrittenValue]) -> String {
    let told = values.iter().take(MAX_LISTED_VALUES).map(|value| sentence(value, is_secret(entity, value)));
    let more =
        values.len().checked_sub(MAX_LISTED_VALUES).filter(|more| *more > 0).map(|more| format!("and {more} more"));
    told.chain(more).collect::<Vec<_>>().join("; ")
}

/// Returns whether clients are asked to keep a value from players.
fn is_secret(entity: &Entity, value: &OverwrittenValue) -> bool {
    let name = value.field.field.strip_prefix("variables.");
    name.is_some_and(|name| entity.json("variableSchemas")[name]["secret"] == true)
}

/// Returns what a value was and what it is, `level: yours was 4, now it is 6`; of a secret only which it is.
fn sentence(value: &OverwrittenValue, is_secret: bool) -> String {
    let field = &value.field;
    let name = field.field.strip_prefix("variables.").unwrap_or(&field.field);
    if is_secret {
        return name.to_owned();
    }
    format!("{name}: yours was {}, now it is {}", quote(&field.theirs), quote(&field.mine))
}

fn quote(value: &Value) -> String {
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        Value::String(text) => format!("“{text}”"),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use scry_protocol::FieldConflict;
    use serde_json::json;

    use super::*;

    fn said(field: &str, theirs: Value, mine: Value) -> String {
        let field = FieldConflict { field: field.to_owned(), base: Value::Null, mine, theirs };
        sentence(&OverwrittenValue { by: None, field }, false)
    }

    #[test]
    fn overwritten_value_is_described() {
        assert_eq!(said("level", json!(4), json!(6)), "level: yours was 4, now it is 6");
        assert_eq!(said("variables.morale", json!("high"), Value::Null), "morale: yours was “high”, now it is nothing");
        let long = "é".repeat(200);
        assert_eq!(
            said("description", json!(long), json!("")).chars().count(),
            "description: yours was , now it is “”".chars().count() + 81
        );
    }
}
