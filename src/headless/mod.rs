//! The commands without a screen: the same connection and cache, told as lines.

pub mod expect;
pub mod line;
pub mod output;
pub mod pick;
pub mod recording;
pub mod rooms;
pub mod run;
pub mod watch;
