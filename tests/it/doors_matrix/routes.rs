//! What plain HTTP can be asked for, and what one needs for it.

use serde_json::json;

use super::Answer::{Absent, Granted, NoToken, Refused, TokenExpired};
use super::house::{ADMIN, House, Stage};
use super::{Needs, Who, expected};

/// Lists the routes that tell everybody who asks how the server is.
const OPEN: [&str; 3] = ["/health", "/health/websocket", "/metrics"];

/// Asks for every route that is not the API's.
pub async fn ask(house: &House, stage: &Stage, who: Who, token: Option<&str>, faults: &mut Vec<String>) {
    publish(house, stage, who, token, faults).await;
    publish_of_a_catalogue(house, stage, who, token, faults).await;
    for path in OPEN {
        let (status, body) = house.get(token, path).await;
        if status != 200 || token.is_some_and(|token| body.contains(token)) || body.contains(ADMIN) {
            faults.push(format!("{who:?} {path}: {status} {body}"));
        }
    }
    // Neither a role nor a service opens what belongs to the operator.
    let (status, body) = house.get(token, "/socket-stats").await;
    if status != 401 || !body.contains("UNAUTHORIZED") {
        faults.push(format!("{who:?} /socket-stats: {status} {body}"));
    }
}

async fn publish(house: &House, stage: &Stage, who: Who, token: Option<&str>, faults: &mut Vec<String>) {
    let publish = |id| async move {
        let payload = json!({"scope": "campaign", "campaignId": id, "affectedFields": []});
        house.post(token, "/events", &json!({"type": "state_invalidated", "payload": payload})).await
    };
    let (status, body) = publish(stage.ids["c"].clone()).await;
    let absent = publish(json!("00000000-0000-7000-8000-000000000000")).await;
    let answer = match (status, body["error"]["code"].as_str().unwrap_or_default()) {
        (200, _) => Granted,
        (403, "UNAUTHORIZED") => Refused,
        (404, "NOT_FOUND") if absent == (status, body.clone()) => Absent,
        (401, "TOKEN_MISSING") => NoToken,
        (401, "TOKEN_EXPIRED") => TokenExpired,
        other => return faults.push(format!("{who:?} /events: {other:?}")),
    };
    if answer != expected(Needs::Publish, who) {
        faults.push(format!("{who:?} /events: {answer:?}"));
    }
}

/// Publishes what a catalogue declares: any service may, and nobody else, whoever is in the room.
async fn publish_of_a_catalogue(house: &House, stage: &Stage, who: Who, token: Option<&str>, faults: &mut Vec<String>) {
    let payload = json!({"companyId": stage.ids["c"], "projectId": "p"});
    let (status, body) = house.post(token, "/events", &json!({"type": "project:deleted", "payload": payload})).await;
    let code = body["error"]["code"].as_str().unwrap_or_default();
    let is_right = match (expected(Needs::Login, who), who) {
        (Granted, Who::Service | Who::StrangeService) => status == 200,
        (Granted, _) => (status, code) == (403, "UNAUTHORIZED"),
        (NoToken, _) => (status, code) == (401, "TOKEN_MISSING"),
        _ => (status, code) == (401, "TOKEN_EXPIRED"),
    };
    if !is_right {
        faults.push(format!("{who:?} /events of a catalogue: {status} {body}"));
    }
}
