//! The whole server under Node's official client: what the API changes is what the sockets hear.

use serde_json::{Value, json};

use scry_testkit::node::NodeDriver;
use scry_testkit::server::TestServer;

/// Finds the campaign Emberfall and one settlement of it.
async fn emberfall(server: &TestServer, token: &str) -> (String, String) {
    let campaigns = server.graphql(token, "{ campaigns { id name } }", json!({})).await;
    let campaign = named(&campaigns["campaigns"], "Emberfall");
    let snapshot = "query($id: ID!) { snapshot(campaignId: $id) { settlements { id } } }";
    let snapshot = server.graphql(token, snapshot, json!({"id": campaign})).await;
    (campaign, snapshot["snapshot"]["settlements"][0]["id"].as_str().unwrap().to_owned())
}

fn named(items: &Value, name: &str) -> String {
    let mut items = items.as_array().unwrap().iter();
    items.find(|item| item["name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
}

async fn rename(server: &TestServer, token: &str, settlement: &str, name: &str) -> Value {
    let mutation = "mutation($id: ID!, $name: String!) { updateSettlement(id: $id, input: {name: $name}) { version } }";
    server.graphql(token, mutation, json!({"id": settlement, "name": name})).await["updateSettlement"]["version"].take()
}

#[tokio::test]
async fn a_change_by_graphql_is_heard_by_members_only_and_has_its_version() {
    let (server, node) = (TestServer::start().await, NodeDriver::start().await);
    let (gm, outsider) = (server.login("gm").await, server.login("outsider").await);
    let (campaign, settlement) = emberfall(&server, &gm).await;
    let listener = node.enter("gm", &server.url, &gm).await;
    let stranger = node.enter("outsider", &server.url, &outsider).await;
    let ack = listener.ask("subscribe_campaign", json!({"campaignId": campaign})).await;
    assert_eq!(ack["success"], true);
    for (event, id) in [("subscribe_campaign", &campaign), ("subscribe_settlement", &settlement)] {
        assert_eq!(stranger.ask(event, json!(id)).await["code"], "UNAUTHORIZED");
    }
    let version = rename(&server, &gm, &settlement, "A name of no place").await;
    let event = listener.wait("settlement_updated", 1).await.remove(0);
    assert_eq!(
        event["payload"],
        json!({"settlementId": settlement, "operation": "update", "campaignId": campaign, "changedFields": ["name"]})
    );
    assert_eq!(event["metadata"]["version"], version);
    assert_eq!(event["metadata"]["seq"], ack["position"]["seq"].as_u64().unwrap() + 1);
    assert_eq!(event["metadata"]["changes"][0]["to"], "A name of no place");
    assert_eq!(stranger.seen().await, []);
}

#[tokio::test]
async fn missed_events_are_replayed_after_a_server_restart() {
    let (mut server, node) = (TestServer::start().await, NodeDriver::start().await);
    let gm = server.login("gm").await;
    let (campaign, settlement) = emberfall(&server, &gm).await;
    let before = node.enter("before", &server.url, &gm).await;
    let ack = before.ask("subscribe_campaign", json!(campaign)).await;
    rename(&server, &gm, &settlement, "One").await;
    before.wait("settlement_updated", 1).await;
    before.disconnect().await;
    for name in ["Two", "Three"] {
        rename(&server, &gm, &settlement, name).await;
    }
    server.restart().await;
    rename(&server, &gm, &settlement, "Four").await;
    let after = node.enter("after", &server.url, &gm).await;
    let seen = ack["position"]["seq"].as_u64().unwrap() + 1;
    let since = json!({"epoch": ack["position"]["epoch"], "seq": seen});
    let ack = after.ask("subscribe_campaign", json!({"campaignId": campaign, "since": since})).await;
    assert_eq!((&ack["recovered"], &ack["replayed"]), (&json!(true), &json!(3)));
    let names: Vec<Value> = after
        .wait("settlement_updated", 3)
        .await
        .iter()
        .map(|event| event["metadata"]["changes"][0]["to"].clone())
        .collect();
    assert_eq!(names, ["Two", "Three", "Four"]);
}

#[tokio::test]
async fn a_removed_member_is_put_out_and_a_logout_closes() {
    let (server, node) = (TestServer::start().await, NodeDriver::start().await);
    let gm = server.login("gm").await;
    let (campaign, settlement) = emberfall(&server, &gm).await;
    let login = server.post("/auth/login", &json!({"username": "viewer", "password": "emberfall"})).await.body;
    let viewer = node.enter("viewer", &server.url, login["accessToken"].as_str().unwrap()).await;
    viewer.ask("subscribe_settlement", json!(settlement)).await;
    let remove = "mutation($campaign: ID!, $user: ID!) { removeMember(campaignId: $campaign, userId: $user) }";
    server.graphql(&gm, remove, json!({"campaign": campaign, "user": login["user"]["id"]})).await;
    let revoked = viewer.wait("access:revoked", 1).await;
    assert_eq!(revoked, [json!({"room": format!("settlement:{settlement}")})]);
    rename(&server, &gm, &settlement, "Behind closed doors").await;
    assert_eq!(viewer.ask("subscribe_settlement", json!(settlement)).await["code"], "UNAUTHORIZED");
    assert_eq!(viewer.wait("settlement_updated", 0).await, [] as [Value; 0]);

    server.post("/auth/logout", &json!({"refreshToken": login["refreshToken"]})).await;
    assert_eq!(viewer.closed().await, "io server disconnect");
}

#[tokio::test]
async fn health_counts_the_connected() {
    let (server, node) = (TestServer::start().await, NodeDriver::start().await);
    let gm = server.login("gm").await;
    let _sockets = [node.enter("one", &server.url, &gm).await, node.enter("two", &server.url, &gm).await];
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        let health = server.get("/health/websocket").await.body;
        assert_eq!((&health["status"], &health["service"]), (&json!("ok"), &json!("websocket")));
        if health["connectedClients"] == 2 {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{health}");
    }
}
