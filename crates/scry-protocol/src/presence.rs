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
    /// The campaign that the connection has open.
    pub campaign_id: Id,
    /// What is looked at or edited; left out for the campaign as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// What the user does with the resource.
    pub state: Activity,
}

/// A reference to what somebody is at; a campaign itself is never one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// The type of the entity.
    #[serde(rename = "type")]
    pub entity_type: EntityType,
    /// The entity's id.
    pub id: Id,
}

/// Ranks what somebody does; of several connections the busiest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// Nothing for a while.
    Idle,
    /// Looks at something.
    Viewing,
    /// Changes something.
    Editing,
}

/// Whether a user is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// At least one connection is open.
    Online,
    /// Connected, but without a word for a while.
    Idle,
    /// No connection is open.
    Offline,
}

/// Who is present in a campaign; sent to a socket that has joined its room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceState {
    /// The campaign that this is about.
    pub campaign_id: Id,
    /// Everybody who is present.
    pub users: Vec<PresentUser>,
}

/// One user who is present, over all their connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresentUser {
    /// The user's id.
    pub user_id: Id,
    /// The user's name.
    pub name: String,
    /// Whether the user is online.
    pub status: Presence,
    /// What the user looks at or edits.
    #[serde(default)]
    pub resources: Vec<ResourceUse>,
    /// When they came: RFC 3339 UTC with milliseconds.
    #[serde(default)]
    pub since: String,
}

/// What somebody does with one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceUse {
    /// The entity.
    #[serde(flatten)]
    pub resource: Resource,
    /// What they do with it.
    pub state: Activity,
}

/// A notice that a user's presence in a campaign has changed; goes to those who are in its room.
///
/// `resources` is the whole list after the change, as in [`PresentUser`]; `resource` and `state` name the one
/// that made the difference, where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceChange {
    /// The campaign that this is about.
    pub campaign_id: Id,
    /// The user's id.
    pub user_id: Id,
    /// The user's name.
    pub name: String,
    /// Whether the user is online.
    pub status: Presence,
    /// The entity of the connection that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// What they do with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Activity>,
    /// What the user looks at or edits.
    #[serde(default)]
    pub resources: Vec<ResourceUse>,
}

/// A user who came (`user:online`) or went (`user:offline`), to those who share a campaign with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSeen {
    /// The user's id.
    pub user_id: Id,
    /// The user's name.
    pub name: String,
}

/// Which field somebody types in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypingRequest {
    /// The campaign that this is about.
    pub campaign_id: Id,
    /// The type of the entity that the field belongs to.
    pub entity_type: EntityType,
    /// The entity that the field belongs to.
    pub entity_id: Id,
    /// The field's name.
    pub field: String,
}

/// A notice that somebody types in a field, or has stopped; true expires after six seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserTyping {
    /// The campaign that this is about.
    pub campaign_id: Id,
    /// The user's id.
    pub user_id: Id,
    /// The user's name.
    pub name: String,
    /// The type of the entity that the field belongs to.
    pub entity_type: EntityType,
    /// The entity that the field belongs to.
    pub entity_id: Id,
    /// The field's name.
    pub field: String,
    /// Whether the user is typing; false when they have stopped.
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
