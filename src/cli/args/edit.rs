//! Options of the commands that ask and change.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use scry_protocol::{EntityType, OnConflict};
use scry_scripting::since::Since;

use crate::cli::complete;

/// Types of entity as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EntityArg {
    #[value(alias = "campaigns")]
    Campaign,
    #[value(alias = "kingdoms")]
    Kingdom,
    #[value(alias = "settlements")]
    Settlement,
    #[value(alias = "structures")]
    Structure,
    #[value(alias = "locations")]
    Location,
    #[value(alias = "encounters")]
    Encounter,
    #[value(alias = "members")]
    Member,
}

impl EntityArg {
    /// Returns the name that people write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Kingdom => "kingdom",
            Self::Settlement => "settlement",
            Self::Structure => "structure",
            Self::Location => "location",
            Self::Encounter => "encounter",
            Self::Member => "member",
        }
    }
}

/// What `scry get` shows: entities, and what the server keeps beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetKind {
    Entity(EntityArg),
    Notification,
    Preferences,
    Effect,
    Event,
}

impl ValueEnum for GetKind {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Entity(EntityArg::Campaign),
            Self::Entity(EntityArg::Kingdom),
            Self::Entity(EntityArg::Settlement),
            Self::Entity(EntityArg::Structure),
            Self::Entity(EntityArg::Location),
            Self::Entity(EntityArg::Encounter),
            Self::Entity(EntityArg::Member),
            Self::Notification,
            Self::Preferences,
            Self::Effect,
            Self::Event,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Entity(entity) => return entity.to_possible_value(),
            Self::Notification => notification(),
            Self::Preferences => preferences(),
            Self::Effect => {
                PossibleValue::new("effect").alias("effects").help("What the clock of a campaign will bring")
            }
            Self::Event => PossibleValue::new("event").alias("events").help("What has happened in a campaign"),
        })
    }
}

/// What `scry update` changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateKind {
    Entity(EntityArg),
    Notification,
    Preferences,
}

impl ValueEnum for UpdateKind {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Entity(EntityArg::Campaign),
            Self::Entity(EntityArg::Kingdom),
            Self::Entity(EntityArg::Settlement),
            Self::Entity(EntityArg::Structure),
            Self::Entity(EntityArg::Location),
            Self::Entity(EntityArg::Encounter),
            Self::Entity(EntityArg::Member),
            Self::Notification,
            Self::Preferences,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Entity(entity) => return entity.to_possible_value(),
            Self::Notification => notification(),
            Self::Preferences => preferences(),
        })
    }
}

fn notification() -> PossibleValue {
    PossibleValue::new("notification").alias("notifications").help("What you were told")
}

fn preferences() -> PossibleValue {
    PossibleValue::new("preferences").help("What you want to be told at once")
}

impl From<EntityArg> for EntityType {
    fn from(entity: EntityArg) -> Self {
        match entity {
            EntityArg::Campaign => Self::Campaign,
            EntityArg::Kingdom => Self::Kingdom,
            EntityArg::Settlement => Self::Settlement,
            EntityArg::Structure => Self::Structure,
            EntityArg::Location => Self::Location,
            EntityArg::Encounter => Self::Encounter,
            EntityArg::Member => Self::Member,
        }
    }
}

/// Ways to print entities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// One JSON object per line
    #[default]
    Json,
    Table,
}

/// What happens to a change when somebody else was first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ConflictPolicyArg {
    /// Apply it if the two touched different fields, refuse it otherwise
    #[default]
    Merge,
    /// Refuse it
    Reject,
    /// Apply it, and tell whoever lost a value
    LastWriteWins,
}

impl From<ConflictPolicyArg> for OnConflict {
    fn from(conflict: ConflictPolicyArg) -> Self {
        match conflict {
            ConflictPolicyArg::Merge => Self::Merge,
            ConflictPolicyArg::Reject => Self::Reject,
            ConflictPolicyArg::LastWriteWins => Self::LastWriteWins,
        }
    }
}

