//! scry: a live campaign dashboard for the terminal, with its own server.
//!
//! The library holds both halves; `scry` and `scry-server` are thin binaries over it.
//!
//! | module | what it is | knows |
//! |---|---|---|
//! | [`protocol`] | the wire: ids, rooms, events, acknowledgements (pure) | nothing |
//! | [`text`] | foreign text made safe (pure) | nothing |
//! | [`input`] | rules for text from outside (pure) | nothing |
//! | [`json`] | foreign JSON made safe and small (pure) | `text` |
//! | [`placed`] | TOML files whose faults have a line (pure) | `input` |
//! | [`config`] | files, environment and flags | `text` |
//! | [`calendar`] | the dates of a world (pure) | nothing |
//! | [`catalogue`] | the files that describe other applications' events (pure) | `protocol`, `placed` |
//! | [`formula`] | the language of a world's rules (pure) | `calendar` |
//! | [`world`] | the file that describes a world (pure) | `calendar`, `formula`, `protocol` |
//! | [`client`] | connection, API, cache | `protocol`, `text` |
//! | [`expr`] | the language of filters and conditions (pure) | `protocol`, `calendar`, `client::cache` |
//! | [`demo`] | a simulated table of other users | `client`, `world`, `protocol` |
//! | [`app`] | the dashboard's state (pure) | `client::cache`, `client::event`, `protocol`, `calendar` |
//! | [`ui`] | what a frame looks like (pure) | `app` |
//! | [`tui`] | the terminal, the event loop, the effects | `app`, `ui`, `client` |
//! | [`server`] | gateway, GraphQL, journal, workers | `protocol`, `config` |

pub mod app;
pub mod calendar;
pub mod catalogue;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod exit;
pub mod expr;
pub mod files;
pub mod formula;
pub mod headless;
pub mod input;
pub mod json;
pub mod log;
pub mod placed;
pub mod progress;
pub mod protocol;
pub mod server;
pub mod suggest;
pub mod text;
pub mod tui;
pub mod ui;
pub mod world;
