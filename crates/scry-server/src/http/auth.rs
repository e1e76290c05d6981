//! The routes of authentication.

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use scry_protocol::auth::{LoginRequest, RefreshRequest, TokenResponse};

use super::HttpContext;
use super::body::JsonBody;
use super::caller::AnonymousRateLimit;
use super::error::HttpError;
use crate::socket::tcp::Peer;

/// A longer name or password is none of ours; hashing it would only cost time.
const MAX_CREDENTIAL_BYTES: usize = 1_024;

/// Answers `POST /auth/login`.
pub(super) async fn login(
    State(context): State<HttpContext>,
    _: AnonymousRateLimit,
    ConnectInfo(peer): ConnectInfo<Peer>,
    JsonBody(request): JsonBody<LoginRequest>,
) -> Result<Json<TokenResponse>, HttpError> {
    if request.username.len() > MAX_CREDENTIAL_BYTES || request.password.len() > MAX_CREDENTIAL_BYTES {
        return Err(HttpError::payload(format!("username and password have at most {MAX_CREDENTIAL_BYTES} bytes")));
    }
    let address = peer.address.ip();
    Ok(Json(context.auth.login(address, &request.username, request.password).await?))
}

/// Answers `POST /auth/refresh`.
pub(super) async fn refresh(
    State(context): State<HttpContext>,
    _: AnonymousRateLimit,
    JsonBody(request): JsonBody<RefreshRequest>,
) -> Result<Json<TokenResponse>, HttpError> {
    Ok(Json(context.auth.refresh(&request.refresh_token).await?))
}

/// Answers `POST /auth/logout`.
pub(super) async fn logout(
    State(context): State<HttpContext>,
    _: AnonymousRateLimit,
    JsonBody(request): JsonBody<RefreshRequest>,
) -> Result<StatusCode, HttpError> {
    context.auth.logout(&request.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}
