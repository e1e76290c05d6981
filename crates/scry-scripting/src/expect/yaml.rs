//! Files of expectations in YAML: the same keys as in TOML, and errors that point as exactly.

mod de;
mod node;

use std::path::Path;

use scry_config as config;
use serde::Deserialize;

use super::file::File;
use super::plan::PlanError;

/// An error in the text, with its place as far as that is known.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct YamlError {
    message: String,
    /// The byte of the text.
    at: Option<usize>,
    /// The keys that lead there, the innermost first.
    keys: Vec<String>,
}

/// Reads a file's text; `path` only names it in errors.
///
/// # Errors
/// [`PlanError`] with file, line, key and what was probably meant.
pub(super) fn parse(path: &Path, text: &str) -> Result<File, PlanError> {
    node::parse(text).and_then(|node| File::deserialize(&node)).map_err(|yaml_error| {
        let before = text.get(..yaml_error.at.unwrap_or(0)).unwrap_or_default();
        PlanError(format!("{}:{}: {}", path.display(), before.matches('\n').count() + 1, yaml_error.sentence()))
    })
}

impl YamlError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at: Some(at), keys: Vec::new() }
    }

    /// Adds the place, unless a more exact one is known.
    fn or_at(mut self, at: usize) -> Self {
        self.at.get_or_insert(at);
        self
    }

    fn below(mut self, key: &str) -> Self {
        self.keys.push(key.to_owned());
        self
    }

    fn sentence(&self) -> String {
        let unknown = self.message.starts_with("unknown field");
        let (key, outer) = match self.keys.split_first() {
            Some((key, outer)) if !unknown => (Some(key.as_str()), outer),
            Some(_) | None => (None, self.keys.as_slice()),
        };
        let place = outer.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".");
        let place = if place.is_empty() { place } else { format!(" in “{place}”") };
        config::file::sentence(&self.message, key, &place)
    }
}

impl serde::de::Error for YamlError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), at: None, keys: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
