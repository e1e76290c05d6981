//! What the connection tells whoever holds it: a dashboard, or a command without a screen.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use scry_protocol::messages::NotificationNew;
use scry_protocol::{EntityType, ErrorCode, Event, EventKind, Id, Position, Room};
use scry_text::json::Json;
use serde_json::Value;

/// One step of the conversation with the gateway, in the order in which it happened.
#[derive(Debug, Clone)]
pub enum ClientEvent {
    /// The connection's state changed.
    Status(Status),
    /// The gateway sent something to one of our rooms, or to us.
    Delivered(Delivery),
    /// Events of a room are known to be missing, or were found again.
    Gap(Gap),
    /// A room was joined and is caught up as far as `position`.
    Joined {
        /// The room.
        room: Room,
        /// Where its journal stands, where the gateway counts.
        position: Option<Position>,
        /// Whether everything since the last position was replayed.
        recovered: bool,
        /// How many events were replayed.
        replayed: u64,
    },
    /// A room was refused, or taken away.
    Refused {
        /// The room.
        room: Room,
        /// The reason, for programs.
        code: ErrorCode,
        /// The reason, for people.
        message: String,
    },
    /// The whole state of a campaign as of its position.
    Snapshot(Box<Snapshot>),
    /// Whether everything the gateway had sent when it was asked for its time has been told before this.
    ///
    /// A gateway that has answered `latency`, or that numbers its events and therefore should, confirms by its answer,
    /// and nothing is told while that is missing.
    Confirmed(Confirmation),
    /// Something the gateway lacks, or a person should know; said once.
    Notice(String),
}

/// How it is known that what was sent has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// The gateway answered, behind everything that it had sent before.
    Answered {
        /// Its clock.
        server_time: Option<jiff::Timestamp>,
    },
    /// The gateway answers no `latency`; its pings come in time, as far as they are known.
    Alive,
    /// The gateway answers no `latency`, and its ping is overdue.
    Silent,
}

/// The whole state of a campaign as the API tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The campaign.
    pub campaign_id: Id,
    /// The place in the journal up to which the state is complete; later events may be in it too.
    pub position: Option<Position>,
    /// Every entity as the API sends it, `__typename` included, made safe for display.
    pub nodes: Vec<Json>,
}

impl Snapshot {
    /// Returns every entity as JSON that can be taken apart.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        self.nodes.iter().map(Value::from).collect()
    }
}

/// Something that falls due when the clock reaches it; its text is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DueEffect {
    /// World time, RFC 3339 UTC.
    pub at: String,
    /// Its name in the world file.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// The type of the entity that it changes.
    pub entity_type: EntityType,
    /// The entity that it changes.
    pub entity_id: Id,
}

/// One notification as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// What was announced when it came.
    #[serde(flatten)]
    pub told: NotificationNew,
    /// Whether it is marked as read.
    #[serde(default)]
    pub read: bool,
}

/// What a user is told at once: some of the levels, some of the kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PushPreferences {
    /// The levels that are told at once.
    pub levels: Vec<String>,
    /// The kinds that are told at once.
    pub kinds: Vec<String>,
}

/// What a user was told, and what they want to be told at once, where the server lets them choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationInbox {
    /// The notifications, the newest first.
    pub notifications: Vec<Notification>,
    /// What is told at once; `None` if the server does not offer the choice.
    pub preferences: Option<PushPreferences>,
}

/// A campaign's state as it was when it was saved to disk.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedState {
    /// When it was saved.
    pub at: jiff::Timestamp,
    /// The state.
    pub snapshot: Snapshot,
}

/// What was found on disk for a campaign.
#[derive(Debug)]
pub enum LoadedState {
    /// Nothing is saved.
    Nothing,
    /// A state of an earlier run.
    State(Box<SavedState>),
    /// The file could not be read as a state; it was moved to this path.
    SetAside(PathBuf),
}

/// One thing the gateway sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// When it arrived: RFC 3339 UTC with milliseconds is made of it for people and scripts.
    pub received_at: jiff::Timestamp,
    /// The first of the event's rooms that we hold; `None` for what is sent to the user alone.
    pub room: Option<Room>,
    /// The name of the Socket.IO event.
    pub name: Arc<str>,
    /// The body exactly as it came, for scripts and the inspector. Not yet safe for a screen.
    pub raw: Arc<Value>,
    /// The same in the form of the five, where it has that form.
    pub event: Option<Arc<Event>>,
}

impl Delivery {
    /// Returns what the event speaks of.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        // The five are always of the world, and nearly all there is.
        if self.event.is_some() { EventKind::World } else { EventKind::classify(&self.name, &self.raw) }
    }
}

/// Tells that events of a room are missing between two places in its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The room.
    pub room: Room,
    /// The last `seq` that was seen before the gap.
    pub from: u64,
    /// The first `seq` that was seen after it.
    pub to: u64,
    /// Whether the missing events have since arrived, or a snapshot took their place.
    pub recovered: bool,
}

/// The phase a connection is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not asked to connect yet.
    Disconnected,
    /// An attempt is under way.
    Connecting,
    /// The connection is open; rooms are being joined and caught up.
    Resyncing,
    /// Every room is joined and caught up.
    Live,
    /// Waiting before the next attempt.
    Backoff,
    /// Too many attempts failed; waiting for a person, a change of network or a probe.
    Open,
    /// The gateway does not accept who we are.
    LoginRequired,
    /// Closed on purpose; nothing more will come.
    Closed,
}

impl Phase {
    /// Returns the word that scripts read in `status` lines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Connecting => "connecting",
            Self::Resyncing => "resyncing",
            Self::Live => "live",
            Self::Backoff => "backoff",
            Self::Open => "open",
            Self::LoginRequired => "login-required",
            Self::Closed => "closed",
        }
    }
}

/// The way the frames travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A WebSocket.
    #[default]
    WebSocket,
    /// HTTP long-polling.
    Polling,
}

/// Says in a word what a round trip feels like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTripQuality {
    /// Below 150 ms: nobody notices it.
    Good,
    /// Below 500 ms: changes come noticeably late.
    Slow,
    /// It is slow.
    Poor,
}

impl RoundTripQuality {
    /// Judges a round trip.
    #[must_use]
    pub const fn of(round_trip: Duration) -> Self {
        match round_trip.as_millis() {
            0..150 => Self::Good,
            150..500 => Self::Slow,
            _ => Self::Poor,
        }
    }

    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Slow => "slow",
            Self::Poor => "poor",
        }
    }
}

/// The connection at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What the connection is doing.
    pub phase: Phase,
    /// The number of the attempt under way or waited for; 0 is the very first connection, which is no retry.
    pub attempt: u32,
    /// After how many failed attempts the circuit opens.
    pub max_attempts: u32,
    /// How long the wait before the next attempt is, in [`Phase::Backoff`].
    pub retry_in: Option<Duration>,
    /// Why the last connection ended or was refused, in one safe sentence.
    pub reason: Option<String>,
    /// How the frames travel.
    pub transport: Transport,
    /// The last measured round trip.
    pub round_trip: Option<Duration>,
    /// When the connection was last live; what is on screen is as old as that.
    pub live_until: Option<jiff::Timestamp>,
}

impl Status {
    /// Describes a connection that has not been asked for.
    #[must_use]
    pub const fn disconnected() -> Self {
        Self {
            phase: Phase::Disconnected,
            attempt: 0,
            max_attempts: 10,
            retry_in: None,
            reason: None,
            transport: Transport::WebSocket,
            round_trip: None,
            live_until: None,
        }
    }
}
