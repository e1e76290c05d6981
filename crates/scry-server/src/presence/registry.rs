//! Who is present where: this node's own connections, and what other nodes say of theirs (pure).
//!
//! Whatever happens, what is announced is the difference between two views of one user. So the announcements,
//! applied one after the other, always give the present state.

mod tally;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_protocol::Id;
use scry_protocol::presence::{Activity, PresenceState, PresentUser, Resource};
use tally::Tally;

use super::view::{Change, UserView, differences};

/// Names a moment by the clock that never jumps and by the one that people read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub mono: Instant,
    pub wall: Timestamp,
}

/// Holds who is present; `K` names a connection of this node.
#[derive(Debug)]
pub(super) struct Registry<K> {
    /// How long a connection may be without a request before its user counts as idle.
    rest: Duration,
    /// How long another node may be silent before its users count as gone.
    trust: Duration,
    connections: HashMap<K, Connection>,
    people: HashMap<Id, Person<K>>,
    nodes: HashMap<Arc<str>, Node>,
    /// Who is in each campaign, over all nodes.
    campaigns: HashMap<Id, BTreeSet<Id>>,
}

/// Holds what came of an event: what to announce here, and whose state here other nodes should hear.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub changes: Vec<Change>,
    pub own: Vec<Id>,
}

/// Holds the user of at least one connection of this node.
#[derive(Debug)]
struct Person<K> {
    name: String,
    keys: BTreeSet<K>,
    tally: Tally,
}

#[derive(Debug)]
struct Connection {
    user: Id,
    places: BTreeMap<Id, Place>,
    active: Instant,
    resting: bool,
}

#[derive(Debug)]
struct Place {
    since: Timestamp,
    resource: Option<Resource>,
    state: Activity,
    /// Whether the connection is in one of the campaign's rooms; otherwise it only announced itself.
    seated: bool,
}

#[derive(Debug)]
struct Node {
    heard: Instant,
    users: HashMap<Id, UserView>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.changes.extend(other.changes);
        self.own.extend(other.own);
    }
}

impl<K: Copy + Ord + Hash> Registry<K> {
    /// Builds an empty registry.
    #[must_use]
    pub(super) fn new(rest: Duration, trust: Duration) -> Self {
        Self {
            rest,
            trust,
            connections: HashMap::new(),
            people: HashMap::new(),
            nodes: HashMap::new(),
            campaigns: HashMap::new(),
        }
    }

    /// Adds a connection of a user.
    pub(super) fn connect(&mut self, key: K, user: &Id, name: &str, now: Moment) -> Outcome {
        if self.connections.contains_key(&key) {
            return Outcome::default();
        }
        let connection = Connection { user: user.clone(), places: BTreeMap::new(), active: now.mono, resting: false };
        if let Some(person) = self.people.get_mut(user) {
            // One more that is nowhere yet changes nothing.
            person.keys.insert(key);
            self.connections.insert(key, connection);
            return Outcome::default();
        }
        self.observe(user, |registry| {
            let person = Person { name: name.to_owned(), keys: BTreeSet::from([key]), tally: Tally::default() };
            registry.people.insert(user.clone(), person);
            registry.connections.insert(key, connection);
        })
    }

    /// Removes a connection that has gone.
    pub(super) fn disconnect(&mut self, key: K) -> Outcome {
        let Some(user) = self.user_of(key) else { return Outcome::default() };
        self.observe(&user, |registry| {
            let gone = registry.connections.remove(&key);
            if let (Some(person), Some(connection)) = (registry.people.get_mut(&user), gone) {
                person.tally.take(&connection);
                person.keys.remove(&key);
                if person.keys.is_empty() {
                    registry.people.remove(&user);
                }
            }
        })
    }

    /// Says in rooms of which campaigns a connection is; of those it left, what it announced is forgotten too.
    pub(super) fn seat(&mut self, key: K, campaigns: &BTreeSet<Id>, now: Moment) -> Outcome {
        let is_same = |connection: &Connection| {
            let seated = connection.places.iter().filter(|(_, place)| place.seated).map(|(campaign, _)| campaign);
            seated.eq(campaigns)
        };
        if self.connections.get(&key).is_some_and(is_same) {
            return Outcome::default();
        }
        self.observe_connection(key, |connection| {
            connection.places.retain(|campaign, place| !place.seated || campaigns.contains(campaign));
            for campaign in campaigns {
                connection.places.entry(campaign.clone()).or_insert_with(|| Place::new(now)).seated = true;
            }
        })
    }

