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

use super::handshakes::Handshakes;
use super::limits::{Addresses, Place};
use super::tcp::{Doorway, Line, Peer};
use super::{forwarded, handshake, keepsake};
use crate::config::ServerConfig;
use crate::limits::{LimitKind, LimitMetrics};

const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// Bounds a request's head, in header fields and in bytes.
const MAX_HEADERS: usize = 64;
const MAX_HEAD: usize = 32 * 1024;
/// How many TCP connections one Socket.IO connection may need: polling has two at a time, and they come and go.
const LINES_PER_CONNECTION: u32 = 4;
/// How many TCP connections an address may have in any case.
const LEAST_LINES: u32 = 64;

/// Serves connections until it is told to close; clones share the count per address.
#[derive(Clone)]
pub(super) struct Reception {
    config: Arc<ServerConfig>,
    limit_metrics: LimitMetrics,
    addresses: Addresses,
    handshakes: Handshakes,
    app: Router,
}

impl Reception {
    /// Prepares to serve `app`.
    #[must_use]
    pub(super) fn new(
        config: Arc<ServerConfig>,
        limit_metrics: LimitMetrics,
        handshakes: Handshakes,
        app: Router,
    ) -> Self {
        Self { config, limit_metrics, addresses: Addresses::default(), handshakes, app }
    }

    /// Accepts connections until `closing`, then waits until the requests under way have been answered.
    pub(super) async fn run(self, doorway: Doorway, closing: CancellationToken) {
        let tasks = TaskTracker::new();
        while let Some((line, peer)) = closing.run_until_cancelled(doorway.accept()).await {
            match self.place(peer.address.ip()) {
                Ok(place) => {
                    tasks.spawn(self.clone().serve(line, peer, place, closing.clone()));
                }
                Err(kind) => self.limit_metrics.report(kind, Some(peer.address.ip())),
            }
        }
        drop(doorway);
        tasks.close();
        tasks.wait().await;
    }

    fn place(&self, address: IpAddr) -> Result<Option<Place>, LimitKind> {
        // Everybody's connections come through a proxy.
        if forwarded::is_trusted(address, &self.config.http.trusted_proxies) {
            return Ok(None);
        }
        if self.handshakes.is_closed(address, Instant::now()) {
            return Err(LimitKind::Handshakes);
        }
        let sockets = handshake::connection_limit(address, &self.config.socket);
        let usual = sockets.map(|limit| limit.saturating_mul(LINES_PER_CONNECTION).max(LEAST_LINES));
        match self.config.http.max_tcp_connections_per_ip.or(usual) {
            Some(limit) => self.addresses.enter(address, limit).map(Some).ok_or(LimitKind::TcpConnections),
            None => Ok(None),
        }
    }

    async fn serve(self, line: Line, peer: Peer, place: Option<Place>, closing: CancellationToken) {
        let (switch, app, address) = (peer.switch.clone(), self.app, peer.address.ip());
        let config = self.config.clone();
        let answered = Arc::new(AtomicU64::new(0));
        let count = answered.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            if request.headers().contains_key(UPGRADE) {
                peer.switch.throttle();
            }
            let asker = asker(&peer, request.headers(), &config.http.trusted_proxies);
            if keepsake::is_kept(&request) {
                request = keepsake::of(request);
            }
            request.extensions_mut().insert(ConnectInfo(asker));
            let (app, count, switch) = (app.clone(), count.clone(), peer.switch.clone());
            async move {
                let Ok(mut answer) = app.oneshot(request.map(Body::new)).await;
                if answer.status() == StatusCode::SWITCHING_PROTOCOLS && !switch.upgrade() {
                    // Who sends requests without waiting for answers gets no WebSocket.
                    answer = StatusCode::BAD_REQUEST.into_response();
                }
                count.store(switch.received(), Ordering::Relaxed);
                Ok::<_, Infallible>(answer)
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.config.http.header_timeout)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD);
        // The place goes with the line, which outlives this task where it becomes a WebSocket.
        let connection = http.serve_connection(TokioIo::new(line.keep(place)), service).with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        // A connection that only rests between two requests ends in the same way, and is nobody's fault.
        let is_resting = || answered.load(Ordering::Relaxed) == switch.received() && switch.received() > 0;
        if ended.is_err_and(|error| error.is_timeout()) && !is_resting() {
            self.limit_metrics.report(LimitKind::HeaderTime, Some(address));
        }
    }
}

/// Returns the peer under the address of whom a trusted proxy speaks for.
fn asker(peer: &Peer, headers: &HeaderMap, trusted: &[IpNet]) -> Peer {
    let named = headers.get_all(X_FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = named.collect();
    let mut asker = peer.clone();
    asker.address.set_ip(forwarded::client(peer.address.ip(), named.into_iter(), trusted));
    asker
}
