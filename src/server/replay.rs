//! A stage for recordings: a gateway that real Socket.IO clients can join, and that says what it is told to say.
//!
//! It accepts every client and every room, keeps no journal and knows no positions of its own.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, Event, SocketRef};
use socketioxide::handler::ConnectHandler;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::protocol::Room;

/// How many packets may wait for one client; a recording at full speed is read as fast as they are.
const BUFFER: usize = 65_536;

/// Runs the gateway until it is closed or dropped.
#[derive(Debug)]
pub struct Stage {
    io: SocketIo,
    address: SocketAddr,
    joined: watch::Receiver<bool>,
    closing: CancellationToken,
    serving: tokio::task::JoinHandle<io::Result<()>>,
}

impl Stage {
    /// Starts listening.
    ///
    /// # Errors
    /// The I/O error of binding the address.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (layer, io) = SocketIo::builder().max_buffer_size(BUFFER).build_layer();
        let (tell, joined) = watch::channel(false);
        // Handlers are registered before the client hears that it is connected, so that none of its requests is lost.
        let accept = async move |socket: SocketRef| {
            register(&socket, &tell);
            Ok::<(), std::convert::Infallible>(())
        };
        io.ns("/", (async |_: SocketRef| {}).with(accept));
        let closing = CancellationToken::new();
        let stop = closing.clone();
        let serving = tokio::spawn(async move {
            axum::serve(listener, Router::new().layer(layer)).with_graceful_shutdown(stop.cancelled_owned()).await
        });
        Ok(Self { io, address, joined, closing, serving })
    }

    /// Returns where it listens; the port is the real one.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until a client has joined a room.
    pub async fn joined(&self) {
        // An error would mean that the gateway has gone, and then there is nobody to wait for.
        let _ = self.joined.clone().wait_for(|joined| *joined).await;
    }

    /// Sends an event to everybody in a room, or to everybody.
    pub async fn emit(&self, room: Option<&str>, name: &str, body: &Value) {
        let sent = match room {
            Some(room) => self.io.to(room.to_owned()).emit(name.to_owned(), body).await,
            None => self.io.emit(name.to_owned(), body).await,
        };
        if let Err(error) = sent {
            tracing::warn!(%error, name, "an event did not reach every client");
        }
    }

    /// Says goodbye to every client and stops listening.
    pub async fn close(self) {
        self.io.close().await;
        self.closing.cancel();
        // The task's own failure has no reader any more.
        let _ = self.serving.await;
    }
}

fn register(socket: &SocketRef, tell: &watch::Sender<bool>) {
    for kind in ["campaign", "settlement", "structure"] {
        let tell = tell.clone();
        socket.on(
            format!("subscribe_{kind}"),
            async move |socket: SocketRef, Data::<Value>(request), ack: AckSender| {
                let answer = match room(kind, &request) {
                    Some(room) => {
                        socket.join(room.clone());
                        tell.send_replace(true);
                        json!({"success": true, "room": room})
                    }
                    None => json!({"success": false, "error": "no id", "code": "INVALID_PAYLOAD"}),
                };
                // The client has gone before its answer; nothing is lost.
                let _ = ack.send(&answer);
            },
        );
        socket.on(
            format!("unsubscribe_{kind}"),
            async move |socket: SocketRef, Data::<Value>(request), ack: AckSender| {
                let room = room(kind, &request).unwrap_or_default();
                socket.leave(room.clone());
                let _ = ack.send(&json!({"success": true, "room": room}));
            },
        );
    }
    socket.on("latency", async |_: Event, ack: AckSender| {
        let _ = ack.send(&json!({"success": true}));
    });
}

/// Reads the room of a request: `{campaignId}` or the bare id.
fn room(kind: &str, request: &Value) -> Option<String> {
    let id = request.as_str().or_else(|| request[format!("{kind}Id")].as_str())?;
    format!("{kind}:{id}").parse::<Room>().ok().map(|room| room.to_string())
}
