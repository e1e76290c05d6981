//! What the parts of the server tell each other besides what is in the database, on this node and beyond.

use std::sync::Arc;
use std::time::Duration;

use scry_protocol::{Id, Room};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::auth::revoked::Revoked;
use super::clock;
use super::cluster::{Cluster, Word};
use super::wakes::Wakes;

/// How many ended sessions, and events passed on, may wait for a slow listener before it loses the oldest.
const BACKLOG: usize = 1024;

/// Wakes whoever has something to read, here and on the other nodes; clones share everything.
#[derive(Debug, Clone)]
pub struct Signals {
    /// Campaigns whose journals have grown.
    pub commits: Wakes<Id>,
    /// Users whose inboxes have grown.
    pub mail: Wakes<Id>,
    /// Users who changed something through the API.
    pub acted: Wakes<Id>,
    passing: broadcast::Sender<Arc<Passing>>,
    ended: broadcast::Sender<SessionEnded>,
    revoked: Revoked,
    /// How long an access token may outlive its session.
    access_ttl: Duration,
    cluster: Option<Cluster>,
}

/// Says that a session is over: its sockets are to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnded {
    pub user_id: Id,
    pub sid: Id,
}

/// Holds an event that is passed on to whoever is there, and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passing {
    pub event: String,
    /// JSON.
    pub body: String,
    pub rooms: Vec<Room>,
}

impl Signals {
    /// Builds the signals of a node that is alone or one of several.
    #[must_use]
    pub fn new(access_ttl: Duration, cluster: Option<Cluster>) -> Self {
        Self {
            commits: Wakes::default(),
            mail: Wakes::default(),
            acted: Wakes::default(),
            passing: broadcast::Sender::new(BACKLOG),
            ended: broadcast::Sender::new(BACKLOG),
            revoked: Revoked::default(),
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
    pub fn mailed(&self, user: &Id) {
        self.mail.add(user.clone());
        if let Some(cluster) = &self.cluster {
            cluster.mailed(user);
        }
    }

    /// Passes an event on to whoever is there, on whatever node.
    pub fn pass(&self, passing: Passing) {
        self.say(Word::Passing(passing.clone()));
        self.heard_passing(passing);
    }

    /// Passes on what another node passed on.
    pub fn heard_passing(&self, passing: Passing) {
        // An error only says that nobody listens.
        let _ = self.passing.send(Arc::new(passing));
    }

    /// Listens to what is passed on, from now on.
    #[must_use]
    pub fn passing(&self) -> broadcast::Receiver<Arc<Passing>> {
        self.passing.subscribe()
    }

    /// Announces that a session is over.
    pub fn end(&self, session: SessionEnded) {
        self.say(Word::Ended { user_id: session.user_id.clone(), sid: session.sid.clone() });
        self.heard_end(session);
    }

    /// Passes on that a session is over, where another node or the database said so.
    pub fn heard_end(&self, session: SessionEnded) {
        self.revoked.add(&session.sid, clock::now(), self.access_ttl);
        // An error only says that nobody listens.
        let _ = self.ended.send(session);
    }

    /// Tells whether a session has ended lately, on whatever node; asks no database.
    #[must_use]
    pub fn is_over(&self, sid: &Id) -> bool {
        self.revoked.contains(sid)
    }

    /// Listens to the end of sessions, from now on.
    #[must_use]
    pub fn ended(&self) -> broadcast::Receiver<SessionEnded> {
        self.ended.subscribe()
    }

    /// Tells the other nodes something, if there are any.
    pub fn say(&self, word: Word) {
        if let Some(cluster) = &self.cluster {
            cluster.say(word);
        }
    }
}
