//! Options of the commands that ask and change.

use clap::{Args, ValueEnum};

use crate::cli::complete;
use crate::protocol::{EntityType, OnConflict};

/// Types of entity as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Entity {
    Campaign,
    Kingdom,
    Settlement,
    Structure,
    Location,
    Encounter,
    Member,
}

impl From<Entity> for EntityType {
    fn from(entity: Entity) -> Self {
        match entity {
            Entity::Campaign => Self::Campaign,
            Entity::Kingdom => Self::Kingdom,
            Entity::Settlement => Self::Settlement,
            Entity::Structure => Self::Structure,
            Entity::Location => Self::Location,
            Entity::Encounter => Self::Encounter,
            Entity::Member => Self::Member,
        }
    }
}

/// Ways to print entities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// One JSON object per line
    #[default]
    Json,
    Table,
}

/// What happens to a change when somebody else was first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Conflict {
    /// Apply it if the two touched different fields, refuse it otherwise
    #[default]
    Merge,
    /// Refuse it
    Reject,
    /// Apply it, and tell whoever lost a value
    LastWriteWins,
}

impl From<Conflict> for OnConflict {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Merge => Self::Merge,
            Conflict::Reject => Self::Reject,
            Conflict::LastWriteWins => Self::LastWriteWins,
        }
    }
}

/// Options of `scry get`.
#[derive(Debug, Clone, Args)]
pub struct Get {
    #[arg(value_name = "TYPE")]
    pub entity: Entity,
    /// Show only this one, by id or name
    #[arg(value_name = "ID|NAME", add = complete::named_type())]
    pub id: Option<String>,
    /// Look in this campaign only
    #[arg(long, value_name = "ID|NAME", add = complete::campaigns())]
    pub campaign: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `scry create`.
#[derive(Debug, Clone, Args)]
pub struct Create {
    #[arg(value_name = "TYPE")]
    pub entity: Entity,
    /// Give a field a value, for example name=Harbour or variables.population=1200; @FILE and @- read it
    #[arg(long = "set", value_name = "FIELD=VALUE", required = true)]
    pub set: Vec<String>,
    /// Repeating the command with this key changes nothing more
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

/// Options of `scry update`.
#[derive(Debug, Clone, Args)]
pub struct Update {
    #[arg(value_name = "TYPE")]
    pub entity: Entity,
    #[arg(value_name = "ID|NAME", add = complete::named_type())]
    pub id: String,
    /// Look in this campaign only
    #[arg(long, value_name = "ID|NAME", add = complete::campaigns())]
    pub campaign: Option<String>,
    /// Give a field a value, for example level=3 or variables.population=1200; @FILE and @- read it
    #[arg(long = "set", value_name = "FIELD=VALUE", required = true)]
    pub set: Vec<String>,
    /// The version the change was made from; without it the change is applied to whatever is there
    #[arg(long, value_name = "N")]
    pub expected_version: Option<i64>,
    /// What to do if somebody else has changed it since that version
    #[arg(long, value_enum, default_value_t, requires = "expected_version")]
    pub on_conflict: Conflict,
    /// Repeating the command with this key changes nothing more
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Keep the edit and send it later if the server cannot be reached now
    #[arg(long)]
    pub queue: bool,
}

/// Options of `scry delete`.
#[derive(Debug, Clone, Args)]
pub struct Delete {
    #[arg(value_name = "TYPE")]
    pub entity: Entity,
    #[arg(value_name = "ID|NAME", add = complete::named_type())]
    pub id: String,
    /// Look in this campaign only
    #[arg(long, value_name = "ID|NAME", add = complete::campaigns())]
    pub campaign: Option<String>,
    /// Delete it only if nobody else has changed it since this version
    #[arg(long, value_name = "N")]
    pub expected_version: Option<i64>,
    /// Repeating the command with this key changes nothing more
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Keep the edit and send it later if the server cannot be reached now
    #[arg(long)]
    pub queue: bool,
}

/// Options of `scry advance-time`.
#[derive(Debug, Clone, Args)]
pub struct AdvanceTime {
    #[arg(value_name = "CAMPAIGN", add = complete::campaigns())]
    pub campaign: String,
    /// How far, for example 3h, 2d or 90m; with a minus sign back
    #[arg(value_name = "DURATION", allow_hyphen_values = true, value_parser = signed_duration)]
    pub by: jiff::SignedDuration,
    /// Repeating the command with this key changes nothing more
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

/// Options of `scry set-time`.
#[derive(Debug, Clone, Args)]
pub struct SetTime {
    #[arg(value_name = "CAMPAIGN", add = complete::campaigns())]
    pub campaign: String,
    /// The world's new time, for example 1207-09-14T18:20:00Z
    #[arg(value_name = "TIME")]
    pub time: String,
    /// Repeating the command with this key changes nothing more
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

/// Options of `scry notify`.
#[derive(Debug, Clone, Args)]
pub struct Notify {
    /// Whom to tell: members of a campaign of yours
    #[arg(value_name = "USER", required = true, add = complete::entities(Entity::Member))]
    pub users: Vec<String>,
    /// Look for them in this campaign only
    #[arg(long, value_name = "ID|NAME", add = complete::campaigns())]
    pub campaign: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub title: String,
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub body: String,
    /// info, success, warning or error
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub level: String,
}

/// Options of `scry publish`.
#[derive(Debug, Clone, Args)]
pub struct Publish {
    /// The event's name, for example state_invalidated
    #[arg(value_name = "EVENT")]
    pub event: String,
    /// Its payload; @FILE and @- read it
    #[arg(long, value_name = "PAYLOAD")]
    pub json: String,
}

fn signed_duration(text: &str) -> Result<jiff::SignedDuration, String> {
    let help = || format!("“{text}” is not a duration; write for example 3h, 2d, 90m or -1h");
    let days = |text: &str| text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
    match days(text) {
        Some(days) => days.checked_mul(86_400).map(jiff::SignedDuration::from_secs).ok_or_else(help),
        None => text.parse().map_err(|_| help()),
    }
}
