//! The normalised cache: every entity of one campaign, by type and id.
//!
//! Pure: time comes in as an argument, and a refetch is a value that somebody else carries out.
//! An event evicts values but does not remove them: they stay readable, marked stale, until the
//! refetch lands. An answer that may be older than a later event is never applied.

mod changes;
mod entity;
mod evict;
mod node;
mod refetch;
mod store;
#[cfg(test)]
mod tests;

pub use changes::{LatestChange, LatestChanges};
pub use entity::Entity;
pub use node::read as provisional;
pub use refetch::{Refetch, RequestId};
pub use store::Cache;
