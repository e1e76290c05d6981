//! The outbox: edits wait on disk until the server has answered each one, in the order they were made.

pub mod edit;
pub mod outcome;

pub use edit::{Change, Edit};
pub use outcome::{Outcome, Refusal, State};
