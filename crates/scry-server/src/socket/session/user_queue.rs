//! Messages to the user of one connection: what it is given, and what it may turn out not to have read.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::SocketSession;
use crate::clock::now;
use crate::db::DbError;
use crate::inbox::{self, Cursor, QueuedMessage};

/// How long to wait before asking again a database that gave no answer, or a buffer that was full.
const DATABASE_RETRY_DELAY: Duration = Duration::from_secs(1);
const BUFFER_RETRY_INTERVAL: Duration = Duration::from_millis(20);
/// How long a socket may leave its buffer full before the connection is closed.
const STALL_TIMEOUT: Duration = Duration::from_secs(20);

type TakeResult = Result<(Cursor, Vec<QueuedMessage>), DbError>;

/// A connection's view of its user's messages: the cursor, and what is in flight.
pub(crate) struct UserQueue {
    cursor: Cursor,
    /// Messages being taken from the database; it goes on even if the connection ends meanwhile.
    take_task: Option<JoinHandle<TakeResult>>,
    /// Messages that it has not shown to have read, the oldest first.
    in_flight: VecDeque<InFlightMessage>,
}

struct InFlightMessage {
    seq: i64,
    /// `None` until the socket's buffer has taken it.
    sent: Option<Instant>,
}

impl UserQueue {
    /// Builds the queue of a connection that was let in when the user's messages ended here.
    pub(crate) const fn new(cursor: Cursor) -> Self {
        Self { cursor, take_task: None, in_flight: VecDeque::new() }
    }
}

impl SocketSession {
    /// Sends what has come for the user, and what has waited for them.
    pub(super) async fn deliver_messages(&mut self) {
        match self.take_messages().await {
            Ok(messages) => self.send_messages(messages).await,
            Err(error) => {
                tracing::error!(%error, "could not read a user's messages; trying again");
                let connection = self.connection.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(DATABASE_RETRY_DELAY).await;
                    connection.message_notify().notify_one();
                });
            }
        }
    }

    async fn take_messages(&mut self) -> Result<Vec<QueuedMessage>, DbError> {
        let take_task = self.messages.take_task.get_or_insert_with(|| {
            let (db, user, cursor) =
                (self.state.db.clone(), self.connection.claims().sub.clone(), self.messages.cursor);
            let ttl = self.state.config.presence.message_ttl;
            tokio::spawn(async move { inbox::take(&db, &user, cursor, now(), ttl).await })
        });
        let taken = take_task.await;
        self.messages.take_task = None;
        // A task that broke down has taken nothing: its transaction never ended.
        let Ok(taken) = taken else { return Ok(Vec::new()) };
        let (cursor, messages) = taken?;
        self.messages.cursor = cursor;
        self.drop_acknowledged();
        self.messages.in_flight.extend(messages.iter().map(|message| InFlightMessage { seq: message.seq, sent: None }));
        Ok(messages)
    }

    /// Sends messages as fast as the socket takes them.
    async fn send_messages(&mut self, messages: Vec<QueuedMessage>) {
        let mut progress = Instant::now();
        for message in messages {
            while self.connection.try_send(&message.event, &message.body).is_err() {
                if progress.elapsed() > STALL_TIMEOUT {
                    return self.connection.close_slow_reader();
                }
                tokio::time::sleep(BUFFER_RETRY_INTERVAL).await;
            }
            progress = Instant::now();
            if let Some(sent_message) =
                self.messages.in_flight.iter_mut().rfind(|sent_message| sent_message.seq == message.seq)
            {
                sent_message.sent = Some(progress);
            }
        }
    }

    /// Gives back what the connection cannot have read, now that it has gone; the next one gets it.
    pub(super) async fn nack_unread(&mut self) {
        if let Some(take_task) = self.messages.take_task.take()
            && let Ok(Ok((_, messages))) = take_task.await
        {
            self.messages
                .in_flight
                .extend(messages.iter().map(|message| InFlightMessage { seq: message.seq, sent: None }));
        }
        let connection = self.connection.clone();
        let is_unread =
            |sent_message: &InFlightMessage| sent_message.sent.is_none_or(|sent| connection.may_have_missed(sent));
        let unread = self.messages.in_flight.drain(..).filter(is_unread);
        let unread: Vec<i64> = unread.map(|sent_message| sent_message.seq).collect();
        if unread.is_empty() {
            return;
        }
        let user = self.connection.claims().sub.clone();
        match inbox::nack(&self.state.db, &user, &unread).await {
            Ok(()) => self.state.bus.message_stored(&user),
            Err(error) => tracing::error!(%error, "failed to requeue undelivered messages"),
        }
    }

    /// Forgets the messages that the peer must have got: it has answered a heartbeat that came after them.
    fn drop_acknowledged(&mut self) {
        let config = &self.state.config.socket;
        let heartbeat = config.ping_interval + config.ping_timeout;
        let is_answered = |sent: Instant| sent.elapsed() > heartbeat;
        while self.messages.in_flight.front().is_some_and(|sent_message| sent_message.sent.is_some_and(is_answered)) {
            self.messages.in_flight.pop_front();
        }
    }
}
