//! The gateway: Socket.IO connections, from the handshake to the drain.
//!
//! One task per connection answers its requests in order; the [`Relay`] sends the durable events.
//! Everything that a client may send right after it has connected must find its handler, so the
//! handlers are registered in the connect middleware, which runs before the client is let in.

mod connection;
mod handshake;
mod limits;
mod request;
mod session;
mod signals;
pub mod tcp;

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socketioxide::extract::{AckSender, Event, Extension, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{ParserConfig, SocketIo};
use sqlx::Row;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::handshake::Refusal;
use self::limits::{Addresses, Place, TokenBucket};
use self::session::{Incoming, Session};
use super::auth::{Claims, TokenError};
use super::clock;
use super::core::Core;
use super::db::DbError;
use super::relay::Relay;
use crate::config::server::SocketConfig;
use crate::protocol::{ErrorCode, Failure, Id, Room};

pub use connection::{Connection, Connections, Full};

/// Bounds the requests of one connection that wait for their turn.
const INBOX: usize = 128;
/// How many connections are closed at a time when the server drains.
const BATCH: usize = 256;
/// How long the batches of a drain are apart.
const BATCH_PAUSE: Duration = Duration::from_millis(50);
/// When the first clients may come back after a drain; later batches come later.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Serves Socket.IO; clones share everything.
#[derive(Clone)]
pub struct Gateway {
    core: Core,
    io: SocketIo,
    relay: Relay,
    connections: Connections,
    addresses: Addresses,
}

/// Holds an accepted connection between the middleware and its task.
///
/// It waits in the socket's own extensions, so that a connection which breaks off in between takes
/// it along and gives back its place.
struct Accepted {
    claims: Claims,
    inbox: mpsc::Receiver<Incoming>,
    place: Option<Place>,
    closed: CancellationToken,
}

type Handover = Arc<Mutex<Option<Accepted>>>;

impl Gateway {
    /// Builds the gateway and the layer that puts it before an HTTP service.
    #[must_use]
    pub fn new(core: Core) -> (SocketIoLayer, Self) {
        let (layer, io) = builder(&core.config.socket).build_layer();
        let connections = Connections::default();
        let relay = Relay::new(core.clone(), connections.clone());
        let gateway = Self { core, io: io.clone(), relay, connections, addresses: Addresses::default() };
        let (at_the_door, inside) = (gateway.clone(), gateway.clone());
        let middleware = async move |socket: SocketRef, TryData(auth): TryData<Value>| {
            at_the_door.admit(&socket, auth.ok().as_ref()).await
        };
        let connected = async move |socket: SocketRef, Extension(accepted): Extension<Handover>| {
            inside.serve(socket, &accepted).await;
        };
        io.ns("/", connected.with(middleware));
        (layer, gateway)
    }

    /// Sends durable events and messages to users, and ends sessions that were logged out, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.relay.clone().run(stop.clone()), signals::run(&self, &stop));
    }

    /// Tells every client to come back later, and closes the connections in batches, all `within` a time.
    ///
    /// Cancel [`Core::draining`] before, so that nobody comes in meanwhile.
    pub async fn drain(&self, within: Duration) {
        let deadline = tokio::time::Instant::now() + within;
        let connections = self.connections.all();
        let batches = u32::try_from(connections.len().div_ceil(BATCH)).unwrap_or(u32::MAX).max(1);
        let pause = BATCH_PAUSE.min(within / 2 / batches);
        for (number, batch) in (0_u32..).zip(connections.chunks(BATCH)) {
            let later = RECONNECT_AFTER.saturating_add(pause.saturating_mul(number));
            for connection in batch {
                connection.send("server:draining", &json!({"reconnectAfterMs": millis(later)}));
            }
        }
        for batch in connections.chunks(BATCH) {
            tokio::time::sleep(pause).await;
            batch.iter().for_each(|connection| connection.hang_up());
        }
        self.close(deadline).await;
    }

    /// Closes what is left: polling sockets, which have no line to hang up, and peers that do not read.
    async fn close(&self, deadline: tokio::time::Instant) {
        if tokio::time::timeout_at(deadline, self.io.close()).await.is_err() {
            self.connections.all().iter().for_each(|connection| connection.give_up());
        }
        // The library forgets its namespaces first and then tells nobody that their sockets have gone.
        self.connections.all().iter().for_each(|connection| connection.closed().cancel());
    }

    /// Decides whether a socket may connect, and prepares everything that its first message needs.
    async fn admit(&self, socket: &SocketRef, auth: Option<&Value>) -> Result<(), Refusal> {
        let config = &self.core.config.socket;
        let request = socket.req_parts();
        if self.core.draining.is_cancelled() {
            return Err(Refusal::Draining);
        }
        let origin = request.headers.get("origin").map(|origin| origin.to_str().unwrap_or_default());
        if !handshake::origin_allowed(origin, config) {
            return Err(Refusal::OriginDenied);
        }
        let token = handshake::token(auth, request.uri.query()).unwrap_or_default();
        let claims = self.core.tokens.verify(token, clock::now()).map_err(Refusal::Token)?;
        if self.is_over(&claims.sid).await.map_err(internal)? {
            return Err(Refusal::Token(TokenError::Invalid));
        }
        let place = self.place(socket)?;
        socket.join(Room::User(claims.sub.clone()).to_string());
        self.register(socket, claims, place);
        Ok(())
    }

    fn place(&self, socket: &SocketRef) -> Result<Option<Place>, Refusal> {
        let peer = socket.req_parts().extensions.get::<axum::extract::ConnectInfo<tcp::Peer>>();
        let Some(address) = peer.map(|peer| peer.0.address.ip()) else { return Ok(None) };
        let Some(limit) = handshake::connection_limit(address, &self.core.config.socket) else { return Ok(None) };
        self.addresses.enter(address, limit).map(Some).ok_or(Refusal::TooManyConnections)
    }

    fn register(&self, socket: &SocketRef, claims: Claims, place: Option<Place>) {
        let (outbox, inbox) = mpsc::channel(INBOX);
        let bucket = TokenBucket::per_minute(self.core.config.socket.requests_per_minute, Instant::now());
        let bucket = Arc::new(Mutex::new(bucket));
        for event in request::EVENTS {
            let (outbox, bucket) = (outbox.clone(), bucket.clone());
            // The library spawns what this returns, unordered; the queue is filled before, in order.
            socket.on(event, move |Event(name): Event, TryData(payload): TryData<Value>, ack: AckSender| {
                if let Err((ack, failure)) = accept(&outbox, &bucket, &name, &payload.unwrap_or_default(), ack) {
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

    async fn serve(&self, socket: SocketRef, handover: &Mutex<Option<Accepted>>) {
        let accepted = handover.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Accepted { claims, inbox, place, closed }) = accepted else { return };
        let switch = connection::switch_of(&socket);
        let sid = claims.sid.clone();
        let connection = Arc::new(Connection::new(socket, claims, switch, closed));
        self.connections.insert(connection.clone());
        // The session may have ended after the door was passed and before it could be told.
        if self.is_over(&sid).await.unwrap_or(false) {
            connection.dismiss();
        }
        let (core, relay, connections) = (self.core.clone(), self.relay.clone(), self.connections.clone());
        Session { core, relay, connections, connection, inbox, place, warned: false }.run().await;
    }

    /// Tells whether a session was logged out.
    async fn is_over(&self, sid: &Id) -> Result<bool, DbError> {
        let ended = sqlx::query("SELECT id FROM sessions WHERE id = $1 AND revoked_ms IS NOT NULL")
            .bind(sid.as_str())
            .fetch_optional(&self.core.db.reader)
            .await?;
        Ok(ended.is_some_and(|row| row.try_get::<String, _>(0).is_ok()))
    }
}

fn builder(config: &SocketConfig) -> socketioxide::SocketIoBuilder {
    SocketIo::builder()
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .connect_timeout(config.connect_timeout)
        .max_payload(u64::try_from(config.max_payload).unwrap_or(u64::MAX))
        .ws_max_message_size(config.max_payload)
        .ws_max_frame_size(config.max_payload)
        .max_buffer_size(config.buffer)
        .with_parser(
            ParserConfig::common()
                .max_incoming_binaries(0)
                .max_incoming_binary_buf_size(config.max_payload)
                .packet_completion_timeout(config.connect_timeout),
        )
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
    outbox.try_send(Incoming { request, ack }).map_err(|error| (error.into_inner().ack, slow_down(BATCH_PAUSE)))
}

fn slow_down(wait: Duration) -> Failure {
    let retry_after_ms = millis(wait).max(1);
    let sentence = format!("too many requests on this connection; try again in {retry_after_ms} ms");
    Failure { retry_after_ms: Some(retry_after_ms), ..Failure::new(ErrorCode::RateLimited, sentence) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn internal(error: DbError) -> Refusal {
    tracing::error!(%error, "could not look up the session of a handshake");
    Refusal::Internal
}
