//! The text of the queries, put together once.

use std::sync::LazyLock;

use scry_protocol::EntityType;

macro_rules! common {
    () => {
        "__typename id campaignId name version createdAt updatedAt "
    };
}

const CAMPAIGN_FIELDS: &str = concat!(common!(), "description worldTime calendar myRole position { epoch seq }");
const KINGDOM_FIELDS: &str = concat!(common!(), "description");
const SETTLEMENT_FIELDS: &str =
    concat!(common!(), "kingdomId description level variables variableSchemas computed conditions");
const STRUCTURE_FIELDS: &str =
    concat!(common!(), "settlementId type description level variables variableSchemas computed conditions");
const LOCATION_FIELDS: &str = concat!(common!(), "kingdomId settlementId description type");
const ENCOUNTER_FIELDS: &str = concat!(common!(), "locationId description status");
const MEMBER_FIELDS: &str = concat!(common!(), "userId role");

/// The lists of a snapshot, parents before children.
pub(super) const SNAPSHOT_LISTS: [&str; 6] =
    ["kingdoms", "settlements", "structures", "locations", "encounters", "members"];

pub(super) const ME_QUERY: &str = "query { me { id username } }";

pub(super) const EVENT_DISPLAYS_QUERY: &str = "{ catalogueEvents { name summary severity } }";

pub(super) const EVENTS_QUERY: &str = "query ($campaignId: ID!, $since: Int, $limit: Int) {
    events(campaignId: $campaignId, since: $since, limit: $limit) { seq epoch type event } }";

pub(super) static CAMPAIGNS_QUERY: LazyLock<String> =
    LazyLock::new(|| format!("query {{ campaigns {{ {CAMPAIGN_FIELDS} }} }}"));

pub(super) static SNAPSHOT_QUERY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "query ($campaignId: ID!) {{ snapshot(campaignId: $campaignId) {{ position {{ epoch seq }}
            campaign {{ {CAMPAIGN_FIELDS} }} kingdoms {{ {KINGDOM_FIELDS} }} settlements {{ {SETTLEMENT_FIELDS} }}
            structures {{ {STRUCTURE_FIELDS} }} locations {{ {LOCATION_FIELDS} }} encounters {{ {ENCOUNTER_FIELDS} }}
            members {{ {MEMBER_FIELDS} }} }} }}"
    )
});

pub(super) static NODES_QUERY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "query ($ids: [ID!]!) {{ nodes(ids: $ids) {{
            ... on Campaign {{ {CAMPAIGN_FIELDS} }} ... on Kingdom {{ {KINGDOM_FIELDS} }}
            ... on Settlement {{ {SETTLEMENT_FIELDS} }} ... on Structure {{ {STRUCTURE_FIELDS} }}
            ... on Location {{ {LOCATION_FIELDS} }} ... on Encounter {{ {ENCOUNTER_FIELDS} }}
            ... on Member {{ {MEMBER_FIELDS} }} }} }}"
    )
});

/// Returns the name and the fields of a type that can be created, changed and deleted.
pub(super) const fn editable(kind: &EntityType) -> Option<(&'static str, &'static str)> {
    match kind {
        EntityType::Campaign => Some(("Campaign", CAMPAIGN_FIELDS)),
        EntityType::Kingdom => Some(("Kingdom", KINGDOM_FIELDS)),
        EntityType::Settlement => Some(("Settlement", SETTLEMENT_FIELDS)),
        EntityType::Structure => Some(("Structure", STRUCTURE_FIELDS)),
        EntityType::Location => Some(("Location", LOCATION_FIELDS)),
        EntityType::Encounter => Some(("Encounter", ENCOUNTER_FIELDS)),
        EntityType::Member | EntityType::Other(_) => None,
    }
}
