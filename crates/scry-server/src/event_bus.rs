//! Notifications between the parts of the server, on this node and beyond; the state itself is in the database.

use std::sync::Arc;
use std::time::Duration;

use scry_protocol::{Id, Room};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::auth::revoked::RevokedSessions;
use super::clock;
use super::cluster::{Cluster, ClusterMessage};
use super::notify_set::NotifySet;

/// How many ended sessions, and ephemeral events, may wait for a slow subscriber before it loses the oldest.
const CHANNEL_CAPACITY: usize = 1024;

/// Notifies the parts that have something to read, here and on the other nodes; clones share everything.
#[derive(Debug, Clone)]
pub struct EventBus {
    /// Campaigns whose journals have grown.
    pub commits: NotifySet<Id>,
    /// Users whose inboxes have grown.
    pub messages: NotifySet<Id>,
    /// Users who changed something through the API.
    pub activity: NotifySet<Id>,
    broadcast: broadcast::Sender<Arc<EphemeralBroadcast>>,
    ended: broadcast::Sender<SessionEnded>,
    revoked: RevokedSessions,
    /// How long an access token may outlive its session.
    access_ttl: Duration,
    cluster: Option<Cluster>,
}

/// Says that a session is over: its sockets are to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnded {
    /// Whose session it was.
    pub user_id: Id,
    /// The session.
    pub sid: Id,
}

/// An event for the sockets that are in its rooms at that moment; it is stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EphemeralBroadcast {
    /// The event's name.
    pub event: String,
    /// JSON.
    pub body: String,
    /// The rooms whose sockets get it.
    pub rooms: Vec<Room>,
}

impl EventBus {
    /// Builds the bus of a node that is alone or one of several.
    #[must_use]
    pub fn new(access_ttl: Duration, cluster: Option<Cluster>) -> Self {
        Self {
            commits: NotifySet::default(),
            messages: NotifySet::default(),
            activity: NotifySet::default(),
            broadcast: broadcast::Sender::new(CHANNEL_CAPACITY),
            ended: broadcast::Sender::new(CHANNEL_CAPACITY),
            revoked: RevokedSessions::default(),
            access_ttl,
            cluster,
        }
    }

    /// Returns the way to the other nodes, if this node is not alone.
    #[must_use]
    pub const fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Announces that a campaign's journal has grown; called after the commit.
    pub fn committed(&self, campaign: &Id) {
        self.commits.add(campaign.clone());
        if let Some(cluster) = &self.cluster {
            cluster.committed(campaign);
        }
    }

    /// Announces that a user's inbox has grown; called after the commit.
    pub fn message_stored(&self, user: &Id) {
        self.messages.add(user.clone());
        if let Some(cluster) = &self.cluster {
            cluster.message_stored(user);
        }
    }

    /// Broadcasts an event to the sockets in its rooms, on every node.
    pub fn broadcast(&self, broadcast: EphemeralBroadcast) {
        self.publish(ClusterMessage::Ephemeral(broadcast.clone()));
        self.broadcast_local(broadcast);
    }

    /// Broadcasts an event of another node to the sockets of this one.
    pub fn broadcast_local(&self, broadcast: EphemeralBroadcast) {
        // An error only says that nobody listens.
        let _ = self.broadcast.send(Arc::new(broadcast));
    }

    /// Subscribes to ephemeral events, from now on.
    #[must_use]
    pub fn subscribe_ephemeral(&self) -> broadcast::Receiver<Arc<EphemeralBroadcast>> {
        self.broadcast.subscribe()
    }

    /// Announces that a session is over.
    pub fn session_ended(&self, session: SessionEnded) {
        self.publish(ClusterMessage::SessionEnded { user_id: session.user_id.clone(), sid: session.sid.clone() });
        self.session_ended_elsewhere(session);
    }

    /// Announces on this node that a session is over, where another node or the database said so.
    pub fn session_ended_elsewhere(&self, session: SessionEnded) {
        self.revoked.add(&session.sid, clock::now(), self.access_ttl);
        // An error only says that nobody listens.
        let _ = self.ended.send(session);
    }

    /// Returns whether a session has ended lately, on whatever node; asks no database.
    #[must_use]
    pub fn is_session_ended(&self, sid: &Id) -> bool {
        self.revoked.contains(sid)
    }

    /// Subscribes to the end of sessions, from now on.
    #[must_use]
    pub fn subscribe_session_ends(&self) -> broadcast::Receiver<SessionEnded> {
        self.ended.subscribe()
    }

    /// Publishes a message to the other nodes, if there are any.
    pub fn publish(&self, message: ClusterMessage) {
        if let Some(cluster) = &self.cluster {
            cluster.publish(message);
        }
    }
}
