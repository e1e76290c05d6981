//! What plain HTTP can be asked for, and what one needs for it.

use serde_json::json;

use super::MatrixAnswer::{Absent, Granted, NoToken, Refused, TokenExpired};
use super::fixture::{ADMIN_TOKEN, AccessMatrix, MatrixCampaign};
use super::{MatrixUser, RequiredAccess, expected};

/// The routes that tell everybody who asks how the server is.
const PUBLIC_ROUTES: [&str; 3] = ["/health", "/health/websocket", "/metrics"];

/// Asks for every route that is not the API's.
pub async fn ask(
    matrix: &AccessMatrix,
    matrix_campaign: &MatrixCampaign,
    who: MatrixUser,
    token: Option<&str>,
    faults: &mut Vec<String>,
) {
    publish(matrix, matrix_campaign, who, token, faults).await;
    publish_of_a_catalogue(matrix, matrix_campaign, who, token, faults).await;
    for path in PUBLIC_ROUTES {
        let (status, body) = matrix.get(token, path).await;
        if status != 200 || token.is_some_and(|token| body.contains(token)) || body.contains(ADMIN_TOKEN) {
            faults.push(format!("{who:?} {path}: {status} {body}"));
        }
    }
    // Neither a role nor a service opens what belongs to the operator.
    let (status, body) = matrix.get(token, "/socket-stats").await;
    if status != 401 || !body.contains("UNAUTHORIZED") {
        faults.push(format!("{who:?} /socket-stats: {status} {body}"));
    }
}

async fn publish(
    matrix: &AccessMatrix,
    matrix_campaign: &MatrixCampaign,
    who: MatrixUser,
    token: Option<&str>,
    faults: &mut Vec<String>,
) {
    let publish = |id| async move {
        let payload = json!({"scope": "campaign", "campaignId": id, "affectedFields": []});
        matrix.post(token, "/events", &json!({"type": "state_invalidated", "payload": payload})).await
    };
    let (status, body) = publish(matrix_campaign.ids["c"].clone()).await;
    let absent = publish(json!("00000000-0000-7000-8000-000000000000")).await;
    let answer = match (status, body["error"]["code"].as_str().unwrap_or_default()) {
        (200, _) => Granted,
        (403, "UNAUTHORIZED") => Refused,
        (404, "NOT_FOUND") if absent == (status, body.clone()) => Absent,
        (401, "TOKEN_MISSING") => NoToken,
        (401, "TOKEN_EXPIRED") => TokenExpired,
        other => return faults.push(format!("{who:?} /events: {other:?}")),
    };
    if answer != expected(RequiredAccess::Publish, who) {
        faults.push(format!("{who:?} /events: {answer:?}"));
    }
}

/// Publishes what a catalogue declares: any service may, and nobody else, whoever is in the room.
async fn publish_of_a_catalogue(
    matrix: &AccessMatrix,
    matrix_campaign: &MatrixCampaign,
    who: MatrixUser,
    token: Option<&str>,
    faults: &mut Vec<String>,
) {
    let payload = json!({"companyId": matrix_campaign.ids["c"], "projectId": "p"});
    let (status, body) = matrix.post(token, "/events", &json!({"type": "project:deleted", "payload": payload})).await;
    let code = body["error"]["code"].as_str().unwrap_or_default();
    let is_right = match (expected(RequiredAccess::Login, who), who) {
        (Granted, MatrixUser::Service | MatrixUser::StrangeService) => status == 200,
        (Granted, _) => (status, code) == (403, "UNAUTHORIZED"),
        (NoToken, _) => (status, code) == (401, "TOKEN_MISSING"),
        _ => (status, code) == (401, "TOKEN_EXPIRED"),
    };
    if !is_right {
        faults.push(format!("{who:?} /events of a catalogue: {status} {body}"));
    }
}
