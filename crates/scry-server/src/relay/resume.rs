//! Joining a room with nothing lost or doubled between what is replayed and what is live.
//!
//! A long history is sent page by page while the campaign goes on. Only the last few events are sent
//! with the channel locked, so that nobody waits for one socket's past, and the socket joins before
//! the lock is let go.

use std::time::Duration;

use scry_protocol::{Id, Position, Room, SubscribeAck};
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::channel::{Channel, Coverage};
use super::{Relay, SharedChannel, rooms_of};
use crate::db::DbError;
use crate::journal::JournalRow;
use crate::socket::{BufferFullError, Connection};

/// How much history is read at a time: in `seq`s, and of a catalogue's room in events.
const SLICE_SIZE: u64 = 256;
/// How much may be left to replay when the channel is locked for the handover.
const LOCKED_SLICE_SIZE: u64 = 64;
/// How long a socket may leave its buffer full before the replay gives up on it.
const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a full buffer is looked at again.
const BUFFER_RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Why a room was not joined.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// There is no such room, or it is not for this user: nobody learns which.
    #[error("Unauthorized")]
    Unauthorized,
    /// The socket has gone.
    #[error("the connection has gone")]
    Gone,
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The answer to a granted subscription; holds back live events until it is dropped.
///
/// Answer first, then drop it: so the answer comes after what was replayed and before what follows.
pub struct SubscribeGuard {
    /// What to answer.
    pub ack: SubscribeAck,
    /// The channel, which sends nothing while this is held.
    pub hold: OwnedMutexGuard<Channel>,
}

/// Follows one replay.
struct RoomReplay<'a> {
    connection: &'a Connection,
    room: &'a Room,
    campaign: &'a Id,
    /// The last `seq` of the room that the socket has; `None` if it asked for nothing or cannot be served.
    cursor: Option<u64>,
    /// Whether the socket asked for its past.
    asked: bool,
    /// Where the replay began: the room is complete for the socket from here on.
    from: Option<u64>,
    sent: u64,
    /// When the socket last took something.
    progress: Instant,
}

impl Relay {
    /// Sends a room's events after `since`, joins it, and returns what to answer.
    ///
    /// # Errors
    /// [`SubscribeError`]; the socket is then not in the room.
    pub async fn subscribe(
        &self,
        connection: &Connection,
        room: &Room,
        since: Option<&Position>,
    ) -> Result<SubscribeGuard, SubscribeError> {
        let campaign = self.history_of(room).await?.ok_or(SubscribeError::Unauthorized)?;
        self.admit(connection, room, &campaign).await?;
        let shared = self.channel(&campaign).await?.ok_or(SubscribeError::Unauthorized)?;
        let mut replay = RoomReplay {
            connection,
            room,
            campaign: &campaign,
            cursor: None,
            asked: since.is_some(),
            from: None,
            sent: 0,
            progress: Instant::now(),
        };
        replay.begin(self, &shared, since).await?;
        loop {
            let mut channel = shared.clone().lock_owned().await;
            self.advance(&campaign, &mut channel).await?;
            let head = channel.head().seq;
            // Asked again after the head was read: whoever was removed up to here gets nothing more.
            self.admit(connection, room, &campaign).await?;
            let coverage = channel.coverage(connection.id(), room);
            if replay.cursor.is_none_or(|cursor| head.saturating_sub(cursor) <= LOCKED_SLICE_SIZE) {
                if replay.slice(self, &coverage, head).await?.is_ok() {
                    self.state.metrics.subscribed(replay.outcome(), replay.sent);
                    return Ok(replay.join_locked(channel));
                }
                drop(channel);
                replay.wait_for_buffer().await?;
            } else {
                drop(channel);
                while replay.slice(self, &coverage, head).await?.is_err() {
                    replay.wait_for_buffer().await?;
                }
            }
        }
    }
}

