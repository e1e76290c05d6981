//! Who is present where: this node's own connections, and what other nodes say of theirs (pure).
//!
//! Whatever happens, what is announced is the difference between two views of one user. So the announcements,
//! applied one after the other, always give the present state.

mod counts;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use counts::PresenceCounts;
use jiff::Timestamp;
use scry_protocol::Id;
use scry_protocol::presence::{Activity, PresenceState, PresentUser, Resource};

use super::view::{UserView, UserViewChange, differences};

/// The current time by the monotonic clock and by the wall clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    pub mono: Instant,
    pub wall: Timestamp,
}

/// Who is present; `K` names a connection of this node.
#[derive(Debug)]
pub(super) struct PresenceRegistry<K> {
    /// How long a connection may be without a request before its user counts as idle.
    idle_after: Duration,
    /// How long another node may be silent before its users count as gone.
    node_ttl: Duration,
    connections: HashMap<K, TrackedConnection>,
    users: HashMap<Id, LocalUser<K>>,
    nodes: HashMap<Arc<str>, RemoteNode>,
    /// Who is in each campaign, over all nodes.
    campaigns: HashMap<Id, BTreeSet<Id>>,
}

/// What follows from an event: what to announce here, and whose local state other nodes should get.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Announcements {
    pub changes: Vec<UserViewChange>,
    pub own: Vec<Id>,
}

/// The user of at least one connection of this node.
#[derive(Debug)]
struct LocalUser<K> {
    name: String,
    keys: BTreeSet<K>,
    counts: PresenceCounts,
}

#[derive(Debug)]
struct TrackedConnection {
    user: Id,
    presences: BTreeMap<Id, ConnectionPresence>,
    active: Instant,
    is_idle: bool,
}

#[derive(Debug)]
struct ConnectionPresence {
    since: Timestamp,
    resource: Option<Resource>,
    state: Activity,
    /// Whether the connection is in one of the campaign's rooms; otherwise it only announced itself.
    in_room: bool,
}

#[derive(Debug)]
struct RemoteNode {
    heard: Instant,
    users: HashMap<Id, UserView>,
}

impl Announcements {
    fn add(&mut self, other: Self) {
        self.changes.extend(other.changes);
        self.own.extend(other.own);
    }
}

impl<K: Copy + Ord + Hash> PresenceRegistry<K> {
    /// Builds an empty registry.
    #[must_use]
    pub(super) fn new(idle_after: Duration, node_ttl: Duration) -> Self {
        Self {
            idle_after,
            node_ttl,
            connections: HashMap::new(),
            users: HashMap::new(),
            nodes: HashMap::new(),
            campaigns: HashMap::new(),
        }
    }

    /// Adds a connection of a user.
    pub(super) fn connect(&mut self, key: K, user: &Id, name: &str, now: Clocks) -> Announcements {
        if self.connections.contains_key(&key) {
            return Announcements::default();
        }
        let connection =
            TrackedConnection { user: user.clone(), presences: BTreeMap::new(), active: now.mono, is_idle: false };
        if let Some(local) = self.users.get_mut(user) {
            // One more that is nowhere yet changes nothing.
            local.keys.insert(key);
            self.connections.insert(key, connection);
            return Announcements::default();
        }
        self.observe(user, |registry| {
            let local =
                LocalUser { name: name.to_owned(), keys: BTreeSet::from([key]), counts: PresenceCounts::default() };
            registry.users.insert(user.clone(), local);
            registry.connections.insert(key, connection);
        })
    }

    /// Removes a connection that has gone.
    pub(super) fn disconnect(&mut self, key: K) -> Announcements {
        let Some(user) = self.user_of(key) else { return Announcements::default() };
        self.observe(&user, |registry| {
            let gone = registry.connections.remove(&key);
            if let (Some(local), Some(connection)) = (registry.users.get_mut(&user), gone) {
                local.counts.remove(&connection);
                local.keys.remove(&key);
                if local.keys.is_empty() {
                    registry.users.remove(&user);
                }
            }
        })
    }

