//! Reading a recording, as far as it goes.

use std::io::{self, BufRead};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scry_model::event::Delivery;
use scry_protocol::Event;
use serde_json::Value;

use super::{RECORDING_VERSION, RecordingHeader};

/// Bounds one line; a delivery is at most what a gateway sends at once.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// A recording.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The first line of the file.
    pub header: RecordingHeader,
    /// Deliveries with their time since the start, in order.
    pub entries: Vec<(Duration, Delivery)>,
    /// What could not be read.
    pub notices: Vec<DamageNotice>,
}

/// A damage in a recording, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DamageNotice {
    /// The last line is not complete.
    #[error("the recording ends in the middle of line {line}; what comes before it is used")]
    Cut {
        /// The line's number, counted from 1.
        line: usize,
    },
    /// One line is not valid; the others are used.
    #[error("line {line} of the recording cannot be read and is left out: {problem}")]
    Damaged {
        /// The line's number, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The rest of the file cannot be read.
    #[error("the recording cannot be read from line {line} on: {problem}; what comes before it is used")]
    Broken {
        /// The number of the first line that is lost, counted from 1.
        line: usize,
        /// The reason.
        problem: String,
    },
}

/// The reason why a file cannot be read as a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file could not be read.
    #[error("the recording cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The first line is not the header of a recording.
    #[error("the file is not a recording; its first line must be the header that `scry record` writes")]
    NoHeader,
    /// A later version of the program wrote the file.
    #[error("the recording has version {found}, and this program reads up to {RECORDING_VERSION}; update scry")]
    TooNew {
        /// The file's format version.
        found: u32,
    },
}

/// Reads a recording; damaged lines are left out, and a cut end is told.
///
/// # Errors
/// [`RecordingError`] when there is no header, or the file itself cannot be read.
pub fn read(mut input: impl BufRead) -> Result<Recording, RecordingError> {
    let mut line = Vec::new();
    next_line(&mut input, &mut line)?;
    let header: RecordingHeader = serde_json::from_slice(&line).map_err(|_| RecordingError::NoHeader)?;
    if header.scry != "recording" {
        return Err(RecordingError::NoHeader);
    }
    if header.v > RECORDING_VERSION {
        return Err(RecordingError::TooNew { found: header.v });
    }
    let mut recording = Recording { header, entries: Vec::new(), notices: Vec::new() };
    let mut number = 1;
    loop {
        number += 1;
        match next_line(&mut input, &mut line) {
            Ok(true) => recording.take(&line, number),
            Ok(false) => return Ok(recording),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                recording.notices.push(DamageNotice::Cut { line: number });
                return Ok(recording);
            }
            Err(error) => {
                recording.notices.push(DamageNotice::Broken { line: number, problem: error.to_string() });
                return Ok(recording);
            }
        }
    }
}

impl Recording {
    fn take(&mut self, line: &[u8], number: usize) {
        let whole = line.ends_with(b"\n");
        if line.trim_ascii().is_empty() {
            return;
        }
        match parse(line, self.header.started_at) {
            Ok((at, delivery)) => {
                let last = self.entries.last().map_or(Duration::ZERO, |(at, _)| *at);
                self.entries.push((at.max(last), delivery));
            }
            Err(_) if !whole => self.notices.push(DamageNotice::Cut { line: number }),
            Err(problem) => self.notices.push(DamageNotice::Damaged { line: number, problem }),
        }
    }
}

/// Reads up to the next line end; an overlong line is read to its end, but kept only in part.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut ended = false;
    let mut any = false;
    while !ended {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let used = end.unwrap_or(chunk.len());
        ended = end.is_some();
        if line.len() + used <= MAX_LINE_BYTES {
            line.extend_from_slice(&chunk[..used]);
        } else {
            // No JSON begins like this, so the line is reported as damaged.
            line.clear();
            line.extend_from_slice(if ended { b"too long\n" } else { b"too long" });
        }
        input.consume(used);
    }
    Ok(true)
}

