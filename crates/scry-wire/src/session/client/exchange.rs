//! What goes into a client's session and what comes out of it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::codec::DecodeError;
use crate::codec::binary::{AttachmentLimits, fill};
use crate::codec::socket::ROOT_NAMESPACE;
use crate::session::CloseReason;

/// What a session is to do and how long it waits.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The namespace to join.
    pub namespace: String,
    /// What to say when joining; an object.
    pub auth: Option<Value>,
    /// What an earlier session left behind.
    pub recovery: Option<Recovery>,
    /// How long the server has to open a session, and to answer a probe.
    pub open_timeout: Duration,
    /// How long the server has to let the client into the namespace.
    pub connect_timeout: Duration,
    /// The most that one event may bring along.
    pub limits: AttachmentLimits,
    /// Whether to move from polling to WebSocket where the server offers it.
    pub upgrade: bool,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            namespace: ROOT_NAMESPACE.to_owned(),
            auth: None,
            recovery: None,
            open_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            limits: AttachmentLimits::default(),
            upgrade: true,
        }
    }
}

/// What lets a later session go on where an earlier one ended (Connection State Recovery).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The session's private id.
    pub pid: String,
    /// The offset of the last event that had one.
    pub offset: Option<String>,
}

/// A kind of transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// One WebSocket.
    WebSocket,
    /// HTTP requests that wait for their answers.
    Polling,
}

/// Which of a session's transports is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The one that carries the session.
    Main,
    /// The one that it may be moved to.
    Probe,
}

/// What a transport carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// An Engine.IO packet as text.
    Text(String),
    /// The content of a binary message.
    Binary(Bytes),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionInput<'a> {
    /// A text frame came.
    Text(Lane, &'a str),
    /// A binary frame came.
    Binary(Lane, Bytes),
    /// The answer to a poll came.
    Payload(&'a str),
    /// A transport ended.
    Closed(Lane),
    /// A transport failed, for this reason.
    Failed(Lane, String),
    /// The second transport is open.
    ProbeOpened,
    /// The first transport has nothing under way any more.
    Paused,
    /// The time has come that [`super::ClientSession::next_deadline`] named.
    Deadline,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionOutput {
    /// Send this.
    Send(Lane, Frame),
    /// Open a WebSocket beside the transport in use; [`SessionInput::ProbeOpened`] tells of it.
    OpenProbe,
    /// Drop the second transport; the first stays in use.
    DropProbe,
    /// Let the first transport finish what it has under way and begin nothing new; [`SessionInput::Paused`] tells of it.
    Pause,
    /// The second transport carries the session from now on, the first is to be dropped.
    Switch,
    /// The namespace is joined.
    Connected(Connected),
    /// An event came.
    Event(ServerEvent),
    /// The answer to an event came.
    Answer(EventAnswer),
    /// The server has sent a ping, which has been answered.
    Ping,
    /// The session is over; nothing follows.
    Closed(CloseReason),
}

/// What the server says when it lets a client in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The client's public id in the namespace.
    pub sid: String,
    /// Its private id, where the server offers Connection State Recovery.
    pub pid: Option<String>,
    /// Whether the server goes on where an earlier session ended.
    pub recovered: bool,
    /// The transport that carries the session.
    pub transport: TransportKind,
}

/// An event from the server. Its arguments hold a placeholder for each attachment.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerEvent {
    /// Its name.
    pub name: String,
    /// Its arguments; the offset of Connection State Recovery is not among them.
    pub arguments: Vec<Value>,
    /// Its binary attachments.
    pub attachments: Vec<Bytes>,
    /// The number to answer with, where the server wants an answer.
    pub id: Option<u64>,
}

impl ServerEvent {
    /// Puts what `show` makes of each attachment into the arguments.
    ///
    /// # Errors
    /// [`DecodeError::Attachments`] when an argument stands for an attachment that did not come.
    pub fn fill(&mut self, show: &mut dyn FnMut(&Bytes) -> Value) -> Result<(), DecodeError> {
        fill_all(&mut self.arguments, &self.attachments, show)
    }
}

/// The answer to an event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventAnswer {
    /// The number that sending the event returned.
    pub id: u64,
    /// Its arguments, with a placeholder for each attachment.
    pub arguments: Vec<Value>,
    /// Its binary attachments.
    pub attachments: Vec<Bytes>,
}

impl EventAnswer {
    /// Puts what `show` makes of each attachment into the arguments.
    ///
    /// # Errors
    /// [`DecodeError::Attachments`] when an argument stands for an attachment that did not come.
    pub fn fill(&mut self, show: &mut dyn FnMut(&Bytes) -> Value) -> Result<(), DecodeError> {
        fill_all(&mut self.arguments, &self.attachments, show)
    }
}

fn fill_all(
    arguments: &mut [Value],
    attachments: &[Bytes],
    show: &mut dyn FnMut(&Bytes) -> Value,
) -> Result<(), DecodeError> {
    if attachments.is_empty() {
        return Ok(());
    }
    arguments.iter_mut().try_for_each(|argument| fill(argument, attachments, show))
}

/// An event to send.
#[derive(Debug, Clone, Default)]
pub struct Emission<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its arguments, with a [`placeholder`](crate::codec::binary::placeholder) for each attachment.
    pub arguments: &'a [Value],
    /// Its binary attachments.
    pub attachments: Vec<Bytes>,
    /// Whether the server is to answer.
    pub wants_answer: bool,
}

/// Says that nothing can be sent, because the namespace is not joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is not open")]
pub struct NotConnectedError;
