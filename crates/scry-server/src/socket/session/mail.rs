//! Messages to the user of one connection: what it is given, and what it may turn out not to have read.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::Session;
use crate::clock::now;
use crate::db::DbError;
use crate::inbox::{self, Cursor, Letter};

/// How long to wait before asking again a database that gave no answer, or a buffer that was full.
const PAUSE: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a socket may leave its buffer full before it is given up.
const PATIENCE: Duration = Duration::from_secs(20);

type Taken = Result<(Cursor, Vec<Letter>), DbError>;

/// Holds a connection's place among its user's messages.
pub(crate) struct Mailbag {
    cursor: Cursor,
    /// Messages being taken from the database; it goes on even if the connection ends meanwhile.
    taking: Option<JoinHandle<Taken>>,
    /// Messages that it has not shown to have read, the oldest first.
    open: VecDeque<Given>,
}

struct Given {
    seq: i64,
    /// `None` until the socket's buffer has taken it.
    sent: Option<Instant>,
}

impl Mailbag {
    /// Builds the bag of a connection that was let in when the user's messages ended here.
    pub(crate) const fn new(cursor: Cursor) -> Self {
        Self { cursor, taking: None, open: VecDeque::new() }
    }
}

impl Session {
    /// Sends what has come for the user, and what has waited for them.
    pub(super) async fn deliver(&mut self) {
        match self.take_letters().await {
            Ok(letters) => self.hand_over(letters).await,
            Err(error) => {
                tracing::error!(%error, "could not read the messages to a user; trying again");
                let connection = self.connection.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(PAUSE).await;
                    connection.mail().notify_one();
                });
            }
        }
    }

    async fn take_letters(&mut self) -> Result<Vec<Letter>, DbError> {
        let taking = self.mail.taking.get_or_insert_with(|| {
            let (db, user, cursor) = (self.core.db.clone(), self.connection.claims().sub.clone(), self.mail.cursor);
            let ttl = self.core.config.presence.message_ttl;
            tokio::spawn(async move { inbox::take(&db, &user, cursor, now(), ttl).await })
        });
        let taken = taking.await;
        self.mail.taking = None;
        // A task that broke down has taken nothing: its transaction never ended.
        let Ok(taken) = taken else { return Ok(Vec::new()) };
        let (cursor, letters) = taken?;
        self.mail.cursor = cursor;
        self.forget_read();
        self.mail.open.extend(letters.iter().map(|letter| Given { seq: letter.seq, sent: None }));
        Ok(letters)
    }

    /// Sends messages as fast as the socket takes them.
    async fn hand_over(&mut self, letters: Vec<Letter>) {
        let mut progress = Instant::now();
        for letter in letters {
            while self.connection.offer(&letter.event, &letter.body).is_err() {
                if progress.elapsed() > PATIENCE {
                    return self.connection.give_up();
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            progress = Instant::now();
            if let Some(given) = self.mail.open.iter_mut().rfind(|given| given.seq == letter.seq) {
                given.sent = Some(progress);
            }
        }
    }

    /// Gives back what the connection cannot have read, now that it has gone; the next one gets it.
    pub(super) async fn return_letters(&mut self) {
        if let Some(taking) = self.mail.taking.take()
            && let Ok(Ok((_, letters))) = taking.await
        {
            self.mail.open.extend(letters.iter().map(|letter| Given { seq: letter.seq, sent: None }));
        }
        let connection = self.connection.clone();
        let is_unread = |given: &Given| given.sent.is_none_or(|sent| connection.may_have_missed(sent));
        let unread = self.mail.open.drain(..).filter(is_unread);
        let unread: Vec<i64> = unread.map(|given| given.seq).collect();
        if unread.is_empty() {
            return;
        }
        let user = self.connection.claims().sub.clone();
        match inbox::give_back(&self.core.db, &user, &unread).await {
            Ok(()) => self.core.signals.mailed(&user),
            Err(error) => tracing::error!(%error, "messages to a user whose connection was lost are lost as well"),
        }
    }

    /// Forgets the messages that the peer must have got: it has answered a heartbeat that came after them.
    fn forget_read(&mut self) {
        let config = &self.core.config.socket;
        let heartbeat = config.ping_interval + config.ping_timeout;
        let is_answered = |sent: Instant| sent.elapsed() > heartbeat;
        while self.mail.open.front().is_some_and(|given| given.sent.is_some_and(is_answered)) {
            self.mail.open.pop_front();
        }
    }
}
