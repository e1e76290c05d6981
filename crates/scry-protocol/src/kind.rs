//! What sort of thing an event speaks of: the world, the people who look at it, or the connection itself.

use serde_json::Value;

use super::messages::EphemeralEvent;

/// What an event speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// What happens in the world, and what a user is told of it.
    World,
    /// Who comes, goes, looks around and types.
    Presence,
    /// The connection and the session it belongs to.
    Control,
}

impl EventKind {
    /// Returns the kind of an event. One that only has the name of a presence event, and not its form, is another
    /// application's own.
    #[must_use]
    pub fn classify(name: &str, body: &Value) -> Self {
        match name {
            "token:expiring" | "server:draining" | "session:ended" | "access:revoked" => Self::Control,
            "presence:state" | "presence:change" | "user:online" | "user:offline" | "user:typing"
                if EphemeralEvent::from_parts(name, body).is_some() =>
            {
                Self::Presence
            }
            _ => Self::World,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn control_and_presence_events_are_classified() {
        for name in ["token:expiring", "server:draining", "session:ended", "access:revoked"] {
            assert_eq!(EventKind::classify(name, &json!({})), EventKind::Control, "{name}");
        }
        let user = json!({"userId": "u", "name": "Mira"});
        assert_eq!(EventKind::classify("user:online", &user), EventKind::Presence);
        assert_eq!(
            EventKind::classify("user:online", &json!({"account": 3})),
            EventKind::World,
            "somebody else's event"
        );
        for name in ["settlement_updated", "notification:new", "document:conflict", "invoice:paid"] {
            assert_eq!(EventKind::classify(name, &json!({})), EventKind::World, "{name}");
        }
    }
}
