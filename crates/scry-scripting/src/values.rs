//! What an event did to its entity, and what the entity was right after it and right before it (pure).
//!
//! The API tells entities as they are when it is asked, and by then they may have gone on. An event tells the values it
//! changed, from what to what; these take an entity to the moment of the event. A value that is too long for an event is
//! named in it and not told.

use std::sync::Arc;

use scry_protocol::{EntityType, Event, FieldDiff, Operation, Payload, Source};
use serde_json::{Value, json};

/// What only a creation tells as a whole, before anything has been worked out.
const COMPUTED_KEYS: [&str; 2] = ["computed", "conditions"];

/// A value of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum EntityField {
    /// What somebody has set; a part of a table by its key: `variables.food`.
    Stored(String),
    /// What follows from other values: a computed value, or whether a condition holds.
    Computed(String),
}

/// One value that an event changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChangedValue {
    pub field: EntityField,
    /// The value before and after; absent where the event does not tell them.
    pub told: Option<(Value, Value)>,
}

/// Lists the values that an event changed; of a creation and a deletion none.
#[must_use]
pub(crate) fn touched(event: &Event) -> Vec<ChangedValue> {
    let changes = &event.metadata.changes;
    match &event.payload {
        Payload::WorldTimeChanged(clock) => vec![ChangedValue {
            field: EntityField::Stored("worldTime".to_owned()),
            told: Some((clock.previous_time.as_str().into(), clock.new_time.as_str().into())),
        }],
        Payload::StateInvalidated(invalidated) => {
            // One that a service publishes says what may be stale; nothing has been worked out anew.
            let by_rules = matches!(event.metadata.source, Some(Source::RulesEngine | Source::Scheduler));
            let named = invalidated.affected_fields.iter().filter(|_| by_rules);
            touches(changes, named, EntityField::Computed)
        }
        Payload::EntityUpdated(_) | Payload::SettlementUpdated(_) | Payload::StructureUpdated(_) => {
            if event.payload.operation() != Operation::Update {
                return Vec::new();
            }
            touches(changes, event.payload.changed_fields().iter(), EntityField::Stored)
        }
    }
}

fn touches<'a>(
    changes: &[FieldDiff],
    named: impl Iterator<Item = &'a String>,
    field: impl Fn(String) -> EntityField,
) -> Vec<ChangedValue> {
    let told = changes.iter().map(|change| (change.field.as_str(), Some((change.from.clone(), change.to.clone()))));
    let untold = named.map(|name| (name.as_str(), None)).filter(|(name, _)| changes.iter().all(|it| it.field != *name));
    told.chain(untold)
        .filter(|(name, _)| !COMPUTED_KEYS.contains(name))
        .map(|(name, told)| ChangedValue { field: field(name.to_owned()), told })
        .collect()
}

/// Returns a value of an entity; null where it has none.
#[must_use]
pub(crate) fn read(entity: &Value, field: &EntityField) -> Value {
    match field {
        EntityField::Stored(name) => path(name).try_fold(entity, |at, key| at.get(key)).cloned(),
        EntityField::Computed(name) => match entity["computed"].get(name) {
            Some(computed) => computed.get("value").cloned(),
            None => condition(entity, name).map(|index| entity["conditions"][index]["holds"].clone()),
        },
    }
    .unwrap_or_default()
}

/// Returns whether an entity has a stored value.
#[must_use]
pub(crate) fn has(entity: &Value, name: &str) -> bool {
    path(name).try_fold(entity, |at, key| at.get(key)).is_some()
}

/// Sets a value of an entity, or removes one that was not there; what is right already is not copied.
pub(crate) fn write(entity: &mut Arc<Value>, field: &EntityField, value: &Value) {
    match field {
        EntityField::Stored(name) => set(entity, &path(name).collect::<Vec<_>>(), value),
        EntityField::Computed(name) if entity["computed"].get(name).is_some() => {
            set(entity, &["computed", name, "value"], value);
        }
        EntityField::Computed(name) => {
            let index = condition(entity, name);
            if let Some(index) = index.filter(|index| entity["conditions"][index]["holds"] != *value) {
                Arc::make_mut(entity)["conditions"][index]["holds"] = value.clone();
            }
        }
    }
}

