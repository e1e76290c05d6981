//! One connection: a session, the transport that carries it, and the clock.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::Sleep;

use super::error::ConnectError;
use super::polling::{self, Polling};
use super::stream::Connector;
use super::websocket::{self, WebSocket};
use super::{ClientMemory, WEBSOCKET_STAGE};
use crate::session::{
    ClientSession, CloseReason, Connected, Emission, EventAnswer, Frame, Lane, NotConnectedError, ServerEvent,
    SessionInput, SessionOutput, TransportKind,
};

/// How long the end may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);
/// The timer's distance while nothing is due.
const IDLE_TIMER_DISTANCE: Duration = Duration::from_secs(3600);

/// What a connection tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// The server sent an event.
    Event(ServerEvent),
    /// The server answered an event.
    Answer(EventAnswer),
    /// The server has asked for a sign of life, and has been given one: both ways work.
    Ping,
    /// The connection is over; nothing follows.
    Closed(CloseReason),
}

/// A connection to one namespace. Dropping it ends it without a word; [`Connection::close`] says goodbye.
///
/// It does its work while [`Connection::next`] is awaited: pings are answered there, and what was sent goes out.
#[derive(Debug)]
pub struct Connection {
    session: ClientSession,
    wires: ActiveTransports,
    timer: Pin<Box<Sleep>>,
    timer_at: Instant,
    /// How many bytes had come when something was last understood.
    understood: u64,
    /// Why the transport failed, in more detail than the session has it.
    failure: Option<ConnectError>,
    memory: Arc<ClientMemory>,
}

/// The transports, and what has come out of them.
#[derive(Debug)]
struct ActiveTransports {
    connector: Connector,
    max_bytes: usize,
    probe_timeout: Duration,
    main: AnyTransport,
    probe: Probe,
    connected: Option<Connected>,
    told: VecDeque<Incoming>,
}

#[derive(Debug)]
pub(super) enum AnyTransport {
    WebSocket(WebSocket),
    Polling(Polling),
}

/// The second transport.
enum Probe {
    None,
    Wanted,
    Opening(BoxFuture<'static, Result<WebSocket, ConnectError>>),
    Open(Box<WebSocket>),
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Wanted => "Wanted",
            Self::Opening(_) => "Opening",
            Self::Open(_) => "Open",
        })
    }
}

impl ActiveTransports {
    fn apply(&mut self, output: SessionOutput) {
        match output {
            SessionOutput::Send(Lane::Main, frame) => self.main.send(frame),
            SessionOutput::Send(Lane::Probe, frame) => {
                if let Probe::Open(socket) = &mut self.probe {
                    socket.send(frame);
                }
            }
            SessionOutput::OpenProbe => self.probe = Probe::Wanted,
            SessionOutput::DropProbe => self.probe = Probe::None,
            SessionOutput::Pause => {
                if let AnyTransport::Polling(polling) = &mut self.main {
                    polling.pause();
                }
            }
            SessionOutput::Switch => {
                if let Probe::Open(socket) = std::mem::replace(&mut self.probe, Probe::None) {
                    self.main = AnyTransport::WebSocket(*socket);
                }
            }
            SessionOutput::Connected(connected) => self.connected = Some(connected),
            SessionOutput::Event(event) => self.told.push_back(Incoming::Event(event)),
            SessionOutput::Answer(answer) => self.told.push_back(Incoming::Answer(answer)),
            SessionOutput::Ping => self.told.push_back(Incoming::Ping),
            SessionOutput::Closed(reason) => self.told.push_back(Incoming::Closed(reason)),
        }
    }

    /// Begins to open the second transport.
    fn open_probe(&mut self, sid: String) {
        let (connector, max_bytes, limit) = (self.connector.clone(), self.max_bytes, self.probe_timeout);
        let opened = async move {
            let open = async {
                let stream = connector.tunnel().await?;
                WebSocket::open(stream, &connector, Some(&sid), max_bytes).await
            };
            let late = ConnectError::TimedOut { what: WEBSOCKET_STAGE, limit };
            tokio::time::timeout(limit, open).await.unwrap_or(Err(late))
        };
        self.probe = Probe::Opening(opened.boxed());
    }
}

