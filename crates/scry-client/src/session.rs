//! A session: one connection that stays, whatever happens to the network, and what it tells.
//!
//! ```no_run
//! use scry_client::api::Api;
//! use scry_model::event::ClientEvent;
//! use scry_client::session::{self, SessionOptions};
//! use scry_config::{self as config, client::{Overrides, Settings}};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::load(&config::process_env, &Overrides::default())?;
//! let api = Api::open(&settings, &config::process_env)?;
//! let options = SessionOptions::new(&settings, api).room("campaign:0197".parse()?);
//! let mut session = session::connect(options)?;
//! while let Some(event) = session.events.recv().await {
//!     if let ClientEvent::Delivered(delivery) = event {
//!         println!("{}", delivery.raw);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use scry_config::client::{LinkKind, ServerAddress, Settings};
use scry_model::event::{ClientEvent, Status};
use scry_protocol::{ClientRequest, Room};
use tokio::sync::{mpsc, watch};

use super::api::Api;
use super::connection::{ActorConfig, ConnectionActor, ConnectionCommand, StartPosition, Timings};
use super::error::ApiError;
use super::http;

/// How many events may wait for their reader before the connection is cut and caught up later.
const EVENT_CAPACITY: usize = 8192;
const COMMAND_CAPACITY: usize = 256;

/// The server, the login and the rooms of a session.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The server whose gateway is connected to.
    pub server: ServerAddress,
    /// The API of the same server, with the login that the gateway gets.
    pub api: Api,
    /// The rooms to join, each with the point from which its events are wanted.
    pub rooms: Vec<(Room, StartPosition)>,
    /// Whether campaigns begin with their whole state; one that only watches events needs none.
    pub snapshots: bool,
    /// The time limits and intervals of the connection.
    pub timings: Timings,
    /// Which Socket.IO client makes the connection.
    pub link: LinkKind,
    /// How many events may wait for their reader.
    pub capacity: usize,
    /// Whether the socket is left unread while the reader has no room, instead of being cut and resumed later: right
    /// for a reader that must not miss anything, even from a gateway that cannot resume.
    pub backpressure: bool,
}

impl SessionOptions {
    /// Takes server and time limits from the settings; no rooms yet, snapshots on.
    #[must_use]
    pub fn new(settings: &Settings, api: Api) -> Self {
        Self {
            server: settings.server.clone(),
            api,
            rooms: Vec::new(),
            snapshots: true,
            timings: Timings::from(&settings.config.connection),
            link: settings.config.connection.link,
            capacity: EVENT_CAPACITY,
            backpressure: false,
        }
    }

    /// Adds a room, begun in the way that suits it: a campaign with its state, another with its next event.
    #[must_use]
    pub fn room(mut self, room: Room) -> Self {
        let start = StartPosition::default_for(&room);
        self.rooms.push((room, start));
        self
    }
}

/// A running session. Dropping `events`, or every handle, ends it.
#[derive(Debug)]
pub struct Session {
    /// Everything that happens, in order. A reader that falls behind misses nothing: the connection
    /// is cut, and resumed once it has read what is here.
    pub events: mpsc::Receiver<ClientEvent>,
    /// How the connection is at this moment.
    pub status: watch::Receiver<Status>,
    /// A handle that steers the session.
    pub handle: SessionHandle,
}

/// Steers a session; clones steer the same one.
#[derive(Debug, Clone)]
pub struct SessionHandle {
    commands: mpsc::Sender<ConnectionCommand>,
}

impl SessionHandle {
    /// Listens to a room too, from what suits it; one that is held already is left as it is.
    pub fn subscribe(&self, room: Room) {
        let start = StartPosition::default_for(&room);
        self.subscribe_from(room, start);
    }

    /// Listens to a room too, from a certain point.
    pub fn subscribe_from(&self, room: Room, start: StartPosition) {
        self.send(ConnectionCommand::Subscribe(room, start));
    }

    /// Listens to a room no longer.
    pub fn unsubscribe(&self, room: Room) {
        self.send(ConnectionCommand::Unsubscribe(room));
    }

    /// Sends a message that is not acknowledged; without effect unless the connection is live.
    pub fn emit(&self, request: ClientRequest) {
        self.send(ConnectionCommand::Emit(request));
    }

    /// Asks for a [`ClientEvent::Confirmed`], which comes once the connection is live and everything sent so far is here.
    pub fn confirm(&self) {
        self.send(ConnectionCommand::Confirm);
    }

    /// Tries to connect now instead of later; without effect on a connection that is up.
    pub fn retry_now(&self) {
        self.send(ConnectionCommand::Retry);
    }

    /// Ends the session and waits until it has ended.
    pub async fn close(&self) {
        // An error means that it has ended already.
        let _ = self.commands.send(ConnectionCommand::Close).await;
        self.commands.closed().await;
    }

    fn send(&self, command: ConnectionCommand) {
        if let Err(mpsc::error::TrySendError::Full(command)) = self.commands.try_send(command) {
            tracing::error!(?command, "more commands than the connection can take; one was dropped");
        }
    }
}

/// Starts a session, which connects at once and reconnects as long as it runs. Needs a tokio runtime.
///
/// # Errors
/// [`ApiError::AuthorityFile`] when the profile's file of authorities cannot be used.
pub fn connect(options: SessionOptions) -> Result<Session, ApiError> {
    let tls = http::tls(options.server.ca_file.as_deref())?;
    let (commands, commanded) = mpsc::channel(COMMAND_CAPACITY);
    let (sender, events) = mpsc::channel(options.capacity.max(1));
    let (told, status) = watch::channel(Status::disconnected());
    let actor = ConnectionActor::new(ActorConfig {
        api: options.api,
        url: options.server.url,
        tls,
        timings: options.timings,
        link: options.link,
        rooms: options.rooms,
        snapshots: options.snapshots,
        backpressure: options.backpressure,
        commands: commanded,
        events: sender,
        status: told,
    });
    tokio::spawn(actor.run());
    Ok(Session { events, status, handle: SessionHandle { commands } })
}
