//! Why a session is over.

use std::time::Duration;

use serde_json::Value;

use crate::codec::DecodeError;

/// The reason for which a session is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// This side closed it.
    #[error("the connection was closed on this side")]
    Local,
    /// The server ended the namespace.
    #[error("the gateway ended the connection")]
    NamespaceDisconnected,
    /// The server sent a close packet.
    #[error("the server closed the session")]
    ServerClosed,
    /// The transport ended without an error and without a word.
    #[error("the server closed the connection")]
    TransportClosed,
    /// The transport failed.
    #[error("the connection failed: {0}")]
    TransportFailed(String),
    /// Nothing came for longer than the handshake allows.
    #[error("nothing was heard from the server for {} s", .0.as_secs())]
    HeartbeatMissed(Duration),
    /// The server did not open an Engine.IO session in time.
    #[error("the server opened no Engine.IO session within {} s", .0.as_secs())]
    OpenTimeout(Duration),
    /// The server did not answer the wish to join the namespace in time.
    #[error("the gateway did not answer within {} s whether this client may connect", .0.as_secs())]
    ConnectTimeout(Duration),
    /// The server refused the namespace.
    #[error("the gateway refused the connection: {0}")]
    Refused(NamespaceRefusal),
    /// The server speaks Engine.IO 3, as Socket.IO v2 and v1 do.
    #[error("the server speaks Socket.IO v2; Socket.IO v3 or later is needed")]
    OldProtocol,
    /// The server sent something that the protocol does not allow.
    #[error("the server broke the protocol: {0}")]
    ProtocolViolation(DecodeError),
}

/// A gateway's refusal of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceRefusal {
    /// What the gateway says to people.
    pub message: String,
    /// What it says to programs.
    pub data: Option<Value>,
}

impl NamespaceRefusal {
    /// Reads the JSON of a connect error; what is no object is a message.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let Ok(mut value) = serde_json::from_str::<Value>(text) else {
            return Self { message: text.to_owned(), data: None };
        };
        let message = value.get("message").unwrap_or(&value);
        let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
        Self { message, data: value.get_mut("data").map(Value::take) }
    }
}

impl std::fmt::Display for NamespaceRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
