//! Requests that open a socket, stripped to what it needs: the library keeps them for as long as the socket lives.
//!
//! Every part of a request that was read from a connection is a slice of the buffer it was read into, 8 KiB, and the
//! least of them keeps all of it. So what is needed is copied, and the rest, credentials among it, let go.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Request};

/// The headers that the handshake and the authenticator still read.
const KEPT_HEADERS: [HeaderName; 2] = [header::SEC_WEBSOCKET_KEY, header::ORIGIN];

/// Returns whether a request may open a socket, or become its transport.
pub(super) fn is_handshake<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && is_socket_io(request)
}

/// Returns whether a request goes to the sockets, and not to the API.
pub(super) fn is_socket_io<B>(request: &Request<B>) -> bool {
    request.uri().path().starts_with("/socket.io")
}

/// Returns the request with copies of what a socket needs, and nothing else of what was read.
pub(super) fn strip_request<B>(request: Request<B>) -> Request<B> {
    let (mut parts, body) = request.into_parts();
    let read = std::mem::replace(&mut parts.headers, HeaderMap::with_capacity(KEPT_HEADERS.len()));
    for name in KEPT_HEADERS {
        if let Some(value) = read.get(&name).and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
            parts.headers.insert(name, value);
        }
    }
    if let Ok(uri) = parts.uri.to_string().parse() {
        parts.uri = uri;
    }
    Request::from_parts(parts, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshake_headers_are_kept_and_credentials_are_not() {
        let request = Request::get("/socket.io/?EIO=4&transport=websocket")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Origin", "https://table.example")
            .header("Authorization", "Bearer secret")
            .header("Cookie", "a=b")
            .extension(7_u8)
            .body(())
            .unwrap();
        assert!(is_handshake(&request));
        let kept = strip_request(request);
        let names: Vec<&str> = kept.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["sec-websocket-key", "origin"]);
        assert_eq!(kept.headers()["origin"], "https://table.example");
        assert_eq!(kept.uri(), "/socket.io/?EIO=4&transport=websocket");
        assert_eq!(kept.extensions().get::<u8>(), Some(&7));
    }

    #[test]
    fn stripped_request_releases_the_read_buffer() {
        let buffer = axum::body::Bytes::from(b"/socket.io/?EIO=4https://table.example".to_vec());
        let path = axum::http::uri::PathAndQuery::from_maybe_shared(buffer.slice(..17)).unwrap();
        let mut request = Request::new(());
        *request.uri_mut() = path.into();
        let origin = HeaderValue::from_maybe_shared(buffer.slice(17..)).unwrap();
        request.headers_mut().insert(header::ORIGIN, origin);
        let kept = strip_request(request);
        assert!(buffer.is_unique(), "no slice of it is left");
        assert_eq!(kept.uri(), "/socket.io/?EIO=4");
    }
}
