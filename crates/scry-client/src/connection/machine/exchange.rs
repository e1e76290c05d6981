//! What goes into the machine and what comes out of it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_model::event::{ClientEvent, Snapshot};
use scry_protocol::{ClientRequest, Id, Room};

use crate::connection::subscriptions::Start;
use crate::connection::{Generation, LinkEvent, Request};
use crate::error::ApiError;

/// Says when something happens.
#[derive(Debug, Clone, Copy)]
pub(in crate::connection) struct Moment {
    pub at: Instant,
    pub wall: Timestamp,
    /// A random number in 0…1.
    pub dice: f64,
}

/// Reports what happened.
#[derive(Debug)]
pub(in crate::connection) enum Input {
    Start,
    Close,
    /// A person asked, or the network changed.
    Retry,
    Subscribe(Room, Start),
    Unsubscribe(Room),
    /// Something to be said in passing.
    Tell(ClientRequest),
    /// Somebody wants to know when everything sent so far is here.
    Confirm,
    /// The time of [`Machine::next_deadline`](super::Machine::next_deadline) has come.
    Deadline,
    /// A token is at hand and lasts this long, as far as is known.
    Token(Generation, Result<Option<Duration>, ApiError>),
    /// Somebody logged in elsewhere.
    LoginFound,
    Link(Generation, LinkEvent),
    Snapshot(Generation, Id, Result<Box<Snapshot>, ApiError>),
    /// What became of [`Effect::Knock`].
    Knocked(Generation, Result<(), ApiError>),
    /// The owner reads too slowly.
    Congested,
    /// The owner has read everything.
    Relieved,
}

/// Says what is to be done.
#[derive(Debug)]
pub(in crate::connection) enum Effect {
    /// Get an access token; `fresh` asks for another one than the last.
    GetToken {
        generation: Generation,
        fresh: bool,
    },
    Connect(Generation),
    Disconnect,
    Send(Request),
    GetSnapshot(Generation, Id),
    /// See over a connection of its own whether the server still answers.
    Knock(Generation),
    /// Look whether somebody logged in elsewhere.
    FindLogin,
    Tell(ClientEvent),
}
