//! The domain: every query and every change, whoever asks for it over whatever edge.
//!
//! A change is one transaction: authorize, compare versions, write, number the event, store it, and work
//! out what follows by the campaign's rules. It knows neither HTTP nor sockets.

pub mod campaign;
mod conflict_watch;
pub mod create;
pub mod custom;
pub mod delete;
mod derive;
mod dirty;
pub mod effects;
pub mod entity;
pub mod error;
mod idempotency;
mod input;
pub mod invitation;
pub mod kind;
pub mod maintenance;
pub mod member;
pub mod notification;
mod overwritten;
pub mod preferences;
pub mod publish;
pub mod query;
pub mod rule_cache;
pub(super) mod store;
pub mod typing;
mod unit_of_work;
pub mod update;
pub mod world_time;

pub use campaign::CampaignView;
pub use effects::EffectOccurrence;
pub use entity::Entity;
pub use error::DomainError;
pub use invitation::Invitation;
pub use kind::EntityKind;
pub use member::Member;
pub use notification::Notification;
pub use preferences::DeliveryPreferences;
pub use query::CampaignSnapshot;
pub use update::EditPrecondition;
pub use world_time::WorldTimeMove;

use scry_protocol::Id;

use super::state::AppState;

/// Answers queries and makes changes; clones are cheap.
#[derive(Clone)]
pub struct Domain {
    state: AppState,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Their id.
    pub user_id: Id,
    /// Their name.
    pub name: String,
    /// Joins what belongs to one request across logs and events.
    pub correlation_id: String,
}

/// The fields of a request, as JSON by name.
pub type FieldMap = serde_json::Map<String, serde_json::Value>;

impl Domain {
    /// Builds the domain over the server's state.
    #[must_use]
    pub const fn new(state: AppState) -> Self {
        Self { state }
    }
}
