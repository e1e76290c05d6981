//! Whether the terminal is dark or light: asked once at the start, without losing a key.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// How long the terminal may take to answer; one that knows the question answers at once.
#[cfg(unix)]
const REPLY_TIMEOUT: Duration = Duration::from_millis(40);
/// How long an answer that comes late is still expected among the keys.
const LATE_REPLY_WINDOW: Duration = Duration::from_secs(5);

/// What the text stands on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Background {
    /// A dark colour.
    Dark,
    /// A light colour.
    Light,
    /// The terminal did not answer.
    #[default]
    Unknown,
}

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct BackgroundAnswer {
    pub background: Background,
    /// What the person typed meanwhile.
    pub typed: Vec<KeyEvent>,
    /// Keeps an answer that comes late from being taken for keys.
    pub reply_filter: TerminalReplyFilter,
}

/// Asks the terminal, which must be in raw mode and have no other reader.
#[cfg(unix)]
#[must_use]
pub(super) fn ask() -> BackgroundAnswer {
    use std::io::Write;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    if let Some(background) = scry_config::process_env("COLORFGBG").as_deref().and_then(from_colorfgbg) {
        return BackgroundAnswer { background, ..BackgroundAnswer::default() };
    }
    let mut out = std::io::stdout();
    // Every terminal answers the second question; its answer says that the first one was not understood.
    if out.write_all(b"\x1b]11;?\x1b\\\x1b[c").and_then(|()| out.flush()).is_err() {
        return BackgroundAnswer::default();
    }
    let (input, deadline) = (std::io::stdin(), Instant::now() + REPLY_TIMEOUT);
    let mut read = Vec::new();
    let mut answered = false;
    while !answered {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(wait) = Timespec::try_from(left) else { break };
        let mut ready = [PollFd::new(&input, PollFlags::IN)];
        if !matches!(poll(&mut ready, Some(&wait)), Ok(1..)) {
            break;
        }
        let mut bytes = [0; 256];
        match rustix::io::read(&input, &mut bytes) {
            Ok(count @ 1..) => read.extend_from_slice(bytes.get(..count).unwrap_or_default()),
            Ok(0) | Err(_) => break,
        }
        answered = find_attributes(&read).is_some();
    }
    let (background, typed) = understand(read);
    let reply_filter = if answered {
        TerminalReplyFilter::default()
    } else {
        TerminalReplyFilter { until: Some(Instant::now() + LATE_REPLY_WINDOW), inside: false }
    };
    BackgroundAnswer { background, typed, reply_filter }
}

/// Asks nothing where a terminal cannot be asked.
#[cfg(not(unix))]
#[must_use]
pub fn ask() -> BackgroundAnswer {
    let background = scry_config::process_env("COLORFGBG").as_deref().and_then(from_colorfgbg);
    BackgroundAnswer { background: background.unwrap_or_default(), ..BackgroundAnswer::default() }
}

/// Swallows an answer that comes after nobody waits for it any more.
#[derive(Debug, Default)]
pub(super) struct TerminalReplyFilter {
    until: Option<Instant>,
    inside: bool,
}

impl TerminalReplyFilter {
    /// Returns whether a key is part of the answer rather than of what a person types.
    pub(super) fn filters(&mut self, key: KeyEvent) -> bool {
        if self.until.is_none_or(|until| Instant::now() > until) {
            return false;
        }
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match (self.inside, key.code) {
            (false, KeyCode::Char(']')) if alt => self.inside = true,
            (false, _) => return false,
            (true, KeyCode::Char('\\')) if alt => *self = Self::default(),
            (true, KeyCode::Char('g')) if key.modifiers.contains(KeyModifiers::CONTROL) => *self = Self::default(),
            (true, _) => {}
        }
        true
    }
}

/// Reads `15;0`: the last number is the background, of sixteen.
fn from_colorfgbg(value: &str) -> Option<Background> {
    let colour: u8 = value.rsplit(';').next()?.parse().ok()?;
    Some(if matches!(colour, 0..=6 | 8) { Background::Dark } else { Background::Light })
}

/// Finds the answer about the terminal's kind: `ESC [ ? 62 ; … c`.
fn find_attributes(bytes: &[u8]) -> Option<(usize, usize)> {
    let start = bytes.windows(3).position(|window| window == b"\x1b[?")?;
    let length = bytes.get(start..)?.iter().position(|byte| *byte == b'c')?;
    Some((start, start + length + 1))
}

