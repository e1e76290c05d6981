//! The connection to Redis: messages out, messages in, and the record of who is present.
//!
//! A connection that fails is made again for as long as the server runs. What could not be said meanwhile is not
//! kept: the journal, the inboxes and the sessions are in the database, and everybody present is named again.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncConnectionConfig, Client, RedisError};
use scry_protocol::Id;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{Cluster, ClusterEvent, ClusterMessage};
use crate::clock;
use crate::event_bus::{EventBus, SessionEnded};
use crate::presence::UserView;

/// Carries every signed message, after the installation's prefix.
const CHANNEL_NAME: &str = "scry:messages";
/// How often a node says that it is there; never less often than presence allows.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// How long Redis may take to answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to wait before connecting again.
const RECONNECT_DELAY: Duration = Duration::from_millis(500);

/// How many users are recorded with one round trip.
const RECORD_PAGE_SIZE: usize = 500;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum RedisLinkError {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error("it did not answer in time")]
    Silent,
    #[error("the subscription ended")]
    Unsubscribed,
    #[error("a word could not be written: {0}")]
    Encode(#[from] serde_json::Error),
}

/// One living connection.
struct RedisLink<'a> {
    cluster: &'a Cluster,
    bus: &'a EventBus,
    commands: MultiplexedConnection,
    /// How long the record of a user outlives this node.
    ttl: Duration,
    /// The users recorded, as they are written.
    recorded_views: HashMap<Id, UserView>,
    /// When anything was last heard: this node receives its own messages too.
    last_received: Instant,
    /// When all of them were last written.
    recorded: Instant,
}

/// Keeps this node joined to the others until `stop`.
pub(super) async fn run(cluster: &Cluster, client: &Client, bus: &EventBus, ttl: Duration, stop: &CancellationToken) {
    let mut was_up = true;
    loop {
        let ended = run_connection(cluster, client, bus, ttl, stop).await;
        if cluster.up.send_replace(false) {
            was_up = true;
        }
        let Err(error) = ended else { return };
        if was_up {
            tracing::warn!(%error, "redis is unreachable; other nodes poll for changes");
            was_up = false;
        }
        if stop.run_until_cancelled(tokio::time::sleep(RECONNECT_DELAY)).await.is_none() {
            return;
        }
    }
}

/// Talks over one connection until it fails, or until `stop`.
async fn run_connection(
    cluster: &Cluster,
    client: &Client,
    bus: &EventBus,
    ttl: Duration,
    stop: &CancellationToken,
) -> Result<(), RedisLinkError> {
    let opened = stop.run_until_cancelled(timeout(RESPONSE_TIMEOUT, open(cluster, client))).await;
    let Some(opened) = opened else { return Ok(()) };
    let (commands, mut messages) = opened.map_err(|_| RedisLinkError::Silent)??;
    let mut outgoing = cluster.outgoing.subscribe();
    cluster.up.send_replace(true);
    tracing::info!("connected to redis");
    let mut link = RedisLink {
        cluster,
        bus,
        commands,
        ttl,
        recorded_views: HashMap::new(),
        last_received: Instant::now(),
        recorded: Instant::now(),
    };
    // Whoever keeps presence answers by saying who it is and who is here.
    link.forward(ClusterEvent::Up);
    let heartbeat = HEARTBEAT_INTERVAL.min(ttl / 3);
    let mut beats = interval(heartbeat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return link.leave(&mut outgoing).await,
            campaigns = cluster.commits.take() => {
                link.publish(ClusterMessage::Commits { campaigns: campaigns.into_iter().collect() }).await?;
            }
            users = cluster.messages.take() => {
                link.publish(ClusterMessage::Messages { users: users.into_iter().collect() }).await?;
            }
            message = outgoing.recv() => match message {
                Ok(message) => link.send(message).await?,
                Err(RecvError::Lagged(_)) => link.forward(ClusterEvent::Up),
                Err(RecvError::Closed) => return Ok(()),
            },
            message = messages.next() => {
                let message = message.ok_or(RedisLinkError::Unsubscribed)?;
                link.receive(message.get_payload_bytes());
            }
            _ = beats.tick() => {
                if link.last_received.elapsed() > heartbeat * 3 {
                    return Err(RedisLinkError::Silent);
                }
                link.publish(ClusterMessage::Heartbeat).await?;
                if link.recorded.elapsed() > ttl / 3 {
                    link.record_all().await?;
                }
            }
        }
    }
}

async fn open(cluster: &Cluster, client: &Client) -> Result<(MultiplexedConnection, PubSubStream), RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(RESPONSE_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    let commands = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut messages = client.get_async_pubsub().await?;
    messages.subscribe(channel(cluster)).await?;
    Ok((commands, messages.into_on_message()))
}

