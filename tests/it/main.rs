//! The integration tests: one binary, so that the library is linked once.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so")]

mod cli_outbox;
mod client_ends;
mod client_login;
mod client_proxy;
mod client_rooms;
mod client_server;
mod client_tls;
mod dashboard;
mod dashboard_disk;
mod dashboard_foreign;
mod dashboard_login;
mod demo_program;
mod demo_table;
mod doctor;
mod gateway_api;
mod gateway_handshake;
mod gateway_resume;
mod gateway_rooms;
mod gateway_session;
mod headless_exits;
mod headless_foreign;
mod headless_recipes;
mod outbox;
mod screen_disk;
mod screen_find;
mod screen_freshness;
mod screen_hands;
mod screen_inspect;
mod screen_leave;
mod screen_panes;
mod screen_states;
mod server_api;
mod server_auth;
mod server_cli;
mod server_journal;
mod server_metrics;
mod server_nginx;
mod server_nodes;
mod server_rules;
mod server_scheduler;
mod soak;
mod support;
mod tidy;
