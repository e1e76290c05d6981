//! The bodies of the authentication routes.

use serde::{Deserialize, Serialize};

use super::id::Id;

/// Asks for tokens.
#[derive(Clone, Serialize, Deserialize)]
pub struct LoginRequest {
    /// The name to log in with.
    pub username: String,
    /// The password in plain text; the connection has to be encrypted.
    pub password: String,
}

/// Trades a refresh token for a new pair, or ends its family on logout.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshRequest {
    /// The refresh token, which is good for one use.
    pub refresh_token: String,
}

/// Answers a login or a refresh; `expires_in` is in seconds and speaks of the access token.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenResponse {
    /// The token that requests carry, a JWT.
    pub access_token: String,
    /// The token that the next pair is had for, good for one use.
    pub refresh_token: String,
    /// For how many seconds the access token is valid.
    pub expires_in: u64,
    /// The user who has logged in.
    pub user: UserInfo,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// The user's id.
    pub id: Id,
    /// The name that the user logs in with.
    pub username: String,
}

/// Answers a refused HTTP request: `{"error":{"code","message"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// What went wrong.
    pub error: ErrorBody,
}

/// The code and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The reason, for programs.
    pub code: super::ack::ErrorCode,
    /// The reason, as a sentence for people.
    pub message: String,
}