impl AnyTransport {
    fn send(&mut self, frame: Frame) {
        match self {
            Self::WebSocket(socket) => socket.send(frame),
            Self::Polling(polling) => polling.send(frame),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        match self {
            Self::WebSocket(socket) => socket.poll_flush(cx),
            Self::Polling(polling) => polling.poll_flush(cx),
        }
    }
}

impl Connection {
    /// Returns a connection over a transport that is open, and whose session is not.
    pub(super) fn new(
        session: ClientSession,
        main: AnyTransport,
        connector: Connector,
        max_bytes: usize,
        probe_timeout: Duration,
        memory: Arc<ClientMemory>,
    ) -> Self {
        let timer_at = now() + IDLE_TIMER_DISTANCE;
        Self {
            session,
            wires: ActiveTransports {
                connector,
                max_bytes,
                probe_timeout,
                main,
                probe: Probe::None,
                connected: None,
                told: VecDeque::new(),
            },
            timer: Box::pin(tokio::time::sleep_until(timer_at.into())),
            timer_at,
            understood: 0,
            failure: None,
            memory,
        }
    }

    /// Waits until the namespace is joined.
    pub(super) async fn joined(mut self) -> Result<Self, ConnectError> {
        while self.wires.connected.is_none() {
            if let Some(Incoming::Closed(reason)) = self.wires.told.pop_front() {
                return Err(self.failure.take().unwrap_or(ConnectError::Closed(reason)));
            }
            poll_fn(|cx| self.poll_step(cx)).await;
        }
        Ok(self)
    }

    /// Returns which transport carries the connection. That may change while it is moved to a WebSocket.
    #[must_use]
    pub const fn transport(&self) -> TransportKind {
        self.session.transport()
    }

    /// Returns how often the server sends a ping.
    #[must_use]
    pub fn ping_interval(&self) -> Option<Duration> {
        self.session.handshake().map(|handshake| handshake.ping_interval)
    }

    /// Returns what the server said when it let this client in.
    #[must_use]
    pub const fn connected(&self) -> Option<&Connected> {
        self.wires.connected.as_ref()
    }

    /// Waits for what comes next; `None` once [`Incoming::Closed`] has been told. Nothing is lost when the waiting is
    /// given up.
    pub async fn next(&mut self) -> Option<Incoming> {
        loop {
            if let Some(incoming) = self.wires.told.pop_front() {
                return Some(incoming);
            }
            if self.session.is_closed() {
                return None;
            }
            poll_fn(|cx| self.poll_step(cx)).await;
        }
    }

    /// Returns what has come already, without waiting.
    pub fn try_next(&mut self) -> Option<Incoming> {
        self.next().now_or_never().flatten()
    }

    /// Sends an event. Where an answer is wanted, the number that it will come with is returned.
    ///
    /// # Errors
    /// [`NotConnectedError`] after the end.
    pub fn emit(&mut self, emission: Emission<'_>) -> Result<Option<u64>, NotConnectedError> {
        let id = self.session.emit(emission)?;
        self.apply_outputs();
        Ok(id)
    }

    /// Sends an event with one argument, and returns the number that the answer will come with.
    ///
    /// # Errors
    /// [`NotConnectedError`] after the end.
    pub fn ask(&mut self, name: &str, argument: Value) -> Result<u64, NotConnectedError> {
        let arguments = [argument];
        let emission = Emission { name, arguments: &arguments, attachments: Vec::new(), wants_answer: true };
        self.emit(emission)?.ok_or(NotConnectedError)
    }

    /// Answers an event that came with a number.
    ///
    /// # Errors
    /// [`NotConnectedError`] after the end.
    pub fn answer(&mut self, id: u64, arguments: &[Value]) -> Result<(), NotConnectedError> {
        self.session.answer(id, arguments)?;
        self.apply_outputs();
        Ok(())
    }

    /// Stops waiting for an answer.
    pub fn forget(&mut self, id: u64) {
        self.session.forget(id);
    }

    /// Leaves the namespace, ends the session, and waits for a moment until both have been told.
    pub async fn close(mut self) {
        self.session.close();
        self.apply_outputs();
        if let AnyTransport::WebSocket(socket) = &mut self.wires.main {
            socket.close();
        }
        let flushed = poll_fn(|cx| self.wires.main.poll_flush(cx));
        // The server notices the end of the connection if it is not told of it.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, flushed).await;
    }

    fn apply_outputs(&mut self) {
        for output in self.session.outputs() {
            self.wires.apply(output);
        }
    }

