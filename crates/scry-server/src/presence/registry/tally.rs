//! What a user's own connections come to, counted: one more or one less costs the same however many there are (pure).

use std::collections::BTreeMap;

use jiff::Timestamp;
use scry_protocol::Id;
use scry_protocol::presence::{Activity, Presence, Resource, ResourceUse};

use super::{Connection, Place};
use crate::clock::stamp;
use crate::presence::view::Standing;

/// Counts what is taken in and taken back; what nobody holds any more is gone.
#[derive(Debug)]
struct Bag<T>(BTreeMap<T, usize>);

/// Holds what all connections of one user are at, in each campaign.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<Id, Count>);

#[derive(Debug, Default)]
struct Count {
    places: usize,
    /// How many of them belong to connections that rest.
    resting: usize,
    since: Bag<Timestamp>,
    uses: Bag<(Resource, Activity)>,
}

impl Tally {
    /// Counts a connection in.
    pub(super) fn add(&mut self, connection: &Connection) {
        for (campaign, place) in &connection.places {
            self.0.entry(campaign.clone()).or_default().add(place, connection.resting);
        }
    }

    /// Takes a connection back, which must be as it was when it was counted.
    pub(super) fn take(&mut self, connection: &Connection) {
        for (campaign, place) in &connection.places {
            let Some(count) = self.0.get_mut(campaign) else { continue };
            count.take(place, connection.resting);
            if count.places == 0 {
                self.0.remove(campaign);
            }
        }
    }

    /// Returns what they come to in each campaign: who is awake on one connection is, the busiest counts.
    pub(super) fn standings(&self) -> BTreeMap<Id, Standing> {
        self.0.iter().map(|(campaign, count)| (campaign.clone(), count.standing())).collect()
    }
}

impl Count {
    fn add(&mut self, place: &Place, resting: bool) {
        self.places += 1;
        self.resting += usize::from(resting);
        self.since.add(place.since);
        if let Some(used) = place.used(resting) {
            self.uses.add(used);
        }
    }

    fn take(&mut self, place: &Place, resting: bool) {
        self.places -= 1;
        self.resting -= usize::from(resting);
        self.since.take(&place.since);
        if let Some(used) = place.used(resting) {
            self.uses.take(&used);
        }
    }

    fn standing(&self) -> Standing {
        // They stand in order, so that the last of a resource is the busiest.
        let busiest: BTreeMap<&Resource, Activity> =
            self.uses.0.keys().map(|(resource, state)| (resource, *state)).collect();
        let resources = busiest.into_iter().map(|(resource, state)| ResourceUse { resource: resource.clone(), state });
        Standing {
            status: if self.resting == self.places { Presence::Idle } else { Presence::Online },
            resources: resources.collect(),
            since: self.since.0.keys().next().copied().map(stamp).unwrap_or_default(),
        }
    }
}

impl<T> Default for Bag<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Bag<T> {
    fn add(&mut self, item: T) {
        *self.0.entry(item).or_insert(0) += 1;
    }

    fn take(&mut self, item: &T) {
        if let Some(count) = self.0.get_mut(item) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(item);
            }
        }
    }
}
