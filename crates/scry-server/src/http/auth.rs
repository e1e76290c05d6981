//! The routes of authentication.

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use scry_protocol::auth::{LoginRequest, RefreshRequest, TokenResponse};

use super::Routes;
use super::body::Body;
use super::caller::Unhurried;
use super::error::HttpError;
use crate::socket::tcp::Peer;

/// A longer name or password is none of ours; hashing it would only cost time.
const MAX_CREDENTIAL: usize = 1_024;

/// Answers `POST /auth/login`.
pub(super) async fn login(
    State(routes): State<Routes>,
    _: Unhurried,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(request): Body<LoginRequest>,
) -> Result<Json<TokenResponse>, HttpError> {
    if request.username.len() > MAX_CREDENTIAL || request.password.len() > MAX_CREDENTIAL {
        return Err(HttpError::payload(format!("username and password have at most {MAX_CREDENTIAL} bytes")));
    }
    let address = peer.address.ip();
    Ok(Json(routes.auth.login(address, &request.username, request.password).await?))
}

/// Answers `POST /auth/refresh`.
pub(super) async fn refresh(
    State(routes): State<Routes>,
    _: Unhurried,
    Body(request): Body<RefreshRequest>,
) -> Result<Json<TokenResponse>, HttpError> {
    Ok(Json(routes.auth.refresh(&request.refresh_token).await?))
}

/// Answers `POST /auth/logout`.
pub(super) async fn logout(
    State(routes): State<Routes>,
    _: Unhurried,
    Body(request): Body<RefreshRequest>,
) -> Result<StatusCode, HttpError> {
    routes.auth.logout(&request.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}
