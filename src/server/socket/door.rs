//! The door: decides who may connect, and has everything ready before a client's first message.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ConnectInfo;
use serde_json::Value;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Connections, switch_of};
use super::handshake::{self, Refusal};
use super::limits::{Addresses, Place, TokenBucket};
use super::request;
use super::session::{Incoming, Session};
use super::tcp::Peer;
use crate::protocol::{ErrorCode, Failure, Id, Room};
use crate::server::auth::{Claims, TokenError};
use crate::server::clock;
use crate::server::core::Core;
use crate::server::db::DbError;
use crate::server::presence::People;
use crate::server::relay::Relay;

/// Bounds the requests of one connection that wait for their turn.
const INBOX: usize = 128;
/// What a client is told to wait when its requests come faster than they are answered.
const INBOX_PAUSE: Duration = Duration::from_millis(100);

/// Lets connections in; clones share everything.
#[derive(Clone)]
pub struct Door {
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
pub struct Accepted {
    claims: Claims,
    inbox: mpsc::Receiver<Incoming>,
    place: Option<Place>,
    closed: CancellationToken,
}

/// Passes an accepted connection on, once.
pub type Handover = Arc<Mutex<Option<Accepted>>>;

impl Door {
    /// Answers a handshake and keeps count of the answers.
    ///
    /// # Errors
    /// [`Refusal`], which becomes the client's `connect_error`.
    pub async fn answer(&self, socket: &SocketRef, auth: Option<&Value>) -> Result<(), Refusal> {
        let answer = self.admit(socket, auth).await;
        let refused = answer.as_ref().err().map(|refusal| refusal.label());
        self.core.metrics.handshake(refused);
        if let Err(refusal) = &answer {
            if let Some(kind) = refusal.suspicion() {
                let peer = socket.req_parts().extensions.get::<ConnectInfo<Peer>>();
                let source = peer.map(|peer| peer.0.address.ip().to_string()).unwrap_or_default();
                self.core.metrics.suspicious(kind, &source);
            }
            if *refusal == Refusal::TooManyConnections {
                self.core.metrics.limited("connections");
            }
        }
        answer
    }

    /// Decides whether a socket may connect, and prepares everything that its first message needs.
    ///
    /// # Errors
    /// [`Refusal`], which becomes the client's `connect_error`.
    async fn admit(&self, socket: &SocketRef, auth: Option<&Value>) -> Result<(), Refusal> {
        let request = socket.req_parts();
        if self.core.draining.is_cancelled() {
            return Err(Refusal::Draining);
        }
        let origin = request.headers.get("origin").map(|origin| origin.to_str().unwrap_or_default());
        if !handshake::origin_allowed(origin, &self.core.config.socket) {
            return Err(Refusal::OriginDenied);
        }
        let token = handshake::token(auth, request.uri.query()).unwrap_or_default();
        let claims = self.core.tokens.verify(token, clock::now()).map_err(Refusal::Token)?;
        if self.is_over(&claims.sid).await.map_err(internal)? {
            return Err(Refusal::Token(TokenError::Invalid));
        }
        let place = self.place(socket)?;
        socket.join(Room::User(claims.sub.clone()).to_string());
        register(socket, claims, place, &self.core);
        Ok(())
    }

    /// Serves an admitted socket until it has gone.
    pub async fn serve(&self, socket: SocketRef, handover: &Mutex<Option<Accepted>>) {
        let accepted = handover.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Accepted { claims, inbox, place, closed }) = accepted else { return };
        let (sid, switch) = (claims.sid.clone(), switch_of(&socket));
        let connection = Arc::new(Connection::new(socket, claims, switch, closed, self.core.metrics.clone()));
        self.connections.insert(connection.clone());
        // The session may have ended after it was looked up and before it could be told so.
        if self.is_over(&sid).await.unwrap_or(false) {
            connection.dismiss();
        }
        let (core, relay, people) = (self.core.clone(), self.relay.clone(), self.people.clone());
        let connection_of_session = connection.clone();
        let session =
            Session { core, relay, people, connection: connection_of_session, inbox, warned: false, cursor: None };
        session.run().await;
        self.connections.remove(connection.id());
        self.people.moved.add(connection.id());
        drop(place);
    }

    fn place(&self, socket: &SocketRef) -> Result<Option<Place>, Refusal> {
        let peer = socket.req_parts().extensions.get::<ConnectInfo<Peer>>();
        let Some(address) = peer.map(|peer| peer.0.address.ip()) else { return Ok(None) };
        let Some(limit) = handshake::connection_limit(address, &self.core.config.socket) else { return Ok(None) };
        self.addresses.enter(address, limit).map(Some).ok_or(Refusal::TooManyConnections)
    }

    /// Tells whether a session was logged out.
    async fn is_over(&self, sid: &Id) -> Result<bool, DbError> {
        let ended = sqlx::query("SELECT id FROM sessions WHERE id = $1 AND revoked_ms IS NOT NULL")
            .bind(sid.as_str())
            .fetch_optional(&self.core.db.reader)
            .await?;
        Ok(ended.is_some())
    }
}

/// Registers the handlers of a socket and leaves its end of the queue for its task.
fn register(socket: &SocketRef, claims: Claims, place: Option<Place>, core: &Core) {
    let requests_per_minute = core.config.socket.requests_per_minute;
    let (outbox, inbox) = mpsc::channel(INBOX);
    let bucket = Arc::new(Mutex::new(TokenBucket::per_minute(requests_per_minute, Instant::now())));
    for event in request::EVENTS {
        let (outbox, bucket) = (outbox.clone(), bucket.clone());
        let (metrics, user) = (core.metrics.clone(), claims.name.clone());
        // The library spawns what this returns, in any order; the queue is filled before that, in order.
        socket.on(event, move |Event(name): Event, TryData(payload): TryData<Value>, ack: AckSender| {
            if let Err((ack, failure)) = accept(&outbox, &bucket, &name, &payload.unwrap_or_default(), ack) {
                if failure.code == ErrorCode::RateLimited {
                    metrics.limited("events");
                    metrics.suspicious("too_many_events", &user);
                }
                // A client whose buffer has no room for this answer is closed by the next event.
                let _ = ack.send(&failure);
            }
            ready(())
        });
    }
    let closed = CancellationToken::new();
    let gone = closed.clone();
    socket.on_disconnect(move || {
        gone.cancel();
        ready(())
    });
    socket.extensions.insert(Handover::new(Mutex::new(Some(Accepted { claims, inbox, place, closed }))));
}

/// Checks one event and queues it for the connection's task.
fn accept(
    outbox: &mpsc::Sender<Incoming>,
    bucket: &Mutex<TokenBucket>,
    event: &str,
    payload: &Value,
    ack: AckSender,
) -> Result<(), (AckSender, Failure)> {
    let taken = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
    if let Err(wait) = taken {
        return Err((ack, slow_down(wait)));
    }
    let request = match request::parse(event, payload) {
        Ok(request) => request,
        Err(failure) => return Err((ack, failure)),
    };
    outbox.try_send(Incoming { request, ack }).map_err(|error| (error.into_inner().ack, slow_down(INBOX_PAUSE)))
}

fn slow_down(wait: Duration) -> Failure {
    let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    let sentence = format!("too many requests on this connection; try again in {retry_after_ms} ms");
    Failure { retry_after_ms: Some(retry_after_ms), ..Failure::new(ErrorCode::RateLimited, sentence) }
}

fn internal(error: DbError) -> Refusal {
    tracing::error!(%error, "could not look up the session of a handshake");
    Refusal::Internal
}
