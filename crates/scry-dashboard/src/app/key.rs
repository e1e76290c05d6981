//! Keys by name, so that a table, a help text and a configuration can all write them.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers, in the one form in which it can be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

/// The error of a text that does not name a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key; write for example q, G, ctrl-c, pgdn, space or f1")]
pub struct ParseKeyError(String);

const NAMED_KEYS: [(&str, &str, KeyCode); 15] = [
    ("enter", "⏎", KeyCode::Enter),
    ("space", "space", KeyCode::Char(' ')),
    ("esc", "esc", KeyCode::Esc),
    ("tab", "tab", KeyCode::Tab),
    ("shift-tab", "shift-tab", KeyCode::BackTab),
    ("up", "↑", KeyCode::Up),
    ("down", "↓", KeyCode::Down),
    ("left", "←", KeyCode::Left),
    ("right", "→", KeyCode::Right),
    ("pgup", "pgup", KeyCode::PageUp),
    ("pgdn", "pgdn", KeyCode::PageDown),
    ("home", "home", KeyCode::Home),
    ("end", "end", KeyCode::End),
    ("backspace", "backspace", KeyCode::Backspace),
    ("delete", "delete", KeyCode::Delete),
];

impl Key {
    /// Returns how the key is drawn on a screen that has arrows, or in words.
    #[must_use]
    pub(crate) fn label(&self, ascii: bool) -> String {
        let named = NAMED_KEYS.iter().find(|(_, _, code)| *code == self.code);
        let base = match (named, self.code) {
            (Some((name, _, _)), _) if ascii => (*name).to_owned(),
            (Some((_, drawn, _)), _) => (*drawn).to_owned(),
            (None, KeyCode::Char(c)) => c.to_string(),
            (None, code) => code.to_string().to_lowercase(),
        };
        format!("{}{}{base}", if self.ctrl { "ctrl-" } else { "" }, if self.alt { "alt-" } else { "" })
    }
}

impl Key {
    /// Returns the character the key writes where text is typed; a chord writes none.
    #[must_use]
    pub(crate) const fn character(self) -> Option<char> {
        if let (KeyCode::Char(c), false, false) = (self.code, self.ctrl, self.alt) { Some(c) } else { None }
    }
}

impl From<KeyEvent> for Key {
    /// Drops Shift, which the character itself already tells.
    fn from(event: KeyEvent) -> Self {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = if let KeyCode::Char(c) = event.code
            && ctrl
        {
            KeyCode::Char(c.to_ascii_lowercase())
        } else {
            event.code
        };
        Self { code, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT) }
    }
}

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-").filter(|after| !after.is_empty()) {
                (rest, ctrl) = (after, true);
            } else if let Some(after) = rest.strip_prefix("alt-").filter(|after| !after.is_empty()) {
                (rest, alt) = (after, true);
            } else {
                break;
            }
        }
        let code = code(rest).ok_or_else(|| ParseKeyError(text.to_owned()))?;
        Ok(Self { code, ctrl, alt })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label(true))
    }
}

fn code(name: &str) -> Option<KeyCode> {
    if let Some((_, _, code)) = NAMED_KEYS.iter().find(|(known, _, _)| *known == name) {
        return Some(*code);
    }
    if let Some(number) = name.strip_prefix('f').and_then(|digits| digits.parse().ok()) {
        return Some(KeyCode::F(number));
    }
    let mut chars = name.chars();
    chars.next().filter(|_| chars.next().is_none()).map(KeyCode::Char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_they_are_written() {
        for name in ["q", "G", "?", "ctrl-c", "alt-x", "space", "shift-tab", "pgdn", "f5", "-", "ctrl--"] {
            assert_eq!(name.parse::<Key>().unwrap().to_string(), name);
        }
        for name in ["", "ctrl-", "hyper-x", "enterr"] {
            assert!(name.parse::<Key>().is_err(), "{name}");
        }
    }

    #[test]
    fn shift_is_told_by_the_character() {
        let typed = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(Key::from(typed), "G".parse().unwrap());
        let held = KeyEvent::new(KeyCode::Char('C'), KeyModifiers::CONTROL | KeyModifiers::SHIFT);
        assert_eq!(Key::from(held), "ctrl-c".parse().unwrap());
    }
}
