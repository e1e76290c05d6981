//! One connection to a gateway, independent of the library: everything else sees only [`LinkEvent`]s.
//!
//! `wire_link` is the program's own client and the default; `rust_socketio_link` is `rust_socketio`, for those who want it.

mod rust_socketio_link;
mod wire_link;

use std::time::Duration;

use scry_config::client::LinkKind;
use scry_text as text;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{Generation, LinkEvent};
use crate::error::ApiError;
use crate::secret::Secret;

/// How many events that arrived together are handed on at once, so that a flood does not wake the actor for each.
pub(super) const BATCH_EVENTS: usize = 64;
/// Bounds the batches that are not yet looked at; beyond it the socket is not read.
const INBOX_BATCHES: usize = 2;
/// Bounds the requests that are not yet sent.
const REQUEST_CAPACITY: usize = 8;

/// A server, and how to reach it.
#[derive(Debug, Clone)]
pub(super) struct LinkTarget {
    pub kind: LinkKind,
    pub url: url::Url,
    pub tls: Option<native_tls::TlsConnector>,
    /// The time limit of one attempt; the caller that opens a link ends it then.
    pub connect_timeout: Duration,
}

/// Makes connections to one server.
#[derive(Debug)]
pub(super) struct LinkFactory(LinkBackend);

#[derive(Debug)]
enum LinkBackend {
    Wire(wire_link::WireFactory),
    Library(rust_socketio_link::RustSocketioFactory),
}

/// A connection; dropping it ends the connection.
#[derive(Debug)]
pub(super) struct Link {
    requests: mpsc::Sender<LinkRequest>,
    stop: Option<oneshot::Sender<()>>,
    done: Option<oneshot::Receiver<()>>,
}

/// A request on its way to the gateway: the number its answer comes with, its name, its argument.
type LinkRequest = (u64, &'static str, Value);

/// Receives what connections report, up to [`BATCH_EVENTS`] events at once, with the generation they belong to.
pub(super) type LinkInbox = mpsc::Receiver<(Generation, Vec<LinkEvent>)>;
pub(super) type InboxSender = mpsc::Sender<(Generation, Vec<LinkEvent>)>;

/// Creates the channel that all connections of one actor report to.
pub(super) fn inbox() -> (InboxSender, LinkInbox) {
    mpsc::channel(INBOX_BATCHES)
}

/// The other end of a [`Link`].
struct LinkTask {
    generation: Generation,
    inbox: InboxSender,
    requests: mpsc::Receiver<LinkRequest>,
    stopped: oneshot::Receiver<()>,
    finished: oneshot::Sender<()>,
}

impl LinkFactory {
    pub(super) fn new(target: LinkTarget) -> Self {
        Self(match target.kind {
            LinkKind::Wire => LinkBackend::Wire(wire_link::WireFactory::new(&target)),
            LinkKind::RustSocketio => LinkBackend::Library(rust_socketio_link::RustSocketioFactory::new(target)),
        })
    }

    /// Starts connecting; everything that follows comes through `inbox`.
    ///
    /// # Errors
    /// The I/O error when the system has no thread left.
    pub(super) fn open(
        &self,
        token: Option<Secret>,
        generation: Generation,
        inbox: InboxSender,
    ) -> std::io::Result<Link> {
        let (requests, requested) = mpsc::channel(REQUEST_CAPACITY);
        let (stop, stopped) = oneshot::channel();
        let (finished, done) = oneshot::channel();
        let task = LinkTask { generation, inbox, requests: requested, stopped, finished };
        match &self.0 {
            LinkBackend::Wire(links) => links.open(token, task),
            LinkBackend::Library(links) => links.open(token, task)?,
        }
        Ok(Link { requests, stop: Some(stop), done: Some(done) })
    }

    /// Forgets what a gateway remembers of earlier connections, as after another login.
    pub(super) fn forget_session(&self) {
        match &self.0 {
            LinkBackend::Wire(links) => links.forget_session(),
            LinkBackend::Library(_) => {}
        }
    }
}

impl Link {
    /// Sends a request; its answer comes as [`LinkEvent::Answer`], if at all.
    pub(super) fn send(&self, id: u64, name: &'static str, body: Value) {
        // One request is under way at a time, so the queue is full only if the connection is stuck,
        // and then the request's own deadline ends it.
        if self.requests.try_send((id, name, body)).is_err() {
            tracing::debug!(name, "a request could not be queued");
        }
    }

    /// Ends the connection and waits until the gateway has been told, or could not be.
    pub(super) async fn close(mut self) {
        self.stop.take();
        if let Some(done) = self.done.take() {
            let _ = done.await;
        }
    }
}

/// Returns the end of a connection to `url`; `certificate` means that the other side could not prove who it is.
fn ended(url: &str, reason: &str, certificate: bool) -> LinkEvent {
    let mut reason = text::line(reason).into_owned();
    if certificate {
        // Said in the same words, with the same remedy, as for a request.
        reason = ApiError::Certificate { url: url.to_owned(), reason }.to_string();
    }
    LinkEvent::Ended { reason, certificate }
}
