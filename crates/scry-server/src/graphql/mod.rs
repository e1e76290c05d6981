//! The GraphQL API: decode, call the domain, encode, all within limits.

pub mod api;
mod cost;
mod error;
mod field_costs;
mod input;
mod invitation;
pub mod limits;
pub mod literals;
mod meter;
mod mutation;
mod node;
mod query;
mod query_limiter;
mod scan;
mod types;
mod update;

pub use api::{GraphqlApi, GraphqlResponse};