fn parse(line: &[u8], started_at: Timestamp) -> Result<(Duration, Delivery), String> {
    let items: Vec<Value> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let mut items = items.into_iter();
    let millis =
        items.next().as_ref().and_then(Value::as_u64).ok_or("it does not begin with a number of milliseconds")?;
    let room = match items.next() {
        Some(Value::Null) => None,
        Some(Value::String(room)) => Some(room.parse().map_err(|error| format!("“{room}”: {error}"))?),
        _ => return Err("it names no room".to_owned()),
    };
    let (name, raw) = match (items.next(), items.next()) {
        (Some(Value::String(name)), Some(raw)) => (name, raw),
        (Some(raw), _) => (raw["type"].as_str().ok_or("its event has no name")?.to_owned(), raw),
        (None, _) => return Err("it holds no event".to_owned()),
    };
    let offset = SignedDuration::from_millis(i64::try_from(millis).map_err(|_| "its time is out of range")?);
    let received_at = started_at.checked_add(offset).map_err(|_| "its time is out of range")?;
    let event = Event::from_value(&raw).map(Arc::new);
    let delivery = Delivery { received_at, room, name: name.into(), raw: Arc::new(raw), event };
    Ok((Duration::from_millis(millis), delivery))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{RecordedState, entry, header};
    use super::*;

    fn state() -> RecordedState {
        let nodes = vec![json!({"__typename": "Campaign", "id": "c", "name": "Emberfall"})];
        RecordedState { campaign_id: "c".parse().unwrap(), position: None, nodes }
    }

    fn delivery(millis: u64, name: &str, raw: Value) -> (Duration, Delivery) {
        let at = Duration::from_millis(millis);
        let event = Event::from_value(&raw).map(Arc::new);
        let room = (!millis.is_multiple_of(3)).then(|| "campaign:c".parse().unwrap());
        (at, Delivery { received_at: Timestamp::UNIX_EPOCH, room, name: name.into(), raw: Arc::new(raw), event })
    }

    fn written(entries: &[(Duration, Delivery)]) -> String {
        let mut text =
            header(&RecordingHeader::new(Timestamp::UNIX_EPOCH, vec!["campaign:c".to_owned()], vec![state()]));
        for (at, delivery) in entries {
            text.push('\n');
            text.push_str(&entry(delivery, *at));
        }
        text + "\n"
    }

    fn sample() -> Vec<(Duration, Delivery)> {
        let clock = json!({"type": "world_time_changed", "payload": {"campaignId": "c", "previousTime": "a",
            "newTime": "b", "elapsedSeconds": 60, "further": 1}, "metadata": {"v": 1, "seq": 3, "epoch": "e"}});
        vec![
            delivery(0, "world_time_changed", clock),
            delivery(5, "invoice:paid", json!({"amount": 1.5, "z": 1, "a": 2})),
            delivery(5, "odd", json!("just a text")),
            delivery(9, "typed", json!({"type": "another", "x": 1})),
        ]
    }

    #[test]
    fn recording_is_unchanged_by_reading_and_writing() {
        let text = written(&sample());
        let recording = read(text.as_bytes()).unwrap();
        assert_eq!((recording.entries.len(), recording.notices.len()), (4, 0));
        assert!(recording.entries[0].1.event.is_some());
        assert_eq!(recording.header.state, [state()]);
        assert_eq!(recording.entries[3].1.name.as_ref(), "typed");
        assert_eq!(recording.entries[1].1.received_at.as_millisecond(), 5);
        assert_eq!(written(&recording.entries), text);
    }

    #[test]
    fn a_cut_or_damaged_file_is_read_as_far_as_it_goes() {
        let text = written(&sample());
        let cut = read(&text.as_bytes()[..text.len() - 5]).unwrap();
        assert_eq!((cut.entries.len(), cut.notices), (3, vec![DamageNotice::Cut { line: 5 }]));
        let damaged = text.replacen("\"invoice:paid\"", "\"invoice:pai", 1);
        let damaged = read(damaged.as_bytes()).unwrap();
        assert_eq!(damaged.entries.len(), 3);
        assert!(matches!(damaged.notices.as_slice(), [DamageNotice::Damaged { line: 3, .. }]), "{:?}", damaged.notices);
    }

    #[test]
    fn a_source_that_fails_in_the_middle_is_used_as_far_as_it_goes() {
        struct FailingReader(io::ErrorKind);

        impl io::Read for FailingReader {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
        }

        let text = written(&sample());
        let half = &text.as_bytes()[..text.len() - 5];
        let read = |kind| {
            let failing = io::Read::chain(half, FailingReader(kind));
            read(io::BufReader::new(failing)).unwrap()
        };
        let cut = read(io::ErrorKind::UnexpectedEof);
        assert_eq!((cut.entries.len(), cut.notices), (3, vec![DamageNotice::Cut { line: 5 }]));
        let broken = read(io::ErrorKind::InvalidData);
        assert!(matches!(broken.notices.as_slice(), [DamageNotice::Broken { line: 5, .. }]), "{:?}", broken.notices);
        assert_eq!(broken.entries.len(), 3);
    }

    #[test]
    fn another_file_is_refused() {
        assert!(matches!(read(&b""[..]), Err(RecordingError::NoHeader)));
        assert!(matches!(
            read(&b"{\"scry\":\"other\",\"v\":1,\"startedAt\":\"2026-01-01T00:00:00Z\"}\n"[..]),
            Err(RecordingError::NoHeader)
        ));
        let newer = b"{\"scry\":\"recording\",\"v\":2,\"startedAt\":\"2026-01-01T00:00:00Z\",\"new\":1}\n";
        assert!(matches!(read(&newer[..]), Err(RecordingError::TooNew { found: 2 })));
    }

    #[test]
    fn an_endless_line_does_not_fill_the_memory() {
        let mut text = written(&sample()).into_bytes();
        text.extend(std::iter::repeat_n(b'x', MAX_LINE_BYTES + 10));
        text.push(b'\n');
        text.extend(entry(&sample()[1].1, Duration::from_millis(20)).bytes());
        text.push(b'\n');
        let recording = read(text.as_slice()).unwrap();
        assert_eq!((recording.entries.len(), recording.notices.len()), (5, 1));
    }

    proptest! {
        #[test]
        fn no_damage_breaks_the_reader(at in 0_usize..600, byte: u8, cut in 0_usize..600) {
            let mut text = written(&sample()).into_bytes();
            let at = at % text.len();
            text[at] = byte;
            text.truncate(cut.max(1));
            if let Ok(recording) = read(text.as_slice()) {
                prop_assert!(recording.entries.is_sorted_by_key(|(at, _)| *at));
            }
        }
    }
}
