//! Texts written into a GraphQL query itself, checked before anything parses them (pure).
//!
//! The parser of our library ends in a panic at `\uD800`, also at the two halves of a character outside the basic plane.
//! So escapes are looked at here: pairs become the character that they stand for, the rest of these is refused.

use std::borrow::Cow;

use scry_text::input::TextError;

/// A text of a query that is refused, and the argument that it stands at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiteralError {
    /// The character U+0000, which one of the databases cannot store.
    #[error("{0}: {nul}", nul = TextError::Nul)]
    Nul(String),
    /// Half of a surrogate pair, which is not a character.
    #[error("{0}: has half of a surrogate pair; write both, or the character itself")]
    Surrogate(String),
}

/// Bounds the name of an argument that is told.
const MAX_ARGUMENT_CHARS: usize = 64;

/// Checks the texts of a query; returns it with escaped pairs replaced by their characters.
///
/// # Errors
/// [`LiteralError`] naming the argument.
pub fn check(query: &str) -> Result<Cow<'_, str>, LiteralError> {
    if query.contains('\0') {
        return Err(LiteralError::Nul("query".to_owned()));
    }
    // Most queries hold no escape at all.
    if !query.contains("\\u") {
        return Ok(query.into());
    }
    let mut scanner = Scanner { query, at: 0, argument: "query", changed: None };
    scanner.run()?;
    let Scanner { query, changed, .. } = scanner;
    Ok(changed.map_or_else(
        || query.into(),
        |RewrittenQuery { mut text, copied }| {
            text.push_str(&query[copied..]);
            text.into()
        },
    ))
}

struct Scanner<'a> {
    query: &'a str,
    at: usize,
    /// The last name in front of a colon.
    argument: &'a str,
    changed: Option<RewrittenQuery>,
}

/// What the query becomes, up to a place in the original.
struct RewrittenQuery {
    text: String,
    copied: usize,
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<(), LiteralError> {
        while let Some(next) = self.rest().chars().next() {
            if self.rest().starts_with("\"\"\"") {
                self.skip_block();
            } else if next == '"' {
                self.string()?;
            } else if next == '#' {
                self.at += self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
            } else if next == '_' || next.is_ascii_alphabetic() {
                self.name();
            } else {
                self.at += next.len_utf8();
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        &self.query[self.at..]
    }

    fn name(&mut self) {
        let rest = self.rest();
        let length = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        self.at += length;
        if self.rest().trim_start().starts_with(':') {
            self.argument = &rest[..length.min(MAX_ARGUMENT_CHARS)];
        }
    }

    /// Passes over a text in which a backslash only stands before three quotes.
    fn skip_block(&mut self) {
        self.at += 3;
        while !self.rest().is_empty() {
            if self.rest().starts_with("\\\"\"\"") {
                self.at += 4;
            } else if self.rest().starts_with("\"\"\"") {
                self.at += 3;
                return;
            } else {
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            }
        }
    }

    fn string(&mut self) -> Result<(), LiteralError> {
        self.at += 1;
        while let Some(next) = self.rest().chars().next() {
            match next {
                '"' | '\n' | '\r' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => self.escape()?,
                _ => self.at += next.len_utf8(),
            }
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), LiteralError> {
        let Some(first) = unit(self.rest()) else {
            // Any other escape is a backslash and one character, which must not be taken for the end of the text.
            self.at += 1;
            self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            return Ok(());
        };
        match first {
            0 => Err(LiteralError::Nul(self.argument.to_owned())),
            0xd800..=0xdfff => self.pair(first),
            _ => {
                self.at += ESCAPE_LEN;
                Ok(())
            }
        }
    }

    fn pair(&mut self, first: u16) -> Result<(), LiteralError> {
        let second = unit(&self.rest()[ESCAPE_LEN..]);
        let decoded = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
        let Some(c) = decoded else { return Err(LiteralError::Surrogate(self.argument.to_owned())) };
        let changed = self.changed.get_or_insert(RewrittenQuery { text: String::new(), copied: 0 });
        changed.text.push_str(&self.query[changed.copied..self.at]);
        changed.text.push(c);
        self.at += 2 * ESCAPE_LEN;
        changed.copied = self.at;
        Ok(())
    }
}

/// The length of `\uXXXX`.
const ESCAPE_LEN: usize = 6;

/// Reads the code unit of an escape that a text begins with.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if digits.bytes().all(|b| b.is_ascii_hexdigit()) { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(query: &str) -> String {
        check(query).unwrap_err().to_string()
    }

    #[test]
    fn query_without_such_escapes_is_left_as_it_is() {
        for query in [
            "{ me { id } }",
            r#"{ a(id: "\u00e4\n\\u0000 \" \u0041") { id } }"#,
            r#"{ a(text: """ \u0000 \uD800 \""" "\u0000" """) { id } }"#,
            "{ me { id } } # \"\\u0000\"\n",
            "{ a(id: \"\\u00",
            "{ a(id: \"\\",
        ] {
            assert_eq!(check(query).as_deref(), Ok(query));
        }
    }

    #[test]
    fn nul_is_refused_and_the_argument_named() {
        assert_eq!(
            refusal(r#"mutation { notify(userIds: ["u"], title: "a\u0000") }"#),
            "title: must not contain the character U+0000"
        );
        assert_eq!(
            refusal(r#"{ a(input: {name : "\\\u0000"}) { id } }"#),
            "name: must not contain the character U+0000"
        );
        assert_eq!(refusal("{ a(id: \"\0\") }"), "query: must not contain the character U+0000");
        assert_eq!(refusal(r#"{ a(b: """ " """, c: "\u0000") }"#), "c: must not contain the character U+0000");
    }

    #[test]
    fn lone_surrogate_is_refused_and_pair_becomes_its_character() {
        for half in [r"\uD800", r"\uDFFF", r"\uDC00\uD800", r"\uD83Dx", r"\uD83D\u0041", r"\ud83d\"] {
            assert!(
                refusal(&format!("{{ a(id: \"{half}\") }}")).starts_with("id: has half of a surrogate pair"),
                "{half}"
            );
        }
        assert_eq!(
            check(r#"{ a(id: "x\uD83D\uDE00y", b: "\ud83d\ude00") }"#).as_deref(),
            Ok("{ a(id: \"x😀y\", b: \"😀\") }")
        );
    }

    proptest! {
        /// Whatever passes, the library's parser answers; it has no other way to end in a panic by an escape.
        #[test]
        fn parser_never_panics_on_checked_queries(pieces in proptest::collection::vec(
            prop::sample::select(vec![
                "\\u", "D83D", "\\uDE00", "\\uD83D", "0000", "\"", "\"\"\"", "\\", "{", "}", "a", "(", ")", ":", "#", "\n",
                " ", "ä", "😀", "\\n", "\\\"",
            ]), 0..24)) {
            let query = pieces.concat();
            for query in [format!("{{ a(id: \"{query}\") }}"), query] {
                if let Ok(checked) = check(&query) {
                    // An answer of either kind will do.
                    drop(async_graphql::parser::parse_query(checked.as_ref()));
                }
            }
        }
    }
}
