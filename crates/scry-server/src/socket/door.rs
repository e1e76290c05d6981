//! The door: decides who may connect, and has everything ready before a client's first message.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ConnectInfo;
use scry_protocol::Room;
use serde_json::Value;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::socket::DisconnectReason;
use tokio::sync::mpsc;

use super::connection::{self, Connection, Connections, Ending};
use super::guard::Opening;
use super::handshake::{self, Refusal};
use super::limits::{Addresses, Place};
use super::session::{Incoming, Mailbag, Session};
use super::tcp::{Peer, Switch};
use super::wicket::Wicket;
use crate::auth::{Claims, NotAdmitted};
use crate::config::SocketConfig;
use crate::core::Core;
use crate::db::DbError;
use crate::inbox::{self, Cursor};
use crate::limits::{LimitKind, LimitReporter};
use crate::presence::People;
use crate::relay::Relay;

/// Lets connections in; clones share everything.
#[derive(Clone)]
pub(super) struct Door {
    pub core: Core,
    pub relay: Relay,
    pub people: People,
    pub connections: Connections,
    pub addresses: Addresses,
}

/// Holds an accepted connection between the middleware and its task.
///
/// It waits in the socket's own extensions, so that a connection which breaks off in between takes
/// it along and gives back its place.
pub(super) struct Accepted {
    claims: Claims,
    inbox: mpsc::Receiver<Box<Incoming>>,
    place: Option<Place>,
    reporter: LimitReporter,
    /// Where the user's messages ended when it was let in.
    cursor: Cursor,
    ending: Ending,
}

/// Passes an accepted connection on, once.
pub(super) type Handover = Arc<Mutex<Option<Accepted>>>;

impl Door {
    /// Answers a handshake and keeps count of the answers.
    ///
    /// # Errors
    /// [`Refusal`], which becomes the client's `connect_error`.
    pub(super) async fn answer(&self, socket: &SocketRef, auth: Option<&Value>) -> Result<(), Refusal> {
        let answer = self.admit(socket, auth).await;
        let refused = answer.as_ref().err().map(|refusal| refusal.label());
        self.core.metrics.handshake(refused);
        answer
    }

    /// Decides whether a socket may connect, and prepares everything that its first message needs.
    ///
    /// # Errors
    /// [`Refusal`], which becomes the client's `connect_error`.
    async fn admit(&self, socket: &SocketRef, auth: Option<&Value>) -> Result<(), Refusal> {
        let reporter = self.core.limit_metrics.reporter(peer_of(socket).map(|peer| peer.address.ip()));
        let admitted = self.examine(socket, auth, &reporter).await;
        if let Some(opening) = socket.req_parts().extensions.get::<Arc<Opening>>() {
            opening.settle();
        }
        admitted.inspect_err(|refusal| {
            if let Some(kind) = refusal.limit_kind() {
                reporter.report(kind);
            }
        })
    }

    async fn examine(&self, socket: &SocketRef, auth: Option<&Value>, reporter: &LimitReporter) -> Result<(), Refusal> {
        let request = socket.req_parts();
        if self.core.draining.is_cancelled() {
            return Err(Refusal::Draining);
        }
        let origin = request.headers.get("origin").map(|origin| origin.to_str().unwrap_or_default());
        if !handshake::origin_allowed(origin, &self.core.config.socket) {
            return Err(Refusal::OriginDenied);
        }
        let token = handshake::token(auth, request.uri.query()).unwrap_or_default();
        let claims = self.core.admit(token).await.map_err(refusal)?;
        let place = self.place(socket)?;
        socket.join(Room::User(claims.sub.clone()).to_string());
        // Before the client hears that it is in: from then on, whatever is told to the user is told to it as well.
        let cursor = inbox::end(&self.core.db, &claims.sub).await.map_err(internal)?;
        let (ending, inbox) = register(socket, reporter, &self.core.config.socket);
        let accepted = Accepted { claims, inbox, place, reporter: reporter.clone(), cursor, ending };
        socket.extensions.insert(Handover::new(Mutex::new(Some(accepted))));
        Ok(())
    }

