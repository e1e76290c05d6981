//! The commands without a screen: the same connection and cache, told as lines.
//!
//! | module | what it is |
//! |---|---|
//! | `watch`, `wait`, `expect`, `recording` | decisions: what to print, and when it is over (pure) |
//! | `monitor`, `command_exit` | when the stream was live and complete, and how a command ended (pure) |
//! | `assign`, `correlation`, `fields`, `table`, `event_context`, `format`, `stats`, `line` | what they share (pure) |
//! | `state`, `rewind`, `latest`, `values` | what entities were at each event (pure) |
//! | `stream`, `entities`, `window` | the connection, the clock and signals, with the entities behind the events |
//! | `run_*` | the loops that carry the decisions out |

pub mod assign;
pub mod command_exit;
pub mod correlation;
pub mod entities;
mod event_context;
pub mod expect;
pub mod fields;
pub mod format;
mod latest;
pub mod line;
mod monitor;
pub mod output;
pub mod recording;
pub mod resolve_name;
mod rewind;
pub mod rooms;
pub mod run_expect;
pub mod run_record;
pub mod run_replay;
pub mod run_wait;
pub mod run_watch;
pub mod signals;
pub mod since;
mod state;
mod stats;
pub mod stream;
pub mod table;
mod values;
pub mod wait;
pub mod watch;
mod window;
