//! What a socket can ask for, and what one needs for it.

use std::collections::BTreeSet;

use scry_server::socket::request::EVENTS;
use serde_json::{Value, json};

use super::MatrixAnswer::{Absent, Granted, NoToken, Refused, TokenExpired};
use super::fixture::{AccessMatrix, MatrixCampaign, nothing};
use super::{MatrixUser, RequiredAccess, expected};
use scry_testkit::raw_socket::RawSocketClient;

/// Makes an event's payload from the ids of what it is about.
type PayloadBuilder = fn(&Value) -> Value;

/// The events that a client may send: the name, what it needs, and its payload.
const CLIENT_EVENTS: &[(&str, RequiredAccess, PayloadBuilder)] = &[
    ("subscribe_campaign", RequiredAccess::View, |ids| json!({"campaignId": ids["c"]})),
    ("subscribe_settlement", RequiredAccess::View, |ids| json!({"settlementId": ids["s"]})),
    ("subscribe_structure", RequiredAccess::View, |ids| json!({"structureId": ids["t"]})),
    // Resuming shows the past; from another epoch there is none.
    ("subscribe_campaign", RequiredAccess::View, |ids| json!({"campaignId": ids["c"], "since": since(ids)})),
    ("subscribe_settlement", RequiredAccess::View, |ids| json!({"settlementId": ids["s"], "since": since(ids)})),
    ("subscribe_structure", RequiredAccess::View, |ids| json!({"structureId": ids["t"], "since": since(ids)})),
    (
        "subscribe_campaign",
        RequiredAccess::View,
        |ids| json!({"campaignId": ids["c"], "since": {"epoch": "x", "seq": 5}}),
    ),
    // A room of a catalogue, of which those are members who are in the campaign.
    ("subscribe_room", RequiredAccess::View, |ids| json!({"room": room(ids)})),
    ("subscribe_room", RequiredAccess::View, |ids| json!({"room": room(ids), "since": {"epoch": "x", "seq": 5}})),
    ("presence:update", RequiredAccess::View, |ids| json!({"campaignId": ids["c"], "state": "viewing"})),
    (
        "presence:update",
        RequiredAccess::Edit,
        |ids| json!({"campaignId": ids["c"], "resource": {"type": "structure", "id": ids["t"]}, "state": "editing"}),
    ),
    ("typing:start", RequiredAccess::Edit, typing),
    ("typing:stop", RequiredAccess::View, typing),
    // Who was never inside leaves without being told whether there is an inside.
    ("unsubscribe_campaign", RequiredAccess::Login, |ids| ids["c"].clone()),
    ("unsubscribe_settlement", RequiredAccess::Login, |ids| ids["s"].clone()),
    ("unsubscribe_structure", RequiredAccess::Login, |ids| ids["t"].clone()),
    ("unsubscribe_room", RequiredAccess::Login, |ids| json!({"room": room(ids)})),
    ("latency", RequiredAccess::Login, |_| json!({})),
];
/// Asked for by itself, because its payload is a token.
const AUTHENTICATE: &str = "authenticate";

/// Names the room of a catalogue that belongs to a campaign.
pub fn room(ids: &Value) -> String {
    format!("company:{}", ids["c"].as_str().unwrap())
}

fn since(ids: &Value) -> Value {
    json!({"epoch": ids["epoch"], "seq": 0})
}

fn typing(ids: &Value) -> Value {
    json!({"campaignId": ids["c"], "entityType": "settlement", "entityId": ids["s"], "field": "level"})
}

/// Compares the list with what the gateway takes: a new event needs a row.
pub fn all_are_known() {
    let known: BTreeSet<&str> = CLIENT_EVENTS.iter().map(|(name, ..)| *name).chain([AUTHENTICATE]).collect();
    assert_eq!(known, BTreeSet::from(EVENTS));
}

/// Asks for everything that a socket can ask for.
pub async fn ask(
    matrix: &AccessMatrix,
    matrix_campaign: &MatrixCampaign,
    who: MatrixUser,
    token: Option<&str>,
    faults: &mut Vec<String>,
) {
    let mut raw = RawSocketClient::open(&matrix.server.url, "").await;
    if let Err(refusal) = raw.greet(&json!({"token": token})).await {
        let code = match expected(RequiredAccess::View, who) {
            NoToken => "TOKEN_MISSING: ",
            TokenExpired => "TOKEN_EXPIRED: ",
            Granted | Refused | Absent => "no refusal",
        };
        if !refusal.starts_with(code) {
            faults.push(format!("{who:?} handshake: {refusal}"));
        }
        return;
    }
    let none = nothing(&matrix_campaign.ids);
    for (event, needs, payload) in CLIENT_EVENTS {
        let answer = raw.ask(event, &payload(&matrix_campaign.ids)).await.unwrap();
        let absent = raw.ask(event, &payload(&none)).await.unwrap();
        let is_right = match (expected(*needs, who), needs) {
            (Granted, RequiredAccess::Login) => answer["success"] == true && absent["success"] == true,
            (Granted, _) => answer["success"] == true && absent == unauthorized(),
            _ => answer == unauthorized() && answer == absent,
        };
        if !is_right {
            faults.push(format!("{who:?} {event}: {answer}, and {absent}"));
        }
    }
    a_thing_elsewhere(&mut raw, matrix_campaign, &none, who, faults).await;
    authenticate(&mut raw, matrix, who, token, faults).await;
    let told = |event: &&Value| event[1].to_string().contains(matrix_campaign.ids["c"].as_str().unwrap());
    if expected(RequiredAccess::View, who) != Granted
        && let Some(event) = raw.events.iter().find(told)
    {
        faults.push(format!("{who:?} was told {event}"));
    }
}

/// Names a campaign that one may see, and a thing that is not in it.
async fn a_thing_elsewhere(
    raw: &mut RawSocketClient,
    matrix_campaign: &MatrixCampaign,
    none: &Value,
    who: MatrixUser,
    faults: &mut Vec<String>,
) {
    let (campaign, thing) = (&matrix_campaign.ids["c"], &none["s"]);
    let resource = json!({"campaignId": campaign, "resource": {"type": "settlement", "id": thing}, "state": "editing"});
    let field = json!({"campaignId": campaign, "entityType": "settlement", "entityId": thing, "field": "level"});
    for (event, payload) in [("presence:update", resource), ("typing:start", field)] {
        let answer = raw.ask(event, &payload).await.unwrap();
        if answer != unauthorized() {
            faults.push(format!("{who:?} {event} about what is not there: {answer}"));
        }
    }
}

/// Renews the token, with one's own and with the owner's.
async fn authenticate(
    raw: &mut RawSocketClient,
    matrix: &AccessMatrix,
    who: MatrixUser,
    token: Option<&str>,
    faults: &mut Vec<String>,
) {
    let own = raw.ask(AUTHENTICATE, &json!({"token": token})).await.unwrap();
    let foreign = raw.ask(AUTHENTICATE, &json!({"token": matrix.gm})).await.unwrap();
    if own["success"] != true || (foreign["success"] == true) != (who == MatrixUser::Owner) {
        faults.push(format!("{who:?} {AUTHENTICATE}: {own}, and {foreign}"));
    }
}

fn unauthorized() -> Value {
    json!({"success": false, "error": "Unauthorized", "code": "UNAUTHORIZED"})
}
