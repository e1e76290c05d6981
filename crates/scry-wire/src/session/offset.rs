//! The offsets that Connection State Recovery appends to events.

/// The most characters that an offset is believed to have.
const MAX_OFFSET_CHARS: usize = 96;

/// Returns whether a text looks like an offset and not like an argument.
///
/// A server that offers Connection State Recovery appends one to every event, except to those that it does not keep
/// (volatile ones). Nothing marks it, so what is taken off must be an offset beyond doubt. Known are those of Node's
/// adapters (a time in base 64, `1720000000000-0` of Redis, a MongoDB id) and `EPOCH:NUMBER` or `EPOCH-NUMBER`.
#[must_use]
pub fn is_offset(text: &str) -> bool {
    text.len() <= MAX_OFFSET_CHARS && (is_encoded_time(text) || is_object_id(text) || is_numbered(text))
}

/// Recognises milliseconds in base 64 with the digits `0-9A-Za-z-_`, from 2024 on, as Node's in-memory adapter writes them.
fn is_encoded_time(text: &str) -> bool {
    let (time, seed) = text.split_once('.').unwrap_or((text, "0"));
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    time.len() == 7
        && time.as_bytes().first().is_some_and(|first| (b'P'..=b'Z').contains(first))
        && time.bytes().all(is_digit)
        && !seed.is_empty()
        && seed.bytes().all(is_digit)
}

fn is_object_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_numbered(text: &str) -> bool {
    let Some((epoch, number)) = text.rsplit_once([':', '-']) else { return false };
    let is_epoch = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    epoch.len() >= 8
        && epoch.bytes().all(is_epoch)
        && !number.is_empty()
        && number.len() <= 20
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_known_servers_are_recognised() {
        let uuid = "0197b2c4-0000-7000-8000-000000000000:4711";
        for offset in ["Q8kx2ou", "Q8kx2ou.1", "1720000000000-0", "65f1a0b2c3d4e5f60718293a", uuid] {
            assert!(is_offset(offset), "{offset}");
        }
    }

    #[test]
    fn ordinary_arguments_are_not_offsets() {
        for text in ["", "hello", "message", "ready", "Hello, you", "order-17", "2026-12-01", "P", "12:30", "done-1"] {
            assert!(!is_offset(text), "{text}");
        }
    }
}
