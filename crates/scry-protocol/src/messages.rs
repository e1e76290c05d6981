//! What single users are told, and one reader for every event outside the journal.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conflict::OnConflict;
use super::entity::EntityType;
use super::id::Id;
use super::presence::{PresenceChange, PresenceState, UserSeen, UserTyping};

/// A notification; `level` is `info`, `success`, `warning` or `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationNew {
    /// The notification's id.
    pub id: Id,
    /// Its title.
    pub title: String,
    /// Its text; may be empty.
    #[serde(default)]
    pub body: String,
    /// How much it matters: `info`, `success`, `warning` or `error`.
    pub level: String,
    /// RFC 3339 UTC with milliseconds.
    pub created_at: String,
    /// Who speaks: `message` for people, `rule` for the rules of a world, `invitation` for an invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it is about, where it is about one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_type: Option<EntityType>,
    /// The id of the entity that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<Id>,
}

/// Tells a user that values of theirs were replaced; the values are objects by field name.
///
/// `original_value` is what they had set, `incoming_value` what another wanted, `resolved_value` what is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentConflict {
    /// The type of the entity concerned.
    pub entity_type: EntityType,
    /// The id of the entity concerned.
    pub entity_id: Id,
    /// How the conflict was resolved.
    pub strategy: OnConflict,
    /// The fields that both sides changed.
    pub conflicted_fields: Vec<String>,
    /// What the user had set.
    #[serde(default)]
    pub original_value: Value,
    /// What the other side has set.
    #[serde(default)]
    pub incoming_value: Value,
    /// What is stored now.
    #[serde(default)]
    pub resolved_value: Value,
    /// The user whose edit won.
    pub by: Id,
    /// Where it stands in the list of notifications, so that who sees both knows them for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_id: Option<Id>,
}

/// Tells a user that fields they had a conflict about are settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictResolved {
    /// The type of the entity concerned.
    pub entity_type: EntityType,
    /// The id of the entity concerned.
    pub entity_id: Id,
    /// The fields that are settled.
    pub fields: Vec<String>,
}

/// An event that is not in the journal; serialised, it is its payload.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EphemeralEvent {
    /// Who is in a campaign, to a socket that has joined its room.
    PresenceState(PresenceState),
    /// One user's presence has changed.
    PresenceChange(PresenceChange),
    /// A user came online.
    UserOnline(UserSeen),
    /// A user went offline.
    UserOffline(UserSeen),
    /// A user types in a field, or has stopped.
    UserTyping(UserTyping),
    /// Values of the user's were replaced.
    DocumentConflict(DocumentConflict),
    /// A conflict of the user's is settled.
    ConflictResolved(ConflictResolved),
    /// The user has a new notification.
    NotificationNew(NotificationNew),
}

impl EphemeralEvent {
    /// Reads an event by its name; `None` for other events, and for a payload in another form.
    #[must_use]
    pub fn from_parts(name: &str, payload: &Value) -> Option<Self> {
        match name {
            "presence:state" => PresenceState::deserialize(payload).ok().map(Self::PresenceState),
            "presence:change" => PresenceChange::deserialize(payload).ok().map(Self::PresenceChange),
            "user:online" => UserSeen::deserialize(payload).ok().map(Self::UserOnline),
            "user:offline" => UserSeen::deserialize(payload).ok().map(Self::UserOffline),
            "user:typing" => UserTyping::deserialize(payload).ok().map(Self::UserTyping),
            "document:conflict" => DocumentConflict::deserialize(payload).ok().map(Self::DocumentConflict),
            "conflict:resolved" => ConflictResolved::deserialize(payload).ok().map(Self::ConflictResolved),
            "notification:new" => NotificationNew::deserialize(payload).ok().map(Self::NotificationNew),
            _ => None,
        }
    }

    /// Returns the event's name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PresenceState(_) => "presence:state",
            Self::PresenceChange(_) => "presence:change",
            Self::UserOnline(_) => "user:online",
            Self::UserOffline(_) => "user:offline",
            Self::UserTyping(_) => "user:typing",
            Self::DocumentConflict(_) => "document:conflict",
            Self::ConflictResolved(_) => "conflict:resolved",
            Self::NotificationNew(_) => "notification:new",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_event_is_written_as_it_was_read() {
        let user = json!({"userId": "u", "name": "Mira"});
        let typing = json!({"campaignId": "c", "userId": "u", "name": "Mira", "entityType": "settlement",
            "entityId": "s", "field": "level", "typing": false});
        let change = json!({"campaignId": "c", "userId": "u", "name": "Mira", "status": "online", "resources": []});
        let conflict = json!({"entityType": "settlement", "entityId": "s", "strategy": "LAST_WRITE_WINS",
            "conflictedFields": ["level"], "originalValue": {"level": 2}, "incomingValue": {"level": 3},
            "resolvedValue": {"level": 3}, "by": "w"});
        let notification = json!({"id": "n", "title": "Tonight", "body": "At eight.", "level": "info",
            "createdAt": "2026-01-01T00:00:00.000Z"});
        let events = [
            ("presence:state", json!({"campaignId": "c", "users": []})),
            ("presence:change", change),
            ("user:online", user.clone()),
            ("user:offline", user),
            ("user:typing", typing),
            ("document:conflict", conflict),
            ("conflict:resolved", json!({"entityType": "settlement", "entityId": "s", "fields": ["level"]})),
            ("notification:new", notification),
        ];
        for (name, payload) in events {
            let event =
                EphemeralEvent::from_parts(name, &payload).unwrap_or_else(|| panic!("{name} is not understood"));
            assert_eq!(event.name(), name);
            assert_eq!(serde_json::to_value(&event).unwrap(), payload);
        }
    }

    #[test]
    fn unknown_event_stays_raw() {
        assert_eq!(EphemeralEvent::from_parts("invoice:paid", &json!({})), None);
        assert_eq!(EphemeralEvent::from_parts("user:online", &json!({"name": "Mira"})), None);
    }
}
