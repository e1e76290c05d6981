//! The client's side of a session.

mod exchange;
mod upgrade;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use std::vec::Drain;

use bytes::Bytes;
use serde_json::{Map, Value};

pub use self::exchange::{
    Connected, Emission, EventAnswer, Frame, Lane, NotConnectedError, Recovery, ServerEvent, SessionConfig,
    SessionInput, SessionOutput, TransportKind,
};
use self::upgrade::Upgrade;
use super::{CloseReason, Handshake, NamespaceRefusal, is_offset};
use crate::codec::binary::{Assembled, Assembler, arguments};
use crate::codec::socket::{self, PacketType};
use crate::codec::{DecodeError, engine, payload};

/// The most events that may wait for their answers at once; the oldest is forgotten beyond it.
const MAX_PENDING_ACKS: usize = 4096;

/// The most events that a server may send again before it says that the namespace is joined.
const MAX_EARLY_EVENTS: usize = 100_000;

/// The client's side of one session in one namespace.
///
/// [`ClientSession::handle`] takes in what came and returns what is to be done; [`ClientSession::next_deadline`] says
/// when to come back with [`SessionInput::Deadline`] if nothing comes before.
#[derive(Debug)]
pub struct ClientSession {
    config: SessionConfig,
    transport: TransportKind,
    state: SessionState,
    handshake: Option<Handshake>,
    /// When the server was last heard.
    heard: Instant,
    upgrade: Upgrade,
    assembler: Assembler,
    recovery: Option<Recovery>,
    /// What came before the namespace was joined, with the offset of each.
    early: Vec<(ServerEvent, Option<String>)>,
    next_id: u64,
    pending_acks: BTreeSet<u64>,
    outputs: Vec<SessionOutput>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionState {
    /// Waiting for the server's handshake.
    Opening {
        until: Instant,
    },
    /// Waiting to be let into the namespace.
    Joining {
        until: Instant,
    },
    Connected,
    Closed,
}

impl ClientSession {
    /// Returns a session whose first transport has just been opened.
    #[must_use]
    pub fn new(config: SessionConfig, transport: TransportKind, now: Instant) -> Self {
        Self {
            state: SessionState::Opening { until: now + config.open_timeout },
            transport,
            handshake: None,
            heard: now,
            upgrade: Upgrade::default(),
            assembler: Assembler::new(config.limits),
            recovery: None,
            early: Vec::new(),
            next_id: 0,
            pending_acks: BTreeSet::new(),
            outputs: Vec::new(),
            config,
        }
    }

    /// Takes in what happened and returns what is to be done, in order.
    pub fn handle(&mut self, input: SessionInput<'_>, now: Instant) -> Drain<'_, SessionOutput> {
        if self.state != SessionState::Closed {
            self.take(input, now);
        }
        self.outputs()
    }

    /// Returns what is to be done since it was last asked for.
    pub fn outputs(&mut self) -> Drain<'_, SessionOutput> {
        self.outputs.drain(..)
    }

    /// Returns when to come back with [`SessionInput::Deadline`].
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let phase = match self.state {
            SessionState::Opening { until } | SessionState::Joining { until } => Some(until),
            SessionState::Connected => None,
            SessionState::Closed => return None,
        };
        phase.into_iter().chain(self.silent_until()).chain(self.upgrade.deadline()).min()
    }

    /// Returns the handshake, once it has come.
    #[must_use]
    pub const fn handshake(&self) -> Option<&Handshake> {
        self.handshake.as_ref()
    }

    /// Returns which transport carries the session.
    #[must_use]
    pub const fn transport(&self) -> TransportKind {
        self.transport
    }

