//! Text from outside, made safe once, where it enters.
//!
//! Names, descriptions, error messages and event fields are written by other people and other
//! programs. A terminal obeys control characters, and a reader is deceived by invisible ones and by
//! changes of direction; none of them passes here.

pub mod input;
pub mod json;
pub mod suggest;
pub mod toml_file;
pub mod units;

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::Value;

/// Bounds what one piece of foreign text may take up, in characters.
pub const MAX_LINE_CHARS: usize = 4096;
/// Bounds the same for text of several lines.
pub const MAX_BLOCK_CHARS: usize = 4 * MAX_LINE_CHARS;

/// Replaces what must not reach a terminal, a title, a log or stdout in text mode, on one line.
///
/// Line ends and tabs become a space, other control characters `�`; direction controls, zero-width
/// characters other than joiners, tags and private use vanish; text past [`MAX_LINE_CHARS`] is cut with `…`.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    clean(text, false, MAX_LINE_CHARS)
}

/// Does the same as [`line()`] but keeps line feeds and takes [`MAX_BLOCK_CHARS`], for descriptions.
#[must_use]
pub fn block(text: &str) -> Cow<'_, str> {
    clean(text, true, MAX_BLOCK_CHARS)
}

/// Makes every string inside a JSON value safe, keys included.
#[must_use]
pub fn json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(block(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(json).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, item)| (line(&key).into_owned(), json(item))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Writes a JSON value in its shortest form, every string in it made safe as by [`json()`].
#[must_use]
pub fn compact(value: &Value) -> String {
    // Almost everything is safe as it came, and need not be copied to be written.
    if is_safe(value) { value.to_string() } else { json(value.clone()).to_string() }
}

/// Writes JSON so that a terminal obeys nothing in it and a reader is not deceived, without loss: control characters,
/// line separators, direction controls and invisible characters become `\uXXXX`.
///
/// `json` is JSON text already; such characters stand only inside its strings. Joiners are escaped too: a program reads
/// them all the same.
#[must_use]
pub fn escaped(json: String) -> String {
    if json.bytes().all(|byte| byte < 0x7f) || !json.chars().any(is_escaped) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 64);
    let mut units = [0; 2];
    for c in json.chars() {
        if is_escaped(c) {
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Returns whether a character is written as an escape in JSON; the line ends of indented JSON are not.
fn is_escaped(c: char) -> bool {
    let invisible = matches!(c, '\u{200c}'..='\u{200d}' | '\u{e0100}'..='\u{e01ef}');
    !matches!(c, ' '..='~' | '\n') && (invisible || char_action(c, false) != CharAction::Keep)
}

/// Returns whether [`json()`] would change nothing.
fn is_safe(value: &Value) -> bool {
    match value {
        Value::String(text) => matches!(block(text), Cow::Borrowed(_)),
        Value::Array(items) => items.iter().all(is_safe),
        Value::Object(map) => map.iter().all(|(key, item)| matches!(line(key), Cow::Borrowed(_)) && is_safe(item)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn clean(text: &str, keep_lines: bool, most: usize) -> Cow<'_, str> {
    let fits = text.len() <= most || text.chars().nth(most).is_none();
    if fits && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    if fits && text.chars().all(|c| char_action(c, keep_lines) == CharAction::Keep) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len().min(most * 4));
    for (kept, c) in text.chars().enumerate() {
        if kept == most {
            safe.push('…');
            break;
        }
        match char_action(c, keep_lines) {
            CharAction::Keep => safe.push(c),
            CharAction::Space => safe.push(' '),
            CharAction::Mark => safe.push(char::REPLACEMENT_CHARACTER),
            CharAction::Drop => {}
        }
    }
    Cow::Owned(safe)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CharAction {
    Keep,
    Space,
    Mark,
    Drop,
}

fn char_action(c: char, keep_lines: bool) -> CharAction {
    match c {
        '\n' if keep_lines => CharAction::Keep,
        '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' => CharAction::Space,
        _ if c.is_control() => CharAction::Mark,
        // Soft hyphen, Arabic letter mark, zero-width space, direction marks, embeddings, isolates,
        // invisible operators, byte-order mark, interlinear annotations, tags. Joiners (200C, 200D)
        // stay: Persian and emoji are spelt with them.
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{f0000}'..='\u{10ffff}' => CharAction::Drop,
        _ => CharAction::Keep,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(line("Harrow's Rest — 砦 👩‍👩‍👧"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_escape_direction_or_line_change_passes() {
        assert_eq!(line("a\u{1b}[31mb\u{9b}0m\u{7}"), "a�[31mb�0m�");
        assert_eq!(line("gold\u{202e}dlog\u{2066}!"), "golddlog!");
        assert_eq!(line("one\ntwo\tthree\u{2028}four"), "one two three four");
        assert_eq!(block("one\ntwo\r"), "one\ntwo ");
    }

    #[test]
    fn a_huge_name_is_cut() {
        let safe = line(&"x".repeat(10_000_000)).into_owned();
        assert_eq!(safe.chars().count(), MAX_LINE_CHARS + 1);
        assert_eq!(block(&"x".repeat(10_000_000)).chars().count(), MAX_BLOCK_CHARS + 1);
    }

    #[test]
    fn escaped_json_is_lossless_and_holds_nothing_a_terminal_obeys() {
        let hostile =
            "a\u{9b}31m\u{85}\u{202e}\u{2066}\u{200b}\u{200d}\u{2028}\u{feff}\u{7f}\u{e0041}\u{1b}\n砦e\u{301}";
        for value in [json!({ hostile: [hostile, {"x": hostile}] }), json!(hostile)] {
            for text in [value.to_string(), format!("{value:#}")] {
                let safe = escaped(text);
                assert!(
                    !safe.contains(|c: char| c != '\n' && (char_action(c, false) != CharAction::Keep || c == '\u{200d}')),
                    "{safe}"
                );
                assert!(
                    safe.contains("\\u009b31m") && safe.contains("\\udb40\\udc41") && safe.contains('砦'),
                    "{safe}"
                );
                assert_eq!(serde_json::from_str::<Value>(&safe).unwrap(), value);
            }
        }
        assert_eq!(escaped("{\"a\": \"Harrow's Rest — 砦\"}".to_owned()), "{\"a\": \"Harrow's Rest — 砦\"}");
    }

    #[test]
    fn json_is_cleaned_in_depth() {
        assert_eq!(json(json!({"a\u{1b}": ["\u{202e}x", 1, null]})), json!({"a�": ["x", 1, null]}));
    }

    #[test]
    fn written_text_is_clean() {
        for value in [
            json!({"name": "Harrow's Rest", "text": "one\ntwo", "list": [1, null, true, "砦"]}),
            json!({"a\u{1b}": 1}),
            json!({"line\nend": 1}),
            json!(["deep", {"in": ["there\u{9b}", "x".repeat(MAX_BLOCK_CHARS + 1)]}]),
        ] {
            assert_eq!(compact(&value), json(value).to_string());
        }
    }
}
