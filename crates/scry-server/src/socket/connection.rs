//! One connection as the rest of the gateway sees it: who it is, what it is in, how to reach it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use scry_protocol::{Id, Room};
use serde::Serialize;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::socket::{DisconnectReason, Sid};
use socketioxide::{SendError, SocketError, TransportType};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::tcp::ConnectionHandle;
use crate::auth::Claims;
use crate::limits::{LimitKind, LimitReporter};

/// One accepted connection.
pub struct Connection {
    socket: SocketRef,
    claims: Mutex<Arc<Claims>>,
    /// The rooms it is in, each with its campaign.
    rooms: Mutex<HashMap<Room, Id>>,
    /// Ends its TCP connection; none where one TCP connection does not carry it, as with polling.
    handle: Option<ConnectionHandle>,
    /// Set when a message did not fit its buffer: nothing is sent after a lost message.
    overflowed: AtomicBool,
    /// Rung when there may be a message to its user.
    message_notify: Notify,
    /// Counts the limits it reaches.
    reporter: LimitReporter,
    close_signal: CloseSignal,
}

/// Signals that a socket was closed, and why; clones share it.
#[derive(Debug, Clone, Default)]
pub struct CloseSignal {
    closed: CancellationToken,
    reason: Arc<OnceLock<DisconnectReason>>,
}

impl CloseSignal {
    /// Notes that the socket has gone.
    pub fn set(&self, reason: DisconnectReason) {
        let _ = self.reason.set(reason);
        self.closed.cancel();
    }
}

/// How long a message may be under way: a peer heard of this much later has got it.
const MAX_TRANSIT_TIME: Duration = Duration::from_secs(1);

/// The error when a connection's buffer has no room for another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferFullError;

impl Connection {
    /// Wraps an authenticated socket.
    #[must_use]
    pub fn new(socket: SocketRef, claims: Claims, reporter: LimitReporter, close_signal: CloseSignal) -> Self {
        let handle = handle_of(&socket);
        Self {
            socket,
            reporter,
            claims: Mutex::new(Arc::new(claims)),
            rooms: Mutex::default(),
            handle,
            overflowed: AtomicBool::new(false),
            message_notify: Notify::new(),
            close_signal,
        }
    }

    /// Returns the socket's id.
    #[must_use]
    pub fn id(&self) -> Sid {
        self.socket.id
    }

    /// Returns what its current token says.
    #[must_use]
    pub fn claims(&self) -> Arc<Claims> {
        unpoisoned(&self.claims).clone()
    }

    /// Replaces what its token says.
    pub fn set_claims(&self, claims: Claims) {
        *unpoisoned(&self.claims) = Arc::new(claims);
    }

