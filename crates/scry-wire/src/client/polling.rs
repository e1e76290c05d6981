//! The long-polling transport: one request that waits for packets, and one at a time that brings some.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::Method;

use super::error::ConnectError;
use super::http::HttpRequester;
use super::stream::Connector;
use crate::codec::{engine, payload};
use crate::session::Frame;

/// How long bringing packets may take.
const POST_TIMEOUT: Duration = Duration::from_secs(20);
/// The name of this transport in requests.
const TRANSPORT_NAME: &str = "polling";

type ExchangeFuture = BoxFuture<'static, (HttpRequester, Result<Bytes, ConnectError>)>;

/// What the transport tells.
pub(super) enum PollingEvent {
    /// Packets came.
    Payload(String),
    /// Nothing is under way, as was wished.
    Paused,
}

/// The transport; polled from one place, it does nothing between polls.
pub(super) struct Polling {
    connector: Connector,
    max_bytes: usize,
    sid: Option<String>,
    max_payload: Option<usize>,
    queue: VecDeque<Frame>,
    get: HttpExchange,
    post: HttpExchange,
    stage: PollingStage,
}

#[derive(PartialEq, Eq)]
enum PollingStage {
    Running,
    Pausing,
    Paused,
}

/// One of the two connections: idle, or with a request under way.
enum HttpExchange {
    Idle(Option<HttpRequester>),
    Busy(ExchangeFuture),
}

impl HttpExchange {
    fn new(connector: &Connector, max_bytes: usize) -> Self {
        Self::Idle(Some(HttpRequester::new(connector.clone(), max_bytes)))
    }

    fn is_idle(&self) -> bool {
        matches!(self, Self::Idle(_))
    }

    /// Begins a request, unless one is under way.
    fn begin(&mut self, request: impl FnOnce(HttpRequester) -> ExchangeFuture) {
        if let Self::Idle(requests) = self
            && let Some(requests) = requests.take()
        {
            *self = Self::Busy(request(requests));
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, ConnectError>> {
        let Self::Busy(exchange) = self else { return Poll::Pending };
        let (requests, outcome) = ready!(exchange.as_mut().poll(cx));
        *self = Self::Idle(Some(requests));
        Poll::Ready(outcome)
    }
}

impl Polling {
    /// Returns a transport that has not asked for a session yet.
    pub(super) fn new(connector: &Connector, max_bytes: usize) -> Self {
        Self {
            max_bytes,
            sid: None,
            max_payload: None,
            queue: VecDeque::new(),
            get: HttpExchange::new(connector, max_bytes),
            post: HttpExchange::new(connector, max_bytes),
            stage: PollingStage::Running,
            connector: connector.clone(),
        }
    }

    /// Notes the session that the server has opened.
    pub(super) fn join(&mut self, sid: &str, max_payload: Option<usize>) {
        if self.sid.is_none() {
            (self.sid, self.max_payload) = (Some(sid.to_owned()), max_payload);
        }
    }

    /// Returns whether a session has been opened.
    pub(super) const fn has_session(&self) -> bool {
        self.sid.is_some()
    }

    /// Sends a frame as soon as the one before has gone.
    pub(super) fn send(&mut self, frame: Frame) {
        self.queue.push_back(frame);
    }

    /// Begins nothing new and tells when nothing is under way.
    pub(super) fn pause(&mut self) {
        self.stage = PollingStage::Pausing;
    }

    /// Carries on, and returns what came.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<PollingEvent, ConnectError>> {
        loop {
            self.begin_post();
            match self.post.poll(cx) {
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
            if self.stage == PollingStage::Running {
                self.begin_get();
            }
            if let Poll::Ready(body) = self.get.poll(cx) {
                return Poll::Ready(body.and_then(|body| self.read(body)));
            }
            if self.stage == PollingStage::Pausing && self.get.is_idle() && self.is_flushed() {
                self.stage = PollingStage::Paused;
                return Poll::Ready(Ok(PollingEvent::Paused));
            }
            return Poll::Pending;
        }
    }

    /// Sends what waits, without polling for more.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        loop {
            self.begin_post();
            if self.is_flushed() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.post.poll(cx))?;
        }
    }

    fn is_flushed(&self) -> bool {
        self.queue.is_empty() && self.post.is_idle()
    }

    fn begin_get(&mut self) {
        let url = self.connector.endpoint.request_url(TRANSPORT_NAME, self.sid.as_deref());
        self.get.begin(|mut requests| {
            async move {
                let outcome = match requests.connect().await {
                    Ok(()) => requests.send(Method::GET, &url, Bytes::new()).await,
                    Err(error) => Err(error),
                };
                (requests, outcome)
            }
            .boxed()
        });
    }

    fn begin_post(&mut self) {
        let Some(sid) = self.sid.as_deref().filter(|_| !self.queue.is_empty() && self.post.is_idle()) else { return };
        let url = self.connector.endpoint.request_url(TRANSPORT_NAME, Some(sid));
        let body = Bytes::from(take_payload(&mut self.queue, self.max_payload.unwrap_or(self.max_bytes)));
        self.post.begin(|mut requests| {
            async move {
                let sent = async {
                    requests.connect().await?;
                    requests.send(Method::POST, &url, body).await
                };
                let outcome = tokio::time::timeout(POST_TIMEOUT, sent).await;
                let late = ConnectError::TimedOut { what: "sending to the server", limit: POST_TIMEOUT };
                (requests, outcome.unwrap_or(Err(late)))
            }
            .boxed()
        });
    }

    fn read(&self, body: Bytes) -> Result<PollingEvent, ConnectError> {
        let text = String::from_utf8(body.into());
        let text = text.map_err(|_| ConnectError::NotSocketIo("its answer is not text".to_owned()))?;
        let is_handshake = self.sid.is_none();
        if is_handshake && !text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(super::error::of_response(200, None, None, text.as_bytes()));
        }
        Ok(PollingEvent::Payload(text))
    }
}

/// Takes as many frames as one request may hold, at least one.
fn take_payload(queue: &mut VecDeque<Frame>, max_bytes: usize) -> String {
    let mut body = String::new();
    while let Some(frame) = queue.front() {
        let mut part = String::new();
        match frame {
            Frame::Text(text) => part.push_str(text),
            Frame::Binary(bytes) => engine::Packet::Binary(bytes.clone()).write(&mut part),
        }
        if !body.is_empty() {
            if body.len() + part.len() + 1 > max_bytes {
                break;
            }
            body.push(payload::SEPARATOR);
        }
        body.push_str(&part);
        queue.pop_front();
    }
    body
}

impl std::fmt::Debug for Polling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Polling").field("queued", &self.queue.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_holds_as_many_packets_as_fit_and_at_least_one() {
        let text = |length: usize| Frame::Text("4".repeat(length));
        let mut queue = VecDeque::from([text(20), text(4), text(4), Frame::Binary(Bytes::from_static(&[1]))]);
        assert_eq!(take_payload(&mut queue, 10).len(), 20);
        assert_eq!(take_payload(&mut queue, 10), "4444\u{1e}4444");
        assert_eq!(take_payload(&mut queue, 10), "bAQ==");
        assert!(queue.is_empty());
    }
}
