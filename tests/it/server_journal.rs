//! What the journal promises, and who may write to it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::server_api::campaign;
use scry_testkit::server::TestServer;

const EVENTS: &str = "query ($id: ID!) { events(campaignId: $id, limit: 1000) { seq event } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_leave_no_gap_and_no_change_without_its_event() {
    const WRITERS: usize = 32;
    let server = Arc::new(TestServer::start().await);
    let gm = server.login("gm").await;
    let id = campaign(&server, &gm).await;
    let query = "query ($id: ID!) { snapshot(campaignId: $id) { settlements { id version } } }";
    let before = server.graphql(&gm, query, json!({"id": id})).await;
    let settlement = before["snapshot"]["settlements"][0]["id"].clone();
    let update = "mutation ($id: ID!, $d: String!, $v: Int) {
        updateSettlement(id: $id, input: {description: $d}, expectedVersion: $v, onConflict: REJECT) { version } }";
    let write = |n: usize| {
        let (server, gm, settlement) = (Arc::clone(&server), gm.clone(), settlement.clone());
        // Every other one expects the first version: all of those but perhaps one are refused.
        let version = if n.is_multiple_of(2) { json!(1) } else { Value::Null };
        let variables = json!({"id": settlement, "d": format!("as {n} saw it"), "v": version});
        tokio::spawn(async move { server.execute(&gm, update, variables).await["errors"].is_null() })
    };
    let writers: Vec<_> = (0..WRITERS).map(write).collect();
    let mut applied = 0;
    for writer in writers {
        applied += usize::from(writer.await.unwrap());
    }
    assert!((WRITERS / 2..=WRITERS / 2 + 1).contains(&applied), "{applied}");
    let after = server.graphql(&gm, query, json!({"id": id})).await;
    assert_eq!(after["snapshot"]["settlements"][0]["version"], json!(1 + applied));
    let data = server.graphql(&gm, EVENTS, json!({"id": id})).await;
    let events = data["events"].as_array().unwrap();
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=applied as u64).collect::<Vec<_>>());
    for pair in events.windows(2) {
        assert_eq!(pair[1]["event"]["metadata"]["prev"]["settlement"], pair[0]["seq"]);
    }
}

#[tokio::test]
async fn only_a_service_may_publish_valid_events() {
    let server = TestServer::start().await;
    let (gm, bot) = (server.login("gm").await, server.login("bot").await);
    let id = campaign(&server, &gm).await;
    let cause = "0197f5a0-0000-7000-8000-000000000001";
    let good = json!({"type": "state_invalidated", "causedBy": cause,
        "payload": {"scope": "campaign", "campaignId": id, "affectedFields": ["defence"]}});
    let refused = server.post_as(&gm, "/events", &good).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "UNAUTHORIZED"));
    let answer = server.post_as(&bot, "/events", &good).await;
    assert_eq!((answer.status.as_u16(), &answer.body["position"]["seq"]), (200, &json!(1)));
    let data = server.graphql(&gm, EVENTS, json!({"id": id})).await;
    let event = &data["events"][0]["event"];
    assert_eq!(event["metadata"]["eventId"], answer.body["eventId"]);
    assert_eq!(event["metadata"]["causedBy"], cause);
    assert_eq!((&event["metadata"]["source"], &event["payload"]), (&json!("rules-engine"), &good["payload"]));
    let bad = [
        json!({"type": "invoice:paid", "payload": {}}),
        json!({"type": "state_invalidated", "payload": {"scope": "planet", "campaignId": id}}),
        json!({"type": "state_invalidated", "payload": {"scope": "entity", "campaignId": id}}),
        json!({"type": "state_invalidated", "payload":
            {"scope": "entity", "campaignId": id, "entityType": "settlement", "entityId": "nowhere"}}),
    ];
    for body in bad {
        let refused = server.post_as(&bot, "/events", &body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "INVALID_PAYLOAD"), "{refused:?}");
    }
}

