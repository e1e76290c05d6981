//! The other nodes: what this one publishes to them, and what it receives.
//!
//! Nodes share a database and tell each other over Redis that there is something to read in it. Without Redis
//! everything that is in the database still arrives, a second later, because every node also polls it; ephemeral events
//! stay on their node. Whatever comes over Redis is believed only if a node has signed it.

mod link;
mod message;
mod rejections;
mod signing;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

pub use message::{ClusterEvent, ClusterMessage, Envelope};
pub use rejections::{RejectionCounts, RejectionMetrics};
pub use signing::{MessageKey, VerifyErrorKind};

use scry_protocol::Id;

use self::signing::{Signer, Verifier};
use super::event_bus::EventBus;
use super::notify_set::NotifySet;
use crate::config::ConfigSecret;

/// How many messages may wait for a slow reader before it loses the oldest.
const CHANNEL_CAPACITY: usize = 4096;

/// Exchanges messages between this node and the others; clones share everything.
#[derive(Debug, Clone)]
pub struct Cluster {
    node: Arc<str>,
    client: redis::Client,
    /// Stands before every name in Redis, so that several installations may share one.
    prefix: Arc<str>,
    signer: Arc<Signer>,
    /// Outlives connections: a message must not come twice because Redis was away in between.
    verifier: Arc<Mutex<Verifier>>,
    rejections: RejectionMetrics,
    up: watch::Sender<bool>,
    /// Campaigns whose journals grew here.
    commits: NotifySet<Id>,
    /// Users whose inboxes grew here.
    messages: NotifySet<Id>,
    outgoing: broadcast::Sender<ClusterMessage>,
    incoming: broadcast::Sender<ClusterEvent>,
}

impl Cluster {
    /// Builds the handle of a node that is not connected yet; nodes believe each other by `key`.
    ///
    /// # Errors
    /// What is wrong with the URL, without its password.
    pub fn new(
        node: Arc<str>,
        url: &ConfigSecret,
        prefix: &str,
        key: MessageKey,
        rejections: RejectionMetrics,
    ) -> Result<Self, String> {
        let client = redis::Client::open(url.expose()).map_err(|error| error.to_string())?;
        Ok(Self {
            signer: Arc::new(Signer::new(key.clone(), node.clone())),
            verifier: Arc::new(Mutex::new(Verifier::new(key))),
            prefix: prefix.into(),
            rejections,
            node,
            client,
            up: watch::Sender::new(false),
            commits: NotifySet::default(),
            messages: NotifySet::default(),
            outgoing: broadcast::Sender::new(CHANNEL_CAPACITY),
            incoming: broadcast::Sender::new(CHANNEL_CAPACITY),
        })
    }

    /// Stays joined to the other nodes until `stop`, whatever Redis does; presence is recorded for `ttl`.
    pub async fn run(&self, bus: &EventBus, ttl: Duration, stop: &CancellationToken) {
        link::run(self, &self.client, bus, ttl, stop).await;
    }

    /// Returns whether the other nodes can be reached.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Tells the other nodes that a campaign's journal has grown.
    pub fn committed(&self, campaign: &Id) {
        self.commits.add(campaign.clone());
    }

    /// Tells the other nodes that a user's inbox has grown.
    pub fn message_stored(&self, user: &Id) {
        self.messages.add(user.clone());
    }

    /// Publishes any other message to the other nodes, if they can be reached.
    pub fn publish(&self, message: ClusterMessage) {
        // An error only says that there is no connection at the moment.
        let _ = self.outgoing.send(message);
    }

    /// Subscribes to the events of the cluster, from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<ClusterEvent> {
        self.incoming.subscribe()
    }
}