/// Options of `scry get`.
#[derive(Debug, Clone, Args)]
pub struct GetArgs {
    #[arg(value_name = "TYPE")]
    pub what: GetKind,
    /// Show only this one, by id or name
    #[arg(value_name = "ID|NAME", add = complete::named_type())]
    pub id: Option<String>,
    /// Look in this campaign only
    #[arg(long, value_name = "ID|NAME", add = complete::campaigns())]
    pub campaign: Option<String>,
    /// Of notifications, only those that are not read yet
    #[arg(long)]
    pub unread: bool,
    /// Of effects, those until then: a world time, or how far from now, for example 3d
    #[arg(long, value_name = "TIME|DURATION", default_value = "30d")]
    pub until: String,
    /// Of events, those after this one (1200), since this long ago (5m), or from the beginning
    #[arg(long, value_name = "SEQ|DURATION|beginning", default_value = "beginning")]
    pub since: Since,
    /// Of events, at most this many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    #[arg(short, long, value_enum, default_value_t)]
    pub output: OutputForm,
}

/// Options of `scry create`.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    #[arg(value_name = "TYPE")]
    pub entity: EntityArg,
    /// In this campaign; what it belongs to is looked for there only
    #[arg(long, value_name = "ID|NAME", add = complete::campaigns())]
    pub campaign: Option<String>,
    /// Give a field a value, for example name=Harbour, settlementId=Saltwick or variables.population=1200; @FILE and @-
    /// read it
    #[arg(long = "set", value_name = "FIELD=VALUE", required = true)]
    pub set: Vec<String>,
    /// Repeating the command with this key changes nothing more
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Keep the edit and send it later if the server cannot be reached now
    #[arg(long)]
    pub queue: bool,
}

/// Options of `scry update`.
#[derive(Debug, Clone, Args)]
pub struct UpdateArgs {
    #[arg(value_name = "TYPE")]
    pub entity: UpdateKind,
    /// Which one; of notifications, `all` is every one, and preferences are one's own
    #[arg(value_name = "ID|NAME", add = complete::named_type())]
    pub id: Option<String>,
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
    pub on_conflict: ConflictPolicyArg,
    /// Repeating the command with this key changes nothing more
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Keep the edit and send it later if the server cannot be reached now
    #[arg(long)]
    pub queue: bool,
}

/// Options of `scry delete`.
#[derive(Debug, Clone, Args)]
pub struct DeleteArgs {
    #[arg(value_name = "TYPE")]
    pub entity: EntityArg,
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
pub struct AdvanceTimeArgs {
    #[arg(value_name = "CAMPAIGN", add = complete::campaigns())]
    pub campaign: String,
    /// How far, for example 3h, 2d or 90m; with a minus sign back
    #[arg(value_name = "DURATION", allow_hyphen_values = true, value_parser = signed_duration)]
    pub by: jiff::SignedDuration,
    /// Repeating the command with this key changes nothing more
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Keep the edit and send it later if the server cannot be reached now
    #[arg(long)]
    pub queue: bool,
}

/// Options of `scry set-time`.
#[derive(Debug, Clone, Args)]
pub struct SetTimeArgs {
    #[arg(value_name = "CAMPAIGN", add = complete::campaigns())]
    pub campaign: String,
    /// The world's new time, for example 1207-09-14T18:20:00Z
    #[arg(value_name = "TIME")]
    pub time: String,
    /// Forget that the clock was ever further: scheduled effects after this time happen again
    #[arg(long)]
    pub rewind: bool,
    /// Repeating the command with this key changes nothing more
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Keep the edit and send it later if the server cannot be reached now
    #[arg(long)]
    pub queue: bool,
}

/// Options of `scry notify`.
#[derive(Debug, Clone, Args)]
pub struct NotifyArgs {
    /// Whom to tell: members of a campaign of yours
    #[arg(value_name = "USER", required = true, add = complete::entities(EntityArg::Member))]
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
pub struct PublishArgs {
    /// The event's name, for example state_invalidated
    #[arg(value_name = "EVENT")]
    pub event: String,
    /// Its payload; @FILE and @- read it
    #[arg(long, value_name = "PAYLOAD")]
    pub json: String,
}

pub(in crate::cli) fn signed_duration(text: &str) -> Result<jiff::SignedDuration, String> {
    let help = || format!("“{text}” is not a duration; write for example 3h, 2d, 90m or -1h");
    let days = |text: &str| text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
    match days(text) {
        Some(days) => days.checked_mul(86_400).map(jiff::SignedDuration::from_secs).ok_or_else(help),
        None => text.parse().map_err(|_| help()),
    }
}
