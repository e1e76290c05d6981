//! The wire both halves speak: identifiers, rooms, events, requests, acknowledgements and codes.
//!
//! Everything here is pure data: no I/O, no clock, no randomness. The server builds these values
//! strictly; the client reads them leniently, because a gateway it has never met may leave out
//! whatever the first five events do not need.

pub mod ack;
pub mod auth;
pub mod catalogue;
pub mod conflict;
pub mod entity;
pub mod event;
pub mod id;
pub mod kind;
pub mod messages;
pub mod position;
pub mod presence;
pub mod request;
pub mod room;
pub mod variable;

pub use ack::{Ack, ErrorAck, ErrorCode, SubscribeAck};
pub use conflict::{Conflict, FieldConflict, OnConflict};
pub use entity::{EntityRef, EntityType, Operation, Role};
pub use event::{Event, FieldDiff, InvalidationScope, Metadata, Payload, Prev, Source};
pub use id::{Id, ParseIdError};
pub use kind::EventKind;
pub use messages::EphemeralEvent;
pub use position::Position;
pub use request::ClientRequest;
pub use room::{ParseRoomError, Room, RoomKind};
