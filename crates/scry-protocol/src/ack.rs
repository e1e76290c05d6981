//! Acknowledgements: what the gateway answers to a client's event.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::position::Position;

/// A reason for which a request was refused; the same codes serve sockets, HTTP and GraphQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// Also said of what does not exist, so that nobody learns what they may not see.
    Unauthorized,
    /// The request is not of the form that the protocol describes.
    InvalidPayload,
    /// Too many requests; [`ErrorAck::retry_after_ms`] says how long to wait.
    RateLimited,
    /// Something is full; waiting alone does not help.
    QuotaExceeded,
    /// The connection is in as many rooms as it may be in.
    TooManyRooms,
    /// The request carries no token.
    TokenMissing,
    /// The token is not one of this server, or its session has ended.
    TokenInvalid,
    /// The token was valid once; a refresh gives a new one.
    TokenExpired,
    /// A refresh token was used twice, so its session has been ended.
    TokenReused,
    /// The user name or the password is wrong.
    InvalidCredentials,
    /// The user or the address has as many connections as it may have.
    TooManyConnections,
    /// The browser's page is not on the server's list of origins.
    OriginDenied,
    /// The server is shutting down; connect again, probably to another node.
    Draining,
    /// Somebody else changed the same fields since the version that the edit expected.
    Conflict,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// The answer to a query would be larger than the server's limit.
    AnswerTooLarge,
    /// A query took longer than the server's limit.
    QueryTimeout,
    /// The server failed; the reason is in its log.
    Internal,
    /// A code this version does not know; kept as it came.
    #[serde(untagged)]
    Other(String),
}

impl ErrorCode {
    /// The codes this protocol defines.
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

    /// Returns the code that is written so, known or not.
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        Self::KNOWN.into_iter().find(|code| code.as_str() == text).unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    /// Reads the code in front of a `connect_error` message such as `TOKEN_EXPIRED: log in again`.
    #[must_use]
    pub fn from_connect_error(message: &str) -> Option<Self> {
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
pub struct ErrorAck {
    /// Always false.
    pub success: bool,
    /// A sentence for people.
    #[serde(default)]
    pub error: String,
    /// The reason, for programs.
    #[serde(default = "unnamed_code")]
    pub code: ErrorCode,
    /// How many milliseconds to wait before the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

const fn unnamed_code() -> ErrorCode {
    ErrorCode::Internal
}

impl ErrorAck {
    /// Builds a failure.
    #[must_use]
    pub fn new(code: ErrorCode, error: impl Into<String>) -> Self {
        Self { success: false, error: error.into(), code, retry_after_ms: None }
    }

    /// Reads a refusal out of an answer of any form: `false`, an object that says so, or a list with one of these.
    ///
    /// Everything else (`true`, `"ok"`, `{status: "ok"}`, nothing at all) refuses nothing.
    #[must_use]
    pub fn from_answer(answer: &Value) -> Option<Self> {
        match answer {
            Value::Bool(false) => Some(Self::new(ErrorCode::Internal, "the gateway refused")),
            Value::Array(items) => items.iter().filter(|item| !item.is_boolean()).find_map(Self::from_answer),
            Value::Object(members) => Self::from_members(members),
            Value::Null | Value::Bool(true) | Value::Number(_) | Value::String(_) => None,
        }
    }

    fn from_members(members: &Map<String, Value>) -> Option<Self> {
        let error = members.get("error").filter(|error| !matches!(error, Value::Null | Value::Bool(false)));
        let says_no = ["success", "ok"].iter().any(|name| members.get(*name) == Some(&Value::Bool(false)));
        let fails = members.get("status").and_then(Value::as_str).is_some_and(|status| status == "error");
        if members.get("success") == Some(&Value::Bool(true)) || !(error.is_some() || says_no || fails) {
            return None;
        }
        let inner = error.and_then(Value::as_object);
        let text = |name| members.get(name).or(inner.and_then(|inner| inner.get(name))).and_then(Value::as_str);
        let said = error.and_then(Value::as_str).or(text("message")).unwrap_or("the gateway gave no reason");
        let code = text("code").map_or(ErrorCode::Internal, ErrorCode::from_wire);
        let retry_after_ms = members.get("retryAfterMs").and_then(Value::as_u64);
        Some(Self { retry_after_ms, ..Self::new(code, said) })
    }
}

/// Answers a granted subscription.
///
/// `position` is where the room stands; `recovered` says that everything after `since` was sent,
/// `replayed` how much that was. A foreign gateway may leave out all but `success`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribeAck {
    /// Always true.
    pub success: bool,
    /// The room that was joined, `kind:id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Where the room's journal stands now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Whether everything after `since` was replayed.
    #[serde(default)]
    pub recovered: bool,
    /// How many events were replayed.
    #[serde(default)]
    pub replayed: u64,
}

/// Answers a granted `authenticate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticateAck {
    /// Always true.
    pub success: bool,
    /// RFC 3339 UTC with milliseconds.
    pub expires_at: String,
}

/// Answers `latency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencyAck {
    /// Always true.
    pub success: bool,
    /// RFC 3339 UTC with milliseconds.
    pub server_time: String,
}

/// Either kind of answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Ack<T> {
    /// The request was granted.
    Granted(T),
    /// The request was refused.
    Refused(ErrorAck),
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
        assert_eq!(ErrorCode::from_connect_error("TOKEN_EXPIRED: log in again"), Some(ErrorCode::TokenExpired));
        assert_eq!(ErrorCode::from_connect_error("no such thing"), None);
    }

    #[test]
    fn answer_is_an_error_only_if_it_says_so() {
        for answer in
            [json!(null), json!(true), json!("ok"), json!({"status": "ok"}), json!(["ok", {"room": "x"}]), json!({})]
        {
            assert_eq!(ErrorAck::from_answer(&answer), None, "{answer}");
        }
        assert_eq!(ErrorAck::from_answer(&json!({"success": true, "error": "none"})), None);
        assert_eq!(ErrorAck::from_answer(&json!([null, true, false])), None, "flags in a list are not verdicts");
        for (answer, said) in [
            (json!({"success": false, "error": "no"}), "no"),
            (json!({"error": {"message": "not yours"}}), "not yours"),
            (json!({"status": "error", "message": "gone"}), "gone"),
            (json!(["x", {"ok": false}]), "the gateway gave no reason"),
            (json!(false), "the gateway refused"),
        ] {
            assert_eq!(ErrorAck::from_answer(&answer).map(|failure| failure.error).as_deref(), Some(said), "{answer}");
        }
        let limited = json!({"success": false, "error": "slow", "code": "RATE_LIMITED", "retryAfterMs": 5});
        let failure = ErrorAck { retry_after_ms: Some(5), ..ErrorAck::new(ErrorCode::RateLimited, "slow") };
        assert_eq!(ErrorAck::from_answer(&limited), Some(failure));
    }

    #[test]
    fn a_bare_foreign_ack_is_enough() {
        let ack = Ack::<SubscribeAck>::from_value(json!({"success": true})).unwrap();
        assert_eq!(ack, Ack::Granted(SubscribeAck { success: true, ..SubscribeAck::default() }));
        let refused = Ack::<SubscribeAck>::from_value(json!({"success": false, "error": "no"})).unwrap();
        assert_eq!(refused, Ack::Refused(ErrorAck::new(ErrorCode::Internal, "no")));
    }
}