    /// Notes what a connection is at.
    pub(super) fn update(
        &mut self,
        key: K,
        campaign: &Id,
        resource: Option<Resource>,
        state: Activity,
        now: Moment,
    ) -> Outcome {
        self.observe_connection(key, |connection| {
            connection.active = now.mono;
            connection.resting = state == Activity::Idle;
            let place = connection.places.entry(campaign.clone()).or_insert_with(|| Place::new(now));
            place.resource = resource;
            if state != Activity::Idle {
                place.state = state;
            }
        })
    }

    /// Notes that somebody did something over a connection.
    pub(super) fn touch(&mut self, key: K, now: Moment) -> Outcome {
        if let Some(connection) = self.connections.get_mut(&key).filter(|connection| !connection.resting) {
            connection.active = now.mono;
            return Outcome::default();
        }
        self.observe_connection(key, |connection| {
            connection.active = now.mono;
            connection.resting = false;
        })
    }

    /// Takes what a connection announced about a campaign back.
    pub(super) fn withdraw(&mut self, key: K, campaign: &Id) -> Outcome {
        self.observe_connection(key, |connection| {
            connection.places.remove(campaign);
        })
    }

    /// Notes that time has passed: who has been quiet becomes idle, nodes that have been silent are forgotten.
    pub(super) fn tick(&mut self, now: Moment) -> Outcome {
        let mut outcome = Outcome::default();
        let tired = |connection: &Connection| {
            !connection.resting && now.mono.saturating_duration_since(connection.active) >= self.rest
        };
        let resting: Vec<K> =
            self.connections.iter().filter(|(_, connection)| tired(connection)).map(|(key, _)| *key).collect();
        for key in resting {
            outcome.add(self.observe_connection(key, |connection| connection.resting = true));
        }
        let silent = |node: &Node| now.mono.saturating_duration_since(node.heard) >= self.trust;
        let lost: Vec<Arc<str>> =
            self.nodes.iter().filter(|(_, node)| silent(node)).map(|(name, _)| name.clone()).collect();
        for node in lost {
            outcome.add(self.forget(&node));
        }
        outcome
    }

    /// Notes that another node is there.
    pub(super) fn alive(&mut self, node: &Arc<str>, now: Moment) {
        self.node(node, now);
    }

    /// Notes what another node says of one user; `None` that it has no connection of theirs any more.
    pub(super) fn hear(&mut self, node: &Arc<str>, user: &Id, view: Option<UserView>, now: Moment) -> Outcome {
        self.observe(user, |registry| {
            let users = &mut registry.node(node, now).users;
            match view {
                Some(view) => users.insert(user.clone(), view),
                None => users.remove(user),
            };
        })
    }

    /// Notes everybody whom another node has; whom it does not name is not there.
    pub(super) fn roll(&mut self, node: &Arc<str>, views: Vec<UserView>, now: Moment) -> Outcome {
        let mut gone: BTreeSet<Id> = self.node(node, now).users.keys().cloned().collect();
        let mut outcome = Outcome::default();
        for view in views {
            gone.remove(&view.user_id);
            let user = view.user_id.clone();
            outcome.add(self.hear(node, &user, Some(view), now));
        }
        for user in gone {
            outcome.add(self.hear(node, &user, None, now));
        }
        outcome
    }

    /// Forgets another node and everybody it had.
    pub(super) fn forget(&mut self, node: &Arc<str>) -> Outcome {
        let users: Vec<Id> = self.nodes.get(node).into_iter().flat_map(|node| node.users.keys().cloned()).collect();
        let mut outcome = Outcome::default();
        for user in users {
            outcome.add(self.observe(&user, |registry| {
                if let Some(known) = registry.nodes.get_mut(node) {
                    known.users.remove(&user);
                }
            }));
        }
        self.nodes.remove(node);
        outcome
    }

    /// Lists who is present in a campaign, over all nodes, in order of their ids.
    #[must_use]
    pub(super) fn present(&self, campaign: &Id) -> Vec<PresentUser> {
        let users = self.campaigns.get(campaign).into_iter().flatten();
        let entry = |user: &Id| {
            let view = self.view(user)?;
            Some(view.campaigns.get(campaign)?.entry(&view))
        };
        users.filter_map(entry).collect()
    }

    /// Lists who is present in which campaign, as it is told in each.
    #[must_use]
    pub(super) fn everybody(&self) -> Vec<PresenceState> {
        let mut campaigns: Vec<&Id> = self.campaigns.keys().collect();
        campaigns.sort();
        let state = |campaign: &Id| PresenceState { campaign_id: campaign.clone(), users: self.present(campaign) };
        campaigns.into_iter().map(state).filter(|state| !state.users.is_empty()).collect()
    }

