//! What the entities of a recording are: its first state, changed by the values that its events tell.
//!
//! It takes the server's place in a replay, so that the dashboard's own machinery of stale and refetched values shows a
//! recording as it shows a live campaign. What no event tells is left out rather than shown as it was.

use std::collections::HashMap;

use scry_model::event::Snapshot;
use scry_protocol::{EntityRef, EntityType, Event, Id, Operation, Payload};
use scry_text::json::Json;
use serde_json::{Map, Value, json};

/// The known entities, as the API would return them.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplayModel {
    nodes: HashMap<Id, Map<String, Value>>,
}

impl ReplayModel {
    /// Begins with a state, or with nothing.
    #[must_use]
    pub(super) fn new(state: Option<&Snapshot>) -> Self {
        let nodes = state.into_iter().flat_map(|state| &state.nodes);
        let entry = |node: &Json| Some((Id::parse(node.get("id")?.as_str()?).ok()?, Map::from(node.as_object()?)));
        Self { nodes: nodes.filter_map(entry).collect() }
    }

    /// Returns these entities, as a query for them would.
    #[must_use]
    pub(super) fn nodes(&self, ids: &[Id]) -> Vec<Value> {
        ids.iter().filter_map(|id| self.nodes.get(id)).map(|fields| Value::Object(fields.clone())).collect()
    }

    /// Changes what an event tells.
    pub(super) fn apply(&mut self, event: &Event) {
        let subject = event.payload.subject();
        if event.payload.operation() == Operation::Delete {
            self.nodes.remove(&subject.id);
            return;
        }
        let node = self.nodes.entry(subject.id.clone()).or_insert_with(|| unheard_of(event, &subject));
        match &event.payload {
            Payload::WorldTimeChanged(moved) => {
                node.insert("worldTime".to_owned(), moved.new_time.as_str().into());
            }
            Payload::StateInvalidated(payload) if payload.affected_fields.is_empty() => {
                remove(node, "computed");
                remove(node, "conditions");
            }
            Payload::StateInvalidated(payload) => {
                payload.affected_fields.iter().for_each(|field| remove(node, &format!("computed.{field}")));
            }
            Payload::EntityUpdated(_) | Payload::SettlementUpdated(_) | Payload::StructureUpdated(_) => {
                event.payload.changed_fields().iter().for_each(|field| remove(node, field));
            }
        }
        for change in &event.metadata.changes {
            set(node, &change.field, change.to.clone());
        }
        if let Some(version) = event.metadata.version {
            node.insert("version".to_owned(), version.into());
        }
    }
}

/// Returns an entity of which this event alone is known.
fn unheard_of(event: &Event, subject: &EntityRef) -> Map<String, Value> {
    let mut node = Map::new();
    let mut put = |field: &str, value: &str| node.insert(field.to_owned(), json!(value));
    put("__typename", subject.entity_type.as_str());
    put("id", subject.id.as_str());
    put("campaignId", event.payload.campaign_id().as_str());
    put("name", &format!("{} {}", subject.entity_type.as_str(), tail(&subject.id)));
    if let Payload::StructureUpdated(payload) = &event.payload {
        put("settlementId", payload.settlement_id.as_str());
    }
    if subject.entity_type == EntityType::Campaign {
        put("name", "Recording");
    }
    node
}

/// Returns the end of an id, where ids of one time differ.
fn tail(id: &Id) -> &str {
    let text = id.as_str();
    text.get(text.len().saturating_sub(6)..).unwrap_or(text)
}

fn set(node: &mut Map<String, Value>, field: &str, value: Value) {
    match field.split_once('.') {
        None => {
            node.insert(field.to_owned(), value);
        }
        Some((first, rest)) => {
            if let Value::Object(inner) = node.entry(first).or_insert_with(|| json!({})) {
                inner.insert(rest.to_owned(), value);
            }
        }
    }
}

fn remove(node: &mut Map<String, Value>, field: &str) {
    match field.split_once('.') {
        None => {
            node.shift_remove(field);
        }
        Some((first, rest)) => {
            if let Some(Value::Object(inner)) = node.get_mut(first) {
                inner.shift_remove(rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, payload: Value, metadata: Value) -> Event {
        Event::from_value(&json!({"type": kind, "payload": payload, "metadata": metadata})).unwrap()
    }

    #[test]
    fn values_follow_the_events_and_what_is_not_told_is_left_out() {
        let nodes = vec![
            json!({"__typename": "Settlement", "id": "s", "campaignId": "c", "name": "Cinderford", "version": 3,
            "level": 2, "description": "long", "variables": {"population": 900}, "computed": {"defence": {"value": 1}}}),
        ];
        let state =
            Snapshot { campaign_id: "c".parse().unwrap(), position: None, nodes: scry_text::json::intern_all(&nodes) };
        let mut model = ReplayModel::new(Some(&state));
        let payload = json!({"settlementId": "s", "operation": "update", "campaignId": "c",
            "changedFields": ["level", "description", "variables.population"]});
        let changes = json!({"version": 4, "changes": [{"field": "level", "from": 2, "to": 3},
            {"field": "variables.population", "from": 900, "to": 950}]});
        model.apply(&event("settlement_updated", payload, changes));
        let ids = ["s".parse().unwrap()];
        let told = model.nodes(&ids).remove(0);
        assert_eq!(
            (&told["level"], &told["variables"]["population"], &told["version"]),
            (&json!(3), &json!(950), &json!(4))
        );
        assert_eq!((told.get("description"), &told["name"]), (None, &json!("Cinderford")));

        let payload = json!({"scope": "entity", "campaignId": "c", "entityType": "settlement", "entityId": "s",
            "affectedFields": ["defence"]});
        model.apply(&event("state_invalidated", payload, json!({})));
        assert_eq!(model.nodes(&ids)[0]["computed"], json!({}));
        let payload = json!({"settlementId": "s", "operation": "delete", "campaignId": "c", "changedFields": []});
        model.apply(&event("settlement_updated", payload, json!({})));
        assert!(model.nodes(&ids).is_empty());
    }

    #[test]
    fn entity_known_only_from_events_has_a_parent_and_a_name() {
        let mut model = ReplayModel::new(None);
        let payload = json!({"structureId": "t-000017", "settlementId": "s", "operation": "update", "campaignId": "c",
            "changedFields": ["level"]});
        model.apply(&event("structure_updated", payload, json!({"changes": [{"field": "level", "from": 1, "to": 2}]})));
        let told = model.nodes(&["t-000017".parse().unwrap()]).remove(0);
        assert_eq!(
            (&told["name"], &told["settlementId"], &told["level"]),
            (&json!("structure 000017"), &json!("s"), &json!(2))
        );
    }
}
