//! Authentication of connections: decides who may connect, and has everything ready before a client's first message.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ConnectInfo;
use scry_protocol::Room;
use serde_json::Value;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::socket::DisconnectReason;
use tokio::sync::mpsc;

use super::connection::{self, CloseSignal, Connection, Connections};
use super::connection_limiter::{ConnectionLimiter, ConnectionPermit};
use super::guard::AuthDeadline;
use super::handshake::{self, HandshakeError};
use super::inbound_queue::InboundQueue;
use super::session::{QueuedRequest, SocketSession, UserQueue};
use super::tcp::{ConnectionHandle, Peer};
use crate::auth::{AdmissionError, Claims};
use crate::config::SocketConfig;
use crate::db::DbError;
use crate::inbox::{self, Cursor};
use crate::limits::{LimitKind, LimitReporter};
use crate::presence::PresenceHandle;
use crate::relay::Relay;
use crate::state::AppState;

/// Authenticates connections; clones share everything.
#[derive(Clone)]
pub(super) struct Authenticator {
    pub state: AppState,
    pub relay: Relay,
    pub presence: PresenceHandle,
    pub connections: Connections,
    pub limiter: ConnectionLimiter,
}

/// An accepted connection between the middleware and its task.
///
/// It waits in the socket's own extensions, so that a connection which breaks off in between takes
/// it along and releases its permit.
pub(super) struct PendingConnection {
    claims: Claims,
    requests: mpsc::Receiver<Box<QueuedRequest>>,
    permit: Option<ConnectionPermit>,
    reporter: LimitReporter,
    /// Where the user's messages ended when it was let in.
    cursor: Cursor,
    close_signal: CloseSignal,
}

/// A pending connection, which its task takes once.
pub(super) type SharedPendingConnection = Arc<Mutex<Option<PendingConnection>>>;

impl Authenticator {
    /// Answers a handshake and keeps count of the answers.
    ///
    /// # Errors
    /// [`HandshakeError`], which becomes the client's `connect_error`.
    pub(super) async fn authenticate(&self, socket: &SocketRef, auth: Option<&Value>) -> Result<(), HandshakeError> {
        let answer = self.admit(socket, auth).await;
        let refused = answer.as_ref().err().map(|refusal| refusal.label());
        self.state.metrics.handshake(refused);
        answer
    }

    /// Decides whether a socket may connect, and prepares everything that its first message needs.
    ///
    /// # Errors
    /// [`HandshakeError`], which becomes the client's `connect_error`.
    async fn admit(&self, socket: &SocketRef, auth: Option<&Value>) -> Result<(), HandshakeError> {
        let reporter = self.state.limit_metrics.reporter(peer_of(socket).map(|peer| peer.address.ip()));
        let admitted = self.check_request(socket, auth, &reporter).await;
        if let Some(deadline) = socket.req_parts().extensions.get::<Arc<AuthDeadline>>() {
            deadline.settle();
        }
        admitted.inspect_err(|refusal| {
            if let Some(kind) = refusal.limit_kind() {
                reporter.report(kind);
            }
        })
    }

    async fn check_request(
        &self,
        socket: &SocketRef,
        auth: Option<&Value>,
        reporter: &LimitReporter,
    ) -> Result<(), HandshakeError> {
        let request = socket.req_parts();
        if self.state.draining.is_cancelled() {
            return Err(HandshakeError::Draining);
        }
        let origin = request.headers.get("origin").map(|origin| origin.to_str().unwrap_or_default());
        if !handshake::origin_allowed(origin, &self.state.config.socket) {
            return Err(HandshakeError::OriginDenied);
        }
        let token = handshake::token(auth, request.uri.query()).unwrap_or_default();
        let claims = self.state.admit(token).await.map_err(handshake_error)?;
        let permit = self.permit(socket)?;
        socket.join(Room::User(claims.sub.clone()).to_string());
        // Before the client hears that it is in: from then on, whatever is told to the user is told to it as well.
        let cursor = inbox::cursor_at_end(&self.state.db, &claims.sub).await.map_err(internal)?;
        let (close_signal, requests) = register_handlers(socket, reporter, &self.state.config.socket);
        let pending = PendingConnection { claims, requests, permit, reporter: reporter.clone(), cursor, close_signal };
        socket.extensions.insert(SharedPendingConnection::new(Mutex::new(Some(pending))));
        Ok(())
    }

