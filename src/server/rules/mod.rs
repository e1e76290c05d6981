//! Decisions without I/O: who may do what, how two edits meet, which values a variable may take.

pub mod authorization;
pub mod fields;
pub mod merge;
pub mod variables;
