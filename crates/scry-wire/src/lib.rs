//! Engine.IO 4 and Socket.IO 5.
//!
//! | module | what it is |
//! |---|---|
//! | [`codec`] | packets as text and bytes, in both directions (pure) |
//! | [`session`] | what both sides decide: handshake, heartbeat, upgrade, acknowledgements, end (pure) |
//! | [`client`] | a client on the caller's tokio runtime (feature `client`, on by default) |

#[cfg(feature = "client")]
pub mod client;
pub mod codec;
pub mod session;
