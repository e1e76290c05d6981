//! The normalised cache: every entity of one campaign, by type and id.
//!
//! Pure: time comes in as an argument, and a refetch is a value that somebody else carries out.

mod entity;
mod store;

pub use entity::{Entity, FieldChange};
pub use store::Cache;