impl RoomReplay<'_> {
    /// Decides whether the history that `since` speaks of is the one this journal still has.
    async fn begin(&mut self, relay: &Relay, channel: &SharedChannel, since: Option<&Position>) -> Result<(), DbError> {
        let Some(since) = since else { return Ok(()) };
        let mut channel = channel.lock().await;
        relay.advance(self.campaign, &mut channel).await?;
        let is_known = since.is_comparable_with(channel.head()) && since.seq <= channel.head().seq;
        if is_known && !self.was_absent(relay, since.seq).await? {
            self.from = Some(since.seq);
            self.cursor = Some(self.skip(relay, since.seq, channel.head().seq).await?);
        }
        Ok(())
    }

    /// Returns whether the user was no member for a while after `since`: what happened then is not for them.
    async fn was_absent(&self, relay: &Relay, since: u64) -> Result<bool, DbError> {
        let user = self.connection.claims().sub.clone();
        relay.state.journal.was_removed(self.campaign, self.room, &user, since).await
    }

    /// Returns the place up to `head` behind which something may have gone to the room that the socket has not got.
    ///
    /// A catalogue has many rooms: what happened in the others, and was forgotten since, is no loss to this one.
    async fn skip(&self, relay: &Relay, since: u64, head: u64) -> Result<u64, DbError> {
        let is_quiet = match self.room {
            Room::Custom(..) => relay.state.journal.room_head(self.campaign, self.room).await? <= since,
            Room::Campaign(_) | Room::Settlement(_) | Room::Structure(_) | Room::User(_) => false,
        };
        Ok(if is_quiet { head } else { since })
    }

    /// Sends the next slice up to `head`; `BufferFullError` means that the rest of it is still to be sent.
    async fn slice(
        &mut self,
        relay: &Relay,
        coverage: &Coverage,
        head: u64,
    ) -> Result<Result<(), BufferFullError>, DbError> {
        let Some(cursor) = self.cursor else { return Ok(Ok(())) };
        let (rows, upto) = self.read(relay, cursor, head).await?;
        // Read after the rows: what was trimmed before them shows as a floor above the cursor, and a membership that
        // ended while they were sent as a removal behind it.
        if relay.state.journal.floor(self.campaign).await? > cursor || self.was_absent(relay, cursor).await? {
            self.cursor = None;
            self.from = None;
            return Ok(Ok(()));
        }
        for row in &rows {
            if !coverage.includes(&rooms_of(self.campaign, row), row.seq) {
                if self.connection.try_send(&row.event_type, &marked(row)?).is_err() {
                    return Ok(Err(BufferFullError));
                }
                self.sent += 1;
                self.progress = Instant::now();
            }
            self.cursor = Some(row.seq);
        }
        self.cursor = Some(upto);
        Ok(Ok(()))
    }

    /// Reads the next slice after the cursor, and tells up to where it reaches.
    async fn read(&self, relay: &Relay, cursor: u64, head: u64) -> Result<(Vec<JournalRow>, u64), DbError> {
        let journal = &relay.state.journal;
        if matches!(self.room, Room::Custom(..)) {
            let limit = u32::try_from(SLICE_SIZE).unwrap_or(u32::MAX);
            let rows = journal.replay_custom(self.campaign, self.room, cursor, head, limit).await?;
            let is_all = rows.len() < limit as usize;
            let upto = rows.last().filter(|_| !is_all).map_or(head, |row| row.seq);
            return Ok((rows, upto));
        }
        let upto = head.min(cursor.saturating_add(SLICE_SIZE));
        Ok((journal.replay(self.room, cursor, upto).await?, upto))
    }

    /// Waits a little for the socket to read; ends it if it has not read for too long.
    async fn wait_for_buffer(&self) -> Result<(), SubscribeError> {
        if self.progress.elapsed() > STALL_TIMEOUT {
            self.connection.close_slow_reader();
            return Err(SubscribeError::Gone);
        }
        let closed = self.connection.closed();
        if closed.run_until_cancelled(tokio::time::sleep(BUFFER_RETRY_INTERVAL)).await.is_none() {
            return Err(SubscribeError::Gone);
        }
        Ok(())
    }

    const fn outcome(&self) -> &'static str {
        match (self.asked, self.from) {
            (false, _) => "fresh",
            (true, Some(_)) => "recovered",
            (true, None) => "too_old",
        }
    }

    /// Joins the socket while the channel is locked.
    fn join_locked(self, mut channel: OwnedMutexGuard<Channel>) -> SubscribeGuard {
        let position = channel.head().clone();
        let from = self.from.unwrap_or(position.seq);
        channel.join(self.connection.id(), &self.connection.claims().sub, self.room, from);
        self.connection.rooms().insert(self.room.clone(), self.campaign.clone());
        SubscribeGuard {
            ack: SubscribeAck {
                success: true,
                room: Some(self.room.to_string()),
                position: Some(position),
                recovered: self.from.is_some(),
                replayed: self.sent,
            },
            hold: channel,
        }
    }
}

/// Returns a stored event with the mark of a replayed one.
fn marked(row: &JournalRow) -> Result<Value, DbError> {
    let mut event: Value = serde_json::from_str(&row.body).map_err(|error| DbError::corrupt("event", error))?;
    if let Some(metadata) = event.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("replayed".to_owned(), Value::Bool(true));
    }
    Ok(event)
}
