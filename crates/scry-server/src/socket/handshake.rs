//! The decisions of a handshake (pure): whose token counts, which origin may come in, what a refusal says.

use std::fmt;
use std::net::IpAddr;

use scry_protocol::ErrorCode;
use serde_json::Value;

use crate::auth::TokenError;
use crate::config::SocketConfig;
use crate::limits::LimitKind;

/// Why a handshake was refused; displayed as `CODE: sentence`, the form of a `connect_error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandshakeError {
    Token(TokenError),
    TooManyConnections,
    OriginDenied,
    Draining,
    Internal,
}

impl HandshakeError {
    /// Returns the code in front of the sentence.
    #[must_use]
    pub(super) const fn code(self) -> ErrorCode {
        match self {
            Self::Token(error) => error.code(),
            Self::TooManyConnections => ErrorCode::TooManyConnections,
            Self::OriginDenied => ErrorCode::OriginDenied,
            Self::Draining => ErrorCode::Draining,
            Self::Internal => ErrorCode::Internal,
        }
    }
}

impl HandshakeError {
    /// Returns the code as a label, the same text for as long as the program runs.
    #[must_use]
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Token(TokenError::Missing) => "TOKEN_MISSING",
            Self::Token(TokenError::Invalid) => "TOKEN_INVALID",
            Self::Token(TokenError::Expired) => "TOKEN_EXPIRED",
            Self::TooManyConnections => "TOO_MANY_CONNECTIONS",
            Self::OriginDenied => "ORIGIN_DENIED",
            Self::Draining => "DRAINING",
            Self::Internal => "INTERNAL",
        }
    }

    /// Returns the limit that the error counts for; none where the client is not at fault.
    #[must_use]
    pub(super) const fn limit_kind(self) -> Option<LimitKind> {
        match self {
            Self::Token(error) => error.limit_kind(),
            Self::TooManyConnections => Some(LimitKind::Connections),
            Self::OriginDenied => Some(LimitKind::Origin),
            Self::Draining | Self::Internal => None,
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code())?;
        match self {
            Self::Token(error) => error.fmt(f),
            Self::TooManyConnections => f.write_str("too many connections come from this address; close one first"),
            Self::OriginDenied => f.write_str("pages of this origin may not connect; ask the server's operator"),
            Self::Draining => f.write_str("the server is shutting down; connect again in a moment"),
            Self::Internal => f.write_str("the server could not check the token; try again"),
        }
    }
}

/// Finds the access token: `auth.token`, else `token` in the query.
#[must_use]
pub(super) fn token<'a>(auth: Option<&'a Value>, query: Option<&'a str>) -> Option<&'a str> {
    let in_auth = auth.and_then(|auth| auth.get("token")).and_then(Value::as_str);
    // A JWT consists of characters that no encoder of query strings changes, so nothing is decoded.
    let in_query = || query?.split('&').find_map(|pair| pair.strip_prefix("token="));
    in_auth.filter(|token| !token.is_empty()).or_else(in_query)
}

/// Returns whether a request may come in by its `Origin`: only browsers send one, and only listed ones may.
#[must_use]
pub(super) fn origin_allowed(origin: Option<&str>, config: &SocketConfig) -> bool {
    origin.is_none_or(|origin| config.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)))
}

/// Returns how many connections may come from `address`; `None` if it is exempt.
#[must_use]
pub(super) fn connection_limit(address: IpAddr, config: &SocketConfig) -> Option<u32> {
    match config.max_connections_per_ip {
        Some(limit) => Some(limit),
        None if address.to_canonical().is_loopback() => None,
        None => Some(SocketConfig::DEFAULT_CONNECTIONS_PER_IP),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_token_in_auth_goes_first() {
        let auth = json!({"token": "a"});
        assert_eq!(token(Some(&auth), Some("EIO=4&token=q")), Some("a"));
        assert_eq!(token(None, Some("EIO=4&token=q&transport=polling")), Some("q"));
        assert_eq!(token(Some(&json!({})), Some("token=q")), Some("q"));
        assert_eq!(token(Some(&json!({"token": 5})), Some("EIO=4")), None);
        assert_eq!(token(None, None), None);
    }

    #[test]
    fn only_listed_origins_are_allowed() {
        let mut config = SocketConfig::default();
        assert!(origin_allowed(None, &config));
        assert!(!origin_allowed(Some("https://evil.example"), &config));
        config.allowed_origins.push("https://table.example".to_owned());
        assert!(origin_allowed(Some("https://Table.example"), &config));
        assert!(!origin_allowed(Some("https://table.example.evil.example"), &config));
        assert!(!origin_allowed(Some("null"), &config));
    }

    #[test]
    fn loopback_is_exempt_unless_a_limit_is_set() {
        let mut config = SocketConfig::default();
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        assert_eq!(connection_limit(mapped, &config), None);
        assert_eq!(connection_limit("192.0.2.1".parse().unwrap(), &config), Some(10));
        config.max_connections_per_ip = Some(3);
        assert_eq!(connection_limit(mapped, &config), Some(3));
    }

    #[test]
    fn handshake_error_starts_with_its_code() {
        for refusal in [
            HandshakeError::Token(TokenError::Missing),
            HandshakeError::Token(TokenError::Invalid),
            HandshakeError::Token(TokenError::Expired),
            HandshakeError::TooManyConnections,
            HandshakeError::OriginDenied,
            HandshakeError::Draining,
            HandshakeError::Internal,
        ] {
            assert_eq!(ErrorCode::from_connect_error(&refusal.to_string()), Some(refusal.code()));
            assert_eq!(refusal.label(), refusal.code().as_str());
        }
    }
}
