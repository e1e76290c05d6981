//! The file as it is written, in TOML or in YAML.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use scry_config as config;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::plan::PlanError;
use super::yaml;

/// A file of expectations, with the places of what may be wrong in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "span")]
    pub timeout: Option<Duration>,
    #[serde(default, deserialize_with = "span")]
    pub settle: Option<Duration>,
    pub rooms: Option<Spanned<Rooms>>,
    #[serde(default)]
    pub vars: BTreeMap<String, Spanned<toml::Value>>,
    /// Variables whose values never appear in any output.
    #[serde(default)]
    pub secrets: Vec<Spanned<String>>,
    #[serde(default)]
    pub expect: Vec<Spanned<Step>>,
    #[serde(default)]
    pub never: Vec<Spanned<Never>>,
}

/// The rooms to listen to, by id or by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rooms {
    #[serde(default)]
    pub campaign: OneOrMany,
    #[serde(default)]
    pub settlement: OneOrMany,
    #[serde(default)]
    pub structure: OneOrMany,
    /// Rooms by their names on the wire.
    #[serde(default)]
    pub room: OneOrMany,
}

/// A text, or a list of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    /// Returns the texts as a list.
    #[must_use]
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// A step: one expectation, or several whose order does not matter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub name: Option<String>,
    pub event: Option<Spanned<String>>,
    pub exactly: Option<u64>,
    pub at_least: Option<u64>,
    #[serde(default, deserialize_with = "span")]
    pub within: Option<Duration>,
    pub after: Option<Spanned<String>>,
    #[serde(default)]
    pub capture: BTreeMap<String, Spanned<String>>,
    pub any_order: Option<Vec<Spanned<Item>>>,
}

/// An expectation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    pub name: Option<String>,
    pub event: Spanned<String>,
    pub exactly: Option<u64>,
    pub at_least: Option<u64>,
    #[serde(default, deserialize_with = "span")]
    pub within: Option<Duration>,
    pub after: Option<Spanned<String>>,
    #[serde(default)]
    pub capture: BTreeMap<String, Spanned<String>>,
}

/// An event that must not happen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Never {
    pub name: Option<String>,
    pub event: Spanned<String>,
    #[serde(default)]
    pub more_than: u64,
    #[serde(default, deserialize_with = "span")]
    pub within: Option<Duration>,
    pub after: Option<Spanned<String>>,
}

impl File {
    /// Reads a file's text, which is YAML if `path` ends in `.yaml` or `.yml`, else TOML.
    ///
    /// # Errors
    /// [`PlanError`] with file, line, key and what was probably meant.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, PlanError> {
        let extension = path.extension().unwrap_or_default();
        if ["yaml", "yml"].iter().any(|yaml| extension.eq_ignore_ascii_case(yaml)) {
            return yaml::parse(path, text);
        }
        config::file::parse(path, text).map_err(|error| PlanError(error.to_string()))
    }
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    config::duration::deserialize(deserializer).map(Some)
}
