//! The relay: reads the journal behind every change and sends it to those who listen.
//!
//! It is the only sender of durable events. Each campaign that somebody listens to has a `Channel`
//! behind its own lock; whoever holds the lock may send, so events go out in the journal's order and
//! a socket joins exactly between two of them. A campaign nobody listens to costs nothing: its channel
//! opens at the journal's head when the first socket comes.

mod admission;
mod batch;
mod channel;
mod ephemeral;
mod resume;
mod stats;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use batch::{Batch, EventDelivery};
use channel::Channel;
use scry_protocol::{EntityType, Event, Id, Metadata, Operation, Position, Room};
use serde::Deserialize;
use serde_json::json;
use socketioxide::socket::Sid;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::clock;
use super::db::DbError;
use super::journal::JournalRow;
use super::presence::PresenceHandle;
use super::socket::{Connection, Connections};
use super::state::AppState;

pub use resume::{SubscribeError, SubscribeGuard};
pub use stats::{ChannelStats, RelayStats};

/// How many rows are read from the journal at a time, at most and at least.
const PAGE_SIZE_BOUNDS: (usize, usize) = (256, 8);
/// How many deliveries are made at a time: everything else on the thread waits for them.
const MAX_DELIVERIES_PER_PAGE: usize = 32_768;
/// How long after a read of the journal the next one comes: what is committed meanwhile is sent together.
const BATCH_INTERVAL: Duration = Duration::from_millis(5);
/// How often the journal is read without having been woken: a wake-up may be lost, an event may not.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Sends durable events to the sockets that listen; clones share everything.
#[derive(Clone)]
pub struct Relay {
    state: AppState,
    connections: Connections,
    presence: PresenceHandle,
    channels: SharedChannels,
}

type SharedChannel = Arc<tokio::sync::Mutex<Channel>>;
type ChannelMap = Mutex<HashMap<Id, SharedChannel>>;
type SharedChannels = Arc<ChannelMap>;

impl Relay {
    /// Builds a relay that sends to `connections`.
    #[must_use]
    pub fn new(state: AppState, connections: Connections, presence: PresenceHandle) -> Self {
        Self { state, connections, presence, channels: SharedChannels::default() }
    }

