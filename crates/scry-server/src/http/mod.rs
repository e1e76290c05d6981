//! HTTP: decode, authorize, call the domain, encode.

mod auth;
mod body;
mod caller;
mod console;
mod error;
mod events;
mod graphql;
mod health;
mod metrics;
mod stats;

use std::io;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::auth::AuthService;
use super::domain::Domain;
use super::graphql::GraphqlApi;
use super::state::AppState;

/// What the routes work with.
#[derive(Clone)]
pub struct HttpContext {
    state: AppState,
    auth: AuthService,
    domain: Domain,
    api: GraphqlApi,
}

/// Builds the routes of a server.
///
/// # Errors
/// The system's, when it has no threads left for queries.
pub fn router(state: AppState, auth: AuthService) -> io::Result<Router> {
    let domain = Domain::new(state.clone());
    let limit = state.config.max_body_bytes;
    let graphiql = state.config.serves_graphiql();
    let context = HttpContext { api: GraphqlApi::new(domain.clone(), &state.config.http)?, state, auth, domain };
    let graphql = post(graphql::execute);
    let graphql = if graphiql { graphql.get(console::page) } else { graphql };
    Ok(Router::new()
        .route("/auth/login", post(auth::login))
        .route("/auth/refresh", post(auth::refresh))
        .route("/auth/logout", post(auth::logout))
        .route("/graphql", graphql)
        .route("/events", post(events::publish))
        .route("/health", get(health::health))
        .route("/health/websocket", get(health::websocket))
        .route("/metrics", get(metrics::metrics))
        .route("/socket-stats", get(stats::socket_stats))
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(DefaultBodyLimit::max(limit))
        .with_state(context))
}
