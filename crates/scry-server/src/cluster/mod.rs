//! The other nodes: what this one tells them, and what it hears.
//!
//! Nodes share a database and tell each other over Redis that there is something to read in it. Without Redis
//! everything that is in the database still arrives, a second later, because every node also looks by itself; what is
//! only passed on stays on its node. Whatever comes over Redis is believed only if a node has signed it.

mod link;
mod refusals;
mod signing;
mod word;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

pub use refusals::{RefusalCounts, Refusals};
pub use signing::{MessageKey, RefusalReason};
pub use word::{Envelope, Heard, Word};

use scry_protocol::Id;

use self::signing::{Signer, Verifier};
use super::signals::Signals;
use super::wakes::Wakes;
use crate::config::Secret;

/// How many words may wait for a slow reader before it loses the oldest.
const BACKLOG: usize = 4096;

/// Passes words between this node and the others; clones share everything.
#[derive(Debug, Clone)]
pub struct Cluster {
    node: Arc<str>,
    client: redis::Client,
    /// Stands before every name in Redis, so that several installations may share one.
    prefix: Arc<str>,
    signer: Arc<Signer>,
    /// Outlives connections: a message must not come twice because Redis was away in between.
    verifier: Arc<Mutex<Verifier>>,
    refusals: Refusals,
    up: watch::Sender<bool>,
    /// Campaigns whose journals grew here.
    commits: Wakes<Id>,
    /// Users whose inboxes grew here.
    mail: Wakes<Id>,
    said: broadcast::Sender<Word>,
    heard: broadcast::Sender<Heard>,
}

impl Cluster {
    /// Builds the handle of a node that is not connected yet; nodes believe each other by `key`.
    ///
    /// # Errors
    /// What is wrong with the URL, without its password.
    pub fn new(
        node: Arc<str>,
        url: &Secret,
        prefix: &str,
        key: MessageKey,
        refusals: Refusals,
    ) -> Result<Self, String> {
        let client = redis::Client::open(url.expose()).map_err(|error| error.to_string())?;
        Ok(Self {
            signer: Arc::new(Signer::new(key.clone(), node.clone())),
            verifier: Arc::new(Mutex::new(Verifier::new(key))),
            prefix: prefix.into(),
            refusals,
            node,
            client,
            up: watch::Sender::new(false),
            commits: Wakes::default(),
            mail: Wakes::default(),
            said: broadcast::Sender::new(BACKLOG),
            heard: broadcast::Sender::new(BACKLOG),
        })
    }

    /// Stays joined to the other nodes until `stop`, whatever Redis does; presence is recorded for `ttl`.
    pub async fn run(&self, signals: &Signals, ttl: Duration, stop: &CancellationToken) {
        link::run(self, &self.client, signals, ttl, stop).await;
    }

    /// Tells whether the other nodes can be reached.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Tells the other nodes that a campaign's journal has grown.
    pub fn committed(&self, campaign: &Id) {
        self.commits.add(campaign.clone());
    }

    /// Tells the other nodes that a user's inbox has grown.
    pub fn mailed(&self, user: &Id) {
        self.mail.add(user.clone());
    }

    /// Tells the other nodes something else, if they can be reached.
    pub fn say(&self, word: Word) {
        // An error only says that there is no connection at the moment.
        let _ = self.said.send(word);
    }

    /// Listens to the other nodes, from now on.
    #[must_use]
    pub fn hear(&self) -> broadcast::Receiver<Heard> {
        self.heard.subscribe()
    }
}
