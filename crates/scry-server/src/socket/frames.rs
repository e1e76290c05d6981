//! What a WebSocket's bytes are made of, read only as far as is needed to count it (pure).

use std::ops::AddAssign;

/// The opcodes from here on are control frames, which may stand between the parts of a message.
const FIRST_CONTROL_OPCODE: u8 = 0x8;
const CONTINUATION_OPCODE: u8 = 0x0;
/// The longest head of a frame: two bytes, a length of eight, a mask of four.
const MAX_HEADER_BYTES: usize = 14;

/// How many frames, acknowledgements and fragments a stretch of bytes brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// WebSocket frames, fragments included.
    pub frames: u32,
    /// Messages that answer a question, which this server never asks.
    pub acks: u32,
    /// The most parts that one message has had by now.
    pub fragments: u32,
}

/// Follows the frames of a WebSocket through its bytes, however they are cut.
///
/// What is wrong with a frame is not its business: the library that reads the same bytes ends the connection.
#[derive(Debug, Default)]
pub struct Frames {
    head: [u8; MAX_HEADER_BYTES],
    /// How much of the head is there.
    header_len: usize,
    /// How much of the payload is still to come.
    payload_left: u64,
    /// The mask, turned to the next byte of the payload.
    mask: [u8; 4],
    is_control: bool,
    /// How many parts the present message has had.
    fragments: u32,
    /// How many of its first bytes were seen, up to two, and the first.
    seen: u8,
    first: u8,
}

impl AddAssign for FrameCounts {
    fn add_assign(&mut self, more: Self) {
        self.frames = self.frames.saturating_add(more.frames);
        self.acks = self.acks.saturating_add(more.acks);
        self.fragments = self.fragments.max(more.fragments);
    }
}

impl Frames {
    /// Reads on.
    pub fn read(&mut self, mut bytes: &[u8]) -> FrameCounts {
        let mut count = FrameCounts { fragments: self.fragments, ..FrameCounts::default() };
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.payload_left == 0 {
                bytes = rest;
                if self.push_header_byte(byte) {
                    count += FrameCounts { frames: 1, acks: 0, fragments: self.fragments };
                }
                continue;
            }
            let length = usize::try_from(self.payload_left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (payload, rest) = bytes.split_at(length);
            count.acks += u32::from(self.inspect(payload));
            self.mask.rotate_left(length % 4);
            self.payload_left -= length as u64;
            bytes = rest;
        }
        count
    }

    /// Adds a byte to the head; tells whether it is complete, and then begins the payload.
    fn push_header_byte(&mut self, byte: u8) -> bool {
        if let Some(place) = self.head.get_mut(self.header_len) {
            *place = byte;
        }
        self.header_len += 1;
        let [kind, short, ..] = self.head;
        let length_bytes = match short & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask_bytes = if short & 0x80 == 0 { 0 } else { 4 };
        if self.header_len < 2 + length_bytes + mask_bytes {
            return false;
        }
        let (length, mask) = self.head.get(2..).unwrap_or_default().split_at(length_bytes);
        let long = length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        self.payload_left = if length_bytes == 0 { u64::from(short & 0x7f) } else { long };
        self.mask = mask.first_chunk().copied().filter(|_| mask_bytes > 0).unwrap_or_default();
        self.header_len = 0;
        self.begin(kind & 0x0f);
        true
    }

    fn begin(&mut self, opcode: u8) {
        self.is_control = opcode >= FIRST_CONTROL_OPCODE;
        if self.is_control {
            return;
        }
        if opcode == CONTINUATION_OPCODE {
            self.fragments = self.fragments.saturating_add(1);
        } else {
            (self.fragments, self.seen) = (1, 0);
        }
    }

    /// Inspects the first two bytes of a message; returns whether it is an acknowledgement.
    fn inspect(&mut self, payload: &[u8]) -> bool {
        if self.is_control || self.seen >= 2 {
            return false;
        }
        for (byte, mask) in payload.iter().zip(self.mask).take(usize::from(2 - self.seen)) {
            let byte = byte ^ mask;
            self.seen += 1;
            if self.seen == 1 {
                self.first = byte;
            } else {
                // Engine.IO's message, and in it Socket.IO's ack without or with attachments.
                return self.first == b'4' && matches!(byte, b'3' | b'6');
            }
        }
        false
    }
}

/// Reads along with what a connection brings: HTTP requests, and frames after an upgrade.
///
/// Frames may come right behind the request, before it is answered, so whatever follows a request's head is
/// read as frames as well, and counts if the request turns out to be an upgrade.
#[derive(Debug, Default)]
pub struct UpgradeParser {
    head_state: HeadState,
    frames: Frames,
    early_counts: FrameCounts,
    is_upgraded: bool,
}

/// The parser's position in the lines of a request's head.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum HeadState {
    /// Before the first, where empty ones count for nothing.
    #[default]
    BeforeFirstLine,
    /// At the beginning of one.
    LineStart,
    InLine,
    /// Behind the empty one that ends the head.
    Done,
}

