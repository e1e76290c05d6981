//! The command line of scry, and the terminal around its dashboard.
//!
//! What both programs are made of stands in the crates below `crates/`.

#[allow(
    missing_docs,
    reason = "what an option does is its help, in which a field without a sentence has none on purpose"
)]
pub mod cli;
pub mod log;
pub mod tui;
