//! Why there is no connection, in words for people.

use std::time::Duration;

use crate::session::CloseReason;

/// The reason for which a connection could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The address or an option cannot be used.
    #[error("{0}")]
    InvalidOption(String),
    /// The host's name has no address.
    #[error("{host} has no address: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// The system's words.
        reason: String,
    },
    /// None of the host's addresses accepts a connection.
    #[error("cannot connect to {address}: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// The system's words.
        reason: String,
    },
    /// The proxy does not let the connection through.
    #[error("the proxy {proxy} does not connect to the server: {reason}")]
    Proxy {
        /// The proxy's address, without a password.
        proxy: String,
        /// What it answered.
        reason: String,
        /// Whether a request that needs no tunnel may still pass.
        refuses_tunnel: bool,
    },
    /// No encrypted connection could be made; a certificate that is not trusted is one reason.
    #[error("no encrypted connection: {0}")]
    Tls(String),
    /// The server wants the client to go elsewhere.
    #[error("the server redirects to {location} (status {status}); use that address if it is the right one")]
    Redirected {
        /// The status.
        status: u16,
        /// Where to.
        location: String,
    },
    /// The server refused a request.
    #[error("the server answered {status}{}", .message.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Status {
        /// The status.
        status: u16,
        /// What it said about it.
        message: Option<String>,
    },
    /// The server answered with a page for a browser.
    #[error("the server answered with an HTML page, not with Socket.IO; check the address and the path")]
    HtmlPage,
    /// The server answered with something else than Engine.IO.
    #[error("the server does not speak Socket.IO at this address: {0}")]
    NotSocketIo(String),
    /// The server broke the rules of WebSockets.
    #[error("the server's WebSocket is broken: {0}")]
    WebSocket(String),
    /// An answer or a message was larger than this side takes.
    #[error("the server sent more than {limit} bytes at once")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The connection broke.
    #[error("the connection failed: {0}")]
    Broken(String),
    /// Something took too long.
    #[error("{what} took longer than {} s", .limit.as_secs_f32())]
    TimedOut {
        /// What took long.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The session ended before it had begun.
    #[error(transparent)]
    Closed(#[from] CloseReason),
}

impl ConnectError {
    /// Returns whether long-polling may work where a WebSocket did not for this reason.
    ///
    /// Whoever is told to go elsewhere, or to come more seldom, does not ask again at once.
    pub(super) fn concerns_websocket(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status != 429,
            Self::Proxy { refuses_tunnel, .. } => *refuses_tunnel,
            Self::HtmlPage
            | Self::NotSocketIo(_)
            | Self::WebSocket(_)
            | Self::Broken(_)
            | Self::TimedOut { what: super::WEBSOCKET_STAGE, .. } => true,
            Self::Closed(reason) => matches!(
                reason,
                CloseReason::OpenTimeout(_)
                    | CloseReason::TransportClosed
                    | CloseReason::TransportFailed(_)
                    | CloseReason::ProtocolViolation(_)
            ),
            Self::InvalidOption(_)
            | Self::Resolve { .. }
            | Self::Unreachable { .. }
            | Self::Tls(_)
            | Self::Redirected { .. }
            | Self::TooLarge { .. }
            | Self::TimedOut { .. } => false,
        }
    }
}

/// Returns what an HTTP answer that is not the one that was hoped for means.
pub(super) fn of_response(
    status: u16,
    location: Option<&str>,
    content_type: Option<&str>,
    body: &[u8],
) -> ConnectError {
    if (300..400).contains(&status) {
        let location = location.unwrap_or("an address that it does not name").to_owned();
        return ConnectError::Redirected { status, location };
    }
    let text = String::from_utf8_lossy(body);
    let is_html = content_type.is_some_and(|kind| kind.starts_with("text/html")) || text.trim_start().starts_with('<');
    match (status, is_html) {
        (200, true) => ConnectError::HtmlPage,
        (200, false) => ConnectError::NotSocketIo(beginning(&text)),
        (_, true) => ConnectError::Status { status, message: None },
        (_, false) => ConnectError::Status { status, message: message(&text) },
    }
}

/// Returns what an error's body says: the message of Engine.IO's or another's JSON, or a short text.
fn message(body: &str) -> Option<String> {
    let value: serde_json::Value = match serde_json::from_str(body) {
        Ok(value) => value,
        Err(_) => return Some(beginning(body.trim())).filter(|text| !text.is_empty()),
    };
    let error = value.get("error");
    let named = error.and_then(|error| error.get("message")).or(value.get("message")).or(error);
    named.and_then(serde_json::Value::as_str).map(beginning)
}

/// Returns as much of a text as a sentence can hold.
pub(super) fn beginning(text: &str) -> String {
    const MAX_QUOTED_CHARS: usize = 120;
    let line: String = text.chars().take(MAX_QUOTED_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MAX_QUOTED_CHARS).is_some() { line + "…" } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_explained_in_words() {
        let explain =
            |status, kind, body: &str| of_response(status, Some("https://x/"), kind, body.as_bytes()).to_string();
        assert_eq!(explain(503, Some("text/html; charset=utf-8"), "<html>"), "the server answered 503");
        assert_eq!(explain(503, None, "try later"), "the server answered 503 (try later)");
        assert_eq!(explain(403, None, r#"{"code":4,"message":"Forbidden"}"#), "the server answered 403 (Forbidden)");
        let ours = r#"{"error":{"code":"RATE_LIMITED","message":"too often"}}"#;
        assert_eq!(explain(429, None, ours), "the server answered 429 (too often)");
        assert_eq!(explain(200, None, " <!doctype html>"), ConnectError::HtmlPage.to_string());
        assert!(explain(307, None, "").contains("https://x/"));
    }

    #[test]
    fn quotations_are_short_and_on_one_line() {
        assert_eq!(beginning("a\nb"), "a b");
        assert_eq!(beginning(&"x".repeat(500)).chars().count(), 121);
    }
}
