//! HTTP: decode, authorize, call the domain, encode.

mod auth;
mod body;
mod caller;
mod error;
mod events;
mod graphql;
mod health;
mod metrics;
mod stats;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::auth::AuthService;
use super::core::Core;
use super::domain::Domain;
use super::graphql::{Schema, schema};

/// Holds what the routes work with.
#[derive(Clone)]
pub struct Routes {
    core: Core,
    auth: AuthService,
    domain: Domain,
    schema: Schema,
}

/// Builds the routes of a server.
pub fn router(core: Core, auth: AuthService) -> Router {
    let domain = Domain::new(core.clone());
    let limit = core.config.max_body_bytes;
    let graphiql = core.config.serves_graphiql();
    let routes = Routes { schema: schema(domain.clone(), &core.config.http), core, auth, domain };
    let graphql = post(graphql::execute);
    let graphql = if graphiql { graphql.get(graphql::graphiql) } else { graphql };
    Router::new()
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
        .with_state(routes)
}
