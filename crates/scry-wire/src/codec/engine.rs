//! Engine.IO packets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;

use super::DecodeError;

/// An Engine.IO packet. Text is borrowed from what it was read from; reading allocates nothing but decoded base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The server's handshake, a JSON object.
    Open(&'a str),
    /// The end of the session.
    Close,
    /// A heartbeat, or `probe` on the transport that is upgraded to.
    Ping(&'a str),
    /// The answer to a ping, with the same text.
    Pong(&'a str),
    /// A text message.
    Message(&'a str),
    /// A binary message.
    Binary(Bytes),
    /// The decision for the transport it comes through.
    Upgrade,
    /// Nothing; it ends a pending poll.
    Noop,
}

impl<'a> Packet<'a> {
    /// Reads a packet from a WebSocket's text frame. A binary frame is a [`Packet::Binary`] as it is.
    ///
    /// # Errors
    /// [`DecodeError::Empty`] or [`DecodeError::UnknownType`].
    pub fn parse(text: &'a str) -> Result<Self, DecodeError> {
        let mut characters = text.chars();
        let kind = characters.next().ok_or(DecodeError::Empty)?;
        let rest = characters.as_str();
        Ok(match kind {
            '0' => Self::Open(rest),
            '1' => Self::Close,
            '2' => Self::Ping(rest),
            '3' => Self::Pong(rest),
            '4' => Self::Message(rest),
            '5' => Self::Upgrade,
            '6' => Self::Noop,
            other => return Err(DecodeError::UnknownType(other)),
        })
    }

    /// Reads a packet from a part of a polling payload, where binary messages are `b` and base64.
    ///
    /// # Errors
    /// Those of [`Packet::parse`], and [`DecodeError::Base64`].
    pub fn parse_part(text: &'a str) -> Result<Self, DecodeError> {
        match text.strip_prefix('b') {
            Some(encoded) => {
                BASE64.decode(encoded).map(|bytes| Self::Binary(bytes.into())).or(Err(DecodeError::Base64))
            }
            None => Self::parse(text),
        }
    }

    /// Appends the packet as text. A binary message is written as a polling payload has it.
    pub fn write(&self, out: &mut String) {
        let (kind, text) = match self {
            Self::Open(text) => ('0', *text),
            Self::Close => ('1', ""),
            Self::Ping(text) => ('2', *text),
            Self::Pong(text) => ('3', *text),
            Self::Message(text) => ('4', *text),
            Self::Upgrade => ('5', ""),
            Self::Noop => ('6', ""),
            Self::Binary(bytes) => {
                out.push('b');
                BASE64.encode_string(bytes, out);
                return;
            }
        };
        out.push(kind);
        out.push_str(text);
    }
}
