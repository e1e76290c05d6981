//! Decisions without I/O: who may do what, how two edits meet, which values a variable may take,
//! when effects fall due and what they change.

pub mod authorization;
pub mod effect;
pub mod fields;
pub mod merge;
pub mod schedule;
pub mod variables;
