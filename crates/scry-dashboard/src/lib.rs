//! The dashboard without a terminal: its state, and what a frame looks like.

pub mod app;
pub mod ui;
