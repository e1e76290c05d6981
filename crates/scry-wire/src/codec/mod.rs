//! Packets as they are on the wire, in both directions. Nothing here does I/O or keeps time.
//!
//! ```
//! use scry_wire::codec::{engine, socket};
//!
//! let engine::Packet::Message(text) = engine::Packet::parse("42/chat,7[\"say\",\"hello\"]")? else { panic!() };
//! let packet = socket::Packet::parse(text)?;
//! assert_eq!(packet.namespace, "/chat");
//! assert_eq!(packet.id, Some(7));
//! assert_eq!(packet.data, "[\"say\",\"hello\"]");
//! # Ok::<(), scry_wire::codec::DecodeError>(())
//! ```

pub mod binary;
pub mod engine;
pub mod payload;
pub mod socket;

/// The reason for which bytes are not a packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nothing where a packet was expected.
    #[error("a packet is empty")]
    Empty,
    /// A first character that stands for no type of packet.
    #[error("no packet begins with {0:?}")]
    UnknownType(char),
    /// A binary packet of a polling payload that is not base64.
    #[error("a binary packet is not base64")]
    Base64,
    /// A packet that says less or more than its type asks for.
    #[error("a packet of type {kind} {problem}")]
    Malformed {
        /// The type's name.
        kind: &'static str,
        /// What is wrong with it, as the end of a sentence.
        problem: &'static str,
    },
    /// Data that is not the JSON its packet should carry.
    #[error("the data of a packet is not valid JSON: {0}")]
    Json(String),
    /// Attachments where none were announced, or a packet where attachments were.
    #[error("{0}")]
    Attachments(&'static str),
    /// More than the receiver takes.
    #[error("a packet is larger than {limit} {unit}")]
    TooLarge {
        /// The most that is taken.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
}
