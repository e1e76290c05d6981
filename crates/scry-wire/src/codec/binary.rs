//! Packets together with the attachments that follow them.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Value, json};

use super::DecodeError;
use super::socket::{Packet, PacketType};

/// A packet that is complete: nothing of it is still on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled<'a> {
    /// The type, without its attachments: an event is a [`PacketType::Event`] either way.
    pub kind: PacketType,
    /// The namespace.
    pub namespace: Cow<'a, str>,
    /// The number by which an event and its answer find each other.
    pub id: Option<u64>,
    /// The JSON text, with a placeholder for each attachment.
    pub data: Cow<'a, str>,
    /// The attachments, in the order of their numbers.
    pub attachments: Vec<Bytes>,
}

/// The most that one packet may bring along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentLimits {
    /// How many attachments.
    pub count: usize,
    /// How many bytes, the packet's text counted with them.
    pub bytes: usize,
}

impl Default for AttachmentLimits {
    fn default() -> Self {
        Self { count: 1024, bytes: 64 << 20 }
    }
}

/// Joins packets with the attachments that follow them.
#[derive(Debug, Default)]
pub struct Assembler {
    limits: AttachmentLimits,
    pending: Option<PendingPacket>,
}

#[derive(Debug)]
struct PendingPacket {
    packet: Assembled<'static>,
    missing: usize,
    bytes: usize,
}

impl Assembler {
    /// Returns an assembler that takes no more than `limits` for one packet.
    #[must_use]
    pub const fn new(limits: AttachmentLimits) -> Self {
        Self { limits, pending: None }
    }

    /// Takes in a packet, and returns it if nothing follows.
    ///
    /// # Errors
    /// [`DecodeError::Attachments`] when attachments of an earlier packet are missing, [`DecodeError::TooLarge`].
    pub fn packet<'a>(&mut self, packet: &Packet<'a>) -> Result<Option<Assembled<'a>>, DecodeError> {
        if self.pending.is_some() {
            return Err(DecodeError::Attachments("a packet came where attachments of another were missing"));
        }
        let kind = packet.kind.without_attachments();
        if packet.attachments == 0 {
            let (namespace, data) = (packet.namespace.into(), packet.data.into());
            return Ok(Some(Assembled { kind, namespace, id: packet.id, data, attachments: Vec::new() }));
        }
        if packet.attachments > self.limits.count {
            return Err(DecodeError::TooLarge { limit: self.limits.count, unit: "attachments" });
        }
        let (namespace, data) = (packet.namespace.to_owned().into(), packet.data.to_owned().into());
        let whole = Assembled { kind, namespace, id: packet.id, data, attachments: Vec::new() };
        self.pending = Some(PendingPacket { packet: whole, missing: packet.attachments, bytes: packet.data.len() });
        Ok(None)
    }

    /// Takes in a binary message, and returns the packet that it completes.
    ///
    /// # Errors
    /// [`DecodeError::Attachments`] when none was announced, [`DecodeError::TooLarge`].
    pub fn attachment(&mut self, bytes: Bytes) -> Result<Option<Assembled<'static>>, DecodeError> {
        let mut pending = self.pending.take().ok_or(DecodeError::Attachments("an attachment came without a packet"))?;
        pending.bytes = pending.bytes.saturating_add(bytes.len());
        if pending.bytes > self.limits.bytes {
            return Err(DecodeError::TooLarge { limit: self.limits.bytes, unit: "bytes" });
        }
        pending.packet.attachments.push(bytes);
        pending.missing -= 1;
        if pending.missing == 0 {
            return Ok(Some(pending.packet));
        }
        self.pending = Some(pending);
        Ok(None)
    }
}

/// Reads the list of arguments that an event or an answer carries.
///
/// # Errors
/// [`DecodeError::Json`].
pub fn arguments(data: &str) -> Result<Vec<Value>, DecodeError> {
    serde_json::from_str(data).map_err(|error| DecodeError::Json(error.to_string()))
}

/// Returns what stands in the JSON for the attachment with this number.
#[must_use]
pub fn placeholder(number: usize) -> Value {
    json!({"_placeholder": true, "num": number})
}

/// Puts what `show` makes of each attachment in its placeholder's place.
///
/// # Errors
/// [`DecodeError::Attachments`] when a placeholder names an attachment that did not come.
pub fn fill(
    value: &mut Value,
    attachments: &[Bytes],
    show: &mut dyn FnMut(&Bytes) -> Value,
) -> Result<(), DecodeError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill(item, attachments, show)),
        Value::Object(members) if members.get("_placeholder") == Some(&Value::Bool(true)) => {
            let number = members.get("num").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
            let bytes = number.and_then(|number| attachments.get(number));
            *value = show(bytes.ok_or(DecodeError::Attachments("a placeholder stands for no attachment"))?);
            Ok(())
        }
        Value::Object(members) => members.values_mut().try_for_each(|member| fill(member, attachments, show)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