impl UpgradeParser {
    /// Reads on; what comes before an upgrade is no frame.
    pub fn read(&mut self, mut bytes: &[u8]) -> FrameCounts {
        if self.is_upgraded {
            let mut count = std::mem::take(&mut self.early_counts);
            count += self.frames.read(bytes);
            return count;
        }
        while self.head_state != HeadState::Done
            && let Some((&byte, rest)) = bytes.split_first()
        {
            self.head_state = self.head_state.next(byte);
            bytes = rest;
        }
        self.early_counts += self.frames.read(bytes);
        FrameCounts::default()
    }

    /// Notes that an answer goes out: the next request begins with the next byte.
    pub fn answer(&mut self) {
        if !self.is_upgraded {
            *self = Self::default();
        }
    }

    /// Takes what followed the request, and the rest, for frames.
    ///
    /// `false` where the end of the request was not seen, because others came before it without waiting for their
    /// answers: then it is not known where the frames begin.
    #[must_use]
    pub fn upgrade(&mut self) -> bool {
        self.is_upgraded = self.head_state == HeadState::Done;
        self.is_upgraded
    }
}

impl HeadState {
    /// Returns the state after one more byte, as lenient as the library about ends of lines.
    const fn next(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Done, _) | (Self::LineStart, b'\n') => Self::Done,
            (Self::BeforeFirstLine, b'\r' | b'\n') => Self::BeforeFirstLine,
            (Self::LineStart, b'\r') | (_, b'\n') => Self::LineStart,
            _ => Self::InLine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET /socket.io/ HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";

    /// Writes a frame as a client does.
    fn frame(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let length = payload.len();
        let head = match length {
            0..126 => vec![first, 0x80 | u8::try_from(length).unwrap()],
            126..65_536 => [&[first, 0xfe][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
            _ => [&[first, 0xff][..], &(length as u64).to_be_bytes()].concat(),
        };
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        head.into_iter().chain(mask).chain(masked).collect()
    }

    fn count(frames: u32, acks: u32, fragments: u32) -> FrameCounts {
        FrameCounts { frames, acks, fragments }
    }

    /// Reads bytes in pieces of a length.
    fn read(bytes: &[u8], piece: usize) -> FrameCounts {
        let (mut frames, mut total) = (Frames::default(), FrameCounts::default());
        for piece in bytes.chunks(piece) {
            total += frames.read(piece);
        }
        total
    }

    #[test]
    fn frames_are_counted_however_they_are_cut() {
        let mask = [7, 0, 255, 31];
        let bytes = [
            frame(0x81, mask, b"42[\"latency\",{}]"),
            frame(0x81, mask, b"431[{}]"),
            frame(0x81, [0; 4], &[b'x'; 300]),
            frame(0x89, mask, b"43 is no message here"),
            frame(0x81, mask, &vec![b'4'; 70_000]),
            frame(0x81, mask, b""),
            frame(0x81, mask, b"461-[]"),
        ]
        .concat();
        for piece in [1, 2, 3, 7, 1_024, bytes.len()] {
            assert_eq!(read(&bytes, piece), count(7, 2, 1), "in pieces of {piece}");
        }
    }

    #[test]
    fn fragments_of_a_message_are_counted_and_joined() {
        let (mask, ping) = ([1, 2, 3, 4], frame(0x89, [0; 4], b"?"));
        let start = [frame(0x01, mask, b"4"), ping, frame(0x00, mask, b""), frame(0x00, mask, b"3")].concat();
        assert_eq!(read(&start, 5), count(4, 1, 3));
        let bytes = [start, frame(0x80, mask, b"[]"), frame(0x81, mask, b"3")].concat();
        assert_eq!(read(&bytes, 4), count(6, 1, 4));
    }

    #[test]
    fn frames_begin_behind_the_head_of_the_upgrade() {
        let ack = frame(0x81, [9, 8, 7, 6], b"431[]");
        for (early, piece) in [(0, 1), (1, 1), (3, 5), (2, 1_000)] {
            let mut parser = UpgradeParser::default();
            // An earlier request on the same connection, with a body that looks like the end of a head.
            let earlier = b"\r\n\r\nPOST / HTTP/1.1\nContent-Length: 4\r\n\n\r\n\r\n";
            assert_eq!(parser.read(earlier), FrameCounts::default());
            parser.answer();
            for bytes in [HEAD, &ack.repeat(early)].concat().chunks(piece) {
                assert_eq!(parser.read(bytes), FrameCounts::default());
            }
            assert!(parser.upgrade());
            parser.answer();
            let all = u32::try_from(early).unwrap() + 1;
            assert_eq!(parser.read(&ack), count(all, all, 1), "with those that came early");
            assert_eq!(parser.read(&ack), count(1, 1, 1));
        }
    }

    #[test]
    fn pipelined_requests_cannot_upgrade() {
        let mut parser = UpgradeParser::default();
        parser.read(&[b"GET / HTTP/1.1\r\n\r\n", HEAD].concat());
        parser.answer();
        assert!(!parser.upgrade());
        assert_eq!(parser.read(&frame(0x81, [0; 4], b"431[]")), FrameCounts::default());
    }
}
