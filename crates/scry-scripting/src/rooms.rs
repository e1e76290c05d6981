//! Turns what a person named on the command line into rooms.

use std::collections::BTreeSet;

use scry_client::api::{Api, CampaignSummary};
use scry_client::error::ApiError;
use scry_protocol::{ErrorCode, Id, ParseRoomError, Room, RoomKind};
use scry_query::expr::KnownNames;
use scry_text::suggest::nearest;
use serde_json::Value;

use super::resolve_name::{NamedCandidate, ResolveNameError, resolve_name};

/// The names and ids a person gave, by kind of room.
#[derive(Debug, Clone, Default)]
pub struct NamedRooms {
    /// Names or ids of campaigns.
    pub campaigns: Vec<String>,
    /// Names or ids of settlements.
    pub settlements: Vec<String>,
    /// Names or ids of structures.
    pub structures: Vec<String>,
}

/// The reason why a name leads to no room.
#[derive(Debug, thiserror::Error)]
pub enum RoomsError {
    /// The name is unknown or not unique.
    #[error(transparent)]
    Pick(#[from] ResolveNameError),
    /// The API could not be asked.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// Reads the name of a room as a person writes it: a kind that is nearly one of the gateway's own is a slip.
///
/// # Errors
/// A sentence with what was meant, or why the text is no room.
pub fn named(text: &str) -> Result<Room, String> {
    let room: Room = text.parse().map_err(|error: ParseRoomError| error.to_string())?;
    // Short words are near to too many others.
    let own = RoomKind::BUILT_IN.into_iter().filter(|kind| kind.len() > 4);
    match (&room, nearest(room.kind(), own)) {
        (Room::Custom(..), Some(near)) => Err(format!("“{}” is not a kind of room; did you mean {near}?", room.kind())),
        _ => Ok(room),
    }
}

/// Finds the rooms that were named; the campaigns given narrow the search for the rest.
///
/// An id needs no look-up, so that a gateway without an API can be listened to by id.
///
/// # Errors
/// [`RoomsError`] when a name is unknown or not unique, or the API cannot be asked.
pub async fn find(api: &Api, named: &NamedRooms) -> Result<Vec<Room>, RoomsError> {
    let everything = named.campaigns.iter().chain(&named.settlements).chain(&named.structures);
    let summaries = if everything.clone().all(|text| is_uuid(text)) { Vec::new() } else { api.campaigns().await? };
    let mut campaigns = Vec::new();
    for wanted in &named.campaigns {
        campaigns.push(campaign_id(wanted, &summaries)?);
    }
    let mut rooms: Vec<Room> = campaigns.iter().cloned().map(Room::Campaign).collect();

    let searched = if campaigns.is_empty() { summaries.into_iter().map(|one| one.id).collect() } else { campaigns };
    let narrow = named.settlements.iter().chain(&named.structures);
    let nodes = if narrow.clone().all(|text| is_uuid(text)) { Vec::new() } else { nodes(api, &searched).await? };
    for wanted in &named.settlements {
        rooms.push(Room::Settlement(entity_id("settlement", wanted, "Settlement", &nodes)?));
    }
    for wanted in &named.structures {
        rooms.push(Room::Structure(entity_id("structure", wanted, "Structure", &nodes)?));
    }
    rooms.dedup();
    Ok(rooms)
}

/// Finds the campaign that was named among those the user may view.
///
/// # Errors
/// [`ResolveNameError`] when the name is unknown or not unique.
pub fn campaign_id(wanted: &str, summaries: &[CampaignSummary]) -> Result<Id, ResolveNameError> {
    if let Some(id) = uuid(wanted) {
        return Ok(id);
    }
    let candidate =
        |one: &CampaignSummary| NamedCandidate { id: one.id.clone(), name: one.name.clone(), place: String::new() };
    let candidates: Vec<_> = summaries.iter().map(candidate).collect();
    resolve_name("campaign", wanted, &candidates).map(|found| found.id.clone())
}

/// Learns what the entities of the rooms' campaigns call their variables and computed values; unless `needed`, only that
/// the server tells of entities at all.
///
/// # Errors
/// [`RoomsError::Api`] when the API cannot be asked, or there is none.
pub async fn names(api: &Api, rooms: &[Room], needed: bool) -> Result<KnownNames, RoomsError> {
    let mut names = KnownNames::default();
    if !needed {
        api.campaigns().await?;
        return Ok(names);
    }
    for campaign in campaigns_of(api, rooms).await? {
        match api.snapshot(&campaign).await {
            Ok(snapshot) => snapshot.values().iter().for_each(|node| names.learn(node)),
            // The gateway refuses the room as well, in words that everybody knows how to read.
            Err(ApiError::Refused { code: ErrorCode::Unauthorized | ErrorCode::NotFound, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(names)
}

/// Lists the campaigns that rooms belong to.
async fn campaigns_of(api: &Api, rooms: &[Room]) -> Result<BTreeSet<Id>, ApiError> {
    let mut campaigns = BTreeSet::new();
    let mut entities = Vec::new();
    for room in rooms {
        match room {
            Room::Campaign(id) => {
                campaigns.insert(id.clone());
            }
            Room::Settlement(id) | Room::Structure(id) => entities.push(id.clone()),
            Room::User(_) | Room::Custom(..) => {}
        }
    }
    if !entities.is_empty() {
        let nodes = api.nodes(&entities).await?;
        campaigns.extend(nodes.iter().filter_map(|node| Id::parse(node.get("campaignId")?.as_str()?).ok()));
    }
    Ok(campaigns)
}

async fn nodes(api: &Api, campaigns: &[Id]) -> Result<Vec<Value>, ApiError> {
    let mut nodes = Vec::new();
    for campaign in campaigns {
        nodes.extend(api.snapshot(campaign).await?.values());
    }
    Ok(nodes)
}

fn entity_id(kind: &'static str, wanted: &str, typename: &str, nodes: &[Value]) -> Result<Id, ResolveNameError> {
    if let Some(id) = uuid(wanted) {
        return Ok(id);
    }
    let candidates: Vec<_> =
        nodes.iter().filter(|node| node["__typename"] == typename).filter_map(|node| candidate(node, nodes)).collect();
    resolve_name(kind, wanted, &candidates).map(|found| found.id.clone())
}

fn candidate(node: &Value, nodes: &[Value]) -> Option<NamedCandidate> {
    let parent = ["settlementId", "kingdomId"].iter().find_map(|key| node[key].as_str());
    let place = nodes.iter().find(|other| other["id"].as_str() == parent).and_then(|other| other["name"].as_str());
    Some(NamedCandidate {
        id: Id::parse(node["id"].as_str()?).ok()?,
        name: node["name"].as_str()?.to_owned(),
        place: place.unwrap_or_default().to_owned(),
    })
}

fn is_uuid(text: &str) -> bool {
    uuid(text).is_some()
}

fn uuid(text: &str) -> Option<Id> {
    uuid::Uuid::try_parse(text).ok().map(Id::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entity_is_found_by_name_with_its_place_for_namesakes() {
        let nodes = [
            json!({"__typename": "Settlement", "id": "s", "name": "Saltwick"}),
            json!({"__typename": "Settlement", "id": "h", "name": "Harrow's Rest"}),
            json!({"__typename": "Structure", "id": "a", "name": "Tower", "settlementId": "s"}),
            json!({"__typename": "Structure", "id": "b", "name": "Tower", "settlementId": "h"}),
        ];
        assert_eq!(entity_id("settlement", "saltwick", "Settlement", &nodes).unwrap().as_str(), "s");
        let error = entity_id("structure", "Tower", "Structure", &nodes).unwrap_err().to_string();
        assert!(error.contains("a (in Saltwick), b (in Harrow's Rest)"), "{error}");
    }

    #[test]
    fn a_room_is_read_as_it_was_meant() {
        assert_eq!(named("company:acme").map(|room| room.to_string()), Ok("company:acme".to_owned()));
        assert_eq!(named("campaign:c").map(|room| room.to_string()), Ok("campaign:c".to_owned()));
        assert!(named("campain:c").unwrap_err().ends_with("did you mean campaign?"));
        assert!(named("acme").unwrap_err().contains("kind:id"));
    }

    #[test]
    fn an_id_needs_no_list() {
        let id = "01970000-0000-7000-8000-000000000000";
        assert_eq!(campaign_id(id, &[]).unwrap().as_str(), id);
    }
}
