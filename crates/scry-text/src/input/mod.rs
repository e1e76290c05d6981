//! Rules for text from outside, the same whatever database stores it (pure).
//!
//! Postgres refuses U+0000 in any text, SQLite takes it; a name may be written in more than one way in Unicode. So every
//! text is checked where it enters: bodies and variables by [`json()`], single values by the functions beside it.

mod json;

use unicode_normalization::UnicodeNormalization;

pub use json::{InputError, json};

/// Bounds a user's name, in characters.
pub const MAX_USERNAME_CHARS: usize = 64;
/// Bounds a name of anything else, in characters.
pub const MAX_NAME_CHARS: usize = 200;
/// Bounds an idempotency key, in characters.
pub const MAX_KEY_CHARS: usize = 200;

/// The reason why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It contains the character U+0000.
    #[error("must not contain the character U+0000")]
    Nul,
    /// It is not a name.
    #[error(
        "must be one line of 1 to {max} characters, without control characters or marks that change the direction of text",
        max = MAX_NAME_CHARS
    )]
    Name,
    /// It is not a user name.
    #[error("must be 1 to {max} printable ASCII characters without blanks", max = MAX_USERNAME_CHARS)]
    Username,
    /// It is not a key.
    #[error("must have 1 to {max} printable ASCII characters", max = MAX_KEY_CHARS)]
    Key,
}

/// Checks any text that is to be stored.
///
/// # Errors
/// [`TextError::Nul`].
pub fn text(text: &str) -> Result<&str, TextError> {
    if text.contains('\0') { Err(TextError::Nul) } else { Ok(text) }
}

/// Checks the name of a thing, and writes it the one way in which it is stored: trimmed, in Unicode's form C.
///
/// # Errors
/// [`TextError::Name`].
pub fn name(text: &str) -> Result<String, TextError> {
    let name: String = text.trim().nfc().collect();
    let is_sayable = (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(is_disruptive);
    if is_sayable { Ok(name) } else { Err(TextError::Name) }
}

/// Checks the name of a user.
///
/// # Errors
/// [`TextError::Username`].
pub fn username(text: &str) -> Result<&str, TextError> {
    let is_plain = (1..=MAX_USERNAME_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if is_plain { Ok(text) } else { Err(TextError::Username) }
}

/// Checks a key by which a caller names a request of theirs.
///
/// # Errors
/// [`TextError::Key`].
pub fn key(text: &str) -> Result<&str, TextError> {
    let is_plain = (1..=MAX_KEY_CHARS).contains(&text.len()) && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if is_plain { Ok(text) } else { Err(TextError::Key) }
}

/// Returns whether a character has no place in a name: it controls something, breaks the line, turns the direction of
/// what stands around it, or is none.
fn is_disruptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_trimmed_and_composed() {
        assert_eq!(name("  Harrow's Rest "), Ok("Harrow's Rest".to_owned()));
        assert_eq!(name("Zoe\u{308}"), Ok("Zo\u{eb}".to_owned()));
        assert_eq!(name("👩\u{200d}🌾 farm").as_deref(), Ok("👩\u{200d}🌾 farm"), "a joined emoji stays whole");
    }

    #[test]
    fn name_that_would_disturb_a_line_is_refused() {
        for text in [
            "",
            " ",
            "a\0b",
            "a\nb",
            "a\tb",
            "a\u{1b}[2J",
            "a\u{9b}2J",
            "a\u{7f}",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{2028}b",
            "\u{feff}a",
            "a\u{fdd0}",
            "a\u{ffff}",
            "a\u{10fffe}",
        ] {
            assert_eq!(name(text), Err(TextError::Name), "{text:?}");
        }
        assert!(name(&"ä".repeat(MAX_NAME_CHARS)).is_ok());
        assert_eq!(name(&"ä".repeat(MAX_NAME_CHARS + 1)), Err(TextError::Name));
    }

    #[test]
    fn username_and_key_are_plain_ascii_of_bounded_length() {
        assert!(username("gm").is_ok() && username(&"x".repeat(MAX_USERNAME_CHARS)).is_ok());
        for text in ["", "g m", "g\0m", "gm\u{301}", "\u{433}m", &"x".repeat(MAX_USERNAME_CHARS + 1)] {
            assert_eq!(username(text), Err(TextError::Username), "{text:?}");
        }
        assert!(key("order 7").is_ok() && key(&"x".repeat(MAX_KEY_CHARS)).is_ok());
        for text in ["", "a\0", "a\n", "ä", &"x".repeat(MAX_KEY_CHARS + 1)] {
            assert_eq!(key(text), Err(TextError::Key), "{text:?}");
        }
    }
}
