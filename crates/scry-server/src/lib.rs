//! The server: gateway, GraphQL, journal and workers over one database.
//!
//! The journal is the only truth: a change and its event commit together, and everything that is
//! sent to a socket is read back from the journal.

pub mod access;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod db;
pub mod domain;
pub mod error;
pub mod event_bus;
pub mod graphql;
pub mod http;
pub mod inbox;
pub mod journal;
pub mod limits;
pub mod metrics;
pub mod notify_set;
pub mod permissions;
pub mod presence;
pub mod quotas;
pub mod rate;
pub mod relay;
pub mod replay;
pub mod rooms;
pub mod rules;
pub mod run;
pub mod seed;
pub mod socket;
mod startup_checks;
pub mod state;

pub use error::ServerError;
pub use run::{Server, serve};
pub use seed::{SeedReport, seed};
pub use state::AppState;
