//! The file as it is written, in TOML or in YAML.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use scry_config as config;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::plan::PlanError;
use super::yaml;

/// One file of expectations, with the places of what may be wrong in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The name that reports use; otherwise the file's own.
    pub name: Option<String>,
    /// How long the run may take.
    #[serde(default, deserialize_with = "span")]
    pub timeout: Option<Duration>,
    /// For how long to listen after the last expectation was met.
    #[serde(default, deserialize_with = "span")]
    pub settle: Option<Duration>,
    /// What to listen to.
    pub rooms: Option<Spanned<Rooms>>,
    /// Values that expressions use as `vars.NAME`.
    #[serde(default)]
    pub vars: BTreeMap<String, Spanned<toml::Value>>,
    /// Variables whose values never appear in any output.
    #[serde(default)]
    pub secrets: Vec<Spanned<String>>,
    /// What must happen, in this order.
    #[serde(default)]
    pub expect: Vec<Spanned<Step>>,
    /// What must not happen.
    #[serde(default)]
    pub never: Vec<Spanned<Never>>,
}

/// What to listen to, by id or by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rooms {
    /// Campaigns.
    #[serde(default)]
    pub campaign: OneOrMany,
    /// Settlements.
    #[serde(default)]
    pub settlement: OneOrMany,
    /// Structures.
    #[serde(default)]
    pub structure: OneOrMany,
    /// Rooms by their names on the wire.
    #[serde(default)]
    pub room: OneOrMany,
}

/// A text, or a list of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum OneOrMany {
    /// One text.
    One(String),
    /// Several texts.
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
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// One step: one expectation, or several whose order does not matter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The name that reports use.
    pub name: Option<String>,
    /// The expression that an event has to meet.
    pub event: Option<Spanned<String>>,
    /// How often the event must come, no more and no less.
    pub exactly: Option<u64>,
    /// How often the event must come at least.
    pub at_least: Option<u64>,
    /// For how long it is waited for, from where the step begins.
    #[serde(default, deserialize_with = "span")]
    pub within: Option<Duration>,
    /// The name of the step behind which it begins.
    pub after: Option<Spanned<String>>,
    /// Values of the event that later expressions use, by name.
    #[serde(default)]
    pub capture: BTreeMap<String, Spanned<String>>,
    /// Several expectations whose order does not matter.
    pub any_order: Option<Vec<Spanned<Item>>>,
}

/// One expectation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The name that reports use.
    pub name: Option<String>,
    /// The expression that an event has to meet.
    pub event: Spanned<String>,
    /// How often the event must come, no more and no less.
    pub exactly: Option<u64>,
    /// How often the event must come at least.
    pub at_least: Option<u64>,
    /// For how long it must not happen, from where the period begins.
    #[serde(default, deserialize_with = "span")]
    pub within: Option<Duration>,
    /// The name of the step behind which it begins.
    pub after: Option<Spanned<String>>,
    /// Values of the event that later expressions use, by name.
    #[serde(default)]
    pub capture: BTreeMap<String, Spanned<String>>,
}

/// What must not happen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Never {
    /// The name that reports use.
    pub name: Option<String>,
    /// The expression that an event has to meet.
    pub event: Spanned<String>,
    /// How many such events are allowed; 0 unless said otherwise.
    #[serde(default)]
    pub more_than: u64,
    /// For how long it must not happen, from where the period begins.
    #[serde(default, deserialize_with = "span")]
    pub within: Option<Duration>,
    /// The name of the step behind which it begins.
    pub after: Option<Spanned<String>>,
}

impl File {
    /// Reads a file's text, which is YAML if `path` ends in `.yaml` or `.yml`, else TOML.
    ///
    /// # Errors
    /// [`PlanError`] with file, line, key and what was probably meant.
    pub fn parse(path: &Path, text: &str) -> Result<Self, PlanError> {
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
