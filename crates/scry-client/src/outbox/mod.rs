//! The outbox: edits wait on disk until the server has answered each one, in the order they were made.
//!
//! | module | what it is |
//! |---|---|
//! | `store` | the files |
//! | `send` | one request, and what its answer means |
//! | `actor` | stores, sends and tells |

mod actor;
mod send;
mod store;

pub use self::store::{OutboxLock, OutboxStore, OutboxStores, StoredEdits};

use std::io;

use scry_model::outbox::{Edit, EditOutcome};
use tokio::sync::mpsc;

use self::actor::{OutboxActor, OutboxCommand};
use super::api::Api;

const COMMAND_CAPACITY: usize = 1024;
const OUTCOME_CAPACITY: usize = 256;

/// Steers a campaign's outbox; clones steer the same one. Dropping the last one ends it.
#[derive(Debug, Clone)]
pub struct OutboxHandle {
    commands: mpsc::Sender<OutboxCommand>,
}

/// The error of an edit that was not taken, because too many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the disk does not keep up with the edits; this one was not stored and not sent")]
pub struct OutboxFullError;

/// Starts a campaign's outbox: it tells what is stored at once, and sends once it is told that the connection is live.
///
/// Needs a tokio runtime around it; files are read and written on a thread of its own.
///
/// # Errors
/// The I/O error when the system has no thread left.
pub fn start(api: Api, store: OutboxStore) -> io::Result<(OutboxHandle, mpsc::Receiver<EditOutcome>)> {
    let (commands, commanded) = mpsc::channel(COMMAND_CAPACITY);
    let (outcomes, told) = mpsc::channel(OUTCOME_CAPACITY);
    let runtime = tokio::runtime::Handle::current();
    let actor = OutboxActor::new(api, store, commanded, outcomes);
    std::thread::Builder::new().name("outbox".to_owned()).spawn(move || runtime.block_on(actor.run()))?;
    Ok((OutboxHandle { commands }, told))
}

impl OutboxHandle {
    /// Stores an edit and sends it as soon as those before it are answered; [`EditOutcome::Stored`] follows.
    ///
    /// # Errors
    /// [`OutboxFullError`], when too many have been submitted that are not stored yet: this one is not taken.
    pub fn submit(&self, edit: Edit) -> Result<(), OutboxFullError> {
        self.commands.try_send(OutboxCommand::Submit(edit)).map_err(|_| OutboxFullError)
    }

    /// Sends a refused edit again, in its old place.
    pub fn retry(&self, key: &str) {
        self.send(OutboxCommand::Retry(key.to_owned()));
    }

    /// Gives an edit up. One that is on its way may have been applied all the same, and is told as such.
    pub fn discard(&self, key: &str) {
        self.send(OutboxCommand::Discard(key.to_owned()));
    }

    /// Sets whether the server can be reached; nothing is sent before the first time it can.
    pub fn set_live(&self, live: bool) {
        self.send(OutboxCommand::Live(live));
    }

    fn send(&self, command: OutboxCommand) {
        if let Err(mpsc::error::TrySendError::Full(command)) = self.commands.try_send(command) {
            tracing::error!(?command, "more commands than the outbox can take; one was dropped");
        }
    }
}
