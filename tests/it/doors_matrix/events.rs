//! What a socket can ask for, and what one needs for it.

use std::collections::BTreeSet;

use scry_server::socket::request::EVENTS;
use serde_json::{Value, json};

use super::Answer::{Absent, Granted, NoToken, Refused, TokenExpired};
use super::house::{House, Stage, nothing};
use super::{Needs, Who, expected};
use crate::support::raw::Raw;

/// Makes an event's payload from the ids of what it is about.
type Payload = fn(&Value) -> Value;

/// Lists the events that a client may send: the name, what it needs, and its payload.
const EVENT: &[(&str, Needs, Payload)] = &[
    ("subscribe_campaign", Needs::View, |ids| json!({"campaignId": ids["c"]})),
    ("subscribe_settlement", Needs::View, |ids| json!({"settlementId": ids["s"]})),
    ("subscribe_structure", Needs::View, |ids| json!({"structureId": ids["t"]})),
    // Resuming shows the past; from another epoch there is none.
    ("subscribe_campaign", Needs::View, |ids| json!({"campaignId": ids["c"], "since": since(ids)})),
    ("subscribe_settlement", Needs::View, |ids| json!({"settlementId": ids["s"], "since": since(ids)})),
    ("subscribe_structure", Needs::View, |ids| json!({"structureId": ids["t"], "since": since(ids)})),
    ("subscribe_campaign", Needs::View, |ids| json!({"campaignId": ids["c"], "since": {"epoch": "x", "seq": 5}})),
    // A room of a catalogue, of which those are members who are in the campaign.
    ("subscribe_room", Needs::View, |ids| json!({"room": room(ids)})),
    ("subscribe_room", Needs::View, |ids| json!({"room": room(ids), "since": {"epoch": "x", "seq": 5}})),
    ("presence:update", Needs::View, |ids| json!({"campaignId": ids["c"], "state": "viewing"})),
    (
        "presence:update",
        Needs::Edit,
        |ids| json!({"campaignId": ids["c"], "resource": {"type": "structure", "id": ids["t"]}, "state": "editing"}),
    ),
    ("typing:start", Needs::Edit, typing),
    ("typing:stop", Needs::View, typing),
    // Who was never inside leaves without being told whether there is an inside.
    ("unsubscribe_campaign", Needs::Login, |ids| ids["c"].clone()),
    ("unsubscribe_settlement", Needs::Login, |ids| ids["s"].clone()),
    ("unsubscribe_structure", Needs::Login, |ids| ids["t"].clone()),
    ("unsubscribe_room", Needs::Login, |ids| json!({"room": room(ids)})),
    ("latency", Needs::Login, |_| json!({})),
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
    let known: BTreeSet<&str> = EVENT.iter().map(|(name, ..)| *name).chain([AUTHENTICATE]).collect();
    assert_eq!(known, BTreeSet::from(EVENTS));
}

/// Asks for everything that a socket can ask for.
pub async fn ask(house: &House, stage: &Stage, who: Who, token: Option<&str>, faults: &mut Vec<String>) {
    let mut raw = Raw::open(&house.server.url, "").await;
    if let Err(refusal) = raw.greet(&json!({"token": token})).await {
        let code = match expected(Needs::View, who) {
            NoToken => "TOKEN_MISSING: ",
            TokenExpired => "TOKEN_EXPIRED: ",
            Granted | Refused | Absent => "no refusal",
        };
        if !refusal.starts_with(code) {
            faults.push(format!("{who:?} handshake: {refusal}"));
        }
        return;
    }
    let none = nothing(&stage.ids);
    for (event, needs, payload) in EVENT {
        let answer = raw.ask(event, &payload(&stage.ids)).await.unwrap();
        let absent = raw.ask(event, &payload(&none)).await.unwrap();
        let is_right = match (expected(*needs, who), needs) {
            (Granted, Needs::Login) => answer["success"] == true && absent["success"] == true,
            (Granted, _) => answer["success"] == true && absent == unauthorized(),
            _ => answer == unauthorized() && answer == absent,
        };
        if !is_right {
            faults.push(format!("{who:?} {event}: {answer}, and {absent}"));
        }
    }
    a_thing_elsewhere(&mut raw, stage, &none, who, faults).await;
    authenticate(&mut raw, house, who, token, faults).await;
    let told = |event: &&Value| event[1].to_string().contains(stage.ids["c"].as_str().unwrap());
    if expected(Needs::View, who) != Granted
        && let Some(event) = raw.events.iter().find(told)
    {
        faults.push(format!("{who:?} was told {event}"));
    }
}

/// Names a campaign that one may see, and a thing that is not in it.
async fn a_thing_elsewhere(raw: &mut Raw, stage: &Stage, none: &Value, who: Who, faults: &mut Vec<String>) {
    let (campaign, thing) = (&stage.ids["c"], &none["s"]);
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
async fn authenticate(raw: &mut Raw, house: &House, who: Who, token: Option<&str>, faults: &mut Vec<String>) {
    let own = raw.ask(AUTHENTICATE, &json!({"token": token})).await.unwrap();
    let foreign = raw.ask(AUTHENTICATE, &json!({"token": house.gm})).await.unwrap();
    if own["success"] != true || (foreign["success"] == true) != (who == Who::Owner) {
        faults.push(format!("{who:?} {AUTHENTICATE}: {own}, and {foreign}"));
    }
}

fn unauthorized() -> Value {
    json!({"success": false, "error": "Unauthorized", "code": "UNAUTHORIZED"})
}
