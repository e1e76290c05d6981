//! The commands without a screen: the same connection and cache, told as lines.

pub mod line;
pub mod pick;
pub mod watch;
