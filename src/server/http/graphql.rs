//! GraphQL over HTTP.

use async_graphql::Request;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Routes;
use super::body::Body;
use super::caller::Authenticated;
use crate::server::graphql::Answer;
use crate::server::graphql::limits::RETRY_AFTER;
use crate::server::socket::tcp::Peer;

/// Answers `POST /graphql`.
pub async fn execute(
    State(routes): State<Routes>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Authenticated(caller): Authenticated,
    Body(request): Body<Request>,
) -> Response {
    let Answer { json, limits, is_busy } = routes.api.execute(request, caller).await;
    for limit in limits {
        routes.core.breaches.note(limit, Some(peer.address.ip()));
    }
    let json = ([(header::CONTENT_TYPE, "application/json")], axum::body::Body::from(json));
    if is_busy {
        let wait = HeaderValue::from(RETRY_AFTER.as_secs());
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, wait)], json).into_response();
    }
    json.into_response()
}
