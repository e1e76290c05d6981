//! What stands before every route: bodies have a deadline, and who opens a socket is expected to say who it is.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::Sleep;

use super::tcp::Peer;
use crate::server::breach::{Breach, Witness};
use crate::server::core::Core;

/// Puts the guard before an application.
pub fn before(app: Router, core: &Core) -> Router {
    let core = core.clone();
    app.layer(map_request(move |request: Request| {
        let core = core.clone();
        async move { prepare(request, &core) }
    }))
}

/// Follows a socket from its first request to its end; noted if it never was admitted.
///
/// It waits in the request's extensions, which the library keeps as long as the socket.
#[derive(Debug)]
pub struct Opening {
    witness: Witness,
    since: Instant,
    patience: Duration,
    settled: AtomicBool,
}

impl Opening {
    /// Says that the socket was admitted, or refused for a reason of its own.
    pub fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        // Who leaves before the time is up was not put out.
        if !self.settled.load(Ordering::Relaxed) && self.since.elapsed() >= self.patience {
            self.witness.note(Breach::AuthTime);
        }
    }
}

fn prepare(mut request: Request, core: &Core) -> Request {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|peer| peer.0.address.ip());
    let witness = core.breaches.witness(peer);
    if opens_socket(&request) {
        let (since, patience) = (Instant::now(), core.config.socket.connect_timeout);
        let settled = AtomicBool::new(false);
        request.extensions_mut().insert(Arc::new(Opening { witness, since, patience, settled }));
        return request;
    }
    if request.body().is_end_stream() {
        return request;
    }
    let patience = core.config.http.body_timeout;
    request.map(|body| Body::new(Hurried { body, patience, deadline: None, witness }))
}

fn opens_socket(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.uri().path().starts_with("/socket.io") && !query.split('&').any(|pair| pair.starts_with("sid="))
}

/// Passes a body on until its deadline.
struct Hurried {
    body: Body,
    patience: Duration,
    /// Begins with the first read.
    deadline: Option<Pin<Box<Sleep>>>,
    witness: Witness,
}

impl hyper::body::Body for Hurried {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if frame.is_ready() {
            return frame;
        }
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(this.patience)));
        std::task::ready!(deadline.as_mut().poll(cx));
        this.witness.note(Breach::BodyTime);
        let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "the body took too long");
        Poll::Ready(Some(Err(axum::Error::new(late))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
