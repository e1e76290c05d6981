//! A server that replays recordings: a gateway that real Socket.IO clients can join, and that sends what it is given.
//!
//! It accepts every client and every room. It remembers what it has said, so that a client that missed something
//! can ask again; where the recording itself has a hole, it says so.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use scry_protocol::catalogue::CustomEventMetadata;
use scry_protocol::{Event, Position, Room};
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How many packets may wait for one client; a recording at full speed is read as fast as they are.
const PACKET_BUFFER: usize = 65_536;

/// How long the clients may take to leave at the end, and how often to look.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What has been said that has a place in a history.
type SentEvents = Arc<Mutex<Vec<SentEvent>>>;

#[derive(Debug, Clone)]
struct SentEvent {
    position: Position,
    /// Its rooms, each with the place of the event before it there, as far as that is told.
    rooms: Vec<(Room, u64)>,
    name: String,
    body: Value,
}

impl SentEvent {
    /// Reads where an event stands; `None` for one that no journal holds.
    fn read(name: &str, body: &Value) -> Option<Self> {
        let (position, rooms) = match (Event::from_value(body), CustomEventMetadata::from_payload(body)) {
            (Some(event), _) => {
                let position = event.position()?;
                let prev = event.metadata.prev.unwrap_or_default();
                let before = |room: &Room| match room {
                    Room::Settlement(_) => prev.settlement,
                    Room::Structure(_) => prev.structure,
                    Room::Campaign(_) | Room::User(_) | Room::Custom(..) => None,
                };
                let rooms = event.payload.rooms().into_iter().map(|room| (before(&room), room));
                (position, rooms.collect::<Vec<_>>())
            }
            (None, Some(stamp)) => {
                let rooms = stamp.rooms.iter().map(|room| (stamp.prev.get(room).copied(), room.clone()));
                (stamp.position()?, rooms.collect())
            }
            (None, None) => return None,
        };
        let untold = position.seq.saturating_sub(1);
        let rooms = rooms.into_iter().map(|(before, room)| (room, before.unwrap_or(untold))).collect();
        Some(Self { position, rooms, name: name.to_owned(), body: body.clone() })
    }

    /// Returns the place of the event before it in a room, if it went there.
    fn before(&self, room: &str) -> Option<u64> {
        self.rooms.iter().find(|(known, _)| known.to_string() == room).map(|(_, before)| *before)
    }
}

/// Runs the gateway until it is closed or dropped.
#[derive(Debug)]
pub struct ReplayServer {
    io: SocketIo,
    address: SocketAddr,
    sent: SentEvents,
    joined: watch::Receiver<bool>,
    closing: CancellationToken,
    serving: tokio::task::JoinHandle<io::Result<()>>,
}

impl ReplayServer {
    /// Starts listening.
    ///
    /// # Errors
    /// The I/O error of binding the address.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (layer, io) = SocketIo::builder().max_buffer_size(PACKET_BUFFER).build_layer();
        let (joined_sender, joined) = watch::channel(false);
        // Handlers are registered before the client hears that it is connected, so that none of its requests is lost.
        let sent = SentEvents::default();
        let sent_events = Arc::clone(&sent);
        let accept = async move |socket: SocketRef| {
            register(&socket, &joined_sender, &sent_events);
            Ok::<(), std::convert::Infallible>(())
        };
        io.ns("/", (async |_: SocketRef| {}).with(accept));
        let closing = CancellationToken::new();
        let stop = closing.clone();
        let serving = tokio::spawn(async move {
            axum::serve(listener, Router::new().layer(layer)).with_graceful_shutdown(stop.cancelled_owned()).await
        });
        Ok(Self { io, address, sent, joined, closing, serving })
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