    /// Says in rooms of which campaigns a connection is; of those it left, what it announced is forgotten too.
    pub(super) fn set_campaigns(&mut self, key: K, campaigns: &BTreeSet<Id>, now: Clocks) -> Announcements {
        let is_same = |connection: &TrackedConnection| {
            let in_room =
                connection.presences.iter().filter(|(_, presence)| presence.in_room).map(|(campaign, _)| campaign);
            in_room.eq(campaigns)
        };
        if self.connections.get(&key).is_some_and(is_same) {
            return Announcements::default();
        }
        self.observe_connection(key, |connection| {
            connection.presences.retain(|campaign, presence| !presence.in_room || campaigns.contains(campaign));
            for campaign in campaigns {
                connection.presences.entry(campaign.clone()).or_insert_with(|| ConnectionPresence::new(now)).in_room =
                    true;
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
        now: Clocks,
    ) -> Announcements {
        self.observe_connection(key, |connection| {
            connection.active = now.mono;
            connection.is_idle = state == Activity::Idle;
            let presence = connection.presences.entry(campaign.clone()).or_insert_with(|| ConnectionPresence::new(now));
            presence.resource = resource;
            if state != Activity::Idle {
                presence.state = state;
            }
        })
    }

    /// Notes that somebody did something over a connection.
    pub(super) fn record_activity(&mut self, key: K, now: Clocks) -> Announcements {
        if let Some(connection) = self.connections.get_mut(&key).filter(|connection| !connection.is_idle) {
            connection.active = now.mono;
            return Announcements::default();
        }
        self.observe_connection(key, |connection| {
            connection.active = now.mono;
            connection.is_idle = false;
        })
    }

    /// Takes what a connection announced about a campaign back.
    pub(super) fn clear_campaign(&mut self, key: K, campaign: &Id) -> Announcements {
        self.observe_connection(key, |connection| {
            connection.presences.remove(campaign);
        })
    }

    /// Notes that time has passed: who has been quiet becomes idle, nodes that have been silent are forgotten.
    pub(super) fn tick(&mut self, now: Clocks) -> Announcements {
        let mut outcome = Announcements::default();
        let is_due = |connection: &TrackedConnection| {
            !connection.is_idle && now.mono.saturating_duration_since(connection.active) >= self.idle_after
        };
        let idle: Vec<K> =
            self.connections.iter().filter(|(_, connection)| is_due(connection)).map(|(key, _)| *key).collect();
        for key in idle {
            outcome.add(self.observe_connection(key, |connection| connection.is_idle = true));
        }
        let silent = |node: &RemoteNode| now.mono.saturating_duration_since(node.heard) >= self.node_ttl;
        let lost: Vec<Arc<str>> =
            self.nodes.iter().filter(|(_, node)| silent(node)).map(|(name, _)| name.clone()).collect();
        for node in lost {
            outcome.add(self.remove_node(&node));
        }
        outcome
    }

    /// Notes that another node is there.
    pub(super) fn heartbeat(&mut self, node: &Arc<str>, now: Clocks) {
        self.node(node, now);
    }

    /// Notes what another node says of one user; `None` that it has no connection of theirs any more.
    pub(super) fn apply_view(
        &mut self,
        node: &Arc<str>,
        user: &Id,
        view: Option<UserView>,
        now: Clocks,
    ) -> Announcements {
        self.observe(user, |registry| {
            let users = &mut registry.node(node, now).users;
            match view {
                Some(view) => users.insert(user.clone(), view),
                None => users.remove(user),
            };
        })
    }

    /// Notes everybody whom another node has; whom it does not name is not there.
    pub(super) fn sync(&mut self, node: &Arc<str>, views: Vec<UserView>, now: Clocks) -> Announcements {
        let mut gone: BTreeSet<Id> = self.node(node, now).users.keys().cloned().collect();
        let mut outcome = Announcements::default();
        for view in views {
            gone.remove(&view.user_id);
            let user = view.user_id.clone();
            outcome.add(self.apply_view(node, &user, Some(view), now));
        }
        for user in gone {
            outcome.add(self.apply_view(node, &user, None, now));
        }
        outcome
    }

    /// Forgets another node and everybody it had.
    pub(super) fn remove_node(&mut self, node: &Arc<str>) -> Announcements {
        let users: Vec<Id> = self.nodes.get(node).into_iter().flat_map(|node| node.users.keys().cloned()).collect();
        let mut outcome = Announcements::default();
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

    /// Returns who is present in a campaign, over all nodes, in order of their ids.
    #[must_use]
    pub(super) fn present(&self, campaign: &Id) -> Vec<PresentUser> {
        let users = self.campaigns.get(campaign).into_iter().flatten();
        let entry = |user: &Id| {
            let view = self.view(user)?;
            Some(view.campaigns.get(campaign)?.entry(&view))
        };
        users.filter_map(entry).collect()
    }

    /// Returns who is present in which campaign, as it is told in each.
    #[must_use]
    pub(super) fn present_by_campaign(&self) -> Vec<PresenceState> {
        let mut campaigns: Vec<&Id> = self.campaigns.keys().collect();
        campaigns.sort();
        let state = |campaign: &Id| PresenceState { campaign_id: campaign.clone(), users: self.present(campaign) };
        campaigns.into_iter().map(state).filter(|state| !state.users.is_empty()).collect()
    }

    /// Returns what this node's own connections make of a user.
    #[must_use]
    pub(super) fn local_view(&self, user: &Id) -> Option<UserView> {
        let local = self.users.get(user)?;
        Some(UserView { user_id: user.clone(), name: local.name.clone(), campaigns: local.counts.by_campaign() })
    }

    /// Returns the users of this node's own connections.
    pub(super) fn local_users(&self) -> impl Iterator<Item = &Id> {
        self.users.keys()
    }

    /// Returns this node's own connections of a user.
    pub(super) fn keys(&self, user: &Id) -> impl Iterator<Item = K> {
        self.users.get(user).into_iter().flat_map(|local| &local.keys).copied()
    }

    /// Returns whose connection this is.
    #[must_use]
    pub(super) fn user_of(&self, key: K) -> Option<Id> {
        self.connections.get(&key).map(|connection| connection.user.clone())
    }

    /// Returns the campaigns in which connections announced themselves without being in a room, with their users.
    pub(super) fn without_room(&self) -> impl Iterator<Item = (K, &Id, &Id)> {
        self.connections.iter().flat_map(|(key, connection)| {
            let without_room = connection.presences.iter().filter(|(_, presence)| !presence.in_room);
            without_room.map(|(campaign, _)| (*key, &connection.user, campaign))
        })
    }

    /// Returns the campaigns in which connections are said to edit, with their users.
    pub(super) fn editing(&self) -> impl Iterator<Item = (K, &Id, &Id)> {
        self.connections.iter().flat_map(|(key, connection)| {
            let editing = connection.presences.iter().filter(|(_, presence)| presence.state == Activity::Editing);
            editing.map(|(campaign, _)| (*key, &connection.user, campaign))
        })
    }

    /// Notes that a connection may only look at what it was said to edit.
    pub(super) fn demote(&mut self, key: K, campaign: &Id) -> Announcements {
        self.observe_connection(key, |connection| {
            if let Some(presence) = connection.presences.get_mut(campaign) {
                presence.state = presence.state.min(Activity::Viewing);
            }
        })
    }

    /// Returns what all nodes together make of a user.
    fn view(&self, user: &Id) -> Option<UserView> {
        self.joined(user, self.local_view(user))
    }

    /// Returns what the other nodes and this one's `own` view together make of a user.
    fn joined(&self, user: &Id, own: Option<UserView>) -> Option<UserView> {
        let others = self.nodes.values().filter_map(|node| node.users.get(user));
        let mut views = own.into_iter().chain(others.cloned());
        let mut view = views.next()?;
        views.for_each(|other| view.merge(other));
        Some(view)
    }

    fn node(&mut self, name: &Arc<str>, now: Clocks) -> &mut RemoteNode {
        let node =
            self.nodes.entry(name.clone()).or_insert_with(|| RemoteNode { heard: now.mono, users: HashMap::new() });
        node.heard = now.mono;
        node
    }

    fn observe_connection(&mut self, key: K, act: impl FnOnce(&mut TrackedConnection)) -> Announcements {
        let Some(user) = self.user_of(key) else { return Announcements::default() };
        self.observe(&user, |registry| {
            let connection = registry.connections.get_mut(&key);
            if let (Some(local), Some(connection)) = (registry.users.get_mut(&user), connection) {
                local.counts.remove(connection);
                act(connection);
                local.counts.add(connection);
            }
        })
    }

    /// Acts, and says what that changed in one user's views.
    fn observe(&mut self, user: &Id, act: impl FnOnce(&mut Self)) -> Announcements {
        let own = self.local_view(user);
        let before = self.joined(user, own.clone());
        act(self);
        let now = self.local_view(user);
        let moved = if now == own { Vec::new() } else { vec![user.clone()] };
        let after = self.joined(user, now);
        let changes = differences(before.as_ref(), after.as_ref());
        for campaign in [&before, &after].into_iter().flatten().flat_map(|view| view.campaigns.keys()) {
            self.index(user, campaign, after.as_ref().is_some_and(|view| view.campaigns.contains_key(campaign)));
        }
        Announcements { changes, own: moved }
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

impl ConnectionPresence {
    fn new(now: Clocks) -> Self {
        Self { since: now.wall, resource: None, state: Activity::Viewing, in_room: false }
    }

    /// Returns what the place's connection is at there, given whether it rests.
    fn used(&self, is_idle: bool) -> Option<(Resource, Activity)> {
        let state = if is_idle { Activity::Idle } else { self.state };
        self.resource.clone().map(|resource| (resource, state))
    }
}

#[cfg(test)]
mod tests;
