//! What a user's own connections come to, counted: one more or one less costs the same however many there are (pure).

use std::collections::BTreeMap;

use jiff::Timestamp;
use scry_protocol::Id;
use scry_protocol::presence::{Activity, Presence, Resource, ResourceUse};

use super::{ConnectionPresence, TrackedConnection};
use crate::clock::format_time;
use crate::presence::view::CampaignPresence;

/// Counts what is taken in and taken back; what nobody holds any more is gone.
#[derive(Debug)]
struct Multiset<T>(BTreeMap<T, usize>);

/// What all connections of one user are at, in each campaign.
#[derive(Debug, Default)]
pub(super) struct PresenceCounts(BTreeMap<Id, CampaignCounts>);

#[derive(Debug, Default)]
struct CampaignCounts {
    presences: usize,
    /// How many of them belong to connections that rest.
    idle: usize,
    since: Multiset<Timestamp>,
    uses: Multiset<(Resource, Activity)>,
}

impl PresenceCounts {
    /// Counts a connection in.
    pub(super) fn add(&mut self, connection: &TrackedConnection) {
        for (campaign, presence) in &connection.presences {
            self.0.entry(campaign.clone()).or_default().add(presence, connection.is_idle);
        }
    }

    /// Takes a connection back, which must be as it was when it was counted.
    pub(super) fn remove(&mut self, connection: &TrackedConnection) {
        for (campaign, presence) in &connection.presences {
            let Some(count) = self.0.get_mut(campaign) else { continue };
            count.remove(presence, connection.is_idle);
            if count.presences == 0 {
                self.0.remove(campaign);
            }
        }
    }

    /// Returns what they come to in each campaign: who is awake on one connection is, the busiest counts.
    pub(super) fn by_campaign(&self) -> BTreeMap<Id, CampaignPresence> {
        self.0.iter().map(|(campaign, count)| (campaign.clone(), count.presence())).collect()
    }
}

impl CampaignCounts {
    fn add(&mut self, presence: &ConnectionPresence, idle: bool) {
        self.presences += 1;
        self.idle += usize::from(idle);
        self.since.add(presence.since);
        if let Some(used) = presence.used(idle) {
            self.uses.add(used);
        }
    }

    fn remove(&mut self, presence: &ConnectionPresence, idle: bool) {
        self.presences -= 1;
        self.idle -= usize::from(idle);
        self.since.remove(&presence.since);
        if let Some(used) = presence.used(idle) {
            self.uses.remove(&used);
        }
    }

    fn presence(&self) -> CampaignPresence {
        // They stand in order, so that the last of a resource is the busiest.
        let busiest: BTreeMap<&Resource, Activity> =
            self.uses.0.keys().map(|(resource, state)| (resource, *state)).collect();
        let resources = busiest.into_iter().map(|(resource, state)| ResourceUse { resource: resource.clone(), state });
        CampaignPresence {
            status: if self.idle == self.presences { Presence::Idle } else { Presence::Online },
            resources: resources.collect(),
            since: self.since.0.keys().next().copied().map(format_time).unwrap_or_default(),
        }
    }
}

impl<T> Default for Multiset<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Multiset<T> {
    fn add(&mut self, item: T) {
        *self.0.entry(item).or_insert(0) += 1;
    }

    fn remove(&mut self, item: &T) {
        if let Some(count) = self.0.get_mut(item) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(item);
            }
        }
    }
}