    /// Serves an admitted socket until it has gone.
    pub(super) async fn serve(&self, socket: SocketRef, handover: &Mutex<Option<Accepted>>) {
        let accepted = handover.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Accepted { claims, inbox, place, reporter, cursor, ending }) = accepted else { return };
        let connection = Arc::new(Connection::new(socket, claims, reporter, ending));
        self.connections.insert(connection.clone());
        // The session may have ended after it was looked up and before it could be told so.
        if Box::pin(self.core.is_over(&connection.claims())).await.unwrap_or(false) {
            connection.dismiss();
        }
        let (core, relay, people) = (self.core.clone(), self.relay.clone(), self.people.clone());
        let mail = Mailbag::new(cursor);
        let session = Session { core, relay, people, connection: connection.clone(), inbox, warned: false, mail };
        session.run().await;
        self.connections.remove(connection.id());
        self.people.moved.add(connection.id());
        drop(place);
    }

    fn place(&self, socket: &SocketRef) -> Result<Option<Place>, Refusal> {
        let Some(address) = peer_of(socket).map(|peer| peer.address.ip()) else { return Ok(None) };
        let Some(limit) = handshake::connection_limit(address, &self.core.config.socket) else { return Ok(None) };
        self.addresses.enter(address, limit).map(Some).ok_or(Refusal::TooManyConnections)
    }
}

fn peer_of(socket: &SocketRef) -> Option<&Peer> {
    socket.req_parts().extensions.get::<ConnectInfo<Peer>>().map(|peer| &peer.0)
}

/// Registers what hears a socket; returns its task's end of the queue, and what tells that it has gone.
fn register(
    socket: &SocketRef,
    reporter: &LimitReporter,
    config: &SocketConfig,
) -> (Ending, mpsc::Receiver<Box<Incoming>>) {
    let switch = peer_of(socket).map(|peer| peer.switch.clone());
    let (wicket, inbox) = Wicket::new(reporter.clone(), switch.clone(), connection::has_line(socket), config);
    let wicket = Arc::new(wicket);
    // One for all events: each connection has a handler of its own, and whatever a client sends counts.
    // The library spawns what this returns, in any order; the queue is filled before that, in order.
    socket.on_fallback(
        move |socket: SocketRef, Event(name): Event, TryData(payload): TryData<Value>, ack: AckSender| {
            wicket.pass(socket, &name, &payload.unwrap_or_default(), ack);
            ready(())
        },
    );
    let ending = Ending::default();
    let gone = ending.clone();
    let reporter = reporter.clone();
    socket.on_disconnect(move |reason: DisconnectReason| {
        gone.tell(reason);
        if let Some(kind) = limit_of(reason, switch.as_ref()) {
            reporter.report(kind);
        }
        ready(())
    });
    (ending, inbox)
}

/// Tells what a connection that the library closed had done.
fn limit_of(reason: DisconnectReason, switch: Option<&Switch>) -> Option<LimitKind> {
    if switch.is_some_and(Switch::is_stuck) {
        return Some(LimitKind::SlowReader);
    }
    if switch.is_some_and(Switch::is_cut_off) {
        return Some(LimitKind::Flood);
    }
    let goes_on = || switch.is_some_and(|switch| !switch.is_over());
    if reason == DisconnectReason::PacketParsingError {
        Some(LimitKind::Packet)
    } else if reason == DisconnectReason::TransportError && goes_on() {
        // The line is whole and yet the library could not read it: a frame too long, or none at all.
        Some(LimitKind::Message)
    } else {
        None
    }
}

fn refusal(error: NotAdmitted) -> Refusal {
    match error {
        NotAdmitted::Token(error) => Refusal::Token(error),
        NotAdmitted::Database(error) => internal(error),
    }
}

fn internal(error: DbError) -> Refusal {
    tracing::error!(%error, "could not look up the session of a handshake");
    Refusal::Internal
}
