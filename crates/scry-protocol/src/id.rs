//! Identifiers as they travel.

use std::fmt;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An identifier: a UUIDv7 from our own server, any short printable word from a foreign one.
///
/// Clones share one allocation, since an id is copied into every event, room and cache key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Arc<str>);

/// Why a text cannot be an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// The text is empty.
    #[error("an id must not be empty")]
    Empty,
    /// The text is longer than [`Id::MAX_LEN`] bytes.
    #[error("an id has at most {} characters", Id::MAX_LEN)]
    TooLong,
    /// The text has a character that ids do not have.
    #[error("an id must not contain white space, control characters or quotes")]
    BadCharacter,
}

impl Id {
    /// Bounds the length of an id in bytes; a UUID needs 36.
    pub const MAX_LEN: usize = 128;

    /// Reads an id from text.
    ///
    /// # Errors
    /// [`ParseIdError`] when the text is empty, longer than [`Id::MAX_LEN`] or not plain printable ASCII.
    pub fn parse(text: &str) -> Result<Self, ParseIdError> {
        check(text)?;
        Ok(Self(text.into()))
    }

    /// Returns the first of all ids in their order, to look from.
    #[must_use]
    pub fn lowest() -> Self {
        Self("!".into())
    }

    /// Reads an id from a text that is kept already.
    ///
    /// # Errors
    /// As for [`Id::parse`].
    pub fn shared(text: &Arc<str>) -> Result<Self, ParseIdError> {
        check(text)?;
        Ok(Self(Arc::clone(text)))
    }

    /// Returns the id as it is written on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), ParseIdError> {
    if text.is_empty() {
        return Err(ParseIdError::Empty);
    }
    if text.len() > Id::MAX_LEN {
        return Err(ParseIdError::TooLong);
    }
    if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
        return Err(ParseIdError::BadCharacter);
    }
    Ok(())
}

impl From<uuid::Uuid> for Id {
    fn from(uuid: uuid::Uuid) -> Self {
        Self(uuid.hyphenated().to_string().into())
    }
}

impl std::str::FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor)
    }
}

/// Reads an id without a copy of its text in between: every event holds several.
struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Id, E> {
        Id::parse(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_an_id() {
        let uuid = uuid::Uuid::from_u128(7);
        assert_eq!(Id::from(uuid), Id::parse(&uuid.to_string()).unwrap());
    }

    #[test]
    fn no_id_is_below_the_lowest() {
        let all = (0..=u8::MAX).filter_map(|byte| Id::parse(std::str::from_utf8(&[byte]).ok()?).ok());
        assert_eq!(all.min(), Some(Id::lowest()));
    }

    #[test]
    fn id_with_unsafe_characters_is_refused() {
        assert_eq!(Id::parse(""), Err(ParseIdError::Empty));
        assert_eq!(Id::parse("a b"), Err(ParseIdError::BadCharacter));
        assert_eq!(Id::parse("a\u{1b}[2J"), Err(ParseIdError::BadCharacter));
        assert_eq!(Id::parse("\u{202e}x"), Err(ParseIdError::BadCharacter));
        assert_eq!(Id::parse(&"x".repeat(129)), Err(ParseIdError::TooLong));
    }
}
