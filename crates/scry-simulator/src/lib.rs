//! A simulated table: other users who change a campaign through the public API, as people would.
//!
//! [`Table`] is pure: from a seed and what it has seen it decides the next plausible act. [`play()`] does
//! what it decides, and looks again at what became of it.

mod act;
mod moves;
mod play;
mod sight;
mod stall;
mod table;
mod voices;

pub use act::{Act, Deed, Request, Seat};
pub use play::{Seats, play};
pub use table::Table;
pub use voices::Voices;
