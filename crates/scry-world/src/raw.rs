//! A world file as it is written, before anything is checked; places are kept for error messages.

use std::fmt;

use scry_protocol::variable::VariableSchema;
use scry_text::toml_file::Keyed;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Spanned;

use super::model::EncounterStatus;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub users: Vec<User>,
    #[serde(default)]
    pub schemas: Schemas,
    #[serde(default)]
    pub rules: Vec<Rule>,
    pub campaigns: Vec<Campaign>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub name: Spanned<String>,
    pub password: String,
    #[serde(default)]
    pub service: bool,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The variables that all entities of a sort have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Schemas {
    pub settlement: Keyed<VariableSchema>,
    pub structure: Keyed<VariableSchema>,
    /// By type of structure.
    pub types: Keyed<Keyed<VariableSchema>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub name: Spanned<String>,
    pub on: String,
    pub formula: Option<String>,
    pub unit: Option<String>,
    #[serde(default)]
    pub depends_on_time: bool,
    pub expression: Option<String>,
    pub because: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Campaign {
    pub slug: Spanned<String>,
    pub name: String,
    pub description: String,
    pub calendar: Spanned<String>,
    pub world_time: Spanned<String>,
    pub members: Vec<Member>,
    pub kingdoms: Vec<Kingdom>,
    #[serde(default)]
    pub settlements: Vec<Settlement>,
    #[serde(default)]
    pub structures: Vec<Structure>,
    #[serde(default)]
    pub locations: Vec<Location>,
    #[serde(default)]
    pub encounters: Vec<Encounter>,
    #[serde(default)]
    pub effects: Vec<Effect>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    pub user: Spanned<String>,
    pub role: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kingdom {
    pub slug: Spanned<String>,
    pub name: String,
    pub description: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settlement {
    pub slug: Spanned<String>,
    pub kingdom: Spanned<String>,
    pub name: String,
    pub description: String,
    pub level: i64,
    pub variables: Keyed<Value>,
    #[serde(default)]
    pub schemas: Keyed<VariableSchema>,
    #[serde(default)]
    pub computed: Keyed<Value>,
    /// By the condition's name, whether it holds.
    #[serde(default)]
    pub conditions: Keyed<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Structure {
    pub slug: Spanned<String>,
    pub settlement: Spanned<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub description: String,
    pub level: i64,
    pub variables: Keyed<Value>,
    #[serde(default)]
    pub schemas: Keyed<VariableSchema>,
    #[serde(default)]
    pub computed: Keyed<Value>,
    #[serde(default)]
    pub conditions: Keyed<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Location {
    pub slug: Spanned<String>,
    pub kingdom: Option<Spanned<String>>,
    pub settlement: Option<Spanned<String>>,
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub description: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Encounter {
    pub slug: Spanned<String>,
    pub location: Option<Spanned<String>>,
    pub name: String,
    pub description: String,
    pub status: EncounterStatus,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effect {
    pub slug: Spanned<String>,
    pub name: String,
    pub description: String,
    pub target: Spanned<String>,
    pub at: Option<Spanned<String>>,
    pub every: Option<Every>,
    pub month: Option<Spanned<String>>,
    pub day: Option<Spanned<i64>>,
    #[serde(default)]
    pub set: Keyed<Value>,
    #[serde(default)]
    pub add: Keyed<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Every {
    Month,
    Year,
}