#[tokio::test]
async fn members_come_change_and_go() {
    let server = TestServer::start().await;
    let (gm, outsider) = (server.login("gm").await, server.login("outsider").await);
    let id = campaign(&server, &gm).await;
    let me = "{ me { id } campaigns { name } }";
    let user = server.graphql(&outsider, me, json!({})).await["me"]["id"].clone();
    assert_eq!(server.enrol(&gm, &json!(id), "outsider", "VIEWER").await["userId"], user);
    assert_eq!(server.graphql(&outsider, me, json!({})).await["campaigns"].as_array().unwrap().len(), 2);
    let promote = "mutation ($c: ID!, $u: ID!, $r: Role!) { setMemberRole(campaignId: $c, userId: $u, role: $r) { role version } }";
    let promoted = server.graphql(&gm, promote, json!({"c": id, "u": user, "r": "EDITOR"})).await;
    assert_eq!(promoted["setMemberRole"], json!({"role": "EDITOR", "version": 2}));
    let remove = "mutation ($c: ID!, $u: ID!) { removeMember(campaignId: $c, userId: $u) }";
    server.graphql(&gm, remove, json!({"c": id, "u": user})).await;
    assert_eq!(server.graphql(&outsider, me, json!({})).await["campaigns"].as_array().unwrap().len(), 1);
    let gm_id = server.graphql(&gm, me, json!({})).await["me"]["id"].clone();
    let refused = server.refused(&gm, remove, json!({"c": id, "u": gm_id})).await;
    assert!(refused["message"].as_str().unwrap().contains("only owner"), "{refused}");
    let data = server.graphql(&gm, EVENTS, json!({"id": id})).await;
    let operations: Vec<_> =
        data["events"].as_array().unwrap().iter().map(|e| e["event"]["payload"]["operation"].clone()).collect();
    assert_eq!(operations, ["create", "update", "delete"]);
}

#[tokio::test]
async fn notifications_are_kept_until_read() {
    let server = TestServer::start().await;
    let (gm, player) = (server.login("gm").await, server.login("player").await);
    let user = server.graphql(&player, "{ me { id } }", json!({})).await["me"]["id"].clone();
    let notify = "mutation ($u: [ID!]!) { notify(userIds: $u, title: \"Session at eight\", body: \"Bring dice\", level: \"info\") }";
    assert_eq!(server.graphql(&gm, notify, json!({"u": [user]})).await["notify"], 1);
    let list = "{ notifications { id title level read } }";
    let kept = server.graphql(&player, list, json!({})).await["notifications"][0].take();
    assert_eq!((&kept["title"], &kept["read"]), (&json!("Session at eight"), &json!(false)));
    let read = "mutation ($id: ID!) { markNotificationRead(id: $id) { read } }";
    let refused = server.refused(&gm, read, json!({"id": kept["id"]})).await;
    assert_eq!(refused["extensions"]["code"], "NOT_FOUND", "not the gm's");
    assert_eq!(server.graphql(&player, read, json!({"id": kept["id"]})).await["markNotificationRead"]["read"], true);
    let outsider = server.login("outsider").await;
    assert_eq!(server.refused(&outsider, notify, json!({"u": [user]})).await["extensions"]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn changes_survive_a_restart() {
    let mut server = TestServer::start().await;
    let gm = server.login("gm").await;
    let id = campaign(&server, &gm).await;
    let advance = "mutation ($id: ID!) { advanceWorldTime(campaignId: $id, seconds: 5) { newTime } }";
    let moved = server.graphql(&gm, advance, json!({"id": id})).await;
    server.restart().await;
    let query = "query ($id: ID!) { campaign(id: $id) { worldTime position { seq } } }";
    let after = server.graphql(&gm, query, json!({"id": id})).await;
    assert_eq!(after["campaign"]["worldTime"], moved["advanceWorldTime"]["newTime"]);
    assert_eq!(after["campaign"]["position"]["seq"], 1);
}
