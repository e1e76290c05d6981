//! JSON bodies whose faults are answered like every other refusal.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::error::HttpError;
use crate::protocol::ErrorCode;

/// Extracts a JSON body.
pub struct Body<T>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let Json(value) = Json::<T>::from_request(request, state).await.map_err(|rejection| refusal(&rejection))?;
        Ok(Self(value))
    }
}

fn refusal(rejection: &JsonRejection) -> HttpError {
    // The text of the rejection names the field and the place, but never repeats the body.
    HttpError::new(rejection.status(), ErrorCode::InvalidPayload, rejection.body_text())
}
