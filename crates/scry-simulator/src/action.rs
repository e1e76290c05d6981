//! What somebody at the table does, and how the API is asked for it.

use scry_protocol::{EntityType, Id};
use serde_json::{Map, Value, json};

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlayerRole {
    /// Moves the clock, the encounters and the fate of towns.
    Gm,
    /// Edits what the players' own business is.
    Player,
    /// Publishes events as a service.
    Bot,
}

/// One act.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayerAction {
    /// Who does it.
    pub role: PlayerRole,
    /// What is done.
    pub action_kind: ActionKind,
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionKind {
    /// Change a settlement.
    UpdateSettlement {
        /// The entity.
        id: Id,
        /// The mutation's input.
        input: Map<String, Value>,
    },
    /// Change a structure.
    UpdateStructure {
        /// The entity.
        id: Id,
        /// The mutation's input.
        input: Map<String, Value>,
    },
    /// Change an encounter.
    UpdateEncounter {
        /// The entity.
        id: Id,
        /// The mutation's input.
        input: Map<String, Value>,
    },
    /// Build a structure.
    CreateStructure {
        /// The mutation's input.
        input: Map<String, Value>,
    },
    /// Tear a structure down.
    DeleteStructure {
        /// The entity.
        id: Id,
    },
    /// Move the campaign's clock.
    AdvanceTime {
        /// The campaign.
        campaign_id: Id,
        /// How far, in seconds of world time.
        seconds: i64,
    },
    /// Says that computed values no longer hold: of one entity, or of the whole campaign.
    Invalidate {
        /// The campaign.
        campaign_id: Id,
        /// The one entity concerned; `None` for the whole campaign.
        entity: Option<(EntityType, Id)>,
        /// The values that no longer hold; empty for all.
        fields: Vec<String>,
    },
}

/// A reference to what an action changes, and at the first field of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionTarget {
    pub entity_type: EntityType,
    pub id: Id,
    /// The dotted name, as in `changedFields`.
    pub field: Option<String>,
}

/// How the API is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionRequest {
    /// By a mutation.
    Graphql {
        /// The mutation.
        query: &'static str,
        /// Its variables.
        variables: Value,
    },
    /// By publishing an event.
    Publish {
        /// The event's name.
        event: &'static str,
        /// Its payload.
        payload: Value,
    },
}

impl ActionKind {
    /// Returns what is changed, where that exists already.
    #[must_use]
    pub fn place(&self) -> Option<ActionTarget> {
        let of = |entity_type, id: &Id, input: Option<&Map<String, Value>>| {
            let first = input.and_then(|input| input.iter().next());
            let field = first.map(|(name, value)| match value.as_object().and_then(|patch| patch.keys().next()) {
                Some(key) if name == "variables" => format!("{name}.{key}"),
                Some(_) | None => name.clone(),
            });
            Some(ActionTarget { entity_type, id: id.clone(), field })
        };
        match self {
            Self::UpdateSettlement { id, input } => of(EntityType::Settlement, id, Some(input)),
            Self::UpdateStructure { id, input } => of(EntityType::Structure, id, Some(input)),
            Self::UpdateEncounter { id, input } => of(EntityType::Encounter, id, Some(input)),
            Self::DeleteStructure { id } => of(EntityType::Structure, id, None),
            Self::CreateStructure { .. } | Self::AdvanceTime { .. } | Self::Invalidate { .. } => None,
        }
    }

    /// Returns the request that does it.
    #[must_use]
    pub fn request(&self) -> ActionRequest {
        let graphql = |query, variables| ActionRequest::Graphql { query, variables };
        match self {
            Self::UpdateSettlement { id, input } => graphql(
                "mutation ($id: ID!, $input: UpdateSettlementInput!) { updateSettlement(id: $id, input: $input) { id } }",
                json!({"id": id, "input": input}),
            ),
            Self::UpdateStructure { id, input } => graphql(
                "mutation ($id: ID!, $input: UpdateStructureInput!) { updateStructure(id: $id, input: $input) { id } }",
                json!({"id": id, "input": input}),
            ),
            Self::UpdateEncounter { id, input } => graphql(
                "mutation ($id: ID!, $input: UpdateEncounterInput!) { updateEncounter(id: $id, input: $input) { id } }",
                json!({"id": id, "input": input}),
            ),
            Self::CreateStructure { input } => graphql(
                "mutation ($input: CreateStructureInput!) { createStructure(input: $input) { id } }",
                json!({"input": input}),
            ),
            Self::DeleteStructure { id } => {
                graphql("mutation ($id: ID!) { deleteStructure(id: $id) }", json!({"id": id}))
            }
            Self::AdvanceTime { campaign_id, seconds } => graphql(
                "mutation ($campaignId: ID!, $seconds: Int!) {
                    advanceWorldTime(campaignId: $campaignId, seconds: $seconds) { newTime } }",
                json!({"campaignId": campaign_id, "seconds": seconds}),
            ),
            Self::Invalidate { campaign_id, entity, fields } => {
                let mut payload = json!({"scope": "campaign", "campaignId": campaign_id, "affectedFields": fields});
                if let Some((entity_type, id)) = entity {
                    payload["scope"] = "entity".into();
                    payload["entityType"] = entity_type.as_str().into();
                    payload["entityId"] = id.as_str().into();
                }
                ActionRequest::Publish { event: "state_invalidated", payload }
            }
        }
    }
}
