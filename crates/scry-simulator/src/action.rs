//! What somebody at the table does, and how the API is asked for it.

use scry_protocol::{EntityType, Id};
use serde_json::{Map, Value, json};

/// The account that acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PlayerRole {
    /// Moves the clock, the encounters and the fate of towns.
    Gm,
    /// Edits what the players' own business is.
    Player,
    /// Publishes events as a service.
    Bot,
}

/// An action of a simulated player.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayerAction {
    pub(crate) role: PlayerRole,
    pub(crate) action_kind: ActionKind,
}

/// The content of an action.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ActionKind {
    UpdateSettlement {
        id: Id,
        input: Map<String, Value>,
    },
    UpdateStructure {
        id: Id,
        input: Map<String, Value>,
    },
    UpdateEncounter {
        id: Id,
        input: Map<String, Value>,
    },
    CreateStructure {
        input: Map<String, Value>,
    },
    DeleteStructure {
        id: Id,
    },
    AdvanceTime {
        campaign_id: Id,
        seconds: i64,
    },
    /// Reports that computed values no longer hold: of one entity, or of the whole campaign.
    Invalidate {
        campaign_id: Id,
        entity: Option<(EntityType, Id)>,
        fields: Vec<String>,
    },
}

/// Points at what an action changes, and at the first field of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActionTarget {
    pub entity_type: EntityType,
    pub id: Id,
    /// The dotted name, as in `changedFields`.
    pub field: Option<String>,
}

/// The request that carries an action out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ActionRequest {
    Graphql { query: &'static str, variables: Value },
    Publish { event: &'static str, payload: Value },
}

impl ActionKind {
    /// Returns what is changed, where that exists already.
    #[must_use]
    pub(crate) fn place(&self) -> Option<ActionTarget> {
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
    pub(crate) fn request(&self) -> ActionRequest {
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
