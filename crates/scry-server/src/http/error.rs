//! Refusals over HTTP: `{"error":{"code","message"}}`.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use scry_protocol::ErrorCode;
use scry_protocol::auth::{ErrorBody, ErrorResponse};

use crate::auth::{AdmissionError, AuthError, TokenError};
use crate::domain::DomainError;

/// Refuses an HTTP request.
#[derive(Debug)]
pub(super) struct HttpError {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    retry_after: Option<u64>,
}

impl HttpError {
    /// Builds a refusal.
    pub(super) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// Says how long to wait before trying again, where that helps.
    pub(super) fn after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait.map(whole_seconds), ..self }
    }

    /// Builds the refusal of a body that cannot be used.
    pub(super) fn payload(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidPayload, message)
    }
}

/// Returns a time to wait in seconds, rounded up: whoever waits for as long finds it open.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Answers a path that is none.
pub(super) async fn no_route(uri: Uri) -> HttpError {
    let message = format!("there is nothing at {}", scry_text::line(uri.path()));
    HttpError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
}

/// Answers a method that a path does not take.
pub(super) async fn wrong_method() -> HttpError {
    let message = "this path does not take this method";
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::InvalidPayload, message)
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let body = ErrorResponse { error: ErrorBody { code: self.code, message: self.message } };
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<AdmissionError> for HttpError {
    fn from(error: AdmissionError) -> Self {
        match error {
            AdmissionError::Token(error) => error.into(),
            AdmissionError::Database(error) => DomainError::from(error).into(),
        }
    }
}

impl From<TokenError> for HttpError {
    fn from(error: TokenError) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error.code(), error.to_string())
    }
}

impl From<AuthError> for HttpError {
    fn from(error: AuthError) -> Self {
        let (status, retry_after) = match &error {
            AuthError::InvalidCredentials
            | AuthError::TokenInvalid
            | AuthError::TokenExpired
            | AuthError::TokenReused => (StatusCode::UNAUTHORIZED, None),
            AuthError::RateLimited { retry_after } => {
                (StatusCode::TOO_MANY_REQUESTS, Some(retry_after.as_secs().max(1)))
            }
            AuthError::Database(_) | AuthError::Password(_) | AuthError::Randomness(_) | AuthError::Signing(_) => {
                tracing::error!(error = ?error, "authentication failed inside the server");
                (StatusCode::INTERNAL_SERVER_ERROR, None)
            }
        };
        Self { retry_after, ..Self::new(status, error.code(), error.to_string()) }
    }
}

impl From<DomainError> for HttpError {
    fn from(error: DomainError) -> Self {
        let mut wait = None;
        let status = match &error {
            DomainError::NotFound(_) => StatusCode::NOT_FOUND,
            DomainError::Forbidden(_) => StatusCode::FORBIDDEN,
            DomainError::Invalid(_) | DomainError::OutOfBounds { .. } => StatusCode::BAD_REQUEST,
            DomainError::Conflict(_) => StatusCode::CONFLICT,
            DomainError::Limited { retry_after, .. } => {
                wait = *retry_after;
                if wait.is_some() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::FORBIDDEN }
            }
            DomainError::Database(cause) => {
                tracing::error!(error = %cause, "the database failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::new(status, error.code(), error.to_string()).after(wait)
    }
}
