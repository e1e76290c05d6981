//! A simulated table: other users who change a campaign through the public API, as people would.
//!
//! [`Simulator`] is pure: from a seed and what it has seen it decides the next plausible act. [`play()`] does
//! what it decides, and looks again at what became of it.

mod action;
mod moves;
mod play;
mod presence;
mod simulator;
mod stall;
mod world_view;

pub use play::{PlayerLogins, play};
pub use presence::PresenceSimulator;
pub use simulator::Simulator;
