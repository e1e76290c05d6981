//! Who is here and what they are at: presence and typing, requests and events.

use serde::{Deserialize, Serialize};

use super::entity::EntityType;
use super::id::Id;

/// What a connection is at; see [`PresenceUpdate`].
pub const PRESENCE_UPDATE: &str = "presence:update";
/// Tells that somebody began, or goes on, to type; see [`TypingRequest`].
pub const TYPING_START: &str = "typing:start";
/// Tells that somebody stopped typing; see [`TypingRequest`].
pub const TYPING_STOP: &str = "typing:stop";

/// What one connection is at in a campaign; a later one replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceUpdate {
    pub campaign_id: Id,
    /// What is looked at or edited; left out for the campaign as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    pub state: Activity,
}

/// A reference to what somebody is at; a campaign itself is never one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resource {
    #[serde(rename = "type")]
    pub entity_type: EntityType,
    pub id: Id,
}

/// Ranks what somebody does; of several connections the busiest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    Idle,
    Viewing,
    Editing,
}

/// Whether a user is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    Online,
    /// Connected, but without a word for a while.
    Idle,
    Offline,
}

/// Who is present in a campaign; sent to a socket that has joined its room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceState {
    pub campaign_id: Id,
    pub users: Vec<PresentUser>,
}

/// One user who is present, over all their connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresentUser {
    pub user_id: Id,
    pub name: String,
    pub status: Presence,
    #[serde(default)]
    pub resources: Vec<ResourceUse>,
    /// When they came: RFC 3339 UTC with milliseconds.
    #[serde(default)]
    pub since: String,
}

/// What somebody does with one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceUse {
    #[serde(flatten)]
    pub resource: Resource,
    pub state: Activity,
}

/// A notice that a user's presence in a campaign has changed; goes to those who are in its room.
///
/// `resources` is the whole list after the change, as in [`PresentUser`]; `resource` and `state` name the one
/// that made the difference, where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceChange {
    pub campaign_id: Id,
    pub user_id: Id,
    pub name: String,
    pub status: Presence,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Activity>,
    #[serde(default)]
    pub resources: Vec<ResourceUse>,
}

/// A user who came (`user:online`) or went (`user:offline`), to those who share a campaign with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSeen {
    pub user_id: Id,
    pub name: String,
}

/// Which field somebody types in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypingRequest {
    pub campaign_id: Id,
    pub entity_type: EntityType,
    pub entity_id: Id,
    pub field: String,
}

/// A notice that somebody types in a field, or has stopped; true expires after six seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserTyping {
    pub campaign_id: Id,
    pub user_id: Id,
    pub name: String,
    pub entity_type: EntityType,
    pub entity_id: Id,
    pub field: String,
    pub typing: bool,
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn round_trip<T: DeserializeOwned + Serialize>(value: &Value) {
        let read: T = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), *value);
    }

    #[test]
    fn requests_are_written_as_they_are_read() {
        round_trip::<PresenceUpdate>(
            &json!({"campaignId": "c", "resource": {"type": "settlement", "id": "s"}, "state": "editing"}),
        );
        round_trip::<PresenceUpdate>(&json!({"campaignId": "c", "state": "idle"}));
        round_trip::<TypingRequest>(
            &json!({"campaignId": "c", "entityType": "settlement", "entityId": "s", "field": "level"}),
        );
    }

    #[test]
    fn events_are_written_as_they_are_read() {
        let resources = json!([{"type": "structure", "id": "t", "state": "viewing"}]);
        round_trip::<PresenceState>(&json!({"campaignId": "c", "users": [{"userId": "u", "name": "Mira",
            "status": "online", "resources": resources, "since": "2026-01-01T00:00:00.000Z"}]}));
        round_trip::<PresenceChange>(&json!({"campaignId": "c", "userId": "u", "name": "Mira", "status": "idle",
            "resource": {"type": "structure", "id": "t"}, "state": "viewing", "resources": resources}));
        round_trip::<UserSeen>(&json!({"userId": "u", "name": "Mira"}));
        round_trip::<UserTyping>(&json!({"campaignId": "c", "userId": "u", "name": "Mira",
            "entityType": "settlement", "entityId": "s", "field": "variables.gold", "typing": true}));
    }

    #[test]
    fn a_foreign_change_may_leave_out_what_it_does_not_know() {
        let change = json!({"campaignId": "c", "userId": "u", "name": "Mira", "status": "offline"});
        let change: PresenceChange = serde_json::from_value(change).unwrap();
        assert_eq!((change.resource, change.state, change.resources), (None, None, Vec::new()));
    }

    #[test]
    fn the_busiest_counts() {
        assert!(Activity::Editing > Activity::Viewing && Activity::Viewing > Activity::Idle);
    }
}
