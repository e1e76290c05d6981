//! What an entity was right after an event, and right before it (pure).
//!
//! The API tells entities as they are when it is asked, and by then they may have gone on. An event tells the values it
//! changed, from what to what; these take an entity to the moment of the event.

use std::sync::Arc;

use serde_json::Value;

use crate::protocol::event::Change;
use crate::protocol::{Event, Payload};

/// What only a creation tells as a whole, before anything has been worked out.
const WORKED_OUT: [&str; 2] = ["computed", "conditions"];

/// Returns the entity as it was right after an event.
#[must_use]
pub fn after(entity: &Arc<Value>, event: &Event) -> Arc<Value> {
    moved(entity, event, |change| &change.to, 0)
}

/// Returns the entity as it was right before an event.
#[must_use]
pub fn before(entity: &Arc<Value>, event: &Event) -> Arc<Value> {
    moved(entity, event, |change| &change.from, 1)
}

fn moved(entity: &Arc<Value>, event: &Event, side: impl Fn(&Change) -> &Value, versions: i64) -> Arc<Value> {
    let mut entity = Arc::clone(entity);
    match &event.payload {
        Payload::WorldTimeChanged(clock) => {
            let time = if versions == 0 { &clock.new_time } else { &clock.previous_time };
            set(&mut entity, &["worldTime"], &time.as_str().into());
        }
        Payload::StateInvalidated(_) => {
            event.metadata.changes.iter().for_each(|change| work_out(&mut entity, &change.field, side(change)));
        }
        Payload::EntityUpdated(_) | Payload::SettlementUpdated(_) | Payload::StructureUpdated(_) => {
            let stored = event.metadata.changes.iter().filter(|change| !WORKED_OUT.contains(&change.field.as_str()));
            for change in stored {
                match change.field.split_once('.') {
                    Some((first, rest)) => set(&mut entity, &[first, rest], side(change)),
                    None => set(&mut entity, &[&change.field], side(change)),
                }
            }
        }
    }
    if let Some(version) = event.metadata.version {
        set(&mut entity, &["version"], &(version - versions).into());
    }
    entity
}

/// Sets what follows from other values: a computed value, or a condition.
fn work_out(entity: &mut Arc<Value>, field: &str, value: &Value) {
    if entity["computed"].get(field).is_some() {
        return set(entity, &["computed", field, "value"], value);
    }
    let index = entity["conditions"].as_array().and_then(|all| all.iter().position(|one| one["name"] == field));
    if let Some(index) = index.filter(|index| entity["conditions"][index]["holds"] != *value) {
        Arc::make_mut(entity)["conditions"][index]["holds"] = value.clone();
    }
}

/// Sets a value at a path, or removes one that was not there; what is right already is not copied.
fn set(entity: &mut Arc<Value>, path: &[&str], value: &Value) {
    let known = path.iter().try_fold(&**entity, |at, key| at.get(key));
    if known == Some(value) || known.is_none() && value.is_null() {
        return;
    }
    let Some((last, way)) = path.split_last() else { return };
    let inner = way.iter().try_fold(Arc::make_mut(entity), |at, key| at.get_mut(key));
    let Some(Value::Object(fields)) = inner else { return };
    if value.is_null() && !way.is_empty() {
        fields.shift_remove(*last);
    } else {
        fields.insert((*last).to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    fn what_is_right_already_is_not_copied() {
        let now = Arc::new(json!({"id": "c", "worldTime": "b"}));
        let clock = event(&json!({"type": "world_time_changed", "payload": {"campaignId": "c", "previousTime": "a",
            "newTime": "b", "elapsedSeconds": 60}, "metadata": {}}));
        assert!(Arc::ptr_eq(&after(&now, &clock), &now));
        assert_eq!(before(&now, &clock)["worldTime"], "a");
    }
}
