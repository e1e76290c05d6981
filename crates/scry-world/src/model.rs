//! A world as it was read and checked.

use scry_calendar::Calendar;
use scry_protocol::Role;
use scry_protocol::variable::VariableSchema;
use scry_query::formula::{Computed, Condition, Rule, RuleKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Everything a server is seeded with.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    pub users: Vec<User>,
    pub campaigns: Vec<Campaign>,
}

/// Someone who may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub password: String,
    /// Tells a program, which may publish events, from a person.
    pub service: bool,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("service", &self.service).finish_non_exhaustive()
    }
}

/// A campaign. Slugs are unique within it, whatever they name; parents are named by slug.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    pub slug: String,
    pub name: String,
    pub description: String,
    /// RFC 3339 UTC with milliseconds.
    pub world_time: String,
    pub calendar: Calendar,
    pub members: Vec<Member>,
    pub kingdoms: Vec<Kingdom>,
    pub settlements: Vec<Settlement>,
    pub structures: Vec<Structure>,
    pub locations: Vec<Location>,
    pub encounters: Vec<Encounter>,
    pub rules: Vec<Rule>,
    pub effects: Vec<Effect>,
}

/// What a user may do in a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// A user's name.
    pub user: String,
    pub role: Role,
}

/// A kingdom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kingdom {
    pub slug: String,
    pub name: String,
    pub description: String,
}

/// A settlement of a kingdom.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    pub slug: String,
    pub kingdom: String,
    pub name: String,
    pub description: String,
    pub level: i64,
    pub sheet: Sheet,
}

/// A structure in a settlement.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    pub slug: String,
    pub settlement: String,
    /// Such as `granary`; the `type` on the wire.
    pub kind: String,
    pub name: String,
    pub description: String,
    pub level: i64,
    pub sheet: Sheet,
}

/// A place outside the settlements' structures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub slug: String,
    pub kingdom: Option<String>,
    pub settlement: Option<String>,
    /// The `type` on the wire.
    pub kind: String,
    pub name: String,
    pub description: String,
}

/// Something that may happen to the players.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encounter {
    pub slug: String,
    pub location: Option<String>,
    pub name: String,
    pub description: String,
    pub status: EncounterStatus,
}

/// How far an encounter has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncounterStatus {
    Planned,
    Active,
    Resolved,
}

impl EncounterStatus {
    /// Returns the name used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Active => "active",
            Self::Resolved => "resolved",
        }
    }
}

/// What a settlement or structure is made of, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    pub variables: Map<String, Value>,
    pub schemas: Vec<(String, VariableSchema)>,
    pub computed: Vec<(String, Computed)>,
    pub conditions: Vec<Condition>,
}

impl Sheet {
    /// Returns the schema of a variable.
    #[must_use]
    pub fn schema(&self, variable: &str) -> Option<&VariableSchema> {
        self.schemas.iter().find(|(name, _)| name == variable).map(|(_, schema)| schema)
    }

    /// Returns `variableSchemas` as they are on the wire.
    #[must_use]
    pub fn schemas_json(&self) -> Value {
        self.schemas.iter().map(|(name, schema)| (name.clone(), json!(schema))).collect::<Map<_, _>>().into()
    }

    /// Returns `computed` as it is on the wire.
    #[must_use]
    pub fn computed_json(&self) -> Value {
        self.computed.iter().map(|(name, computed)| (name.clone(), json!(computed))).collect::<Map<_, _>>().into()
    }

    /// Returns `conditions` as they are on the wire.
    #[must_use]
    pub fn conditions_json(&self) -> Value {
        json!(self.conditions)
    }
}

/// A change that the world's clock brings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    pub slug: String,
    pub name: String,
    pub description: String,
    /// The slug of a settlement or structure.
    pub target: String,
    pub when: When,
    /// What variables become.
    pub set: Map<String, Value>,
    /// What is added to numbers, within their range.
    pub add: Map<String, Value>,
}

/// When an effect happens, by the campaign's own calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "every")]
pub enum When {
    /// Once, at a world time in RFC 3339.
    Once { at: String },
    /// As a day of each month begins; on its last where it has fewer.
    Month { day: i64 },
    /// As a day of one month begins, or of days outside the months.
    Year { month: String, day: i64 },
}

/// A rule or an effect as the server stores it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDefinition {
    /// `computed`, `condition` or `effect`.
    pub kind: &'static str,
    /// Unique within its kind and campaign.
    pub slug: String,
    pub body: Value,
}

impl Campaign {
    /// Returns the rules and effects as the server stores them.
    #[must_use]
    pub fn definitions(&self) -> Vec<StoredDefinition> {
        let rule = |rule: &Rule| StoredDefinition {
            kind: match rule.kind {
                RuleKind::Computed { .. } => "computed",
                RuleKind::Condition { .. } => "condition",
            },
            slug: format!("{}.{}", rule.on, rule.name),
            body: json!(rule),
        };
        let effect =
            |effect: &Effect| StoredDefinition { kind: "effect", slug: effect.slug.clone(), body: json!(effect) };
        self.rules.iter().map(rule).chain(self.effects.iter().map(effect)).collect()
    }

    /// Finds what a settlement or structure is made of.
    #[must_use]
    pub fn sheet(&self, slug: &str) -> Option<&Sheet> {
        let settlement = self.settlements.iter().find(|settlement| settlement.slug == slug).map(|it| &it.sheet);
        settlement.or_else(|| self.structures.iter().find(|structure| structure.slug == slug).map(|it| &it.sheet))
    }
}
