//! The connection to Redis: words out, words in, and the record of who is present.
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

use super::{Cluster, Heard, Word};
use crate::clock;
use crate::presence::UserView;
use crate::signals::{SessionEnded, Signals};

/// Carries every signed message, after the installation's prefix.
const CHANNEL: &str = "scry:messages";
/// How often a node says that it is there; never less often than presence allows.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long to wait before connecting again.
const PAUSE: Duration = Duration::from_millis(500);

/// How many users are recorded with one round trip.
const PAGE: usize = 500;

/// Says why a connection ended.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error("it did not answer in time")]
    Silent,
    #[error("the subscription ended")]
    Unsubscribed,
    #[error("a word could not be written: {0}")]
    Word(#[from] serde_json::Error),
}

/// Holds one living connection.
struct Link<'a> {
    cluster: &'a Cluster,
    signals: &'a Signals,
    commands: MultiplexedConnection,
    /// How long the record of a user outlives this node.
    ttl: Duration,
    /// The users recorded, as they are written.
    held: HashMap<Id, UserView>,
    /// When anything was last heard: this node hears its own words too.
    heard: Instant,
    /// When all of them were last written.
    recorded: Instant,
}

/// Keeps this node joined to the others until `stop`.
pub(super) async fn run(
    cluster: &Cluster,
    client: &Client,
    signals: &Signals,
    ttl: Duration,
    stop: &CancellationToken,
) {
    let mut was_up = true;
    loop {
        let ended = talk(cluster, client, signals, ttl, stop).await;
        if cluster.up.send_replace(false) {
            was_up = true;
        }
        let Err(error) = ended else { return };
        if was_up {
            tracing::warn!(%error, "redis cannot be reached; other nodes hear of changes here by polling");
            was_up = false;
        }
        if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}

/// Talks over one connection until it fails, or until `stop`.
async fn talk(
    cluster: &Cluster,
    client: &Client,
    signals: &Signals,
    ttl: Duration,
    stop: &CancellationToken,
) -> Result<(), LinkError> {
    let opened = stop.run_until_cancelled(timeout(PATIENCE, open(cluster, client))).await;
    let Some(opened) = opened else { return Ok(()) };
    let (commands, mut words) = opened.map_err(|_| LinkError::Silent)??;
    let mut said = cluster.said.subscribe();
    cluster.up.send_replace(true);
    tracing::info!("joined the other nodes over redis");
    let mut link =
        Link { cluster, signals, commands, ttl, held: HashMap::new(), heard: Instant::now(), recorded: Instant::now() };
    // Whoever keeps presence answers by saying who it is and who is here.
    link.pass_on(Heard::Up);
    let heartbeat = HEARTBEAT.min(ttl / 3);
    let mut beats = interval(heartbeat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return link.leave(&mut said).await,
            campaigns = cluster.commits.take() => {
                link.publish(Word::Commits { campaigns: campaigns.into_iter().collect() }).await?;
            }
            users = cluster.mail.take() => {
                link.publish(Word::Mail { users: users.into_iter().collect() }).await?;
            }
            word = said.recv() => match word {
                Ok(word) => link.say(word).await?,
                Err(RecvError::Lagged(_)) => link.pass_on(Heard::Up),
                Err(RecvError::Closed) => return Ok(()),
            },
            message = words.next() => {
                let message = message.ok_or(LinkError::Unsubscribed)?;
                link.listen(message.get_payload_bytes());
            }
            _ = beats.tick() => {
                if link.heard.elapsed() > heartbeat * 3 {
                    return Err(LinkError::Silent);
                }
                link.publish(Word::Alive).await?;
                if link.recorded.elapsed() > ttl / 3 {
                    link.record_all().await?;
                }
            }
        }
    }
}

async fn open(cluster: &Cluster, client: &Client) -> Result<(MultiplexedConnection, PubSubStream), RedisError> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
    let commands = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut words = client.get_async_pubsub().await?;
    words.subscribe(channel(cluster)).await?;
    Ok((commands, words.into_on_message()))
}

