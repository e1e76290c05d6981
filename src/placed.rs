//! TOML files read as a whole, with errors that name the line, the table and the key (pure).

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use toml::Spanned;

/// Says what is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {place}: {fault}")]
pub struct PlacedError {
    /// Counted from 1.
    pub line: usize,
    /// The table and the key, such as `settlement harrows-rest, variables.population`.
    pub place: String,
    pub fault: String,
}

/// Says what is wrong, and at which byte of the file.
#[derive(Debug)]
pub struct Fault {
    pub at: usize,
    pub place: String,
    pub text: String,
}

/// Reads a file as it is written, then builds what it means; `what` names it where it is no TOML.
///
/// # Errors
/// The first fault found.
pub fn read<F: DeserializeOwned, T>(
    text: &str,
    what: &str,
    build: impl FnOnce(F) -> Result<T, Fault>,
) -> Result<T, PlacedError> {
    let file = toml::from_str(text).map_err(|error| PlacedError {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        place: what.to_owned(),
        fault: error.message().to_owned(),
    })?;
    build(file).map_err(|fault| PlacedError { line: line_of(text, fault.at), place: fault.place, fault: fault.text })
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// A table whose keys keep their order and their places.
#[derive(Debug)]
pub struct Keyed<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeyedVisitor(PhantomData))
    }
}

struct KeyedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for KeyedVisitor<T> {
    type Value = Keyed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Keyed(entries))
    }
}
