//! Servers, clients, proxies and terminals for tests.
//!
//! Everything binds a free port or a socket in a temporary directory, and stops when it is dropped.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so")]

pub mod attack;
pub mod client;
pub mod dashboard_fixture;
pub mod database;
pub mod deployment;
pub mod domain;
pub mod e2e_session;
pub mod edit_fixture;
pub mod emberfall;
pub mod fake_gateway;
pub mod fault_proxy;
pub mod gateway;
pub mod hostile;
#[cfg(target_os = "linux")]
pub mod load_test;
pub mod metrics;
pub mod nginx;
pub mod node;
pub mod outbox_fixture;
pub mod paths;
pub mod people;
pub mod postgres;
pub mod process;
pub mod programs;
pub mod pty;
pub mod queries;
pub mod raw_socket;
pub mod redis;
pub mod reference_model;
pub mod server;
pub mod terminal;
pub mod tls;
pub mod user_pool;
pub mod wait;
