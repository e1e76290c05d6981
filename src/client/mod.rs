//! The client: the connection to a gateway, the API beside it, and the cache of what they tell.

pub mod cache;
pub mod disk;
pub mod event;
