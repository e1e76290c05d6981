//! Who makes an HTTP request.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use scry_protocol::ErrorCode;

use super::HttpContext;
use super::error::{HttpError, whole_seconds};
use crate::auth::{AdmissionError, Claims, TokenError};
use crate::domain::Caller;
use crate::limits::LimitKind;
use crate::socket::tcp::Peer;

const CORRELATION_ID: &str = "x-correlation-id";
/// A longer id would only fill the journal.
const MAX_CORRELATION_ID_BYTES: usize = 128;

/// Extracts the caller from the bearer token and the correlation id.
pub(super) struct Authenticated(pub Caller);

impl FromRequestParts<HttpContext> for Authenticated {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, context: &HttpContext) -> Result<Self, Self::Rejection> {
        let claims = verify_token(parts, context).await.inspect_err(|refusal| {
            if let Some(kind) = refusal.limit_kind() {
                context.state.limit_metrics.report(kind, address(parts));
            }
        })?;
        if let Err(wait) = context.state.quotas.request(&claims.sub) {
            return Err(too_often(context, parts, LimitKind::ApiRequests, wait));
        }
        Ok(Self(Caller { user_id: claims.sub, name: claims.name, correlation_id: correlation_id(parts) }))
    }
}

/// Limits the requests of one address that need no login.
pub(super) struct AnonymousRateLimit;

impl FromRequestParts<HttpContext> for AnonymousRateLimit {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, context: &HttpContext) -> Result<Self, Self::Rejection> {
        let Some(address) = address(parts) else { return Ok(Self) };
        match context.state.quotas.anonymous_request(address) {
            Ok(()) => Ok(Self),
            Err(wait) => Err(too_often(context, parts, LimitKind::AuthRequests, wait)),
        }
    }
}

/// Counts and refuses one request too many.
fn too_often(context: &HttpContext, parts: &Parts, limit: LimitKind, wait: Duration) -> HttpError {
    context.state.limit_metrics.report(limit, address(parts));
    let sentence = format!("too many requests; try again in {} s", whole_seconds(wait));
    HttpError::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, sentence).after(Some(wait))
}

fn address(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<Peer>>().map(|peer| peer.0.address.ip())
}

async fn verify_token(parts: &Parts, context: &HttpContext) -> Result<Claims, AdmissionError> {
    context.state.admit(bearer(parts)?).await
}

fn bearer(parts: &Parts) -> Result<&str, TokenError> {
    let header = parts.headers.get(AUTHORIZATION).ok_or(TokenError::Missing)?;
    let (scheme, token) = header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(TokenError::Invalid)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token) } else { Err(TokenError::Invalid) }
}

/// Takes over the caller's correlation id where it is a plain word, else makes one.
fn correlation_id(parts: &Parts) -> String {
    let given = parts.headers.get(CORRELATION_ID).and_then(|value| value.to_str().ok());
    let sane =
        |id: &&str| (1..=MAX_CORRELATION_ID_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    given.filter(sane).map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}
