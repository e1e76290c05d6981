//! The accept loop: HTTP connections with a time limit on every request's head, and so many per address.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::UPGRADE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::connection_limiter::{ConnectionLimiter, ConnectionPermit};
use super::handshake_limiter::HandshakeLimiter;
use super::tcp::{MeteredStream, Peer, TcpAcceptor};
use super::{forwarded, handshake, upgrade};
use crate::config::ServerConfig;
use crate::limits::{LimitKind, LimitMetrics};

const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// Bounds a request's head, in header fields and in bytes.
const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// How many TCP connections one Socket.IO connection may need: polling has two at a time, and they come and go.
const TCP_PER_SOCKET: u32 = 4;
/// How many TCP connections an address may have in any case.
const MIN_TCP_LIMIT: u32 = 64;

/// Serves connections until it is told to close; clones share the count per address.
#[derive(Clone)]
pub(super) struct HttpServer {
    config: Arc<ServerConfig>,
    limit_metrics: LimitMetrics,
    limiter: ConnectionLimiter,
    handshakes: HandshakeLimiter,
    app: Router,
}

impl HttpServer {
    /// Prepares to serve `app`.
    #[must_use]
    pub(super) fn new(
        config: Arc<ServerConfig>,
        limit_metrics: LimitMetrics,
        handshakes: HandshakeLimiter,
        app: Router,
    ) -> Self {
        Self { config, limit_metrics, limiter: ConnectionLimiter::default(), handshakes, app }
    }

    /// Accepts connections until `closing`, then waits until the requests under way have been answered.
    pub(super) async fn run(self, acceptor: TcpAcceptor, closing: CancellationToken) {
        let tasks = TaskTracker::new();
        while let Some((stream, peer)) = closing.run_until_cancelled(acceptor.accept()).await {
            match self.permit(peer.address.ip()) {
                Ok(permit) => {
                    tasks.spawn(self.clone().serve(stream, peer, permit, closing.clone()));
                }
                Err(kind) => self.limit_metrics.report(kind, Some(peer.address.ip())),
            }
        }
        drop(acceptor);
        tasks.close();
        tasks.wait().await;
    }

    fn permit(&self, address: IpAddr) -> Result<Option<ConnectionPermit>, LimitKind> {
        // Everybody's connections come through a proxy.
        if forwarded::is_trusted(address, &self.config.http.trusted_proxies) {
            return Ok(None);
        }
        if self.handshakes.is_blocked(address, Instant::now()) {
            return Err(LimitKind::Handshakes);
        }
        let sockets = handshake::connection_limit(address, &self.config.socket);
        let usual = sockets.map(|limit| limit.saturating_mul(TCP_PER_SOCKET).max(MIN_TCP_LIMIT));
        match self.config.http.max_tcp_connections_per_ip.or(usual) {
            Some(limit) => self.limiter.try_acquire(address, limit).map(Some).ok_or(LimitKind::TcpConnections),
            None => Ok(None),
        }
    }

    async fn serve(
        self,
        stream: MeteredStream,
        peer: Peer,
        permit: Option<ConnectionPermit>,
        closing: CancellationToken,
    ) {
        let (handle, app, address) = (peer.handle.clone(), self.app, peer.address.ip());
        let config = self.config.clone();
        let answered = Arc::new(AtomicU64::new(0));
        let count = answered.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            if request.headers().contains_key(UPGRADE) {
                peer.handle.throttle();
            }
            let client = client_of(&peer, request.headers(), &config.http.trusted_proxies);
            if upgrade::is_handshake(&request) {
                request = upgrade::strip_request(request);
            }
            request.extensions_mut().insert(ConnectInfo(client));
            let (app, count, handle) = (app.clone(), count.clone(), peer.handle.clone());
            async move {
                let Ok(mut answer) = app.oneshot(request.map(Body::new)).await;
                if answer.status() == StatusCode::SWITCHING_PROTOCOLS && !handle.begin_frames() {
                    // Who sends requests without waiting for answers gets no WebSocket.
                    answer = StatusCode::BAD_REQUEST.into_response();
                }
                count.store(handle.bytes_received(), Ordering::Relaxed);
                Ok::<_, Infallible>(answer)
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.config.http.header_timeout)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES);
        // The permit goes with the stream, which outlives this task where it becomes a WebSocket.
        let connection = http.serve_connection(TokioIo::new(stream.with_permit(permit)), service).with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        // A connection that only rests between two requests ends in the same way, and is nobody's fault.
        let is_resting = || answered.load(Ordering::Relaxed) == handle.bytes_received() && handle.bytes_received() > 0;
        match ended {
            Err(error) if error.is_timeout() && !is_resting() => {
                self.limit_metrics.report(LimitKind::HeaderTime, Some(address));
            }
            Err(error) if error.is_parse_too_large() => {
                self.limit_metrics.report(LimitKind::HeaderSize, Some(address));
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Returns the peer with the client address that a trusted proxy forwards.
fn client_of(peer: &Peer, headers: &HeaderMap, trusted: &[IpNet]) -> Peer {
    let named = headers.get_all(X_FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = named.collect();
    let mut client = peer.clone();
    client.address.set_ip(forwarded::client(peer.address.ip(), named.into_iter(), trusted));
    client
}
