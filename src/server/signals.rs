//! What the core tells the gateway besides durable events.

use serde::Serialize;
use tokio::sync::broadcast;

use crate::protocol::Id;
use crate::protocol::messages::{DocumentConflict, NotificationNew};

/// How many signals may wait for a slow listener before it loses the oldest.
const BACKLOG: usize = 1024;

/// Carries messages to single users and the end of sessions to whoever listens.
#[derive(Debug, Clone)]
pub struct Signals {
    messages: broadcast::Sender<UserMessage>,
    ended: broadcast::Sender<SessionEnded>,
}

/// Holds a message for all sockets of one user; goes to the room `user:{id}`.
#[derive(Debug, Clone, PartialEq)]
pub struct UserMessage {
    pub user_id: Id,
    pub body: UserMessageBody,
}

/// Holds what a user is told; [`UserMessageBody::name`] is the event, the serialised value its payload.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum UserMessageBody {
    Notification(NotificationNew),
    DocumentConflict(DocumentConflict),
}

/// Says that a session is over: its sockets are to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnded {
    pub user_id: Id,
    pub sid: Id,
}

impl UserMessageBody {
    /// Returns the event's name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Notification(_) => "notification:new",
            Self::DocumentConflict(_) => "document:conflict",
        }
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self { messages: broadcast::Sender::new(BACKLOG), ended: broadcast::Sender::new(BACKLOG) }
    }
}

impl Signals {
    /// Listens to messages for single users, from now on.
    #[must_use]
    pub fn messages(&self) -> broadcast::Receiver<UserMessage> {
        self.messages.subscribe()
    }

    /// Listens to the end of sessions, from now on.
    #[must_use]
    pub fn ended(&self) -> broadcast::Receiver<SessionEnded> {
        self.ended.subscribe()
    }

    /// Sends a message to one user; to nobody, if there is no gateway.
    pub fn tell(&self, message: UserMessage) {
        // An error only says that nobody listens, which is no fault of the change just made.
        let _ = self.messages.send(message);
    }

    /// Announces that a session is over.
    pub fn end(&self, session: SessionEnded) {
        let _ = self.ended.send(session);
    }
}
