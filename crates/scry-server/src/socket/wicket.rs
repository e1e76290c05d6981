//! The way in for a connection's events: each is counted, checked and queued, or refused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use scry_protocol::{ErrorAck, ErrorCode};
use serde_json::Value;
use socketioxide::extract::{AckSender, SocketRef};
use tokio::sync::mpsc;

use super::request;
use super::session::Incoming;
use super::tcp::Switch;
use crate::config::SocketConfig;
use crate::limits::{LimitKind, LimitReporter};
use crate::rate::TokenBucket;

/// Bounds the requests of one connection that wait for their turn.
const INBOX: usize = 128;
/// What a client is told to wait when its requests come faster than they are answered.
const INBOX_PAUSE: Duration = Duration::from_millis(100);
/// What an event beyond the limit costs its sender, in bytes that it could have sent instead: a storm of tiny
/// events is slowed down like one of large ones.
const COST_OF_REFUSAL: usize = 4 * 1024;

/// Passes one connection's events on to its task.
pub(super) struct Wicket {
    outbox: mpsc::Sender<Box<Incoming>>,
    requests: Mutex<TokenBucket>,
    /// What it may do against the rules before it is put out.
    offences: Mutex<TokenBucket>,
    reporter: LimitReporter,
    /// The TCP connection that it began on, and whether that one carries it for good.
    switch: Option<Switch>,
    has_line: bool,
    /// Set when it has been put out: what it sent in the same request still comes by.
    is_out: AtomicBool,
}

impl Wicket {
    /// Builds the way in, and the end of the queue that the connection's task reads.
    #[must_use]
    pub(super) fn new(
        reporter: LimitReporter,
        switch: Option<Switch>,
        has_line: bool,
        config: &SocketConfig,
    ) -> (Self, mpsc::Receiver<Box<Incoming>>) {
        let (outbox, inbox) = mpsc::channel(INBOX);
        let per_minute = |limit| Mutex::new(TokenBucket::per_minute(limit, Instant::now()));
        let (requests, offences) = (per_minute(config.requests_per_minute), per_minute(config.violations_per_minute));
        (Self { outbox, requests, offences, reporter, switch, has_line, is_out: AtomicBool::new(false) }, inbox)
    }

    /// Queues one event, or answers why not.
    pub(super) fn pass(&self, socket: SocketRef, event: &str, payload: &Value, ack: AckSender) {
        let Err((ack, failure)) = self.accept(event, payload, ack) else { return };
        // A client whose buffer has no room for this answer is closed by the next event.
        let _ = ack.send(&failure);
        if failure.code == ErrorCode::RateLimited {
            self.offend(socket);
        }
    }

    fn accept(&self, event: &str, payload: &Value, ack: AckSender) -> Result<(), (AckSender, ErrorAck)> {
        if let Err(wait) = take(&self.requests) {
            return Err((ack, slow_down(wait)));
        }
        let request = match request::parse(event, payload) {
            Ok(request) => request,
            Err(failure) => return Err((ack, failure)),
        };
        self.outbox
            .try_send(Box::new(Incoming { request, ack }))
            .map_err(|error| (error.into_inner().ack, slow_down(INBOX_PAUSE)))
    }

    /// Makes an event beyond the limit count for more, and ends a connection that goes on with them.
    fn offend(&self, socket: SocketRef) {
        self.reporter.report(LimitKind::Events);
        if let Some(switch) = &self.switch {
            switch.charge(COST_OF_REFUSAL);
        }
        if take(&self.offences).is_ok() {
            return;
        }
        match &self.switch {
            // Counted when it has gone.
            Some(line) if self.has_line => line.cut_off(),
            _ if self.is_out.swap(true, Ordering::Relaxed) => {}
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
