//! Acknowledgements: what the gateway answers to a client's event.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::position::Position;

/// Names a reason for which a request was refused; the same codes serve sockets, HTTP and GraphQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// Also said of what does not exist, so that nobody learns what they may not see.
    Unauthorized,
    InvalidPayload,
    RateLimited,
    /// Something is full; waiting alone does not help.
    QuotaExceeded,
    TooManyRooms,
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    TokenReused,
    InvalidCredentials,
    TooManyConnections,
    OriginDenied,
    Draining,
    Conflict,
    NotFound,
    /// The answer to a query would be larger than the server's limit.
    AnswerTooLarge,
    /// A query took longer than the server's limit.
    QueryTimeout,
    Internal,
    /// A code this version does not know; kept as it came.
    #[serde(untagged)]
    Other(String),
}

impl ErrorCode {
    /// Lists the codes this protocol defines.
    pub const KNOWN: [Self; 18] = [
        Self::Unauthorized,
        Self::InvalidPayload,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::TooManyRooms,
        Self::TokenMissing,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenReused,
        Self::InvalidCredentials,
        Self::TooManyConnections,
        Self::OriginDenied,
        Self::Draining,
        Self::Conflict,
        Self::NotFound,
        Self::AnswerTooLarge,
        Self::QueryTimeout,
        Self::Internal,
    ];

    /// Returns the code as it is written on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unauthorized => "UNAUTHORIZED",
            Self::InvalidPayload => "INVALID_PAYLOAD",
            Self::RateLimited => "RATE_LIMITED",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::TooManyRooms => "TOO_MANY_ROOMS",
            Self::TokenMissing => "TOKEN_MISSING",
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TokenReused => "TOKEN_REUSED",
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::TooManyConnections => "TOO_MANY_CONNECTIONS",
            Self::OriginDenied => "ORIGIN_DENIED",
            Self::Draining => "DRAINING",
            Self::Conflict => "CONFLICT",
            Self::NotFound => "NOT_FOUND",
            Self::AnswerTooLarge => "ANSWER_TOO_LARGE",
            Self::QueryTimeout => "QUERY_TIMEOUT",
            Self::Internal => "INTERNAL",
            Self::Other(code) => code,
        }
    }

    /// Reads the code in front of a `connect_error` message such as `TOKEN_EXPIRED: log in again`.
    #[must_use]
    pub fn of_refusal(message: &str) -> Option<Self> {
        let head = message.split(':').next().unwrap_or_default().trim();
        Self::KNOWN.into_iter().find(|code| code.as_str() == head)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Answers a refused request: `{success:false, error, code}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub success: bool,
    /// A sentence for people.
    #[serde(default)]
    pub error: String,
    #[serde(default = "unnamed_code")]
    pub code: ErrorCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

const fn unnamed_code() -> ErrorCode {
    ErrorCode::Internal
}

impl Failure {
    /// Builds a failure.
    #[must_use]
    pub fn new(code: ErrorCode, error: impl Into<String>) -> Self {
        Self { success: false, error: error.into(), code, retry_after_ms: None }
    }
}

/// Answers a granted subscription.
///
/// `position` is where the room stands; `recovered` says that everything after `since` was sent,
/// `replayed` how much that was. A foreign gateway may leave out all but `success`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribeAck {
    pub success: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    #[serde(default)]
    pub recovered: bool,
    #[serde(default)]
    pub replayed: u64,
}

/// Answers a granted `authenticate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticateAck {
    pub success: bool,
    /// RFC 3339 UTC with milliseconds.
    pub expires_at: String,
}

/// Answers `latency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencyAck {
    pub success: bool,
    /// RFC 3339 UTC with milliseconds.
    pub server_time: String,
}

/// Holds either kind of answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Ack<T> {
    Granted(T),
    Refused(Failure),
}

impl<T: serde::de::DeserializeOwned> Ack<T> {
    /// Reads an answer, deciding by its `success` field.
    ///
    /// # Errors
    /// The JSON error when the answer is in neither form.
    pub fn from_value(value: serde_json::Value) -> Result<Self, serde_json::Error> {
        if value.get("success").and_then(serde_json::Value::as_bool) == Some(true) {
            serde_json::from_value(value).map(Self::Granted)
        } else {
            serde_json::from_value(value).map(Self::Refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_known_code_is_written_as_it_reads() {
        for code in ErrorCode::KNOWN {
            let text = serde_json::to_value(&code).unwrap();
            assert_eq!(text, json!(code.as_str()));
            assert_eq!(serde_json::from_value::<ErrorCode>(text).unwrap(), code);
        }
    }

    #[test]
    fn a_refused_handshake_names_its_reason() {
        assert_eq!(ErrorCode::of_refusal("TOKEN_EXPIRED: log in again"), Some(ErrorCode::TokenExpired));
        assert_eq!(ErrorCode::of_refusal("no such thing"), None);
    }

    #[test]
    fn a_bare_foreign_ack_is_enough() {
        let ack = Ack::<SubscribeAck>::from_value(json!({"success": true})).unwrap();
        assert_eq!(ack, Ack::Granted(SubscribeAck { success: true, ..SubscribeAck::default() }));
        let refused = Ack::<SubscribeAck>::from_value(json!({"success": false, "error": "no"})).unwrap();
        assert_eq!(refused, Ack::Refused(Failure::new(ErrorCode::Internal, "no")));
    }
}
