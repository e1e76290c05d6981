//! What a change has touched, and with it what the rules have to work out anew.

use std::collections::{HashMap, HashSet};

use scry_protocol::{Event, Id, Operation, Payload};

/// Gathers the settlements whose values may no longer hold.
#[derive(Debug, Default)]
pub(super) struct DirtySet {
    pub settlements: DirtySubjects,
    /// Campaigns whose clock or calendar moved.
    pub clocks: DirtySubjects,
    /// What the change itself made: nobody has seen its values yet.
    created: HashSet<Id>,
}

/// Settlements or campaigns, each once, in the order in which they were first touched.
#[derive(Debug, Default)]
pub(super) struct DirtySubjects {
    list: Vec<DirtySubject>,
    index: HashMap<Id, usize>,
}

/// A settlement, or a campaign, and the events that touched it.
#[derive(Debug, Clone)]
pub(super) struct DirtySubject {
    pub campaign: Id,
    pub id: Id,
    /// The subject of each event and the event's id.
    events: Vec<(Id, Id)>,
}

impl DirtySubject {
    /// Returns the event that led to what follows for an entity: the last about itself, else the last of all.
    pub(super) fn cause(&self, entity: &Id) -> Option<Id> {
        let own = self.events.iter().rfind(|(subject, _)| subject == entity);
        own.or_else(|| self.events.last()).map(|(_, event)| event.clone())
    }
}

impl DirtySet {
    /// Notes what an event touches.
    pub(super) fn mark(&mut self, event: &Event) {
        let campaign = event.payload.campaign_id();
        if event.payload.operation() == Operation::Create {
            self.created.insert(event.payload.subject().id);
        }
        let by = event.metadata.event_id.iter().map(|id| (event.payload.subject().id, id.clone()));
        let events: Vec<_> = by.collect();
        let touched = |id: &Id| DirtySubject { campaign: campaign.clone(), id: id.clone(), events: events.clone() };
        match &event.payload {
            Payload::SettlementUpdated(payload) => self.settlements.put(touched(&payload.settlement_id)),
            Payload::StructureUpdated(payload) => self.settlements.put(touched(&payload.settlement_id)),
            Payload::WorldTimeChanged(_) => self.clocks.put(touched(campaign)),
            Payload::EntityUpdated(payload) if payload.changed_fields.iter().any(|field| field == "calendar") => {
                self.clocks.put(touched(campaign));
            }
            Payload::EntityUpdated(_) | Payload::StateInvalidated(_) => {}
        }
    }

    /// Forgets settlements that are not there any more.
    pub(super) fn remove(&mut self, ids: &HashSet<&Id>) {
        for touched in self.settlements.take().into_iter().filter(|touched| !ids.contains(&touched.id)) {
            self.settlements.put(touched);
        }
    }

    /// Returns whether the change itself made an entity.
    pub(super) fn has_created(&self, id: &Id) -> bool {
        self.created.contains(id)
    }
}

impl DirtySubjects {
    /// Takes them out, as a list.
    pub(super) fn take(&mut self) -> Vec<DirtySubject> {
        self.index.clear();
        std::mem::take(&mut self.list)
    }

    fn put(&mut self, touched: DirtySubject) {
        match self.index.get(&touched.id) {
            Some(place) => self.list[*place].events.extend(touched.events),
            None => {
                self.index.insert(touched.id.clone(), self.list.len());
                self.list.push(touched);
            }
        }
    }
}
