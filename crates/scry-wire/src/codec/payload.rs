//! The body of a polling request or answer: one packet or several, with a separator between them.

use super::DecodeError;
use super::engine::Packet;

/// Stands between the packets of a payload. JSON writes it as `\u001e`, so no packet contains it.
pub const SEPARATOR: char = '\u{1e}';

/// Reads the packets of a payload, in order.
pub fn packets(payload: &str) -> impl Iterator<Item = Result<Packet<'_>, DecodeError>> {
    payload.split(SEPARATOR).map(Packet::parse_part)
}

/// Appends a packet to a payload.
pub fn push(payload: &mut String, packet: &Packet<'_>) {
    if !payload.is_empty() {
        payload.push(SEPARATOR);
    }
    packet.write(payload);
}