    /// Returns what this node's own connections make of a user.
    #[must_use]
    pub(super) fn own(&self, user: &Id) -> Option<UserView> {
        let person = self.people.get(user)?;
        Some(UserView { user_id: user.clone(), name: person.name.clone(), campaigns: person.tally.standings() })
    }

    /// Lists the users of this node's own connections.
    pub(super) fn users(&self) -> impl Iterator<Item = &Id> {
        self.people.keys()
    }

    /// Lists this node's own connections of a user.
    pub(super) fn keys(&self, user: &Id) -> impl Iterator<Item = K> {
        self.people.get(user).into_iter().flat_map(|person| &person.keys).copied()
    }

    /// Returns whose connection this is.
    #[must_use]
    pub(super) fn user_of(&self, key: K) -> Option<Id> {
        self.connections.get(&key).map(|connection| connection.user.clone())
    }

    /// Lists the campaigns in which connections announced themselves without being in a room, with their users.
    pub(super) fn unseated(&self) -> impl Iterator<Item = (K, &Id, &Id)> {
        self.connections.iter().flat_map(|(key, connection)| {
            let unseated = connection.places.iter().filter(|(_, place)| !place.seated);
            unseated.map(|(campaign, _)| (*key, &connection.user, campaign))
        })
    }

    /// Lists the campaigns in which connections are said to edit, with their users.
    pub(super) fn editing(&self) -> impl Iterator<Item = (K, &Id, &Id)> {
        self.connections.iter().flat_map(|(key, connection)| {
            let editing = connection.places.iter().filter(|(_, place)| place.state == Activity::Editing);
            editing.map(|(campaign, _)| (*key, &connection.user, campaign))
        })
    }

    /// Notes that a connection may only look at what it was said to edit.
    pub(super) fn demote(&mut self, key: K, campaign: &Id) -> Outcome {
        self.observe_connection(key, |connection| {
            if let Some(place) = connection.places.get_mut(campaign) {
                place.state = place.state.min(Activity::Viewing);
            }
        })
    }

    /// Returns what all nodes together make of a user.
    fn view(&self, user: &Id) -> Option<UserView> {
        self.joined(user, self.own(user))
    }

    /// Returns what the other nodes and this one's `own` view together make of a user.
    fn joined(&self, user: &Id, own: Option<UserView>) -> Option<UserView> {
        let others = self.nodes.values().filter_map(|node| node.users.get(user));
        let mut views = own.into_iter().chain(others.cloned());
        let mut view = views.next()?;
        views.for_each(|other| view.merge(other));
        Some(view)
    }

    fn node(&mut self, name: &Arc<str>, now: Moment) -> &mut Node {
        let node = self.nodes.entry(name.clone()).or_insert_with(|| Node { heard: now.mono, users: HashMap::new() });
        node.heard = now.mono;
        node
    }

    fn observe_connection(&mut self, key: K, act: impl FnOnce(&mut Connection)) -> Outcome {
        let Some(user) = self.user_of(key) else { return Outcome::default() };
        self.observe(&user, |registry| {
            let connection = registry.connections.get_mut(&key);
            if let (Some(person), Some(connection)) = (registry.people.get_mut(&user), connection) {
                person.tally.take(connection);
                act(connection);
                person.tally.add(connection);
            }
        })
    }

    /// Acts, and says what that changed in one user's views.
    fn observe(&mut self, user: &Id, act: impl FnOnce(&mut Self)) -> Outcome {
        let own = self.own(user);
        let before = self.joined(user, own.clone());
        act(self);
        let now = self.own(user);
        let moved = if now == own { Vec::new() } else { vec![user.clone()] };
        let after = self.joined(user, now);
        let changes = differences(before.as_ref(), after.as_ref());
        for campaign in [&before, &after].into_iter().flatten().flat_map(|view| view.campaigns.keys()) {
            self.index(user, campaign, after.as_ref().is_some_and(|view| view.campaigns.contains_key(campaign)));
        }
        Outcome { changes, own: moved }
    }

    fn index(&mut self, user: &Id, campaign: &Id, is_present: bool) {
        if is_present {
            self.campaigns.entry(campaign.clone()).or_default().insert(user.clone());
        } else if let Some(users) = self.campaigns.get_mut(campaign) {
            users.remove(user);
            if users.is_empty() {
                self.campaigns.remove(campaign);
            }
        }
    }
}

impl Place {
    fn new(now: Moment) -> Self {
        Self { since: now.wall, resource: None, state: Activity::Viewing, seated: false }
    }

    /// Returns what the place's connection is at there, given whether it rests.
    fn used(&self, resting: bool) -> Option<(Resource, Activity)> {
        let state = if resting { Activity::Idle } else { self.state };
        self.resource.clone().map(|resource| (resource, state))
    }
}

#[cfg(test)]
mod tests;