/// Leaves a value out of an entity, because nobody knows it.
pub(crate) fn forget(entity: &mut Arc<Value>, field: &EntityField) {
    match field {
        EntityField::Stored(name) => remove(entity, &path(name).collect::<Vec<_>>()),
        EntityField::Computed(name) if entity["computed"].get(name).is_some() => {
            remove(entity, &["computed", name, "value"])
        }
        EntityField::Computed(name) => {
            if let Some(index) = condition(entity, name)
                && let Value::Object(condition) = &mut Arc::make_mut(entity)["conditions"][index]
            {
                condition.shift_remove("holds");
            }
        }
    }
}

/// Leaves everything out of an entity that follows from other values.
pub(crate) fn forget_worked_out(entity: &mut Arc<Value>) {
    COMPUTED_KEYS.iter().for_each(|name| remove(entity, &[name]));
}

/// Builds the entity that an event created from what the event tells; `None` for another event.
#[must_use]
pub(crate) fn created(event: &Event) -> Option<Arc<Value>> {
    if event.payload.operation() != Operation::Create {
        return None;
    }
    let subject = event.payload.subject();
    let mut entity = json!({"id": subject.id, "entityType": subject.entity_type.as_str(),
        "campaignId": event.payload.campaign_id()});
    if matches!(subject.entity_type, EntityType::Settlement | EntityType::Structure) {
        entity["variables"] = json!({});
        entity["variableSchemas"] = json!({});
    }
    if let Payload::StructureUpdated(structure) = &event.payload {
        entity["settlementId"] = json!(structure.settlement_id);
    }
    if let Some(at) = &event.metadata.timestamp {
        entity["createdAt"] = at.as_str().into();
    }
    let mut entity = Arc::new(entity);
    write_created(&mut entity, event);
    Some(entity)
}

/// Writes what a creation tells into the entity that it created.
pub(crate) fn write_created(entity: &mut Arc<Value>, event: &Event) {
    for change in event.metadata.changes.iter().filter(|change| !COMPUTED_KEYS.contains(&change.field.as_str())) {
        write(entity, &EntityField::Stored(change.field.clone()), &change.to);
    }
    stamp(entity, event);
}

/// Writes an event's version and time into its entity.
pub(crate) fn stamp(entity: &mut Arc<Value>, event: &Event) {
    let Some(version) = event.metadata.version else { return };
    set(entity, &["version"], &version.into());
    if let Some(at) = &event.metadata.timestamp {
        set(entity, &["updatedAt"], &at.as_str().into());
    }
}

/// Returns an entity of the API's latest answer as it was right after an event, as far as the event tells.
#[must_use]
pub(crate) fn after(entity: &Arc<Value>, event: &Event) -> Arc<Value> {
    moved(entity, event, |told| &told.1, 0)
}

/// Returns an entity as it was right before an event, as far as the event tells.
#[must_use]
pub(crate) fn before(entity: &Arc<Value>, event: &Event) -> Arc<Value> {
    moved(entity, event, |told| &told.0, 1)
}

fn moved(entity: &Arc<Value>, event: &Event, side: impl Fn(&(Value, Value)) -> &Value, versions: i64) -> Arc<Value> {
    let mut entity = Arc::clone(entity);
    for touch in touched(event) {
        if let Some(told) = &touch.told {
            write(&mut entity, &touch.field, side(told));
        }
    }
    if let Some(version) = event.metadata.version {
        set(&mut entity, &["version"], &(version - versions).into());
    }
    entity
}