    /// Carries on until something has happened.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let main = match &mut self.wires.main {
            AnyTransport::WebSocket(socket) => socket.poll(cx).map_ok(TransportEvent::WebSocket),
            AnyTransport::Polling(polling) => polling.poll(cx).map_ok(TransportEvent::Polling),
        };
        if let Poll::Ready(told) = main {
            self.take_main(told);
            return Poll::Ready(());
        }
        if self.poll_probe(cx).is_ready() {
            return Poll::Ready(());
        }
        self.poll_timer(cx)
    }

    fn take_main(&mut self, told: Result<TransportEvent, ConnectError>) {
        match told {
            Ok(TransportEvent::WebSocket(websocket::WebSocketEvent::Text(text))) => {
                self.handle(SessionInput::Text(Lane::Main, &text))
            }
            Ok(TransportEvent::WebSocket(websocket::WebSocketEvent::Binary(bytes))) => {
                self.handle(SessionInput::Binary(Lane::Main, bytes))
            }
            Ok(TransportEvent::WebSocket(websocket::WebSocketEvent::Closed)) => {
                self.handle(SessionInput::Closed(Lane::Main))
            }
            Ok(TransportEvent::Polling(polling::PollingEvent::Payload(text))) => {
                self.handle(SessionInput::Payload(&text));
                self.note_session();
            }
            Ok(TransportEvent::Polling(polling::PollingEvent::Paused)) => self.handle(SessionInput::Paused),
            Err(error) => {
                // The session's own words for it stand before the reason.
                let reason = if let ConnectError::Broken(reason) = &error { reason.clone() } else { error.to_string() };
                self.failure = Some(error);
                self.handle(SessionInput::Failed(Lane::Main, reason));
            }
        }
    }

    /// Tells the polling transport of its session once that is open.
    fn note_session(&mut self) {
        if let (AnyTransport::Polling(polling), Some(handshake)) = (&mut self.wires.main, self.session.handshake())
            && !polling.has_session()
        {
            polling.join(&handshake.sid, handshake.max_payload);
        }
    }

    fn poll_probe(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let (Probe::Wanted, Some(handshake)) = (&self.wires.probe, self.session.handshake()) {
            let sid = handshake.sid.clone();
            self.wires.open_probe(sid);
        }
        match &mut self.wires.probe {
            Probe::None | Probe::Wanted => return Poll::Pending,
            Probe::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(socket)) => {
                    self.wires.probe = Probe::Open(Box::new(socket));
                    self.handle(SessionInput::ProbeOpened);
                }
                Poll::Ready(Err(error)) => self.handle(SessionInput::Failed(Lane::Probe, error.to_string())),
            },
            Probe::Open(socket) => match socket.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(websocket::WebSocketEvent::Text(text))) => {
                    self.handle(SessionInput::Text(Lane::Probe, &text))
                }
                Poll::Ready(Ok(websocket::WebSocketEvent::Binary(bytes))) => {
                    self.handle(SessionInput::Binary(Lane::Probe, bytes))
                }
                Poll::Ready(Ok(websocket::WebSocketEvent::Closed)) => self.handle(SessionInput::Closed(Lane::Probe)),
                Poll::Ready(Err(error)) => self.handle(SessionInput::Failed(Lane::Probe, error.to_string())),
            },
        }
        Poll::Ready(())
    }

    /// Waits for the session's deadline. The timer is set anew only when it goes off, not with every frame.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let due = self.session.next_deadline().unwrap_or_else(|| now() + IDLE_TIMER_DISTANCE);
            if due < self.timer_at {
                self.set_timer(due);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if due > now() {
                self.set_timer(due);
                continue;
            }
            self.timer_at = now() + IDLE_TIMER_DISTANCE;
            self.timer.as_mut().reset(self.timer_at.into());
            // A large message may still be on its way, slowly.
            let received = self.wires.connector.received.load(Ordering::Relaxed);
            if std::mem::replace(&mut self.understood, received) != received {
                self.session.note_life(now());
            }
            self.handle(SessionInput::Deadline);
            return Poll::Ready(());
        }
    }

    fn set_timer(&mut self, at: Instant) {
        self.timer_at = at;
        self.timer.as_mut().reset(at.into());
    }

    fn handle(&mut self, input: SessionInput<'_>) {
        self.understood = self.wires.connector.received.load(Ordering::Relaxed);
        for output in self.session.handle(input, now()) {
            self.wires.apply(output);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Also of one that was closed here: where the goodbye did not arrive, the server still knows it.
        if let Some(recovery) = self.session.recovery() {
            self.memory.keep_session(recovery.clone());
        }
    }
}

/// What either transport tells.
enum TransportEvent {
    WebSocket(websocket::WebSocketEvent),
    Polling(polling::PollingEvent),
}

/// Returns the time as the runtime keeps it, which tests may turn.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
