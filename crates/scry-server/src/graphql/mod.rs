//! The GraphQL API: decode, call the domain, encode, all within limits.

pub mod api;
mod cost;
mod error;
mod input;
mod invitation;
pub mod limits;
pub mod literals;
mod meter;
mod mutation;
mod node;
mod prices;
mod query;
mod scan;
mod turns;
mod types;
mod update;

pub use api::{Answer, Api};
