//! GraphQL over HTTP.

use std::borrow::Cow;

use async_graphql::Request;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::HttpContext;
use super::body::JsonBody;
use super::caller::Authenticated;
use super::error::HttpError;
use crate::graphql::limits::RETRY_AFTER;
use crate::graphql::{GraphqlResponse, literals};
use crate::socket::tcp::Peer;

/// Answers `POST /graphql`.
pub(super) async fn execute(
    State(context): State<HttpContext>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Authenticated(caller): Authenticated,
    JsonBody(mut request): JsonBody<Request>,
) -> Result<Response, HttpError> {
    // Before anything parses the query: the library's parser panics at some of what this refuses.
    let checked = literals::check(&request.query).map_err(|error| HttpError::payload(error.to_string()))?;
    if let Cow::Owned(query) = checked {
        request.query = query;
    }
    let GraphqlResponse { json, limits, is_busy } = context.api.execute(request, caller).await;
    for limit in limits {
        context.state.limit_metrics.report(limit, Some(peer.address.ip()));
    }
    let json = ([(header::CONTENT_TYPE, "application/json")], axum::body::Body::from(json));
    if is_busy {
        let wait = HeaderValue::from(RETRY_AFTER.as_secs());
        return Ok((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, wait)], json).into_response());
    }
    Ok(json.into_response())
}