    /// Sends an event to everybody in its rooms; one that names none goes to `room`, or to everybody.
    pub async fn emit(&self, room: Option<&str>, name: &str, body: &Value) {
        let sent_event = SentEvent::read(name, body);
        let rooms: Vec<String> = match (&sent_event, Event::from_value(body)) {
            (Some(sent_event), _) => sent_event.rooms.iter().map(|(room, _)| room.to_string()).collect(),
            (None, Some(event)) => event.payload.rooms().iter().map(ToString::to_string).collect(),
            (None, None) => room.map(str::to_owned).into_iter().collect(),
        };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).extend(sent_event);
        let sent = if rooms.is_empty() {
            self.io.emit(name.to_owned(), body).await
        } else {
            self.io.to(rooms).emit(name.to_owned(), body).await
        };
        if let Err(error) = sent {
            tracing::warn!(%error, name, "an event did not reach every client");
        }
    }

    /// Waits until every client has left, a while at most, then stops listening.
    ///
    /// A client that has just found a hole can still ask for what it missed.
    pub async fn close(self) {
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        while !self.io.sockets().is_empty() && Instant::now() < deadline {
            sleep(POLL_INTERVAL).await;
        }
        self.io.close().await;
        self.closing.cancel();
        // The task's own failure has no reader any more.
        let _ = self.serving.await;
    }
}

fn register(socket: &SocketRef, joined_sender: &watch::Sender<bool>, sent: &SentEvents) {
    for kind in ["campaign", "settlement", "structure", "room"] {
        let (joined_sender, sent) = (joined_sender.clone(), Arc::clone(sent));
        socket.on(
            format!("subscribe_{kind}"),
            async move |socket: SocketRef, Data::<Value>(request), ack: AckSender| {
                match room(kind, &request) {
                    Some(room) => join(&socket, ack, &room, &request, &sent),
                    None => answer(ack, &json!({"success": false, "error": "no id", "code": "INVALID_PAYLOAD"})),
                }
                joined_sender.send_replace(true);
            },
        );
        socket.on(
            format!("unsubscribe_{kind}"),
            async move |socket: SocketRef, Data::<Value>(request), ack: AckSender| {
                let room = room(kind, &request).unwrap_or_default();
                socket.leave(room.clone());
                answer(ack, &json!({"success": true, "room": room}));
            },
        );
    }
    socket.on("latency", async |ack: AckSender| answer(ack, &json!({"success": true})));
}

/// Lets a client in; one that names a place hears again what was said in the room after it.
fn join(socket: &SocketRef, ack: AckSender, room: &str, request: &Value, sent: &SentEvents) {
    socket.join(room.to_owned());
    let since: Option<Position> = serde_json::from_value(request["since"].clone()).ok();
    let Some(since) = since else {
        return answer(ack, &json!({"success": true, "room": room}));
    };
    let missed: Vec<SentEvent> = {
        let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        let later = |one: &&SentEvent| one.position.seq > since.seq && one.before(room).is_some();
        sent.iter().filter(later).cloned().collect()
    };
    // The answer ends just before what follows, so that a hole in the recording is told and nothing after it is lost.
    let before = missed.first().and_then(|first| first.before(room)).map_or(since.seq, |before| before.max(since.seq));
    let epoch = missed.first().map_or(&since.epoch, |first| &first.position.epoch);
    let unbroken = before == since.seq && *epoch == since.epoch;
    let position = json!({"epoch": epoch, "seq": before});
    answer(ack, &json!({"success": true, "room": room, "position": position, "recovered": unbroken, "replayed": 0}));
    for one in missed {
        // The client has gone, or is too slow and will ask again.
        let _ = socket.emit(one.name, &one.body);
    }
}

fn answer(ack: AckSender, answer: &Value) {
    // The client has gone before its answer; nothing is lost.
    let _ = ack.send(answer);
}

/// Reads the room of a request: `{campaignId}` or the bare id, `{room}` or the bare name.
fn room(kind: &str, request: &Value) -> Option<String> {
    let is_named = kind == "room";
    let key = if is_named { kind.to_owned() } else { format!("{kind}Id") };
    let name = request.as_str().or_else(|| request[key].as_str())?;
    let name = if is_named { name.to_owned() } else { format!("{kind}:{name}") };
    name.parse::<Room>().ok().map(|room| room.to_string())
}
