//! JSON bodies whose faults are answered like every other refusal.

use axum::Json;
use axum::body::{Body as Bytestream, Bytes};
use axum::extract::{ConnectInfo, FromRequest, Request};
use axum::http::StatusCode;
use scry_protocol::ErrorCode;
use scry_text::input;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::HttpContext;
use super::error::HttpError;
use crate::limits::LimitKind;
use crate::socket::tcp::Peer;

/// How JSON writes the one character that no text may hold; a body without it needs no second look.
const ESCAPED_NUL: &[u8] = b"\\u0000";

/// Extracts a JSON body whose texts any database takes.
pub(super) struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<HttpContext> for JsonBody<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, context: &HttpContext) -> Result<Self, Self::Rejection> {
        let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|peer| peer.0.address.ip());
        let (parts, body) = request.into_parts();
        let read = Bytes::from_request(Request::from_parts(parts.clone(), body), context).await;
        let bytes = read.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                context.state.limit_metrics.report(LimitKind::BodySize, peer);
            }
            refusal(rejection.status(), rejection.body_text())
        })?;
        check(&bytes)?;
        let whole = Request::from_parts(parts, Bytestream::from(bytes.clone()));
        let read = Json::<T>::from_request(whole, context).await;
        let Json(value) = read.map_err(|rejection| refusal(rejection.status(), rejection.body_text()))?;
        Ok(Self(value))
    }
}

/// Refuses a body with a text that one database takes and another does not.
fn check(bytes: &[u8]) -> Result<(), HttpError> {
    if !bytes.windows(ESCAPED_NUL.len()).any(|window| window == ESCAPED_NUL) {
        return Ok(());
    }
    // What is no JSON is refused by whoever reads it, with the place of the fault.
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return Ok(()) };
    input::json("", &value).map_err(|error| HttpError::payload(error.to_string()))
}

fn refusal(status: StatusCode, text: String) -> HttpError {
    // The text of the rejection names the field and the place, but never repeats the body.
    HttpError::new(status, ErrorCode::InvalidPayload, text)
}
