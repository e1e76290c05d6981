//! Socket.IO packets: what an Engine.IO message carries.

use std::fmt::Write as _;

use super::DecodeError;

/// The namespace that is meant where none is named.
pub const ROOT_NAMESPACE: &str = "/";

/// The type of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// The wish to join a namespace, and its granting.
    Connect,
    /// The end of a namespace.
    Disconnect,
    /// An event: a JSON array that begins with the event's name.
    Event,
    /// The answer to an event: a JSON array.
    Ack,
    /// The refusal of a namespace.
    ConnectError,
    /// An event followed by attachments.
    BinaryEvent,
    /// An answer followed by attachments.
    BinaryAck,
}

impl PacketType {
    const ALL: [(char, Self, &'static str); 7] = [
        ('0', Self::Connect, "CONNECT"),
        ('1', Self::Disconnect, "DISCONNECT"),
        ('2', Self::Event, "EVENT"),
        ('3', Self::Ack, "ACK"),
        ('4', Self::ConnectError, "CONNECT_ERROR"),
        ('5', Self::BinaryEvent, "BINARY_EVENT"),
        ('6', Self::BinaryAck, "BINARY_ACK"),
    ];

    /// Returns the character that stands for the type.
    #[must_use]
    pub const fn digit(self) -> char {
        match self {
            Self::Connect => '0',
            Self::Disconnect => '1',
            Self::Event => '2',
            Self::Ack => '3',
            Self::ConnectError => '4',
            Self::BinaryEvent => '5',
            Self::BinaryAck => '6',
        }
    }

    /// Returns whether attachments follow.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }

    /// Returns the type without its attachments.
    #[must_use]
    pub const fn without_attachments(self) -> Self {
        match self {
            Self::BinaryEvent => Self::Event,
            Self::BinaryAck => Self::Ack,
            Self::Connect | Self::Disconnect | Self::Event | Self::Ack | Self::ConnectError => self,
        }
    }

    /// Returns the type of the same packet with attachments, where there is one.
    #[must_use]
    pub const fn with_attachments(self) -> Self {
        match self {
            Self::Event => Self::BinaryEvent,
            Self::Ack => Self::BinaryAck,
            Self::Connect | Self::Disconnect | Self::ConnectError | Self::BinaryEvent | Self::BinaryAck => self,
        }
    }
}

/// A Socket.IO packet, borrowed from the text of a message. Its data is JSON that has not been read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its type.
    pub kind: PacketType,
    /// How many binary messages follow.
    pub attachments: usize,
    /// The namespace, [`ROOT_NAMESPACE`] where none is named.
    pub namespace: &'a str,
    /// The number by which an event and its answer find each other.
    pub id: Option<u64>,
    /// The JSON text, empty where there is none.
    pub data: &'a str,
}

impl<'a> Packet<'a> {
    /// Reads a packet, and checks that it has what its type asks for.
    ///
    /// # Errors
    /// [`DecodeError::Empty`], [`DecodeError::UnknownType`] or [`DecodeError::Malformed`].
    pub fn parse(text: &'a str) -> Result<Self, DecodeError> {
        let digit = text.chars().next().ok_or(DecodeError::Empty)?;
        let &(_, kind, name) =
            PacketType::ALL.iter().find(|(known, ..)| *known == digit).ok_or(DecodeError::UnknownType(digit))?;
        let malformed = |problem| DecodeError::Malformed { kind: name, problem };
        let mut rest = &text[1..];
        let mut attachments = 0;
        if kind.is_binary() {
            let (count, behind) = take_number(rest).ok_or(malformed("does not say how many attachments follow"))?;
            rest = behind.strip_prefix('-').ok_or(malformed("has no hyphen behind its number of attachments"))?;
            attachments = usize::try_from(count).or(Err(malformed("has too many attachments")))?;
        }
        let mut namespace = ROOT_NAMESPACE;
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        let mut id = None;
        if rest.starts_with(|first: char| first.is_ascii_digit()) {
            let (number, behind) = take_number(rest).ok_or(malformed("has too large a number"))?;
            (id, rest) = (Some(number), behind);
        }
        let packet = Self { kind, attachments, namespace, id, data: rest };
        packet.check().map_err(malformed)?;
        Ok(packet)
    }

    fn check(&self) -> Result<(), &'static str> {
        let is = |open: char, close: char| self.data.starts_with(open) && self.data.ends_with(close);
        match self.kind {
            PacketType::Event | PacketType::BinaryEvent | PacketType::Ack | PacketType::BinaryAck if !is('[', ']') => {
                Err("has no list of arguments")
            }
            PacketType::Ack | PacketType::BinaryAck if self.id.is_none() => Err("does not say what it answers"),
            PacketType::Connect | PacketType::Disconnect | PacketType::ConnectError if self.id.is_some() => {
                Err("has a number, and nothing to answer")
            }
            PacketType::Connect if !(self.data.is_empty() || is('{', '}')) => {
                Err("carries something else than an object")
            }
            PacketType::ConnectError if !(is('{', '}') || is('"', '"')) => Err("does not say why"),
            PacketType::Disconnect if !self.data.is_empty() => Err("carries data"),
            PacketType::Connect
            | PacketType::Disconnect
            | PacketType::Event
            | PacketType::Ack
            | PacketType::ConnectError
            | PacketType::BinaryEvent
            | PacketType::BinaryAck => Ok(()),
        }
    }

    /// Appends the packet as text.
    pub fn write(&self, out: &mut String) {
        out.push(self.kind.digit());
        // Writing to a string cannot fail.
        if self.kind.is_binary() {
            let _ = write!(out, "{}-", self.attachments);
        }
        if self.namespace != ROOT_NAMESPACE {
            out.push_str(self.namespace);
            out.push(',');
        }
        if let Some(id) = self.id {
            let _ = write!(out, "{id}");
        }
        out.push_str(self.data);
    }
}

/// Splits leading digits off; `None` where there are none, or too many.
fn take_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest))
}
