//! The entities behind the events, for expressions that look at them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::sighting::Sighting;
use super::values;
use crate::calendar::Calendar;
use crate::client::api::Api;
use crate::client::event::{Delivery, Snapshot};
use crate::json::Json;
use crate::protocol::{EntityType, Id, Operation};

/// Knows the entities as the API last told them.
///
/// Each batch of events is followed by one question for all entities they are about. The values that the events tell
/// take each entity to the moment of its event, however far it has gone on meanwhile.
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
        let moments = moments(deliveries, after);
        deliveries.iter().zip(moments).map(|(delivery, entity)| self.one(delivery.clone(), entity)).collect()
    }

    fn one(&mut self, delivery: Delivery, entity: Option<Arc<Value>>) -> Sighting {
        let Some(event) = &delivery.event else { return Sighting::bare(delivery) };
        let id = event.payload.subject().id;
        let known = self.known.remove(&id);
        let entity = match (event.payload.operation(), entity) {
            (Operation::Delete, _) => None,
            // It has been deleted since; what was known of it goes on from there.
            (_, None) => known.as_ref().map(|known| values::after(known, event)),
            (_, entity) => entity,
        };
        let before = known.map(|known| values::before(&known, event));
        if let Some(entity) = &entity {
            self.known.insert(id, Arc::clone(entity));
        }
        let calendar = self.calendars.get(event.payload.campaign_id()).cloned();
        Sighting { entity, before, calendar, delivery }
    }

    fn learn_node(&mut self, node: &Json) {
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

/// Returns what each event's entity was right after it: the latest state, taken back event by event.
fn moments(deliveries: &[Delivery], mut latest: HashMap<Id, Arc<Value>>) -> Vec<Option<Arc<Value>>> {
    let mut moments: Vec<_> = deliveries
        .iter()
        .rev()
        .map(|delivery| {
            let event = delivery.event.as_ref()?;
            let entity = latest.get_mut(&event.payload.subject().id)?;
            let then = values::after(entity, event);
            *entity = values::before(&then, event);
            Some(then)
        })
        .collect();
    moments.reverse();
    moments
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
fn read(node: &Json) -> Option<(Id, Arc<Value>)> {
    let mut fields = Map::from(node.as_object()?);
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

    fn level(seq: u64, from: i64, to: i64) -> Delivery {
        let raw = json!({"type": "settlement_updated", "payload": {"settlementId": "s", "operation": "update",
            "campaignId": "c", "changedFields": ["level"]}, "metadata": {"seq": seq, "version": seq,
            "changes": [{"field": "level", "from": from, "to": to}]}});
        let event = crate::protocol::Event::from_value(&raw).map(Arc::new);
        let received_at = jiff::Timestamp::UNIX_EPOCH;
        Delivery { received_at, room: None, name: "settlement_updated".into(), raw: Arc::new(raw), event }
    }

    #[test]
    fn events_that_come_together_see_the_entity_each_at_its_own_moment() {
        let mut entities = Entities::new(None);
        let id = Id::parse("s").unwrap();
        entities.known.insert(id.clone(), Arc::new(json!({"level": 4, "version": 1})));
        let batch = [level(2, 4, 6), level(3, 6, 5), level(4, 5, 7)];
        // The API was asked after a fourth change.
        let latest = HashMap::from([(id, Arc::new(json!({"level": 9, "version": 5})))]);
        let seen: Vec<_> =
            batch.iter().zip(moments(&batch, latest)).map(|(one, entity)| entities.one(one.clone(), entity)).collect();
        let levels = |sighting: &Sighting| {
            let level = |entity: &Option<Arc<Value>>| entity.as_ref().unwrap()["level"].as_i64().unwrap();
            (level(&sighting.before), level(&sighting.entity))
        };
        assert_eq!(seen.iter().map(levels).collect::<Vec<_>>(), [(4, 6), (6, 5), (5, 7)]);
    }

    #[test]
    fn a_snapshot_is_learnt_in_the_form_of_expressions() {
        let mut entities = Entities::new(None);
        let nodes = vec![
            json!({"__typename": "Campaign", "id": "c", "name": "Emberfall", "calendar": null}),
            json!({"__typename": "Structure", "id": "t", "campaignId": "c", "name": "Tower", "level": 2}),
            json!({"id": "nothing"}),
        ];
        entities.learn(&Snapshot {
            campaign_id: Id::parse("c").unwrap(),
            position: None,
            nodes: crate::json::together(&nodes),
        });
        let mut names: Vec<String> =
            entities.all().map(|entity| format!("{} {}", entity["entityType"], entity["name"])).collect();
        names.sort();
        assert_eq!(names, ["\"campaign\" \"Emberfall\"", "\"structure\" \"Tower\""]);
        assert_eq!(entities.calendars.len(), 1);
    }
}