/// Splits what was read into the answer and what was typed.
fn understand(mut bytes: Vec<u8>) -> (Background, Vec<KeyEvent>) {
    if let Some((start, end)) = find_attributes(&bytes) {
        bytes.drain(start..end);
    }
    let mut background = Background::Unknown;
    if let Some(start) = bytes.windows(5).position(|window| window == b"\x1b]11;") {
        let tail = bytes.get(start..).unwrap_or_default();
        let bell = tail.iter().position(|byte| *byte == 7).map(|at| at + 1);
        let terminator = tail.windows(2).position(|window| window == b"\x1b\\").map(|at| at + 2);
        let length = bell.into_iter().chain(terminator).min().unwrap_or(tail.len());
        let answer: Vec<u8> = bytes.drain(start..start + length).collect();
        background = brightness(&String::from_utf8_lossy(&answer)).unwrap_or_default();
    }
    (background, String::from_utf8_lossy(&bytes).chars().filter_map(key).collect())
}

/// Reads `rgb:RRRR/GGGG/BBBB`, with one to four digits each.
fn brightness(answer: &str) -> Option<Background> {
    let (_, colours) = answer.split_once("rgb:")?;
    let mut parts = colours.split('/').map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_hexdigit).collect();
        let most = 16_u32.checked_pow(u32::try_from(digits.len()).ok()?)?.checked_sub(1).filter(|most| *most > 0)?;
        Some(f64::from(u32::from_str_radix(&digits, 16).ok()?) / f64::from(most))
    });
    let (red, green, blue) = (parts.next()??, parts.next()??, parts.next()??);
    let light = 0.299 * red + 0.587 * green + 0.114 * blue;
    Some(if light > 0.5 { Background::Light } else { Background::Dark })
}

/// Turns a typed byte into its key; sequences of special keys are not typed within milliseconds of a start.
fn key(c: char) -> Option<KeyEvent> {
    let plain = |code| Some(KeyEvent::new(code, KeyModifiers::NONE));
    match c {
        '\r' | '\n' => plain(KeyCode::Enter),
        '\t' => plain(KeyCode::Tab),
        '\u{7f}' => plain(KeyCode::Backspace),
        '\u{1b}' => plain(KeyCode::Esc),
        '\u{1}'..='\u{1a}' => {
            let letter = char::from_u32(u32::from(c) + 0x60)?;
            Some(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
        }
        c if c.is_control() => None,
        c => plain(KeyCode::Char(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[KeyEvent]) -> String {
        keys.iter().filter_map(|key| key.code.as_char()).collect()
    }

    #[test]
    fn the_answer_is_taken_out_and_the_keys_stay() {
        let read = b"j\x1b]11;rgb:1d1d/1f1f/2121\x1b\\q\x1b[?62;22c?".to_vec();
        let (background, keys) = understand(read);
        assert_eq!((background, typed(&keys).as_str()), (Background::Dark, "jq?"));
        assert_eq!(understand(b"\x1b]11;rgb:fd/f6/e3\x07".to_vec()).0, Background::Light);
        assert_eq!(
            understand(b"\x1b[?1;2c\x03".to_vec()).1,
            [KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)]
        );
    }

    #[test]
    fn the_environment_is_believed() {
        assert_eq!(from_colorfgbg("15;0"), Some(Background::Dark));
        assert_eq!(from_colorfgbg("0;default;15"), Some(Background::Light));
        assert_eq!(from_colorfgbg("default"), None);
    }

    #[test]
    fn a_late_answer_types_nothing() {
        let mut reply_filter = TerminalReplyFilter { until: Some(Instant::now() + LATE_REPLY_WINDOW), inside: false };
        let plain = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        assert!(!reply_filter.filters(plain('j')));
        assert!(reply_filter.filters(KeyEvent::new(KeyCode::Char(']'), KeyModifiers::ALT)));
        assert!("11;rgb:ff/ff/ff".chars().all(|c| reply_filter.filters(plain(c))));
        assert!(reply_filter.filters(KeyEvent::new(KeyCode::Char('\\'), KeyModifiers::ALT)));
        assert!(!reply_filter.filters(plain('q')));
    }
}
