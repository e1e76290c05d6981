//! How the server is doing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::HttpContext;

/// How long the database may take to say that it is there.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Answers `GET /health`: 503 when the database does not answer, 200 otherwise, also without Redis.
pub(super) async fn health(State(context): State<HttpContext>) -> (StatusCode, Json<Value>) {
    let up = matches!(tokio::time::timeout(DATABASE_TIMEOUT, context.state.db.ping()).await, Ok(Ok(())));
    let draining = context.state.draining.is_cancelled();
    let redis = match context.state.bus.cluster() {
        None => "off",
        Some(cluster) if cluster.is_up() => "ok",
        Some(_) => "down",
    };
    let (code, status) = match up {
        false => (StatusCode::SERVICE_UNAVAILABLE, "down"),
        true if draining || redis == "down" => (StatusCode::OK, "degraded"),
        true => (StatusCode::OK, "ok"),
    };
    let body = json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "node": context.state.node.as_ref(),
        "database": if up { "ok" } else { "down" },
        "redis": redis,
        "draining": draining,
    });
    (code, Json(body))
}

/// Answers `GET /health/websocket`.
pub(super) async fn websocket(State(context): State<HttpContext>) -> Json<Value> {
    let clients = context.state.connected.load(Ordering::Relaxed);
    Json(json!({"status": "ok", "service": "websocket", "connectedClients": clients}))
}
