//! What goes into the connection state and what comes out of it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_model::event::{ClientEvent, Snapshot};
use scry_protocol::{ClientRequest, Id, Room};

use crate::connection::subscriptions::StartPosition;
use crate::connection::{GatewayRequest, Generation, LinkEvent};
use crate::error::ApiError;

/// The time on both clocks, and a random number.
#[derive(Debug, Clone, Copy)]
pub(in crate::connection) struct ClockReading {
    pub at: Instant,
    pub wall: Timestamp,
    /// A random number in 0…1.
    pub jitter: f64,
}

/// Reports what happened.
#[derive(Debug)]
pub(in crate::connection) enum ConnectionInput {
    Start,
    Close,
    /// A person asked, or the network changed.
    Retry,
    Subscribe(Room, StartPosition),
    Unsubscribe(Room),
    /// Something to be said in passing.
    Emit(ClientRequest),
    /// Somebody wants to know when everything sent so far is here.
    Confirm,
    /// The time of [`Machine::next_deadline`](super::ConnectionState::next_deadline) has come.
    Deadline,
    /// A token is at hand and lasts this long, as far as is known.
    Token(Generation, Result<Option<Duration>, ApiError>),
    /// Somebody logged in elsewhere.
    LoginFound,
    Link(Generation, LinkEvent),
    Snapshot(Generation, Id, Result<Box<Snapshot>, ApiError>),
    /// What became of [`ConnectionEffect::ProbeHealth`].
    HealthProbed(Generation, Result<(), ApiError>),
    /// The owner reads too slowly.
    Congested,
    /// The owner has read everything.
    CaughtUp,
}

/// An action that the shell carries out.
#[derive(Debug)]
pub(in crate::connection) enum ConnectionEffect {
    /// Get an access token; `fresh` asks for another one than the last.
    GetToken {
        generation: Generation,
        fresh: bool,
    },
    Connect(Generation),
    Disconnect,
    Send(GatewayRequest),
    GetSnapshot(Generation, Id),
    /// See over a connection of its own whether the server still answers.
    ProbeHealth(Generation),
    /// Look whether somebody logged in elsewhere.
    FindLogin,
    Report(ClientEvent),
}
