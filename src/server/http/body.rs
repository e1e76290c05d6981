//! JSON bodies whose faults are answered like every other refusal.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::Routes;
use super::error::HttpError;
use crate::protocol::ErrorCode;
use crate::server::breach::Breach;
use crate::server::socket::tcp::Peer;

/// Extracts a JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Routes> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, routes: &Routes) -> Result<Self, Self::Rejection> {
        let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|peer| peer.0.address.ip());
        let read = Json::<T>::from_request(request, routes).await;
        let Json(value) = read.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                routes.core.breaches.note(Breach::BodySize, peer);
            }
            refusal(&rejection)
        })?;
        Ok(Self(value))
    }
}

fn refusal(rejection: &JsonRejection) -> HttpError {
    // The text of the rejection names the field and the place, but never repeats the body.
    HttpError::new(rejection.status(), ErrorCode::InvalidPayload, rejection.body_text())
}
