//! One connection as the rest of the gateway sees it: who it is, what it is in, how to reach it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::Serialize;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::socket::Sid;
use socketioxide::{SendError, SocketError, TransportType};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::tcp::Switch;
use crate::protocol::{Id, Room};
use crate::server::auth::Claims;
use crate::server::breach::{Breach, Witness};

/// Holds one accepted connection.
pub struct Connection {
    socket: SocketRef,
    claims: Mutex<Claims>,
    /// The rooms it is in, each with its campaign.
    rooms: Mutex<HashMap<Room, Id>>,
    /// Ends its TCP connection; none where one TCP connection does not carry it, as with polling.
    switch: Option<Switch>,
    /// Set when a message did not fit its buffer: nothing is sent after a lost message.
    overflowed: AtomicBool,
    /// Rung when there may be a message to its user.
    mail: Notify,
    /// Counts the limits it reaches.
    witness: Witness,
    closed: CancellationToken,
}

/// Says that a connection's buffer has no room for another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Connection {
    /// Wraps an authenticated socket.
    #[must_use]
    pub fn new(socket: SocketRef, claims: Claims, witness: Witness, closed: CancellationToken) -> Self {
        let switch = switch_of(&socket);
        Self {
            socket,
            witness,
            claims: Mutex::new(claims),
            rooms: Mutex::default(),
            switch,
            overflowed: AtomicBool::new(false),
            mail: Notify::new(),
            closed,
        }
    }

    /// Returns the socket's id.
    #[must_use]
    pub fn id(&self) -> Sid {
        self.socket.id
    }

    /// Returns what its current token says.
    #[must_use]
    pub fn claims(&self) -> Claims {
        unpoisoned(&self.claims).clone()
    }

    /// Replaces what its token says.
    pub fn renew(&self, claims: Claims) {
        *unpoisoned(&self.claims) = claims;
    }

    /// Lends the rooms it is in, each with its campaign.
    pub fn rooms(&self) -> MutexGuard<'_, HashMap<Room, Id>> {
        unpoisoned(&self.rooms)
    }

    /// Is rung when there may be a message to its user.
    #[must_use]
    pub const fn mail(&self) -> &Notify {
        &self.mail
    }

    /// Is cancelled when the socket has gone.
    #[must_use]
    pub const fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// Sends an event, or ends the connection if its buffer is full: it catches up by resuming.
    pub fn send<T: Serialize + ?Sized>(&self, event: &str, payload: &T) {
        if !self.overflowed.load(Ordering::Acquire) && self.offer(event, payload).is_err() {
            self.give_up();
        }
    }

    /// Sends an event, or gives it back to be offered again.
    ///
    /// # Errors
    /// [`Full`] when the buffer is; an event for a socket that has gone is dropped.
    pub fn offer<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<(), Full> {
        match self.socket.emit(event, payload) {
            Err(SendError::Socket(SocketError::InternalChannelFull)) => Err(Full),
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
            self.give_up();
        }
    }

    /// Ends the session but not the transport: the client is told not to come back with the same token.
    pub fn dismiss(&self) {
        self.send("session:ended", &serde_json::json!({}));
        if let Err(SocketError::InternalChannelFull) = self.socket.clone().disconnect() {
            self.give_up();
        }
    }

    /// Tells whether one TCP connection carries it, which [`Connection::hang_up`] can end.
    #[must_use]
    pub const fn has_line(&self) -> bool {
        self.switch.is_some()
    }

    /// Ends the transport once all that waits has been sent; the client comes back by itself.
    ///
    /// Does nothing where the transport is not one TCP connection.
    pub fn hang_up(&self) {
        if let Some(switch) = &self.switch {
            switch.hang_up();
        }
    }

    /// Notes that it reached a limit.
    pub fn note(&self, breach: Breach) {
        self.witness.note(breach);
    }

    /// Ends a connection that does not keep up.
    pub fn give_up(&self) {
        if self.overflowed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.note(Breach::SlowReader);
        tracing::info!(user = %self.claims().sub, "closing a connection that does not keep up");
        match &self.switch {
            Some(switch) => switch.cut(),
            None => self.dismiss_when_it_reads(),
        }
    }

    /// Ends a session whose buffer is full as soon as there is room to say so.
    fn dismiss_when_it_reads(&self) {
        let (socket, closed) = (self.socket.clone(), self.closed.clone());
        tokio::spawn(async move {
            let dismissed = async {
                while let Err(SocketError::InternalChannelFull) = socket.clone().disconnect() {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            };
            closed.run_until_cancelled(dismissed).await;
        });
    }
}

/// Returns the switch of a socket's TCP connection, if that connection is its transport for good.
///
/// A polling socket has many connections, and one that was upgraded still names its first.
fn switch_of(socket: &SocketRef) -> Option<Switch> {
    let peer = socket.req_parts().extensions.get::<axum::extract::ConnectInfo<super::tcp::Peer>>()?;
    let began_as_websocket = socket.req_parts().uri.query().is_some_and(|query| query.contains("transport=websocket"));
    (began_as_websocket && socket.transport_type() == TransportType::Websocket).then(|| peer.0.switch.clone())
}

/// Holds every accepted connection by the id of its socket; clones share the set.
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
