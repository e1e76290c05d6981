//! A catalogue as it is written, before anything is checked; places are kept for error messages.

use scry_protocol::catalogue::Severity;
use scry_text::toml_file::Keyed;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::Durability;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub name: Spanned<String>,
    #[serde(default)]
    pub publishers: Vec<String>,
    #[serde(default)]
    pub rooms: Keyed<Rooms>,
    pub events: Keyed<Event>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rooms {
    pub claim: Option<Spanned<String>>,
    #[serde(default)]
    pub members: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub rooms: Spanned<Vec<Spanned<String>>>,
    pub durability: Durability,
    pub summary: Spanned<String>,
    #[serde(default)]
    pub severity: Severity,
    pub schema: Spanned<Value>,
}
