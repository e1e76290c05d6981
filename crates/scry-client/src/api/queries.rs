//! The text of the queries, put together once.

use std::sync::LazyLock;

use scry_protocol::EntityType;

macro_rules! common {
    () => {
        "__typename id campaignId name version createdAt updatedAt "
    };
}

const CAMPAIGN: &str = concat!(common!(), "description worldTime calendar myRole position { epoch seq }");
const KINGDOM: &str = concat!(common!(), "description");
const SETTLEMENT: &str =
    concat!(common!(), "kingdomId description level variables variableSchemas computed conditions");
const STRUCTURE: &str =
    concat!(common!(), "settlementId type description level variables variableSchemas computed conditions");
const LOCATION: &str = concat!(common!(), "kingdomId settlementId description type");
const ENCOUNTER: &str = concat!(common!(), "locationId description status");
const MEMBER: &str = concat!(common!(), "userId role");

/// The lists of a snapshot, parents before children.
pub(super) const SNAPSHOT_LISTS: [&str; 6] =
    ["kingdoms", "settlements", "structures", "locations", "encounters", "members"];

pub(super) const ME: &str = "query { me { id username } }";

pub(super) const LOOKS: &str = "{ catalogueEvents { name summary severity } }";

pub(super) const EVENTS: &str = "query ($campaignId: ID!, $since: Int, $limit: Int) {
    events(campaignId: $campaignId, since: $since, limit: $limit) { seq epoch type event } }";

pub(super) static CAMPAIGNS: LazyLock<String> = LazyLock::new(|| format!("query {{ campaigns {{ {CAMPAIGN} }} }}"));

pub(super) static SNAPSHOT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "query ($campaignId: ID!) {{ snapshot(campaignId: $campaignId) {{ position {{ epoch seq }}
            campaign {{ {CAMPAIGN} }} kingdoms {{ {KINGDOM} }} settlements {{ {SETTLEMENT} }}
            structures {{ {STRUCTURE} }} locations {{ {LOCATION} }} encounters {{ {ENCOUNTER} }}
            members {{ {MEMBER} }} }} }}"
    )
});

pub(super) static NODES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "query ($ids: [ID!]!) {{ nodes(ids: $ids) {{
            ... on Campaign {{ {CAMPAIGN} }} ... on Kingdom {{ {KINGDOM} }}
            ... on Settlement {{ {SETTLEMENT} }} ... on Structure {{ {STRUCTURE} }}
            ... on Location {{ {LOCATION} }} ... on Encounter {{ {ENCOUNTER} }}
            ... on Member {{ {MEMBER} }} }} }}"
    )
});

/// Returns the name and the fields of a type that can be created, changed and deleted.
pub(super) const fn editable(kind: &EntityType) -> Option<(&'static str, &'static str)> {
    match kind {
        EntityType::Campaign => Some(("Campaign", CAMPAIGN)),
        EntityType::Kingdom => Some(("Kingdom", KINGDOM)),
        EntityType::Settlement => Some(("Settlement", SETTLEMENT)),
        EntityType::Structure => Some(("Structure", STRUCTURE)),
        EntityType::Location => Some(("Location", LOCATION)),
        EntityType::Encounter => Some(("Encounter", ENCOUNTER)),
        EntityType::Member | EntityType::Other(_) => None,
    }
}
