//! What nodes tell each other (pure); none of it is needed for an event to arrive, only for it to arrive at once.

use std::sync::Arc;

use scry_protocol::Id;
use scry_protocol::presence::UserTyping;
use serde::{Deserialize, Serialize};

use crate::presence::UserView;
use crate::signals::Passing;

/// Holds one word from one node to all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Word {
    /// The journals of these campaigns have grown.
    Commits { campaigns: Vec<Id> },
    /// The inboxes of these users have grown.
    Mail { users: Vec<Id> },
    /// A session is over.
    Ended { user_id: Id, sid: Id },
    /// A node has come and wants to know who is where.
    Hello,
    /// A node is still there.
    Alive,
    /// A node goes, and its users with it.
    Bye,
    /// Everybody a node has.
    Roll { users: Vec<UserView> },
    /// What a node has of one user; nothing, if their last connection to it has gone.
    User { user_id: Id, view: Option<UserView> },
    /// An event for whoever is there.
    Passing(Passing),
    /// Somebody types; `settlement` is the one around a structure.
    Typing { event: UserTyping, settlement: Option<Id> },
}

/// Holds a word with its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub from: Arc<str>,
    pub word: Word,
}

/// Tells a listener what comes from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The other nodes can be reached, again or for the first time: words may have been missed.
    Up,
    Word(Envelope),
}

#[cfg(test)]
mod tests {
    use scry_protocol::EntityType;
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
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
        let words = [
            Word::Commits { campaigns: vec![id("c")] },
            Word::Mail { users: vec![id("u")] },
            Word::Passing(Passing {
                event: "stock:updated".to_owned(),
                body: "{}".to_owned(),
                rooms: vec!["company:acme".parse().unwrap()],
            }),
            Word::Ended { user_id: id("u"), sid: id("s") },
            Word::Hello,
            Word::Alive,
            Word::Bye,
            Word::Roll { users: vec![view.clone()] },
            Word::User { user_id: id("u"), view: Some(view) },
            Word::User { user_id: id("u"), view: None },
            Word::Typing { event, settlement: Some(id("s")) },
        ];
        for word in words {
            let envelope = Envelope { from: "here".into(), word };
            let text = serde_json::to_string(&envelope).unwrap();
            assert_eq!(serde_json::from_str::<Envelope>(&text).unwrap(), envelope, "{text}");
        }
    }
}
