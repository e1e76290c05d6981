//! The entities behind the events, for expressions that look at them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::sighting::Sighting;
use crate::calendar::Calendar;
use crate::client::api::Api;
use crate::client::event::{Delivery, Snapshot};
use crate::protocol::{EntityType, Id, Operation};

/// Knows the entities as the API last told them.
///
/// Each batch of events is followed by one question for all entities they are about. Where several events of a batch
/// touch one entity, all see its state after the last of them.
#[derive(Debug)]
pub struct Entities {
    /// Absent when no expression looks at entities.
    api: Option<Api>,
    known: HashMap<Id, Arc<Value>>,
    calendars: HashMap<Id, Arc<Calendar>>,
    trouble: Option<String>,
}

impl Entities {
    /// Starts with nothing known; without an API, events stay bare.
    #[must_use]
    pub fn new(api: Option<Api>) -> Self {
        Self { api, known: HashMap::new(), calendars: HashMap::new(), trouble: None }
    }

    /// Learns the whole state of a campaign.
    pub fn learn(&mut self, snapshot: &Snapshot) {
        for node in &snapshot.nodes {
            self.learn_node(node);
        }
    }

    /// Asks for entities that no snapshot told.
    pub async fn ask(&mut self, ids: &[Id]) {
        let Some(api) = self.api.clone().filter(|_| !ids.is_empty()) else { return };
        match api.nodes(ids).await {
            Ok(nodes) => nodes.iter().for_each(|node| self.learn_node(node)),
            Err(error) => self.trouble = Some(format!("entities cannot be looked up: {error}")),
        }
    }

    /// Lists everything that is known.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Value>> {
        self.known.values()
    }

    /// Returns why entities could not be looked up, once.
    pub fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    /// Adds to each event the entity it is about, before and after.
    pub async fn sight(&mut self, deliveries: &[Delivery]) -> Vec<Sighting> {
        // Until the answer is here nothing is changed, so that the question can be given up and asked again.
        let Some(api) = self.api.clone() else { return deliveries.iter().cloned().map(Sighting::bare).collect() };
        let after = match api.nodes(&subjects(deliveries)).await {
            Ok(nodes) => nodes.iter().filter_map(read).collect::<HashMap<_, _>>(),
            Err(error) => {
                self.trouble = Some(format!("entities cannot be looked up: {error}"));
                self.api = None;
                HashMap::new()
            }
        };
        after.values().for_each(|entity| self.learn_calendar(entity));
        deliveries.iter().cloned().map(|delivery| self.one(delivery, &after)).collect()
    }

    fn one(&mut self, delivery: Delivery, after: &HashMap<Id, Arc<Value>>) -> Sighting {
        let Some(event) = &delivery.event else { return Sighting::bare(delivery) };
        let id = event.payload.subject().id;
        let entity = if event.payload.operation() == Operation::Delete { None } else { after.get(&id).cloned() };
        let before = match &entity {
            Some(entity) => self.known.insert(id, Arc::clone(entity)),
            None => self.known.remove(&id),
        };
        let calendar = self.calendars.get(event.payload.campaign_id()).cloned();
        Sighting { entity, before, calendar, delivery }
    }

    fn learn_node(&mut self, node: &Value) {
        if let Some((id, entity)) = read(node) {
            self.learn_calendar(&entity);
            self.known.insert(id, entity);
        }
    }

    fn learn_calendar(&mut self, entity: &Value) {
        let campaign = entity["id"].as_str().filter(|_| entity["entityType"] == EntityType::Campaign.as_str());
        let calendar = entity.get("calendar").map(Calendar::from_json);
        if let (Some(Ok(id)), Some(Ok(calendar))) = (campaign.map(Id::parse), calendar) {
            self.calendars.insert(id, Arc::new(calendar));
        }
    }
}

fn subjects(deliveries: &[Delivery]) -> Vec<Id> {
    let mut ids: Vec<Id> = deliveries
        .iter()
        .filter_map(|delivery| delivery.event.as_ref())
        .filter(|event| event.payload.operation() != Operation::Delete)
        .map(|event| event.payload.subject().id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Reads an API node into the form that expressions see.
fn read(node: &Value) -> Option<(Id, Arc<Value>)> {
    let mut fields = node.as_object()?.clone();
    let entity_type = EntityType::from(fields.shift_remove("__typename")?.as_str()?);
    let id = Id::parse(fields.get("id")?.as_str()?).ok()?;
    if entity_type == EntityType::Campaign {
        fields.insert("campaignId".to_owned(), id.as_str().into());
    }
    fields.insert("entityType".to_owned(), entity_type.as_str().into());
    Some((id, Arc::new(Value::Object(fields))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_snapshot_is_learnt_in_the_form_of_expressions() {
        let mut entities = Entities::new(None);
        let nodes = vec![
            json!({"__typename": "Campaign", "id": "c", "name": "Emberfall", "calendar": null}),
            json!({"__typename": "Structure", "id": "t", "campaignId": "c", "name": "Tower", "level": 2}),
            json!({"id": "nothing"}),
        ];
        entities.learn(&Snapshot { campaign_id: Id::parse("c").unwrap(), position: None, nodes });
        let mut names: Vec<String> =
            entities.all().map(|entity| format!("{} {}", entity["entityType"], entity["name"])).collect();
        names.sort();
        assert_eq!(names, ["\"campaign\" \"Emberfall\"", "\"structure\" \"Tower\""]);
        assert_eq!(entities.calendars.len(), 1);
    }
}