    /// Returns what a later session needs to go on where this one ends, if the server offers that.
    #[must_use]
    pub const fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }

    /// Returns whether the session is over.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, SessionState::Closed)
    }

    /// Notes that the server has sent something, although not yet the whole of it.
    pub fn note_life(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Sends an event. Where an answer is wanted, the number that it will come with is returned.
    ///
    /// # Errors
    /// [`NotConnectedError`] before the namespace is joined and after the end.
    pub fn emit(&mut self, emission: Emission<'_>) -> Result<Option<u64>, NotConnectedError> {
        if self.state != SessionState::Connected {
            return Err(NotConnectedError);
        }
        let id = emission.wants_answer.then(|| self.new_ack());
        let mut list = Vec::with_capacity(emission.arguments.len() + 1);
        list.push(Value::from(emission.name));
        list.extend_from_slice(emission.arguments);
        self.send_list(PacketType::Event, id, list, emission.attachments);
        Ok(id)
    }

    /// Answers an event that came with a number.
    ///
    /// # Errors
    /// [`NotConnectedError`] before the namespace is joined and after the end.
    pub fn answer(&mut self, id: u64, arguments: &[Value]) -> Result<(), NotConnectedError> {
        if self.state != SessionState::Connected {
            return Err(NotConnectedError);
        }
        self.send_list(PacketType::Ack, Some(id), arguments.to_vec(), Vec::new());
        Ok(())
    }

    /// Stops waiting for an answer.
    pub fn forget(&mut self, id: u64) {
        self.pending_acks.remove(&id);
    }

    /// Leaves the namespace and ends the session.
    pub fn close(&mut self) {
        if matches!(self.state, SessionState::Joining { .. } | SessionState::Connected) {
            self.send_packet(PacketType::Disconnect, None, 0, "");
        }
        if self.state != SessionState::Closed {
            self.send_engine(&engine::Packet::Close);
            self.end(CloseReason::Local);
        }
    }

    fn take(&mut self, input: SessionInput<'_>, now: Instant) {
        match input {
            SessionInput::Text(Lane::Main, text) => {
                self.heard = now;
                self.receive(engine::Packet::parse(text), now);
            }
            SessionInput::Binary(Lane::Main, bytes) => {
                self.heard = now;
                self.receive(Ok(engine::Packet::Binary(bytes)), now);
            }
            SessionInput::Payload(text) => {
                self.heard = now;
                self.receive_payload(text, now);
            }
            SessionInput::Closed(Lane::Main) => self.end(CloseReason::TransportClosed),
            SessionInput::Failed(Lane::Main, reason) => self.end(CloseReason::TransportFailed(reason)),
            SessionInput::Text(Lane::Probe, text) => self.probe_answered(text),
            SessionInput::Binary(Lane::Probe, _)
            | SessionInput::Closed(Lane::Probe)
            | SessionInput::Failed(Lane::Probe, _) => {
                self.abandon_upgrade();
            }
            SessionInput::ProbeOpened => self.probe(),
            SessionInput::Paused => self.switch(),
            SessionInput::Deadline => self.deadline(now),
        }
    }

    fn receive_payload(&mut self, text: &str, now: Instant) {
        if matches!(self.state, SessionState::Opening { .. }) && is_old_payload(text) {
            return self.end(CloseReason::OldProtocol);
        }
        for packet in payload::packets(text) {
            self.receive(packet, now);
        }
    }

    fn receive(&mut self, packet: Result<engine::Packet<'_>, DecodeError>, now: Instant) {
        if self.state == SessionState::Closed {
            return;
        }
        let result = match packet {
            Ok(engine::Packet::Open(text)) => self.opened(text, now),
            Ok(_) if matches!(self.state, SessionState::Opening { .. }) => {
                Err(DecodeError::Malformed { kind: "OPEN", problem: "did not come first" })
            }
            Ok(engine::Packet::Close) => {
                self.end(CloseReason::ServerClosed);
                Ok(())
            }
            Ok(engine::Packet::Ping(text)) => {
                self.send_engine(&engine::Packet::Pong(text));
                if self.state == SessionState::Connected {
                    self.outputs.push(SessionOutput::Ping);
                }
                Ok(())
            }
            Ok(engine::Packet::Message(text)) => self.message(text),
            Ok(engine::Packet::Binary(bytes)) => self.attachment(bytes),
            Ok(engine::Packet::Pong(_) | engine::Packet::Upgrade | engine::Packet::Noop) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.end(CloseReason::ProtocolViolation(error));
        }
    }

    fn opened(&mut self, text: &str, now: Instant) -> Result<(), DecodeError> {
        if !matches!(self.state, SessionState::Opening { .. }) {
            return Err(DecodeError::Malformed { kind: "OPEN", problem: "came twice" });
        }
        let handshake = Handshake::parse(text)?;
        self.state = SessionState::Joining { until: now + self.config.connect_timeout };
        let upgrades = self.transport == TransportKind::Polling
            && self.config.upgrade
            && handshake.upgrades.iter().any(|transport| transport == "websocket");
        self.handshake = Some(handshake);
        let auth = self.auth();
        self.send_packet(PacketType::Connect, None, 0, &auth);
        if upgrades {
            self.upgrade.begin(now + self.config.open_timeout);
            self.outputs.push(SessionOutput::OpenProbe);
        }
        Ok(())
    }

    /// Returns the JSON of the wish to connect, empty where nothing is to be said.
    fn auth(&self) -> String {
        let mut auth = match &self.config.auth {
            Some(Value::Object(members)) => members.clone(),
            Some(_) | None => Map::new(),
        };
        if let Some(Recovery { pid, offset: Some(offset) }) = &self.config.recovery {
            auth.insert("pid".to_owned(), pid.as_str().into());
            auth.insert("offset".to_owned(), offset.as_str().into());
        }
        if auth.is_empty() { String::new() } else { Value::Object(auth).to_string() }
    }

    fn message(&mut self, text: &str) -> Result<(), DecodeError> {
        let packet = socket::Packet::parse(text)?;
        if packet.namespace.split('?').next() != Some(self.config.namespace.as_str()) && !packet.kind.is_binary() {
            return Ok(());
        }
        match packet.kind {
            PacketType::Connect => self.connected(packet.data),
            PacketType::ConnectError => self.end(CloseReason::Refused(NamespaceRefusal::parse(packet.data))),
            PacketType::Disconnect => self.end(CloseReason::NamespaceDisconnected),
            PacketType::Event | PacketType::Ack | PacketType::BinaryEvent | PacketType::BinaryAck => {
                if let Some(whole) = self.assembler.packet(&packet)? {
                    self.deliver(&whole)?;
                }
            }
        }
        Ok(())
    }

    fn attachment(&mut self, bytes: Bytes) -> Result<(), DecodeError> {
        match self.assembler.attachment(bytes)? {
            Some(whole) => self.deliver(&whole),
            None => Ok(()),
        }
    }

    fn connected(&mut self, data: &str) {
        if !matches!(self.state, SessionState::Joining { .. }) {
            return;
        }
        let answer: Value = serde_json::from_str(data).unwrap_or_default();
        let Some(sid) = answer.get("sid").and_then(Value::as_str) else {
            // Only versions before 3 let a client into the root namespace unasked and without an id.
            return self.end(CloseReason::OldProtocol);
        };
        let pid = answer.get("pid").and_then(Value::as_str).map(str::to_owned);
        let earlier = self.config.recovery.take();
        let recovered = pid.is_some() && earlier.as_ref().map(|earlier| &earlier.pid) == pid.as_ref();
        let offset = if recovered { earlier.and_then(|earlier| earlier.offset) } else { None };
        self.recovery = pid.clone().map(|pid| Recovery { pid, offset });
        self.state = SessionState::Connected;
        let connected = Connected { sid: sid.to_owned(), pid, recovered, transport: self.transport };
        self.outputs.push(SessionOutput::Connected(connected));
        for (event, offset) in std::mem::take(&mut self.early) {
            self.note_offset(offset);
            self.outputs.push(SessionOutput::Event(event));
        }
    }

    fn deliver(&mut self, whole: &Assembled<'_>) -> Result<(), DecodeError> {
        // A server that recovers a session sends what was missed before it says that the namespace is joined.
        let is_early = matches!(self.state, SessionState::Joining { .. }) && self.config.recovery.is_some();
        if whole.namespace != self.config.namespace || !(is_early || self.state == SessionState::Connected) {
            return Ok(());
        }
        let mut list = arguments(&whole.data)?;
        let attachments = whole.attachments.clone();
        match (whole.kind, whole.id) {
            (PacketType::Ack, Some(id)) => {
                if self.pending_acks.remove(&id) {
                    self.outputs.push(SessionOutput::Answer(EventAnswer { id, arguments: list, attachments }));
                }
            }
            (_, id) => {
                let offset = self.take_offset(&mut list, id);
                let unnamed = DecodeError::Malformed { kind: "EVENT", problem: "has no name" };
                if list.is_empty() {
                    return Err(unnamed);
                }
                let name = match list.remove(0) {
                    Value::String(name) => name,
                    Value::Number(number) => number.to_string(),
                    Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(unnamed),
                };
                let event = ServerEvent { name, arguments: list, attachments, id };
                if !is_early {
                    self.note_offset(offset);
                    self.outputs.push(SessionOutput::Event(event));
                } else if self.early.len() < MAX_EARLY_EVENTS {
                    self.early.push((event, offset));
                } else {
                    return Err(DecodeError::Malformed {
                        kind: "EVENT",
                        problem: "came too often before the namespace was joined",
                    });
                }
            }
        }
        Ok(())
    }

    /// Takes the offset off the arguments where the server appends one: not to events that want an answer.
    fn take_offset(&self, list: &mut Vec<Value>, id: Option<u64>) -> Option<String> {
        self.recovery.as_ref().or(self.config.recovery.as_ref())?;
        let (true, Some(Value::String(last)), None) = (list.len() > 1, list.last(), id) else { return None };
        let offset = is_offset(last).then(|| last.clone())?;
        list.pop();
        Some(offset)
    }

    /// Keeps the offset of an event that is handed out now: a later session goes on behind it.
    fn note_offset(&mut self, offset: Option<String>) {
        if let (Some(recovery), Some(offset)) = (&mut self.recovery, offset) {
            recovery.offset = Some(offset);
        }
    }

    fn deadline(&mut self, now: Instant) {
        if self.upgrade.deadline().is_some_and(|until| until <= now) {
            self.abandon_upgrade();
        }
        match self.state {
            SessionState::Opening { until } if until <= now => {
                self.end(CloseReason::OpenTimeout(self.config.open_timeout))
            }
            SessionState::Joining { until } if until <= now => {
                self.end(CloseReason::ConnectTimeout(self.config.connect_timeout));
            }
            SessionState::Opening { .. }
            | SessionState::Joining { .. }
            | SessionState::Connected
            | SessionState::Closed => {}
        }
        if self.silent_until().is_some_and(|until| until <= now) {
            let silence = self.handshake.as_ref().map_or(Duration::ZERO, Handshake::max_silence);
            self.end(CloseReason::HeartbeatMissed(silence));
        }
    }

    fn silent_until(&self) -> Option<Instant> {
        self.handshake.as_ref().map(|handshake| self.heard + handshake.max_silence())
    }

    fn new_ack(&mut self) -> u64 {
        if self.pending_acks.len() >= MAX_PENDING_ACKS {
            self.pending_acks.pop_first();
        }
        let id = self.next_id;
        self.next_id += 1;
        self.pending_acks.insert(id);
        id
    }

    fn send_list(&mut self, kind: PacketType, id: Option<u64>, list: Vec<Value>, attachments: Vec<Bytes>) {
        let kind = if attachments.is_empty() { kind } else { kind.with_attachments() };
        self.send_packet(kind, id, attachments.len(), &Value::Array(list).to_string());
        for bytes in attachments {
            self.send(Frame::Binary(bytes));
        }
    }

    fn send_packet(&mut self, kind: PacketType, id: Option<u64>, attachments: usize, data: &str) {
        let mut text = String::with_capacity(data.len() + self.config.namespace.len() + 24);
        text.push('4');
        socket::Packet { kind, attachments, namespace: &self.config.namespace, id, data }.write(&mut text);
        self.send(Frame::Text(text));
    }

    fn send_engine(&mut self, packet: &engine::Packet<'_>) {
        let mut text = String::new();
        packet.write(&mut text);
        self.send(Frame::Text(text));
    }

    /// Sends on the transport that carries the session, or keeps it while that is being changed.
    fn send(&mut self, frame: Frame) {
        if let Some(frame) = self.upgrade.hold(frame) {
            self.outputs.push(SessionOutput::Send(Lane::Main, frame));
        }
    }

    fn end(&mut self, reason: CloseReason) {
        if self.state != SessionState::Closed {
            self.state = SessionState::Closed;
            self.outputs.push(SessionOutput::Closed(reason));
        }
    }
}

/// Returns whether a polling payload is in the form of Engine.IO 3: each packet behind its length and a colon.
fn is_old_payload(text: &str) -> bool {
    let behind = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    behind.len() < text.len() && behind.starts_with(":0{")
}