    /// Sends what is committed, as it is committed, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let commits = self.state.bus.commits.clone();
        let mut polls = interval(POLL_INTERVAL);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = tokio::select! {
                () = stop.cancelled() => return,
                campaigns = commits.take() => Ok(("commit", campaigns)),
                _ = polls.tick() => self.overdue().await.map(|campaigns| ("poll", campaigns)),
            };
            let began = Instant::now();
            let caught_up = match due {
                Ok((by, campaigns)) => {
                    self.state.metrics.woken(by, campaigns.len());
                    self.catch_up(&campaigns).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = caught_up {
                tracing::error!(%error, "cannot read the journal; trying again");
            }
            // The first event after a silence goes out at once, those on its heels with one write a socket.
            if stop.run_until_cancelled(sleep_until(began + BATCH_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    /// Takes a socket out of a room; returns false if it was not in it.
    pub async fn unsubscribe(&self, connection: &Connection, room: &Room) -> bool {
        let Some(campaign) = connection.rooms().remove(room) else { return false };
        let channel = self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(&campaign).cloned();
        if let Some(channel) = channel {
            channel.lock().await.leave(connection.id(), room);
        }
        self.close_if_empty(&campaign);
        true
    }

    /// Takes a socket that has gone out of all its rooms.
    pub async fn leave(&self, connection: &Connection) {
        let rooms = std::mem::take(&mut *connection.rooms());
        let mut campaigns: Vec<Id> = rooms.into_values().collect();
        campaigns.sort();
        campaigns.dedup();
        for campaign in campaigns {
            let channel = self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(&campaign).cloned();
            if let Some(channel) = channel {
                channel.lock().await.leave_all(connection.id());
            }
            self.close_if_empty(&campaign);
        }
    }

    /// Returns the campaigns with listeners whose journals may have grown without a wake-up.
    async fn overdue(&self) -> Result<HashSet<Id>, DbError> {
        let open = self.channels.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if open.is_empty() {
            return Ok(HashSet::new());
        }
        let heads = self.state.journal.heads().await?;
        let is_due = |(campaign, head): &(Id, Position)| {
            // A channel that is locked is being served right now, and again at the next poll.
            open.get(campaign).is_some_and(|channel| {
                channel.try_lock().is_ok_and(|channel| channel.is_empty() || *channel.head() != *head)
            })
        };
        Ok(heads.into_iter().filter(is_due).map(|(campaign, _)| campaign).collect())
    }

    async fn catch_up(&self, campaigns: &HashSet<Id>) -> Result<(), DbError> {
        for campaign in campaigns {
            let open = self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(campaign).cloned();
            let Some(channel) = open else { continue };
            let mut locked = channel.lock().await;
            self.advance(campaign, &mut locked).await?;
            let is_unused = locked.is_empty();
            drop(locked);
            drop(channel);
            if is_unused {
                self.close_if_empty(campaign);
            }
        }
        Ok(())
    }

    /// Sends everything that the journal holds after the channel's head.
    ///
    /// Between reading a page and having sent it nothing is waited for: whoever gives up waiting for this, as
    /// when its connection breaks off, leaves no event behind.
    async fn advance(&self, campaign: &Id, channel: &mut Channel) -> Result<(), DbError> {
        loop {
            let limit = page_size(channel.subscriber_count());
            let rows = self.state.journal.after(campaign, channel.head().seq, limit).await?;
            self.send(campaign, channel, &rows);
            if rows.len() < limit as usize {
                return Ok(());
            }
        }
    }

    fn send(&self, campaign: &Id, channel: &mut Channel, rows: &[JournalRow]) {
        let mut batch = Batch::default();
        for row in rows {
            channel.advance(&row.epoch, row.seq);
            if let Some(user) = &row.revoked_user {
                // What came before still reaches them; this event and what follows does not.
                self.deliver(campaign, &mut batch);
                if let Some(rooms) = &row.rooms {
                    self.revoke(channel.evict_from(user, rooms));
                    continue;
                }
                self.revoke(channel.evict(|member| member == user));
            }
            batch.add(row, &channel.recipients(&rooms_of(campaign, row)));
            if ends_campaign(row) {
                self.deliver(campaign, &mut batch);
                self.revoke(channel.evict(|_| true));
            }
        }
        self.deliver(campaign, &mut batch);
    }

    fn deliver(&self, campaign: &Id, batch: &mut Batch<'_>) {
        for EventDelivery { row, sockets, .. } in batch.deliver(&self.connections) {
            self.state.metrics.relayed(&row.event_type, sockets, age(row));
            log_delivery(campaign, row, sockets);
        }
    }

    fn revoke(&self, evicted: Vec<(Sid, Vec<Room>)>) {
        for (sid, rooms) in evicted {
            if let Some(connection) = self.connections.find(sid) {
                for room in &rooms {
                    connection.rooms().remove(room);
                    connection.send("access:revoked", &json!({"room": room}));
                }
            }
            self.presence.moved.add(sid);
        }
    }

    /// Returns a campaign's channel, opened if need be; `None` if there never was such a campaign.
    async fn channel(&self, campaign: &Id) -> Result<Option<SharedChannel>, DbError> {
        if let Some(channel) = self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(campaign) {
            return Ok(Some(channel.clone()));
        }
        let Some(head) = self.state.journal.head(campaign).await? else { return Ok(None) };
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let channel =
            channels.entry(campaign.clone()).or_insert_with(|| Arc::new(tokio::sync::Mutex::new(Channel::new(head))));
        Ok(Some(channel.clone()))
    }

    fn close_if_empty(&self, campaign: &Id) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody else can take the channel while the map is locked, so one reference means nobody has it.
        let is_unused = channels.get(campaign).is_some_and(|channel| {
            Arc::strong_count(channel) == 1 && channel.try_lock().is_ok_and(|channel| channel.is_empty())
        });
        if is_unused {
            channels.remove(campaign);
        }
    }
}

/// Returns how many rows to read at a time for so many sockets.
fn page_size(sockets: usize) -> u32 {
    let (most, least) = PAGE_SIZE_BOUNDS;
    u32::try_from((MAX_DELIVERIES_PER_PAGE / sockets.max(1)).clamp(least, most)).unwrap_or(u32::MAX)
}

/// Returns how long ago the change of an event began.
fn age(row: &JournalRow) -> Duration {
    Duration::from_millis(u64::try_from(clock::now().as_millisecond() - row.created_ms).unwrap_or(0))
}

/// Reads of an event only where it came from.
#[derive(Deserialize)]
struct MetadataOnly {
    metadata: Metadata,
}

/// Follows an event from its request to its delivery, for those who ask for that much.
fn log_delivery(campaign: &Id, row: &JournalRow, sockets: usize) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        let metadata = serde_json::from_str(&row.body).map(|MetadataOnly { metadata }| metadata).unwrap_or_default();
        let (correlation_id, event_id) = (metadata.correlation_id.unwrap_or_default(), metadata.event_id);
        let event_id = event_id.as_ref().map_or("", Id::as_str);
        tracing::debug!(correlation_id, event_id, %campaign, seq = row.seq, sockets, "delivered");
    }
}

/// Returns the rooms that an event went to.
fn rooms_of(campaign: &Id, row: &JournalRow) -> Vec<Room> {
    if let Some(rooms) = &row.rooms {
        return rooms.clone();
    }
    let settlement = row.settlement_id.clone().map(Room::Settlement);
    let structure = row.structure_id.clone().map(Room::Structure);
    [Some(Room::Campaign(campaign.clone())), settlement, structure].into_iter().flatten().collect()
}

/// Returns whether an event is its campaign's last: the deletion of the campaign, which ends every membership.
fn ends_campaign(row: &JournalRow) -> bool {
    // The text is looked at first, because few events are deletions and every event comes by here. What a catalogue
    // declares may look like anything.
    row.rooms.is_none()
        && row.body.contains("\"delete\"")
        && serde_json::from_str::<Event>(&row.body).is_ok_and(|event| {
            event.payload.operation() == Operation::Delete
                && event.payload.subject().entity_type == EntityType::Campaign
        })
}
