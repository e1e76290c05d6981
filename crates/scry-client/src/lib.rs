//! The client: the connection to a gateway, the API beside it, credentials, and edits that wait on disk.

pub mod api;
pub mod auth;
pub mod connection;
pub mod credentials;
pub mod disk;
pub mod doctor;
pub mod error;
pub mod http;
pub mod outbox;
pub mod secret;
pub mod session;
