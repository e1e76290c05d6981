//! What a change has touched, and with it what the rules have to work out anew.

use std::collections::HashSet;

use crate::protocol::{Event, Id, Operation, Payload};

/// Gathers the settlements whose values may no longer hold.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub families: Vec<Touched>,
    /// Campaigns whose clock or calendar moved.
    pub clocks: Vec<Touched>,
    /// What the change itself made: nobody has seen its values yet.
    created: HashSet<Id>,
}

/// Names a settlement, or a campaign, and the events that touched it.
#[derive(Debug, Clone)]
pub(super) struct Touched {
    pub campaign: Id,
    pub id: Id,
    /// The subject of each event and the event's id.
    events: Vec<(Id, Id)>,
}

impl Touched {
    /// Returns the event that led to what follows for an entity: the last about itself, else the last of all.
    pub fn cause(&self, entity: &Id) -> Option<Id> {
        let own = self.events.iter().rfind(|(subject, _)| subject == entity);
        own.or_else(|| self.events.last()).map(|(_, event)| event.clone())
    }
}

impl Pending {
    /// Notes what an event touches.
    pub fn note(&mut self, event: &Event) {
        let campaign = event.payload.campaign_id();
        if event.payload.operation() == Operation::Create {
            self.created.insert(event.payload.subject().id);
        }
        let by = event.metadata.event_id.iter().map(|id| (event.payload.subject().id, id.clone()));
        let events: Vec<_> = by.collect();
        let touched = |id: &Id| Touched { campaign: campaign.clone(), id: id.clone(), events: events.clone() };
        match &event.payload {
            Payload::SettlementUpdated(payload) => put(&mut self.families, touched(&payload.settlement_id)),
            Payload::StructureUpdated(payload) => put(&mut self.families, touched(&payload.settlement_id)),
            Payload::WorldTimeChanged(_) => put(&mut self.clocks, touched(campaign)),
            Payload::EntityUpdated(payload) if payload.changed_fields.iter().any(|field| field == "calendar") => {
                put(&mut self.clocks, touched(campaign));
            }
            Payload::EntityUpdated(_) | Payload::StateInvalidated(_) => {}
        }
    }

    /// Tells whether the change itself made an entity.
    pub fn has_created(&self, id: &Id) -> bool {
        self.created.contains(id)
    }
}

fn put(list: &mut Vec<Touched>, touched: Touched) {
    match list.iter_mut().find(|known| known.id == touched.id) {
        Some(known) => known.events.extend(touched.events),
        None => list.push(touched),
    }
}