    /// Serves an admitted socket until it has gone.
    pub(super) async fn serve(&self, socket: SocketRef, shared: &Mutex<Option<PendingConnection>>) {
        let pending = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(PendingConnection { claims, requests, permit, reporter, cursor, close_signal }) = pending else {
            return;
        };
        let connection = Arc::new(Connection::new(socket, claims, reporter, close_signal));
        self.connections.insert(connection.clone());
        // The session may have ended after it was looked up and before it could be told so.
        if Box::pin(self.state.is_session_over(&connection.claims())).await.unwrap_or(false) {
            connection.end_session();
        }
        let (state, relay, presence) = (self.state.clone(), self.relay.clone(), self.presence.clone());
        let messages = UserQueue::new(cursor);
        let session = SocketSession {
            state,
            relay,
            presence,
            connection: connection.clone(),
            requests,
            is_expiry_announced: false,
            messages,
        };
        session.run().await;
        self.connections.remove(connection.id());
        self.presence.moved.add(connection.id());
        drop(permit);
    }

    fn permit(&self, socket: &SocketRef) -> Result<Option<ConnectionPermit>, HandshakeError> {
        let Some(address) = peer_of(socket).map(|peer| peer.address.ip()) else { return Ok(None) };
        let Some(limit) = handshake::connection_limit(address, &self.state.config.socket) else { return Ok(None) };
        self.limiter.try_acquire(address, limit).map(Some).ok_or(HandshakeError::TooManyConnections)
    }
}

fn peer_of(socket: &SocketRef) -> Option<&Peer> {
    socket.req_parts().extensions.get::<ConnectInfo<Peer>>().map(|peer| &peer.0)
}

/// Registers what hears a socket; returns its task's end of the queue, and what tells that it has gone.
fn register_handlers(
    socket: &SocketRef,
    reporter: &LimitReporter,
    config: &SocketConfig,
) -> (CloseSignal, mpsc::Receiver<Box<QueuedRequest>>) {
    let handle = peer_of(socket).map(|peer| peer.handle.clone());
    let (queue, requests) =
        InboundQueue::new(reporter.clone(), handle.clone(), connection::has_tcp_connection(socket), config);
    let queue = Arc::new(queue);
    // One for all events: each connection has a handler of its own, and whatever a client sends counts.
    // The library spawns what this returns, in any order; the queue is filled before that, in order.
    socket.on_fallback(
        move |socket: SocketRef, Event(name): Event, TryData(payload): TryData<Value>, ack: AckSender| {
            queue.push(socket, &name, &payload.unwrap_or_default(), ack);
            ready(())
        },
    );
    let close_signal = CloseSignal::default();
    let signal = close_signal.clone();
    let reporter = reporter.clone();
    socket.on_disconnect(move |reason: DisconnectReason| {
        signal.set(reason);
        if let Some(kind) = limit_of(reason, handle.as_ref()) {
            reporter.report(kind);
        }
        ready(())
    });
    (close_signal, requests)
}

/// Returns the limit that a connection had reached when the library closed it.
fn limit_of(reason: DisconnectReason, handle: Option<&ConnectionHandle>) -> Option<LimitKind> {
    if handle.is_some_and(ConnectionHandle::has_timed_out) {
        return Some(LimitKind::SlowReader);
    }
    if handle.is_some_and(ConnectionHandle::is_abusive) {
        return Some(LimitKind::Flood);
    }
    let goes_on = || handle.is_some_and(|handle| !handle.is_closed());
    if reason == DisconnectReason::PacketParsingError {
        Some(LimitKind::Packet)
    } else if reason == DisconnectReason::TransportError && goes_on() {
        // The TCP connection is intact and yet the library could not read it: a frame too long, or none at all.
        Some(LimitKind::Message)
    } else {
        None
    }
}

fn handshake_error(error: AdmissionError) -> HandshakeError {
    match error {
        AdmissionError::Token(error) => HandshakeError::Token(error),
        AdmissionError::Database(error) => internal(error),
    }
}

fn internal(error: DbError) -> HandshakeError {
    tracing::error!(%error, "could not look up the session of a handshake");
    HandshakeError::Internal
}
