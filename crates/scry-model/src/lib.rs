//! What a client knows of a campaign, without a connection: entities, events that arrived, edits and what became of them.
//!
//! Nothing here does I/O or reads a clock; times are handed in.

pub mod cache;
pub mod event;
pub mod outbox;
