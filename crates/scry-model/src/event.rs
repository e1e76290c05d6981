//! The events that the connection reports to its owner: a dashboard, or a command without a screen.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use scry_protocol::messages::NotificationNew;
use scry_protocol::{EntityType, ErrorCode, Event, EventKind, Id, Position, Room};
use scry_text::json::Json;
use serde_json::Value;

/// Reports one step of the conversation with the gateway, in the order in which it happened.
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
        /// The position up to which everything has arrived; `None` where the gateway counts no events.
        position: Option<Position>,
        /// Whether nothing was missed: so at a first join, and after a resume that was complete.
        recovered: bool,
        /// The number of events that were sent again because of a resume.
        replayed: u64,
    },
    /// A room was refused, or taken away.
    Refused {
        /// The room.
        room: Room,
        /// The code of the gateway's error.
        code: ErrorCode,
        /// The gateway's sentence, made safe for display.
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
        /// The server's clock when it answered, where it told it.
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
    /// The campaign that the state belongs to.
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

/// A scheduled effect; its text is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DueEffect {
    /// World time, RFC 3339 UTC.
    pub at: String,
    /// The effect's name, made safe for display.
    pub name: String,
    /// What the effect does, in the words of its author; empty where there are none.
    #[serde(default)]
    pub description: String,
    /// The type of the entity that the effect changes.
    pub entity_type: EntityType,
    /// The entity that the effect changes.
    pub entity_id: Id,
}

/// A notification as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// What was announced when it came.
    #[serde(flatten)]
    pub told: NotificationNew,
    /// Whether the user has marked it as read.
    #[serde(default)]
    pub read: bool,
}

/// The notifications that a user wants at once: some of the levels, some of the kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PushPreferences {
    /// The levels that are sent, for example `warning`.
    pub levels: Vec<String>,
    /// The kinds that are sent, for example `rule`.
    pub kinds: Vec<String>,
}

/// A user's notifications, and which of them they want at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationInbox {
    /// The latest notifications, the newest first.
    pub notifications: Vec<Notification>,
    /// What the user has chosen; `None` where the server offers no choice.
    pub preferences: Option<PushPreferences>,
}

/// A campaign's state as it was when it was saved to disk.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedState {
    /// The time when the state was last known to be current.
    pub at: jiff::Timestamp,
    /// The state itself.
    pub snapshot: Snapshot,
}

/// The result of looking for a campaign's state on disk.
#[derive(Debug)]
pub enum LoadedState {
    /// There is no file.
    Nothing,
    /// The state in the file.
    State(Box<SavedState>),
    /// The file could not be read as a state; it was moved to this path.
    SetAside(PathBuf),
}

/// An event as the gateway sent it.
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

/// A range of a room's journal whose events are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The room whose events are missing.
    pub room: Room,
    /// The last `seq` that was seen before the gap.
    pub from: u64,
    /// The first `seq` that was seen after it.
    pub to: u64,
    /// Whether the missing events have since arrived, or a snapshot took their place.
    pub recovered: bool,
}

/// The phase of a connection.
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

/// The way in which frames travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A WebSocket.
    #[default]
    WebSocket,
    /// HTTP long-polling, the fallback where WebSockets are blocked.
    Polling,
}

/// A rating of a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTripQuality {
    /// Below 150 ms: nobody notices it.
    Good,
    /// Below 500 ms: changes come noticeably late.
    Slow,
    /// 500 ms or more: live work is hard.
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

/// The state of the connection at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The phase of the connection.
    pub phase: Phase,
    /// The number of the attempt under way or waited for; 0 is the very first connection, which is no retry.
    pub attempt: u32,
    /// The number of attempts after which the circuit breaker opens.
    pub max_attempts: u32,
    /// How long the wait before the next attempt is, in [`Phase::Backoff`].
    pub retry_in: Option<Duration>,
    /// Why the last connection ended or was refused, in one safe sentence.
    pub reason: Option<String>,
    /// The transport in use, or last used.
    pub transport: Transport,
    /// The last measured round trip.
    pub round_trip: Option<Duration>,
    /// When the connection was last live; what is on screen is as old as that.
    pub live_until: Option<jiff::Timestamp>,
}

impl Status {
    /// Returns the status of a connection that has not been asked for.
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