fn path(name: &str) -> impl Iterator<Item = &str> {
    // A variable's own name may hold dots.
    name.splitn(2, '.')
}

fn condition(entity: &Value, name: &str) -> Option<usize> {
    entity["conditions"].as_array().and_then(|all| all.iter().position(|one| one["name"] == name))
}

fn remove(entity: &mut Arc<Value>, path: &[&str]) {
    let Some((last, way)) = path.split_last() else { return };
    if path.iter().try_fold(&**entity, |at, key| at.get(key)).is_none() {
        return;
    }
    let inner = way.iter().try_fold(Arc::make_mut(entity), |at, key| at.get_mut(key));
    if let Some(Value::Object(fields)) = inner {
        fields.shift_remove(*last);
    }
}

/// Sets a value at a path, or removes one that was not there; what is right already is not copied.
fn set(entity: &mut Arc<Value>, path: &[&str], value: &Value) {
    let known = path.iter().try_fold(&**entity, |at, key| at.get(key));
    if known == Some(value) {
        return;
    }
    let Some((last, way)) = path.split_last() else { return };
    // What was not there in a table is not there; a field of its own is null.
    if value.is_null() && !way.is_empty() {
        return remove(entity, path);
    }
    let inner = way.iter().try_fold(Arc::make_mut(entity), |at, key| at.get_mut(key));
    if let Some(Value::Object(fields)) = inner {
        fields.insert((*last).to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(value: &Value) -> Event {
        Event::from_value(value).unwrap()
    }

    #[test]
    fn an_entity_is_taken_to_the_moment_of_an_event_and_before_it() {
        let now =
            Arc::new(json!({"level": 9, "version": 7, "name": "Saltwick", "variables": {"food": 3, "morale": "low"},
            "computed": {"income": {"value": 80, "unit": "gp"}}, "conditions": [{"name": "starving", "holds": true}]}));
        let changed = event(
            &json!({"type": "settlement_updated", "payload": {"settlementId": "s", "operation": "update",
            "campaignId": "c", "changedFields": ["level", "variables.food", "variables.morale"]}, "metadata": {"version": 4,
            "changes": [{"field": "level", "from": 4, "to": 5}, {"field": "variables.food", "from": 7, "to": 6},
                {"field": "variables.morale", "from": null, "to": "high"}]}}),
        );
        let then = after(&now, &changed);
        assert_eq!((&then["level"], &then["version"], &then["name"]), (&json!(5), &json!(4), &json!("Saltwick")));
        assert_eq!(then["variables"], json!({"food": 6, "morale": "high"}));
        let earlier = before(&then, &changed);
        assert_eq!((&earlier["level"], &earlier["version"]), (&json!(4), &json!(3)));
        assert_eq!(earlier["variables"], json!({"food": 7}), "what was not there is not there");

        let worked_out = event(&json!({"type": "state_invalidated", "payload": {"scope": "entity", "campaignId": "c",
            "entityType": "settlement", "entityId": "s", "affectedFields": ["income", "starving"]}, "metadata": {"changes":
            [{"field": "income", "from": 52, "to": 61}, {"field": "starving", "from": true, "to": false}]}}));
        let then = after(&now, &worked_out);
        assert_eq!(then["computed"]["income"], json!({"value": 61, "unit": "gp"}));
        assert_eq!(then["conditions"][0]["holds"], json!(false));
        assert_eq!(before(&then, &worked_out)["computed"]["income"]["value"], json!(52));
    }

    #[test]
    fn unchanged_entity_is_not_copied() {
        let now = Arc::new(json!({"id": "c", "worldTime": "b"}));
        let clock = event(&json!({"type": "world_time_changed", "payload": {"campaignId": "c", "previousTime": "a",
            "newTime": "b", "elapsedSeconds": 60}, "metadata": {}}));
        assert!(Arc::ptr_eq(&after(&now, &clock), &now));
        assert_eq!(before(&now, &clock)["worldTime"], "a");
    }
}
