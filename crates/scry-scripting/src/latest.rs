//! Entities behind a gateway that numbers no events: as its API tells them when it is asked (pure).
//!
//! What happened between the event and the answer cannot be told apart there, unless the events themselves do.

use std::collections::HashMap;
use std::sync::Arc;

use scry_model::event::Delivery;
use scry_protocol::{Id, Operation};
use serde_json::Value;

use super::values;

/// An entity before an event and after it; `None` where it was not there, or is not known.
pub(crate) type BeforeAndAfter = (Option<Arc<Value>>, Option<Arc<Value>>);

/// The entities as the API last told them.
#[derive(Debug, Default)]
pub(crate) struct Latest {
    known: HashMap<Id, Arc<Value>>,
}

impl Latest {
    /// Takes in an entity.
    pub(crate) fn learn(&mut self, id: Id, entity: Arc<Value>) {
        self.known.insert(id, entity);
    }

    /// Returns whether nothing is known.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Lists what is known.
    pub(crate) fn entities(&self) -> impl Iterator<Item = (&Id, &Arc<Value>)> {
        self.known.iter()
    }

    /// Returns each event's entity before and after it; `told` are the entities as they are after all of the events.
    pub(crate) fn around(&mut self, deliveries: &[&Delivery], told: HashMap<Id, Arc<Value>>) -> Vec<BeforeAndAfter> {
        let after = moments(deliveries, told);
        deliveries.iter().zip(after).map(|(delivery, after)| self.one(delivery, after)).collect()
    }

    fn one(&mut self, delivery: &Delivery, after: Option<Arc<Value>>) -> BeforeAndAfter {
        let Some(event) = &delivery.event else { return (None, None) };
        let id = event.payload.subject().id;
        let known = self.known.remove(&id);
        let after = match (event.payload.operation(), after) {
            (Operation::Delete, _) => None,
            // It has been deleted since; what was known of it goes on from there.
            (_, None) => known.as_ref().map(|known| values::after(known, event)),
            (_, after) => after,
        };
        let before = known.map(|known| values::before(&known, event));
        if let Some(after) = &after {
            self.known.insert(id, Arc::clone(after));
        }
        (before, after)
    }
}

/// Returns what each event's entity was right after it: the latest state, taken back event by event.
fn moments(deliveries: &[&Delivery], mut latest: HashMap<Id, Arc<Value>>) -> Vec<Option<Arc<Value>>> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn level(from: i64, to: i64) -> Delivery {
        let raw = json!({"type": "settlement_updated", "payload": {"settlementId": "s", "operation": "update",
            "campaignId": "c", "changedFields": ["level"]}, "metadata": {"changes": [{"field": "level", "from": from, "to": to}]}});
        let event = scry_protocol::Event::from_value(&raw).map(Arc::new);
        let received_at = jiff::Timestamp::UNIX_EPOCH;
        Delivery { received_at, room: None, name: "settlement_updated".into(), raw: Arc::new(raw), event }
    }

    #[test]
    fn events_that_come_together_see_the_entity_each_at_its_own_moment() {
        let mut latest = Latest::default();
        let id = Id::parse("s").unwrap();
        latest.learn(id.clone(), Arc::new(json!({"level": 4})));
        let batch = [level(4, 6), level(6, 5), level(5, 7)];
        // The API was asked after a fourth change.
        let told = HashMap::from([(id, Arc::new(json!({"level": 9})))]);
        let around = latest.around(&batch.iter().collect::<Vec<_>>(), told);
        let level = |entity: &Option<Arc<Value>>| entity.as_ref().unwrap()["level"].as_i64().unwrap();
        let levels: Vec<_> = around.iter().map(|(before, after)| (level(before), level(after))).collect();
        assert_eq!(levels, [(4, 6), (6, 5), (5, 7)]);
    }
}
