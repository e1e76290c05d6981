//! The domain: every query and every change, whoever asks for it over whatever edge.
//!
//! A change is one transaction: authorize, compare versions, write, number the event, store it, and work
//! out what follows by the campaign's rules. It knows neither HTTP nor sockets.

pub mod campaign;
pub mod create;
pub mod declared;
pub mod delete;
mod derive;
mod dispute;
pub mod effects;
pub mod entity;
pub mod error;
mod idempotency;
mod input;
pub mod invitation;
pub mod kind;
mod loss;
pub mod maintenance;
pub mod member;
pub mod notification;
mod pending;
pub mod preferences;
pub mod publish;
pub mod query;
pub mod rulebooks;
pub(super) mod store;
pub mod typing;
mod unit;
pub mod update;
pub mod world_time;

pub use campaign::CampaignView;
pub use effects::DueEffect;
pub use entity::Entity;
pub use error::DomainError;
pub use invitation::Invitation;
pub use kind::Kind;
pub use member::Member;
pub use notification::Notification;
pub use preferences::Preferences;
pub use query::Snapshot;
pub use update::Expectation;
pub use world_time::ClockMove;

use scry_protocol::Id;

use super::core::Core;

/// Answers queries and makes changes; clones are cheap.
#[derive(Clone)]
pub struct Domain {
    core: Core,
}

/// Names who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    pub user_id: Id,
    pub name: String,
    /// Joins what belongs to one request across logs and events.
    pub correlation_id: String,
}

/// Holds the fields of a request, as JSON by name.
pub type Fields = serde_json::Map<String, serde_json::Value>;

impl Domain {
    /// Builds the domain over the core.
    #[must_use]
    pub const fn new(core: Core) -> Self {
        Self { core }
    }
}
