//! Requests about people: presence and typing.

use scry_protocol::presence::{Activity, PresenceUpdate, Resource, TypingRequest};
use scry_protocol::{EntityType, ErrorAck, Id};
use serde_json::Value;

use super::{SocketRequest, invalid};

/// Bounds the name of a field; the longest is a variable's.
const MAX_FIELD_BYTES: usize = 200;

/// Reads `presence:update`.
pub(super) fn presence(payload: &Value) -> Result<SocketRequest, ErrorAck> {
    let state = match payload.get("state").and_then(Value::as_str) {
        Some("viewing") => Activity::Viewing,
        Some("editing") => Activity::Editing,
        Some("idle") => Activity::Idle,
        Some(_) | None => return Err(invalid("state must be viewing, editing or idle")),
    };
    let resource = match payload.get("resource") {
        None | Some(Value::Null) => None,
        Some(resource) => {
            let entity_type = entity_type(resource, "type", "resource.type")?;
            Some(Resource { entity_type, id: id(resource, "id", "resource.id")? })
        }
    };
    Ok(SocketRequest::Presence(PresenceUpdate {
        campaign_id: id(payload, "campaignId", "campaignId")?,
        resource,
        state,
    }))
}

/// Reads `typing:start` and `typing:stop`.
pub(super) fn typing(payload: &Value, typing: bool) -> Result<SocketRequest, ErrorAck> {
    let field = text(payload, "field", "field")?;
    if field.is_empty() || field.len() > MAX_FIELD_BYTES || field.chars().any(char::is_control) {
        return Err(invalid(format!("field must have 1 to {MAX_FIELD_BYTES} bytes without control characters")));
    }
    let request = TypingRequest {
        campaign_id: id(payload, "campaignId", "campaignId")?,
        entity_type: entity_type(payload, "entityType", "entityType")?,
        entity_id: id(payload, "entityId", "entityId")?,
        field: field.to_owned(),
    };
    Ok(SocketRequest::Typing(request, typing))
}

fn id(payload: &Value, key: &str, path: &str) -> Result<Id, ErrorAck> {
    Id::parse(text(payload, key, path)?).map_err(|error| invalid(format!("{path}: {error}")))
}

fn entity_type(payload: &Value, key: &str, path: &str) -> Result<EntityType, ErrorAck> {
    match EntityType::from(text(payload, key, path)?) {
        EntityType::Member | EntityType::Other(_) => {
            Err(invalid(format!("{path} must be campaign, kingdom, settlement, structure, location or encounter")))
        }
        known @ (EntityType::Campaign
        | EntityType::Kingdom
        | EntityType::Settlement
        | EntityType::Structure
        | EntityType::Location
        | EntityType::Encounter) => Ok(known),
    }
}

fn text<'a>(payload: &'a Value, key: &str, path: &str) -> Result<&'a str, ErrorAck> {
    match payload.get(key) {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => Err(invalid(format!("{path} is missing"))),
        Some(_) => Err(invalid(format!("{path} must be a string"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(result: Result<SocketRequest, ErrorAck>) -> String {
        result.unwrap_err().error
    }

    #[test]
    fn presence_needs_a_campaign_and_a_state() {
        let update = |payload: Value| presence(&payload);
        let resource = json!({"type": "Settlement", "id": "s"});
        let read = update(json!({"campaignId": "c", "resource": resource, "state": "editing", "more": 1})).unwrap();
        let SocketRequest::Presence(read) = read else { panic!("{read:?}") };
        assert_eq!((read.resource.unwrap().entity_type, read.state), (EntityType::Settlement, Activity::Editing));
        assert!(update(json!({"campaignId": "c", "resource": null, "state": "idle"})).is_ok());
        assert_eq!(refusal(update(json!({"state": "idle"}))), "campaignId is missing");
        assert!(refusal(update(json!({"campaignId": "c", "state": "dancing"}))).starts_with("state must be"));
        assert!(refusal(update(json!({"campaignId": "c"}))).starts_with("state must be"));
        let odd = json!({"campaignId": "c", "state": "idle", "resource": {"type": "dragon", "id": "d"}});
        assert!(refusal(update(odd)).starts_with("resource.type must be campaign"));
        let odd = json!({"campaignId": "c", "state": "idle", "resource": {"type": "kingdom", "id": 7}});
        assert_eq!(refusal(update(odd)), "resource.id must be a string");
    }

    #[test]
    fn typing_needs_an_entity_and_a_field() {
        let whole = json!({"campaignId": "c", "entityType": "settlement", "entityId": "s", "field": "level"});
        assert!(matches!(typing(&whole, true), Ok(SocketRequest::Typing(_, true))));
        for key in ["campaignId", "entityType", "entityId", "field"] {
            let mut odd = whole.clone();
            odd[key] = Value::Null;
            assert_eq!(refusal(typing(&odd, true)), format!("{key} is missing"));
        }
        for field in ["", "a\nb", &"x".repeat(201)] {
            let mut odd = whole.clone();
            odd["field"] = json!(field);
            assert!(refusal(typing(&odd, false)).starts_with("field must have"));
        }
    }
}