impl Link<'_> {
    /// Says a word, and keeps the record of who is present.
    async fn say(&mut self, word: Word) -> Result<(), LinkError> {
        match &word {
            Word::User { user_id, view: Some(view) } => {
                self.held.insert(user_id.clone(), view.clone());
                self.record(std::slice::from_ref(user_id)).await?;
            }
            Word::User { user_id, view: None } => self.strike(user_id).await?,
            Word::Roll { users } => {
                let users = users.iter().map(|view| (view.user_id.clone(), view.clone()));
                self.held = users.collect();
                self.record_all().await?;
            }
            Word::Commits { .. }
            | Word::Mail { .. }
            | Word::Ended { .. }
            | Word::Hello
            | Word::Alive
            | Word::Bye
            | Word::Passing(_)
            | Word::Typing { .. } => {}
        }
        self.publish(word).await
    }

    async fn publish(&mut self, word: Word) -> Result<(), LinkError> {
        let signed = self.cluster.signer.sign(&word, clock::now().as_millisecond())?;
        let channel = channel(self.cluster);
        redis::cmd("PUBLISH").arg(channel).arg(signed).query_async::<()>(&mut self.commands).await?;
        Ok(())
    }

    /// Takes in a word of another node, if a node has signed it.
    fn listen(&mut self, payload: &[u8]) {
        let verified = {
            let mut verifier = self.cluster.verifier.lock().unwrap_or_else(PoisonError::into_inner);
            verifier.verify(payload, clock::now().as_millisecond())
        };
        let envelope = match verified {
            Ok(envelope) => envelope,
            Err(refused) => return self.cluster.refusals.note(&refused),
        };
        self.heard = Instant::now();
        let Some(envelope) = envelope else { return tracing::debug!("ignoring an unknown message of another node") };
        if envelope.from == self.cluster.node {
            return;
        }
        match envelope.word {
            Word::Commits { campaigns } => campaigns.into_iter().for_each(|id| self.signals.commits.add(id)),
            Word::Mail { users } => users.into_iter().for_each(|id| self.signals.mail.add(id)),
            Word::Passing(passing) => self.signals.heard_passing(passing),
            Word::Ended { user_id, sid } => self.signals.heard_end(SessionEnded { user_id, sid }),
            Word::Hello | Word::Alive | Word::Bye | Word::Roll { .. } | Word::User { .. } | Word::Typing { .. } => {
                self.pass_on(Heard::Word(envelope))
            }
        }
    }

    fn pass_on(&self, heard: Heard) {
        // An error only says that nobody keeps presence yet.
        let _ = self.cluster.heard.send(heard);
    }

    /// Writes down where users are: `ws:presence:{userId}`, one field for each node.
    async fn record(&mut self, users: &[Id]) -> Result<(), LinkError> {
        let until = clock::now().saturating_add(self.ttl).map(clock::stamp).unwrap_or_default();
        let seconds = i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX).max(1);
        for page in users.chunks(PAGE) {
            let mut pipe = redis::pipe();
            for (user, view) in page.iter().filter_map(|user| Some((user, self.held.get(user)?))) {
                let entry = json!({"until": until, "name": view.name, "campaigns": view.campaigns}).to_string();
                let key = presence_key(self.cluster, user);
                pipe.hset(&key, self.cluster.node.as_ref(), entry).expire(&key, seconds);
            }
            pipe.query_async::<()>(&mut self.commands).await?;
        }
        Ok(())
    }

    async fn record_all(&mut self) -> Result<(), LinkError> {
        self.recorded = Instant::now();
        self.record(&self.held.keys().cloned().collect::<Vec<_>>()).await
    }

    async fn strike(&mut self, user: &Id) -> Result<(), LinkError> {
        self.held.remove(user);
        let field = self.cluster.node.as_ref();
        redis::cmd("HDEL")
            .arg(presence_key(self.cluster, user))
            .arg(field)
            .query_async::<()>(&mut self.commands)
            .await?;
        Ok(())
    }

    /// Says what is still to be said, and goodbye.
    async fn leave(&mut self, said: &mut broadcast::Receiver<Word>) -> Result<(), LinkError> {
        while let Ok(word) = said.try_recv() {
            self.say(word).await?;
        }
        for user in self.held.keys().cloned().collect::<Vec<_>>() {
            self.strike(&user).await?;
        }
        self.publish(Word::Bye).await
    }
}

fn channel(cluster: &Cluster) -> String {
    format!("{}{CHANNEL}", cluster.prefix)
}

fn presence_key(cluster: &Cluster, user: &Id) -> String {
    format!("{}ws:presence:{user}", cluster.prefix)
}
