//! Who makes an HTTP request.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use scry_protocol::ErrorCode;

use super::Routes;
use super::error::{HttpError, whole_seconds};
use crate::auth::{Claims, NotAdmitted, TokenError};
use crate::domain::Caller;
use crate::limits::LimitKind;
use crate::socket::tcp::Peer;

const CORRELATION_ID: &str = "x-correlation-id";
/// A longer id would only fill the journal.
const MAX_CORRELATION_ID: usize = 128;

/// Extracts the caller from the bearer token and the correlation id.
pub(super) struct Authenticated(pub Caller);

impl FromRequestParts<Routes> for Authenticated {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, routes: &Routes) -> Result<Self, Self::Rejection> {
        let claims = examine(parts, routes).await.inspect_err(|refusal| {
            if let Some(kind) = refusal.limit_kind() {
                routes.core.limit_metrics.report(kind, address(parts));
            }
        })?;
        if let Err(wait) = routes.core.quotas.request(&claims.sub) {
            return Err(too_often(routes, parts, LimitKind::ApiRequests, wait));
        }
        Ok(Self(Caller { user_id: claims.sub, name: claims.name, correlation_id: correlation_id(parts) }))
    }
}

/// Lets pass a request that needs no login, unless its address has made too many.
pub(super) struct Unhurried;

impl FromRequestParts<Routes> for Unhurried {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, routes: &Routes) -> Result<Self, Self::Rejection> {
        let Some(address) = address(parts) else { return Ok(Self) };
        match routes.core.quotas.anonymous_request(address) {
            Ok(()) => Ok(Self),
            Err(wait) => Err(too_often(routes, parts, LimitKind::AuthRequests, wait)),
        }
    }
}

/// Counts and refuses one request too many.
fn too_often(routes: &Routes, parts: &Parts, limit: LimitKind, wait: Duration) -> HttpError {
    routes.core.limit_metrics.report(limit, address(parts));
    let sentence = format!("too many requests; try again in {} s", whole_seconds(wait));
    HttpError::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, sentence).after(Some(wait))
}

fn address(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<Peer>>().map(|peer| peer.0.address.ip())
}

async fn examine(parts: &Parts, routes: &Routes) -> Result<Claims, NotAdmitted> {
    routes.core.admit(bearer(parts)?).await
}

fn bearer(parts: &Parts) -> Result<&str, TokenError> {
    let header = parts.headers.get(AUTHORIZATION).ok_or(TokenError::Missing)?;
    let (scheme, token) = header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(TokenError::Invalid)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token) } else { Err(TokenError::Invalid) }
}

/// Takes over the caller's correlation id where it is a plain word, else makes one.
fn correlation_id(parts: &Parts) -> String {
    let given = parts.headers.get(CORRELATION_ID).and_then(|value| value.to_str().ok());
    let sane = |id: &&str| (1..=MAX_CORRELATION_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    given.filter(sane).map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}
