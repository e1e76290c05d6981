//! The command line of scry, and the terminal around its dashboard.
//!
//! What both programs are made of stands in the crates below `crates/`.

pub mod cli;
pub mod log;
pub mod tui;