    /// Lends the rooms it is in, each with its campaign.
    pub fn rooms(&self) -> MutexGuard<'_, HashMap<Room, Id>> {
        unpoisoned(&self.rooms)
    }

    /// Is rung when there may be a message to its user.
    #[must_use]
    pub const fn message_notify(&self) -> &Notify {
        &self.message_notify
    }

    /// Is cancelled when the socket has gone.
    #[must_use]
    pub const fn closed(&self) -> &CancellationToken {
        &self.close_signal.closed
    }

    /// Returns whether the socket, which has gone, may not have read what was sent since its last heartbeat but one.
    ///
    /// One that fell silent may have missed all of it; one whose TCP connection broke, what was sent when it was last
    /// heard of.
    #[must_use]
    pub fn may_have_missed(&self, sent: Instant) -> bool {
        let reason = self.close_signal.reason.get();
        let fell_silent = reason == Some(&DisconnectReason::HeartbeatTimeout);
        let broke = reason == Some(&DisconnectReason::TransportError);
        let was_under_way = |handle: &ConnectionHandle| {
            !handle.has_closed_cleanly() && handle.last_received() < sent + MAX_TRANSIT_TIME
        };
        fell_silent || broke && self.handle.as_ref().is_some_and(was_under_way)
    }

    /// Sends an event, or ends the connection if its buffer is full: it catches up by resuming.
    pub fn send<T: Serialize + ?Sized>(&self, event: &str, payload: &T) {
        if !self.overflowed.load(Ordering::Acquire) && self.try_send(event, payload).is_err() {
            self.close_slow_reader();
        }
    }

    /// Sends an event, or gives it back to be offered again.
    ///
    /// # Errors
    /// [`BufferFullError`] when the buffer is; an event for a socket that has gone is dropped.
    pub fn try_send<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<(), BufferFullError> {
        match self.socket.emit(event, payload) {
            Err(SendError::Socket(SocketError::InternalChannelFull)) => Err(BufferFullError),
            Err(SendError::Serialize(error)) => {
                tracing::error!(%error, event, "an event could not be written");
                Ok(())
            }
            Ok(()) | Err(SendError::Socket(SocketError::Closed)) => Ok(()),
        }
    }

    /// Answers a request, or ends the connection if its buffer is full.
    pub fn answer<T: Serialize>(&self, ack: AckSender, answer: &T) {
        if let Err(SendError::Socket(SocketError::InternalChannelFull)) = ack.send(answer) {
            self.close_slow_reader();
        }
    }

    /// Ends the session but not the transport: the client is told not to come back with the same token.
    pub fn end_session(&self) {
        self.send("session:ended", &serde_json::json!({}));
        if let Err(SocketError::InternalChannelFull) = self.socket.clone().disconnect() {
            self.close_slow_reader();
        }
    }

    /// Returns whether one TCP connection carries it, which [`Connection::close_gracefully`] can end.
    #[must_use]
    pub const fn has_tcp_connection(&self) -> bool {
        self.handle.is_some()
    }

    /// Ends the transport once all that waits has been sent; the client comes back by itself.
    ///
    /// Does nothing where the transport is not one TCP connection.
    pub fn close_gracefully(&self) {
        if let Some(handle) = &self.handle {
            handle.close_gracefully();
        }
    }

    /// Notes that it reached a limit.
    pub fn report_limit(&self, kind: LimitKind) {
        self.reporter.report(kind);
    }

    /// Ends a connection that does not keep up.
    pub fn close_slow_reader(&self) {
        if self.overflowed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.report_limit(LimitKind::SlowReader);
        tracing::info!(user = %self.claims().sub, "closing a connection that does not keep up");
        match &self.handle {
            Some(handle) => handle.abort(),
            None => self.end_session_when_writable(),
        }
    }

    /// Ends a session whose buffer is full as soon as there is room to say so.
    fn end_session_when_writable(&self) {
        let (socket, closed) = (self.socket.clone(), self.closed().clone());
        tokio::spawn(async move {
            let dismissed = async {
                while let Err(SocketError::InternalChannelFull) = socket.clone().disconnect() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            closed.run_until_cancelled(dismissed).await;
        });
    }
}

/// Returns the handle of a socket's TCP connection, if that connection is its transport for good.
///
/// A polling socket has many connections, and one that was upgraded still names its first.
fn handle_of(socket: &SocketRef) -> Option<ConnectionHandle> {
    let peer = socket.req_parts().extensions.get::<axum::extract::ConnectInfo<super::tcp::Peer>>()?;
    has_tcp_connection(socket).then(|| peer.0.handle.clone())
}

/// Returns whether the TCP connection that a socket began on carries it for good.
#[must_use]
pub(super) fn has_tcp_connection(socket: &SocketRef) -> bool {
    let began_as_websocket = socket.req_parts().uri.query().is_some_and(|query| query.contains("transport=websocket"));
    began_as_websocket && socket.transport_type() == TransportType::Websocket
}

/// Every accepted connection by the id of its socket; clones share the set.
#[derive(Clone, Default)]
pub struct Connections(Arc<RwLock<HashMap<Sid, Arc<Connection>>>>);

impl Connections {
    /// Adds a connection.
    pub fn insert(&self, connection: Arc<Connection>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(connection.id(), connection);
    }

    /// Removes a connection.
    pub fn remove(&self, sid: Sid) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&sid);
    }

    /// Returns those of `sids` that are still connected, in their order.
    #[must_use]
    pub fn get(&self, sids: &[Sid]) -> Vec<Arc<Connection>> {
        let connections = self.0.read().unwrap_or_else(PoisonError::into_inner);
        sids.iter().filter_map(|sid| connections.get(sid).cloned()).collect()
    }

    /// Returns a connection, if it is still there.
    #[must_use]
    pub fn find(&self, sid: Sid) -> Option<Arc<Connection>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&sid).cloned()
    }

    /// Returns every connection.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
