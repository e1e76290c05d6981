//! What nodes tell each other (pure); none of it is needed for an event to arrive, only for it to arrive at once.

use std::sync::Arc;

use scry_protocol::Id;
use scry_protocol::presence::UserTyping;
use serde::{Deserialize, Serialize};

use crate::event_bus::EphemeralBroadcast;
use crate::presence::UserView;

/// One message from one node to all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ClusterMessage {
    /// The journals of these campaigns have grown.
    Commits {
        /// The campaigns.
        campaigns: Vec<Id>,
    },
    /// The inboxes of these users have grown.
    #[serde(rename = "mail")]
    Messages {
        /// The users.
        users: Vec<Id>,
    },
    /// A session is over.
    #[serde(rename = "ended")]
    SessionEnded {
        /// Whose session it was.
        user_id: Id,
        /// The session.
        sid: Id,
    },
    /// A node has come and wants to know who is where.
    #[serde(rename = "hello")]
    Join,
    /// A node is still there.
    #[serde(rename = "alive")]
    Heartbeat,
    /// A node goes, and its users with it.
    #[serde(rename = "bye")]
    Leave,
    /// Everybody a node has.
    #[serde(rename = "roll")]
    Sync {
        /// The users.
        users: Vec<UserView>,
    },
    /// What a node has of one user; nothing, if their last connection to it has gone.
    User {
        /// The user.
        user_id: Id,
        /// What the node has of them; nothing, if their last connection to it has gone.
        view: Option<UserView>,
    },
    /// An event for whoever is there.
    #[serde(rename = "passing")]
    Ephemeral(EphemeralBroadcast),
    /// Somebody types; `settlement` is the one around a structure.
    Typing {
        /// The event for clients.
        event: UserTyping,
        /// The settlement whose room shows the entity.
        settlement: Option<Id>,
    },
}

/// A message with its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The node that sent it.
    pub from: Arc<str>,
    /// What it sent.
    pub message: ClusterMessage,
}

/// What a subscriber gets from the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterEvent {
    /// The other nodes can be reached, again or for the first time: messages may have been missed.
    Up,
    /// Another node's message.
    Message(Envelope),
}

#[cfg(test)]
mod tests {
    use scry_protocol::EntityType;
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_round_trip() {
        let id = |text| Id::parse(text).unwrap();
        let view: UserView = serde_json::from_value(json!({"userId": "u", "name": "Mira", "campaigns":
            {"c": {"status": "online", "since": "2026-01-01T00:00:00.000Z",
                   "resources": [{"type": "settlement", "id": "s", "state": "editing"}]}}}))
        .unwrap();
        let event = UserTyping {
            campaign_id: id("c"),
            user_id: id("u"),
            name: "Mira".to_owned(),
            entity_type: EntityType::Structure,
            entity_id: id("t"),
            field: "level".to_owned(),
            typing: true,
        };
        let messages = [
            ClusterMessage::Commits { campaigns: vec![id("c")] },
            ClusterMessage::Messages { users: vec![id("u")] },
            ClusterMessage::Ephemeral(EphemeralBroadcast {
                event: "stock:updated".to_owned(),
                body: "{}".to_owned(),
                rooms: vec!["company:acme".parse().unwrap()],
            }),
            ClusterMessage::SessionEnded { user_id: id("u"), sid: id("s") },
            ClusterMessage::Join,
            ClusterMessage::Heartbeat,
            ClusterMessage::Leave,
            ClusterMessage::Sync { users: vec![view.clone()] },
            ClusterMessage::User { user_id: id("u"), view: Some(view) },
            ClusterMessage::User { user_id: id("u"), view: None },
            ClusterMessage::Typing { event, settlement: Some(id("s")) },
        ];
        for message in messages {
            let envelope = Envelope { from: "here".into(), message };
            let text = serde_json::to_string(&envelope).unwrap();
            assert_eq!(serde_json::from_str::<Envelope>(&text).unwrap(), envelope, "{text}");
        }
    }
}
