//! Messages to the user of one connection.

use std::time::{Duration, Instant};

use super::Session;
use crate::server::clock::now;
use crate::server::inbox::{self, Letter};

/// How long to wait before asking again a database that gave no answer, or a buffer that was full.
const PAUSE: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a socket may leave its buffer full before it is given up.
const PATIENCE: Duration = Duration::from_secs(20);

impl Session {
    /// Sends what has come for the user; the first time also what has waited for them.
    pub(super) async fn deliver(&mut self) {
        let user = self.connection.claims().sub;
        let letters = match &mut self.cursor {
            Some(cursor) => inbox::after(&self.core.db, &user, cursor, now()).await,
            None => {
                let ttl = self.core.config.presence.message_ttl;
                let opened = inbox::open(&self.core.db, &user, now(), ttl).await;
                opened.map(|(cursor, letters)| {
                    self.cursor = Some(cursor);
                    letters
                })
            }
        };
        match letters {
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

    /// Sends messages as fast as the socket takes them: they are claimed, nobody else would bring them.
    async fn hand_over(&self, letters: Vec<Letter>) {
        let mut progress = Instant::now();
        for letter in letters {
            while self.connection.offer(&letter.event, &letter.body).is_err() {
                if progress.elapsed() > PATIENCE {
                    return self.connection.give_up();
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            progress = Instant::now();
        }
    }
}
