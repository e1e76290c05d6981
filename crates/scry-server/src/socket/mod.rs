//! The gateway: Socket.IO connections, from the handshake to the drain.
//!
//! One task per connection answers its requests in order; the [`Relay`] sends the durable events.
//! Everything that a client may send right after it has connected must find its handler, so the
//! handlers are registered in the connect middleware, which runs before the client is let in.

mod authenticator;
mod byte_rate_limiter;
mod connection;
mod connection_limiter;
mod drain;
mod ephemeral;
mod forwarded;
pub mod frames;
mod guard;
mod handshake;
mod handshake_limiter;
mod http_server;
mod inbound_queue;
pub mod request;
mod serve;
mod session;
pub mod tcp;
mod upgrade;
mod user_events;

use std::sync::Arc;

use scry_protocol::Room;
use serde_json::Value;
use socketioxide::extract::{Extension, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{ParserConfig, SocketIo, SocketIoBuilder};
use tokio_util::sync::CancellationToken;

use self::authenticator::{Authenticator, SharedPendingConnection};
use self::connection_limiter::ConnectionLimiter;
use super::presence::PresenceHandle;
use super::relay::Relay;
use super::state::AppState;
use crate::config::SocketConfig;

pub use connection::{BufferFullError, Connection, Connections};
pub use serve::serve;

/// What is read from a connection at a time: requests are short, and every connection has such a buffer.
const READ_BUFFER_BYTES: usize = 512;

/// Serves Socket.IO; clones share everything.
///
/// It needs `ConnectInfo<tcp::Peer>`, which [`serve()`] provides.
#[derive(Clone)]
pub struct Gateway {
    state: AppState,
    io: SocketIo,
    relay: Relay,
    connections: Connections,
    presence: PresenceHandle,
}

impl Gateway {
    /// Builds the gateway and the layer that puts it before an HTTP service.
    #[must_use]
    pub fn new(state: AppState) -> (SocketIoLayer, Self) {
        let (layer, io) = builder(&state.config.socket).build_layer();
        let connections = Connections::default();
        let presence = PresenceHandle::default();
        let relay = Relay::new(state.clone(), connections.clone(), presence.clone());
        // One process has one gateway; a second one in a test would not be shown.
        let _ = state.relay.set(relay.view());
        let authenticator = Authenticator {
            state: state.clone(),
            relay: relay.clone(),
            presence: presence.clone(),
            connections: connections.clone(),
            limiter: ConnectionLimiter::default(),
        };
        let server = authenticator.clone();
        let admit = async move |socket: SocketRef, TryData(auth): TryData<Value>| {
            authenticator.authenticate(&socket, auth.ok().as_ref()).await
        };
        let serve = async move |socket: SocketRef, Extension(accepted): Extension<SharedPendingConnection>| {
            server.serve(socket, &accepted).await;
        };
        io.ns("/", serve.with(admit));
        (layer, Self { state, io, relay, connections, presence })
    }

    /// Sends durable events, presence and messages to users, and ends sessions that were logged out, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(
            self.relay.clone().run(stop.clone()),
            self.presence.run(self.state.clone(), self.connections.clone(), stop.clone()),
            user_events::run(&self, &stop),
            ephemeral::run(&self, &stop),
            self.run_cluster(&stop),
        );
    }
}

impl Gateway {
    /// Returns the connections in a user's own room.
    fn connections_of_user(&self, room: &Room) -> Vec<Arc<Connection>> {
        // There is no namespace any more once the gateway has drained.
        let Some(everyone) = self.io.of("/") else { return Vec::new() };
        let sockets = everyone.within(room.to_string()).sockets();
        let sids: Vec<_> = sockets.iter().map(|socket| socket.id).collect();
        self.connections.get(&sids)
    }

    async fn run_cluster(&self, stop: &CancellationToken) {
        if let Some(cluster) = self.state.bus.cluster() {
            cluster.run(&self.state.bus, self.state.config.presence.ttl, stop).await;
        }
    }
}

fn builder(config: &SocketConfig) -> SocketIoBuilder {
    SocketIo::builder()
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .connect_timeout(config.connect_timeout)
        .max_payload(u64::try_from(config.max_payload).unwrap_or(u64::MAX))
        .ws_max_message_size(config.max_payload)
        .ws_max_frame_size(config.max_payload)
        .max_buffer_size(config.buffer)
        .ws_read_buffer_size(READ_BUFFER_BYTES)
        .with_parser(
            ParserConfig::common()
                .max_incoming_binaries(0)
                .max_incoming_binary_buf_size(config.max_payload)
                .packet_completion_timeout(config.connect_timeout),
        )
}
