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
    /// Who may log in.
    pub users: Vec<User>,
    /// The campaigns.
    pub campaigns: Vec<Campaign>,
}

/// Someone who may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The password in plain text, hashed when the world is loaded.
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
    /// Its name within the file.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// RFC 3339 UTC with milliseconds.
    pub world_time: String,
    /// The calendar that its clock follows.
    pub calendar: Calendar,
    /// Who takes part.
    pub members: Vec<Member>,
    /// Its kingdoms.
    pub kingdoms: Vec<Kingdom>,
    /// Its settlements.
    pub settlements: Vec<Settlement>,
    /// Its structures.
    pub structures: Vec<Structure>,
    /// Its locations.
    pub locations: Vec<Location>,
    /// Its encounters.
    pub encounters: Vec<Encounter>,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// Its effects.
    pub effects: Vec<Effect>,
}

/// What a user may do in a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// A user's name.
    pub user: String,
    /// What the user may do.
    pub role: Role,
}

/// A kingdom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kingdom {
    /// Its name within the file.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
}

/// A settlement of a kingdom.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// Its name within the file.
    pub slug: String,
    /// The slug of the kingdom that it belongs to.
    pub kingdom: String,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// How far it is developed, from 0.
    pub level: i64,
    /// Its variables and what follows from them.
    pub sheet: Sheet,
}

/// A structure in a settlement.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// Its name within the file.
    pub slug: String,
    /// The slug of the settlement that it stands in.
    pub settlement: String,
    /// Such as `granary`; the `type` on the wire.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// How far it is developed, from 0.
    pub level: i64,
    /// Its variables and what follows from them.
    pub sheet: Sheet,
}

/// A place outside the settlements' structures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its name within the file.
    pub slug: String,
    /// The slug of the kingdom that it belongs to.
    pub kingdom: Option<String>,
    /// The slug of the settlement that it stands in.
    pub settlement: Option<String>,
    /// The `type` on the wire.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
}

/// Something that may happen to the players.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encounter {
    /// Its name within the file.
    pub slug: String,
    /// The slug of the location that it happens at.
    pub location: Option<String>,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// How far it has come.
    pub status: EncounterStatus,
}

/// How far an encounter has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncounterStatus {
    /// The players have not met it.
    Planned,
    /// The players are in it.
    Active,
    /// It is over.
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
    /// The values of the variables.
    pub variables: Map<String, Value>,
    /// What each variable may hold.
    pub schemas: Vec<(String, VariableSchema)>,
    /// The values that follow from the variables.
    pub computed: Vec<(String, Computed)>,
    /// The conditions, and whether they hold.
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
    /// Its name within the file.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// The slug of a settlement or structure.
    pub target: String,
    /// When it happens.
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
    Once {
        /// The date and time.
        at: String,
    },
    /// As a day of each month begins; on its last where it has fewer.
    Month {
        /// The day of the month, from 1.
        day: i64,
    },
    /// As a day of one month begins, or of days outside the months.
    Year {
        /// The month.
        month: String,
        /// The day of the month, from 1.
        day: i64,
    },
}

/// A rule or an effect as the server stores it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDefinition {
    /// `computed`, `condition` or `effect`.
    pub kind: &'static str,
    /// Unique within its kind and campaign.
    pub slug: String,
    /// The rule or effect, as JSON.
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
