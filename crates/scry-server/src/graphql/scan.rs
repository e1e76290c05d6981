//! A look at a document's text before it is parsed (pure): its tokens are counted, and nothing is kept.
//!
//! The parser recurses for every bracket and keeps something for every token, so both are bounded before it runs.

use super::limits::{MAX_NAME_BYTES, MAX_NESTING, MAX_TOKENS, QueryError};

/// Checks that a document is short and flat enough to be parsed.
///
/// # Errors
/// [`QueryError`] naming the limit.
pub(super) fn check(query: &str) -> Result<(), QueryError> {
    let mut rest = query.as_bytes();
    let (mut tokens, mut nesting) = (0_usize, 0_usize);
    while let Some((first, after)) = rest.split_first() {
        let length = match first {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                rest = after;
                continue;
            }
            b'#' => {
                rest = skip_while(rest, |byte| !matches!(byte, b'\r' | b'\n'));
                continue;
            }
            b'"' => string(rest),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => word(rest)?,
            b'{' | b'[' | b'(' => {
                nesting += 1;
                1
            }
            b'}' | b']' | b')' => {
                nesting = nesting.saturating_sub(1);
                1
            }
            _ => 1,
        };
        rest = rest.get(length..).unwrap_or_default();
        tokens += 1;
        if nesting > MAX_NESTING {
            return Err(QueryError::TooLong { what: "brackets inside each other", limit: MAX_NESTING });
        }
        if tokens > MAX_TOKENS {
            return Err(QueryError::TooLong { what: "tokens (names, values, punctuation)", limit: MAX_TOKENS });
        }
    }
    Ok(())
}

fn skip_while(text: &[u8], skipped: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| !skipped(*byte)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// Returns the length of the name or number at the beginning.
fn word(text: &[u8]) -> Result<usize, QueryError> {
    let length = text.len() - skip_while(text, |byte| byte == b'_' || byte.is_ascii_alphanumeric()).len();
    if length > MAX_NAME_BYTES { Err(QueryError::LongName) } else { Ok(length) }
}

/// Returns the length of the string at the beginning; one that does not end reaches to the end of its line or document.
fn string(text: &[u8]) -> usize {
    const BLOCK: &[u8] = b"\"\"\"";
    let is_block = text.starts_with(BLOCK);
    let mut at = if is_block { BLOCK.len() } else { 1 };
    while let Some(byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        match byte {
            b'\\' if is_block && rest.get(1..).is_some_and(|rest| rest.starts_with(BLOCK)) => at += 1 + BLOCK.len(),
            b'\\' if !is_block => at += 2,
            b'"' if is_block && rest.starts_with(BLOCK) => return at + BLOCK.len(),
            b'"' if !is_block => return at + 1,
            b'\r' | b'\n' if !is_block => return at,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> bool {
        check(query).is_err()
    }

    #[test]
    fn tokens_are_counted_and_comments_and_blanks_are_not() {
        let fields = "a ".repeat(MAX_TOKENS - 2);
        assert!(!refused(&format!("{{{fields}}}")));
        assert!(refused(&format!("{{{fields} a}}")));
        assert!(!refused(&format!("{{a}} #{}\n", "{ a ".repeat(MAX_TOKENS))));
        assert!(!refused(&", \t\r\n".repeat(MAX_TOKENS)));
    }

    #[test]
    fn nesting_is_bounded_for_all_brackets_together() {
        let nested = |depth: usize| format!("{}{}", "{[(".repeat(depth / 3), ")]}".repeat(depth / 3));
        assert!(!refused(&nested(MAX_NESTING)));
        assert!(refused(&nested(MAX_NESTING + 3)));
        assert!(refused(&"[".repeat(100_000)));
        assert!(!refused(&"{}".repeat(1_000)), "brackets beside each other are not nested");
    }

    #[test]
    fn strings_are_one_token_whatever_is_in_them() {
        let long = "x{[( \\\" # ".repeat(20_000);
        assert!(!refused(&format!("{{ a(b: \"{long}\") }}")));
        assert!(!refused(&format!("{{ a(b: \"\"\"{}\"\"\") }}", "{ \" \\\"\"\" \n".repeat(20_000))));
        assert!(refused(&format!("{{ a(b: \"\n{}", "[".repeat(100))), "a string ends with its line");
        assert!(!refused("\"\"\" never closed"));
        assert!(!refused("\"\\"), "an escape at the end");
    }

    #[test]
    fn names_are_bounded_and_other_characters_are_tokens() {
        assert!(!refused(&"x".repeat(MAX_NAME_BYTES)));
        assert!(refused(&"x".repeat(MAX_NAME_BYTES + 1)));
        assert!(refused(&"é".repeat(MAX_TOKENS)));
    }
}
