//! The queue of a connection's events: each is counted, checked and queued, or refused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use scry_protocol::{ErrorAck, ErrorCode};
use serde_json::Value;
use socketioxide::extract::{AckSender, SocketRef};
use tokio::sync::mpsc;

use super::request;
use super::session::QueuedRequest;
use super::tcp::ConnectionHandle;
use crate::config::SocketConfig;
use crate::limits::{LimitKind, LimitReporter};
use crate::rate::TokenBucket;

/// Bounds the requests of one connection that wait for their turn.
const QUEUE_CAPACITY: usize = 128;
/// What a client is told to wait when its requests come faster than they are answered.
const QUEUE_FULL_RETRY: Duration = Duration::from_millis(100);
/// What an event beyond the limit costs its sender, in bytes that it could have sent instead: a storm of tiny
/// events is slowed down like one of large ones.
const REJECTED_EVENT_BYTES: usize = 4 * 1024;

/// A bounded queue of one connection's events, which its task reads.
pub(super) struct InboundQueue {
    queue: mpsc::Sender<Box<QueuedRequest>>,
    requests: Mutex<TokenBucket>,
    /// How many violations it may commit before it is disconnected.
    violations: Mutex<TokenBucket>,
    reporter: LimitReporter,
    /// The TCP connection that it began on, and whether that one carries it for good.
    handle: Option<ConnectionHandle>,
    has_tcp_connection: bool,
    /// Set when it has been disconnected: what it sent in the same request still arrives.
    is_disconnected: AtomicBool,
}

impl InboundQueue {
    /// Builds the queue, and the end of it that the connection's task reads.
    #[must_use]
    pub(super) fn new(
        reporter: LimitReporter,
        handle: Option<ConnectionHandle>,
        has_tcp_connection: bool,
        config: &SocketConfig,
    ) -> (Self, mpsc::Receiver<Box<QueuedRequest>>) {
        let (queue, receiver) = mpsc::channel(QUEUE_CAPACITY);
        let per_minute = |limit| Mutex::new(TokenBucket::per_minute(limit, Instant::now()));
        let (requests, violations) = (per_minute(config.requests_per_minute), per_minute(config.violations_per_minute));
        (
            Self {
                queue,
                requests,
                violations,
                reporter,
                handle,
                has_tcp_connection,
                is_disconnected: AtomicBool::new(false),
            },
            receiver,
        )
    }

    /// Queues one event, or answers why not.
    pub(super) fn push(&self, socket: SocketRef, event: &str, payload: &Value, ack: AckSender) {
        let Err((ack, failure)) = self.try_enqueue(event, payload, ack) else { return };
        // A client whose buffer has no room for this answer is closed by the next event.
        let _ = ack.send(&failure);
        if failure.code == ErrorCode::RateLimited {
            self.record_violation(socket);
        }
    }

    fn try_enqueue(&self, event: &str, payload: &Value, ack: AckSender) -> Result<(), (AckSender, ErrorAck)> {
        if let Err(wait) = take(&self.requests) {
            return Err((ack, slow_down(wait)));
        }
        let request = match request::parse(event, payload) {
            Ok(request) => request,
            Err(failure) => return Err((ack, failure)),
        };
        self.queue
            .try_send(Box::new(QueuedRequest { request, ack }))
            .map_err(|error| (error.into_inner().ack, slow_down(QUEUE_FULL_RETRY)))
    }

    /// Makes an event beyond the limit count for more, and ends a connection that goes on with them.
    fn record_violation(&self, socket: SocketRef) {
        self.reporter.report(LimitKind::Events);
        if let Some(handle) = &self.handle {
            handle.charge(REJECTED_EVENT_BYTES);
        }
        if take(&self.violations).is_ok() {
            return;
        }
        match &self.handle {
            // Counted when it has gone.
            Some(handle) if self.has_tcp_connection => handle.disconnect_abusive(),
            _ if self.is_disconnected.swap(true, Ordering::Relaxed) => {}
            _ => {
                self.reporter.report(LimitKind::Flood);
                let _ = socket.disconnect();
            }
        }
    }
}

fn take(bucket: &Mutex<TokenBucket>) -> Result<(), Duration> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
}

fn slow_down(wait: Duration) -> ErrorAck {
    let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    let sentence = format!("too many requests on this connection; try again in {retry_after_ms} ms");
    ErrorAck { retry_after_ms: Some(retry_after_ms), ..ErrorAck::new(ErrorCode::RateLimited, sentence) }
}
