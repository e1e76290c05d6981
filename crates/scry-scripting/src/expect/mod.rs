//! Expectations over a stream of events: a file that says what must happen, and a judge of what did (pure).
//!
//! `file` reads the TOML or YAML, [`plan`] checks it into something that can run, [`engine`] follows the stream and
//! [`report`] tells the result to people and to build servers. No clock: times are durations since the stream was
//! live.

pub mod engine;
mod file;
pub(super) mod nearest;
pub mod outcome;
pub mod plan;
pub mod report;
mod secrets;
#[cfg(test)]
mod tests;
pub mod vars;
mod yaml;

/// A commented example, for `scry expect --init`.
pub const EXPECT_EXAMPLE: &str = include_str!("../../../../assets/expect.example.toml");

/// The JSON Schema of a file, for editors and `scry expect --schema`.
pub const EXPECT_SCHEMA: &str = include_str!("../../../../assets/expect.schema.json");
