//! What the integration tests share.

pub mod attack;
pub mod client;
pub mod crowd;
pub mod database;
pub mod emberfall;
pub mod evening;
pub mod fake_gateway;
pub mod fault_proxy;
pub mod gateway;
pub mod mail;
pub mod node;
pub mod people;
pub mod process;
pub mod pty;
pub mod raw;
pub mod redis;
pub mod server;
#[cfg(target_os = "linux")]
pub mod siege;
pub mod table;
pub mod tls;
pub mod town;
pub mod wait;
