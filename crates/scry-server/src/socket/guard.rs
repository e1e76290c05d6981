//! What stands before every route: bodies have a deadline, and who opens a socket does not do so too often and is
//! expected to say who it is.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{StatusCode, header};
use axum::middleware::map_request;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use hyper::body::{Body as _, Frame, SizeHint};
use scry_protocol::ErrorCode;
use scry_protocol::auth::{ErrorBody, ErrorResponse};
use tokio::time::Sleep;

use super::byte_rate_limiter::ByteRateLimiter;
use super::handshake_limiter::{self, HandshakeLimiter};
use super::tcp::Peer;
use super::upgrade::is_socket_io;
use crate::config::SocketConfig;
use crate::limits::{LimitKind, LimitReporter};
use crate::state::AppState;

/// What stands between the packets of one body.
const PACKET_SEPARATOR: u8 = 0x1e;

/// Puts the guard before an application.
pub(super) fn wrap(app: Router, state: &AppState, handshakes: &HandshakeLimiter) -> Router {
    let (state, handshakes) = (state.clone(), handshakes.clone());
    app.layer(map_request(move |request: Request| {
        let (state, handshakes) = (state.clone(), handshakes.clone());
        async move { prepare(request, &state, &handshakes) }
    }))
}

/// The time that a socket has to authenticate; reported if it never was admitted.
///
/// It waits in the request's extensions, which the library keeps as long as the socket.
#[derive(Debug)]
pub(super) struct AuthDeadline {
    reporter: LimitReporter,
    since: Instant,
    timeout: Duration,
    settled: AtomicBool,
}

impl AuthDeadline {
    /// Says that the socket was admitted, or refused for a reason of its own.
    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }
}

impl Drop for AuthDeadline {
    fn drop(&mut self) {
        // A client that leaves before the deadline was not disconnected by it.
        if !self.settled.load(Ordering::Relaxed) && self.since.elapsed() >= self.timeout {
            self.reporter.report(LimitKind::AuthTime);
        }
    }
}

fn prepare(
    mut request: Request,
    state: &AppState,
    handshakes: &HandshakeLimiter,
) -> Result<Request, TooManyHandshakesError> {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|peer| peer.0.address.ip());
    let reporter = state.limit_metrics.reporter(peer);
    if opens_socket(&request) {
        if let Some(address) = peer
            && let Some(limit) = handshake_limiter::limit(address, &state.config.socket)
            && let Err(wait) = handshakes.count(address, limit, Instant::now())
        {
            reporter.report(LimitKind::Handshakes);
            state.metrics.handshake(Some(ErrorCode::RateLimited.as_str()));
            return Err(TooManyHandshakesError(wait));
        }
        let (since, timeout) = (Instant::now(), state.config.socket.connect_timeout);
        let settled = AtomicBool::new(false);
        request.extensions_mut().insert(Arc::new(AuthDeadline { reporter, since, timeout, settled }));
        return Ok(request);
    }
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let timeout = state.config.http.body_timeout;
    let rate_limiter = is_socket_io(&request).then(|| BodyRateLimiter::new(&state.config.socket));
    Ok(request.map(|body| Body::new(TimeoutBody { body, timeout, deadline: None, reporter, rate_limiter })))
}

/// The error for an address that opens sockets too often, with the time to wait.
struct TooManyHandshakesError(Duration);

impl IntoResponse for TooManyHandshakesError {
    fn into_response(self) -> Response {
        let message = "too many sockets were opened from this address; try again in a moment".to_owned();
        let body = ErrorResponse { error: ErrorBody { code: ErrorCode::RateLimited, message } };
        let (wait, close) = (self.0.as_secs().max(1).to_string(), "close".to_owned());
        let headers = [(header::RETRY_AFTER, wait), (header::CONNECTION, close)];
        (StatusCode::TOO_MANY_REQUESTS, headers, Json(body)).into_response()
    }
}

fn opens_socket(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    is_socket_io(request) && !query.split('&').any(|pair| pair.starts_with("sid="))
}

/// Lets packets that come in a body take the time that they would take over a WebSocket.
struct BodyRateLimiter {
    limiter: ByteRateLimiter,
    bytes_per_packet: usize,
    /// What came and is not passed on yet.
    held: Option<Frame<Bytes>>,
}

impl BodyRateLimiter {
    fn new(config: &SocketConfig) -> Self {
        let limiter = ByteRateLimiter::new(config.bytes_per_second);
        Self { limiter, bytes_per_packet: config.bytes_per_frame(), held: None }
    }

    fn hold(&mut self, frame: Frame<Bytes>) {
        let bytes: &[u8] = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
        let packets = bytes.split(|byte| *byte == PACKET_SEPARATOR).count();
        self.limiter.spend(bytes.len().saturating_add(packets.saturating_mul(self.bytes_per_packet)));
        self.held = Some(frame);
    }

    /// Gives back what is held, once it may be passed on.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        if self.held.is_some() {
            std::task::ready!(self.limiter.poll_ready(cx));
        }
        Poll::Ready(self.held.take())
    }
}

/// A body that must arrive before its deadline.
struct TimeoutBody {
    body: Body,
    timeout: Duration,
    /// Begins with the first read.
    deadline: Option<Pin<Box<Sleep>>>,
    reporter: LimitReporter,
    /// What slows it down; none where a body is one thing and not many.
    rate_limiter: Option<BodyRateLimiter>,
}

impl TimeoutBody {
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(rate_limiter) = &mut self.rate_limiter else { return Pin::new(&mut self.body).poll_frame(cx) };
        if rate_limiter.held.is_none() {
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => rate_limiter.hold(frame),
                end => return Poll::Ready(end),
            }
        }
        rate_limiter.poll_held(cx).map(|frame| frame.map(Ok))
    }
}

impl hyper::body::Body for TimeoutBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = this.poll_body(cx);
        if frame.is_ready() {
            return frame;
        }
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(this.timeout)));
        std::task::ready!(deadline.as_mut().poll(cx));
        this.reporter.report(LimitKind::BodyTime);
        let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "the body took too long");
        Poll::Ready(Some(Err(axum::Error::new(late))))
    }

    fn is_end_stream(&self) -> bool {
        self.rate_limiter.as_ref().is_none_or(|rate_limiter| rate_limiter.held.is_none()) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What is held is missing from it.
        if self.rate_limiter.is_some() { SizeHint::default() } else { self.body.size_hint() }
    }
}