impl RedisLink<'_> {
    /// Sends a message, and keeps the record of who is present.
    async fn send(&mut self, message: ClusterMessage) -> Result<(), RedisLinkError> {
        match &message {
            ClusterMessage::User { user_id, view: Some(view) } => {
                self.recorded_views.insert(user_id.clone(), view.clone());
                self.record(std::slice::from_ref(user_id)).await?;
            }
            ClusterMessage::User { user_id, view: None } => self.remove_record(user_id).await?,
            ClusterMessage::Sync { users } => {
                let users = users.iter().map(|view| (view.user_id.clone(), view.clone()));
                self.recorded_views = users.collect();
                self.record_all().await?;
            }
            ClusterMessage::Commits { .. }
            | ClusterMessage::Messages { .. }
            | ClusterMessage::SessionEnded { .. }
            | ClusterMessage::Join
            | ClusterMessage::Heartbeat
            | ClusterMessage::Leave
            | ClusterMessage::Ephemeral(_)
            | ClusterMessage::Typing { .. } => {}
        }
        self.publish(message).await
    }

    async fn publish(&mut self, message: ClusterMessage) -> Result<(), RedisLinkError> {
        let signed = self.cluster.signer.sign(&message, clock::now().as_millisecond())?;
        let channel = channel(self.cluster);
        redis::cmd("PUBLISH").arg(channel).arg(signed).query_async::<()>(&mut self.commands).await?;
        Ok(())
    }

    /// Receives a message of another node, if a node has signed it.
    fn receive(&mut self, payload: &[u8]) {
        let verified = {
            let mut verifier = self.cluster.verifier.lock().unwrap_or_else(PoisonError::into_inner);
            verifier.verify(payload, clock::now().as_millisecond())
        };
        let envelope = match verified {
            Ok(envelope) => envelope,
            Err(refused) => return self.cluster.rejections.report(&refused),
        };
        self.last_received = Instant::now();
        let Some(envelope) = envelope else { return tracing::debug!("ignoring an unknown cluster message") };
        if envelope.from == self.cluster.node {
            return;
        }
        match envelope.message {
            ClusterMessage::Commits { campaigns } => campaigns.into_iter().for_each(|id| self.bus.commits.add(id)),
            ClusterMessage::Messages { users } => users.into_iter().for_each(|id| self.bus.messages.add(id)),
            ClusterMessage::Ephemeral(broadcast) => self.bus.broadcast_local(broadcast),
            ClusterMessage::SessionEnded { user_id, sid } => {
                self.bus.session_ended_elsewhere(SessionEnded { user_id, sid })
            }
            ClusterMessage::Join
            | ClusterMessage::Heartbeat
            | ClusterMessage::Leave
            | ClusterMessage::Sync { .. }
            | ClusterMessage::User { .. }
            | ClusterMessage::Typing { .. } => self.forward(ClusterEvent::Message(envelope)),
        }
    }

    fn forward(&self, event: ClusterEvent) {
        // An error only says that nobody keeps presence yet.
        let _ = self.cluster.incoming.send(event);
    }

    /// Writes down where users are: `ws:presence:{userId}`, one field for each node.
    async fn record(&mut self, users: &[Id]) -> Result<(), RedisLinkError> {
        let until = clock::now().saturating_add(self.ttl).map(clock::format_time).unwrap_or_default();
        let seconds = i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX).max(1);
        for page in users.chunks(RECORD_PAGE_SIZE) {
            let mut pipe = redis::pipe();
            for (user, view) in page.iter().filter_map(|user| Some((user, self.recorded_views.get(user)?))) {
                let entry = json!({"until": until, "name": view.name, "campaigns": view.campaigns}).to_string();
                let key = presence_key(self.cluster, user);
                pipe.hset(&key, self.cluster.node.as_ref(), entry).expire(&key, seconds);
            }
            pipe.query_async::<()>(&mut self.commands).await?;
        }
        Ok(())
    }

    async fn record_all(&mut self) -> Result<(), RedisLinkError> {
        self.recorded = Instant::now();
        self.record(&self.recorded_views.keys().cloned().collect::<Vec<_>>()).await
    }

    async fn remove_record(&mut self, user: &Id) -> Result<(), RedisLinkError> {
        self.recorded_views.remove(user);
        let field = self.cluster.node.as_ref();
        redis::cmd("HDEL")
            .arg(presence_key(self.cluster, user))
            .arg(field)
            .query_async::<()>(&mut self.commands)
            .await?;
        Ok(())
    }

    /// Sends what is still to be sent, and leaves.
    async fn leave(&mut self, outgoing: &mut broadcast::Receiver<ClusterMessage>) -> Result<(), RedisLinkError> {
        while let Ok(message) = outgoing.try_recv() {
            self.send(message).await?;
        }
        for user in self.recorded_views.keys().cloned().collect::<Vec<_>>() {
            self.remove_record(&user).await?;
        }
        self.publish(ClusterMessage::Leave).await
    }
}

fn channel(cluster: &Cluster) -> String {
    format!("{}{CHANNEL_NAME}", cluster.prefix)
}

fn presence_key(cluster: &Cluster, user: &Id) -> String {
    format!("{}ws:presence:{user}", cluster.prefix)
}
