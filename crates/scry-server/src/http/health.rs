//! How the server is doing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Routes;

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers `GET /health`: 503 when the database does not answer, 200 otherwise, also without Redis.
pub(super) async fn health(State(routes): State<Routes>) -> (StatusCode, Json<Value>) {
    let up = matches!(tokio::time::timeout(PATIENCE, routes.core.db.ping()).await, Ok(Ok(())));
    let draining = routes.core.draining.is_cancelled();
    let redis = match routes.core.bus.cluster() {
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
        "node": routes.core.node.as_ref(),
        "database": if up { "ok" } else { "down" },
        "redis": redis,
        "draining": draining,
    });
    (code, Json(body))
}

/// Answers `GET /health/websocket`.
pub(super) async fn websocket(State(routes): State<Routes>) -> Json<Value> {
    let clients = routes.core.connected.load(Ordering::Relaxed);
    Json(json!({"status": "ok", "service": "websocket", "connectedClients": clients}))
}
