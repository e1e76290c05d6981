//! The WebSocket transport.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Sink, Stream as _};
use hyper::header::{CONTENT_TYPE, LOCATION};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::error::{ConnectError, of_response};
use super::stream::{Connector, Stream};
use crate::session::Frame;

/// How much is read from the system at once.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// What the transport tells.
pub(super) enum WebSocketEvent {
    /// A text frame.
    Text(Utf8Bytes),
    /// A binary frame.
    Binary(Bytes),
    /// The other side has closed it.
    Closed,
}

/// The transport; polled from one place, it does nothing between polls.
pub(super) struct WebSocket {
    socket: WebSocketStream<Stream>,
    max_bytes: usize,
    queue: VecDeque<Message>,
    is_flushed: bool,
}

impl WebSocket {
    /// Asks for a WebSocket on a stream to the server.
    pub(super) async fn open(
        stream: Stream,
        connector: &Connector,
        sid: Option<&str>,
        max_bytes: usize,
    ) -> Result<Self, ConnectError> {
        let endpoint = &connector.endpoint;
        let request = endpoint.websocket_url(sid).as_str().into_client_request();
        let mut request = request.map_err(|error| ConnectError::InvalidOption(error.to_string()))?;
        endpoint.add_headers(request.headers_mut());
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(max_bytes))
            .max_frame_size(Some(max_bytes));
        let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
        let (socket, response) = opened.map_err(|error| explain(error, max_bytes))?;
        endpoint.cookies.keep(response.headers());
        Ok(Self { socket, max_bytes, queue: VecDeque::new(), is_flushed: true })
    }

    /// Sends a frame as soon as the ones before have gone.
    pub(super) fn send(&mut self, frame: Frame) {
        self.queue.push_back(match frame {
            Frame::Text(text) => Message::text(text),
            Frame::Binary(bytes) => Message::binary(bytes),
        });
    }

    /// Says that nothing more will be sent.
    pub(super) fn close(&mut self) {
        self.queue.push_back(Message::Close(None));
    }

    /// Sends what waits, and returns what came.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<WebSocketEvent, ConnectError>> {
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        loop {
            let told = match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(Message::Text(text)))) => Ok(WebSocketEvent::Text(text)),
                Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Ok(WebSocketEvent::Binary(bytes)),
                Poll::Ready(Some(Ok(Message::Close(_))) | None) => Ok(WebSocketEvent::Closed),
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => continue,
                Poll::Ready(Some(Err(error))) if is_end(&error) => Ok(WebSocketEvent::Closed),
                Poll::Ready(Some(Err(error))) => Err(explain(error, self.max_bytes)),
            };
            return Poll::Ready(told);
        }
    }

    /// Sends what waits.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        while !self.queue.is_empty() {
            let mut socket = Pin::new(&mut self.socket);
            match socket.as_mut().poll_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return self.failed(error),
                Poll::Ready(Ok(())) => {}
            }
            let Some(message) = self.queue.pop_front() else { break };
            if let Err(error) = socket.start_send(message) {
                return self.failed(error);
            }
            self.is_flushed = false;
        }
        if self.is_flushed {
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => self.failed(error),
            Poll::Ready(Ok(())) => {
                self.is_flushed = true;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// An end while writing is told by reading, where what came before it still is.
    fn failed(&mut self, error: Error) -> Poll<Result<(), ConnectError>> {
        if !is_end(&error) {
            return Poll::Ready(Err(explain(error, self.max_bytes)));
        }
        self.queue.clear();
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }
}

/// Returns whether the other side has ended the WebSocket, in good order or not.
const fn is_end(error: &Error) -> bool {
    matches!(
        error,
        Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing)
    )
}

impl std::fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocket").field("queued", &self.queue.len()).finish_non_exhaustive()
    }
}

fn explain(error: Error, limit: usize) -> ConnectError {
    match error {
        Error::Http(response) => {
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            let (location, kind) = (header(LOCATION), header(CONTENT_TYPE));
            let body = response.body().as_deref().unwrap_or_default();
            of_response(response.status().as_u16(), location, kind, body)
        }
        Error::Io(error) => ConnectError::Broken(error.to_string()),
        Error::Capacity(_) => ConnectError::TooLarge { limit },
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            ConnectError::Broken("the server closed it before it had answered".to_owned())
        }
        Error::Protocol(ProtocolError::HttparseError(_)) => {
            ConnectError::NotSocketIo("its answer is not HTTP".to_owned())
        }
        error @ (Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::WriteBufferFull(_)
        | Error::Utf8(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::HttpFormat(_)) => ConnectError::WebSocket(error.to_string()),
    }
}
