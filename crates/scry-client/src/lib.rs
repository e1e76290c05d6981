//! The client: the connection to a gateway, the API beside it, and the cache of what they tell.

pub mod api;
pub mod auth;
pub mod cache;
pub mod connection;
pub mod credentials;
pub mod disk;
pub mod doctor;
pub mod error;
pub mod event;
pub mod http;
pub mod outbox;
pub mod secret;
pub mod session;
