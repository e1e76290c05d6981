//! What both command lines share: exit codes, and a line of progress.

pub mod exit;
pub mod progress;
