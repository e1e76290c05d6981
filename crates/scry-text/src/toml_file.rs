//! TOML files read as a whole, with errors that name the line, the table and the key (pure).

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::input;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {place}: {fault}")]
pub struct TomlFileError {
    /// Counted from 1.
    pub line: usize,
    /// The table and the key, such as `settlement harrows-rest, variables.population`.
    pub place: String,
    /// What is wrong, and what to write instead.
    pub fault: String,
}

/// What is wrong, and at which byte of the file.
#[derive(Debug)]
pub struct SpannedError {
    /// The byte of the file.
    pub at: usize,
    /// The key.
    pub place: String,
    /// What is wrong, and what to write instead.
    pub text: String,
}

/// Reads a file as it is written, then builds what it means; `what` names it where it is no TOML.
///
/// # Errors
/// The first fault found.
pub fn read<F: DeserializeOwned, T>(
    text: &str,
    what: &str,
    build: impl FnOnce(F) -> Result<T, SpannedError>,
) -> Result<T, TomlFileError> {
    let syntax = |error: toml::de::Error| TomlFileError {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        place: what.to_owned(),
        fault: error.message().to_owned(),
    };
    let table = DeTable::parse(text).map_err(syntax)?;
    check_table(table.get_ref()).map_err(|UnstorableTextError(at, fault)| TomlFileError {
        line: line_of(text, at),
        place: what.to_owned(),
        fault,
    })?;
    let file = toml::from_str(text).map_err(syntax)?;
    build(file).map_err(|fault| TomlFileError { line: line_of(text, fault.at), place: fault.place, fault: fault.text })
}

/// The place of a text that no database may get, and what is wrong with it.
struct UnstorableTextError(usize, String);

fn check_table(table: &DeTable<'_>) -> Result<(), UnstorableTextError> {
    table.iter().try_for_each(|(key, value)| {
        check_text(key.get_ref(), key.span().start)?;
        check_value(value)
    })
}

fn check_value(value: &Spanned<DeValue<'_>>) -> Result<(), UnstorableTextError> {
    match value.get_ref() {
        DeValue::String(text) => check_text(text, value.span().start),
        DeValue::Array(items) => items.iter().try_for_each(check_value),
        DeValue::Table(table) => check_table(table),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => Ok(()),
    }
}

fn check_text(text: &str, at: usize) -> Result<(), UnstorableTextError> {
    input::text(text).map(|_| ()).map_err(|problem| UnstorableTextError(at, format!("a text {problem}")))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn text_that_no_database_takes_is_refused_with_its_line() {
        for file in ["a = 1\nb = [{c = \"x\\u0000\"}]\n", "a = 1\n[b]\n\"c\\U00000000\" = 2\n"] {
            let refused = read::<BTreeMap<String, toml::Value>, ()>(file, "world file", |_| Ok(())).unwrap_err();
            let line = if file.contains("[b]") { 3 } else { 2 };
            assert_eq!(
                refused.to_string(),
                format!("line {line}: world file: a text must not contain the character U+0000")
            );
        }
        let sound = "a = \"\\\\u0000\"\nb = '\\u0000'\n";
        assert!(read::<BTreeMap<String, toml::Value>, ()>(sound, "world file", |_| Ok(())).is_ok());
    }
}
