//! Messages to users who are away, disputes and notifications, from the API to the socket.

use serde_json::{Value, json};

use scry_testkit::gateway::{TestGateway, notification};
use scry_testkit::node::{NodeDriver, NodeSocket};
use scry_testkit::server::TestServer;

const UPDATE: &str = "mutation($id: ID!, $input: UpdateSettlementInput!, $version: Int, $policy: OnConflict!) {
    updateSettlement(id: $id, input: $input, expectedVersion: $version, onConflict: $policy) { version } }";

/// Names of the messages to the user that a socket has seen, with their ids or fields.
async fn messages(socket: &NodeSocket<'_>) -> Vec<String> {
    let mine = |(name, body): (String, Value)| match name.as_str() {
        "notification:new" => body["id"].as_str().map(str::to_owned),
        "document:conflict" | "conflict:resolved" => Some(name),
        _ => None,
    };
    socket.seen().await.into_iter().filter_map(mine).collect()
}

#[tokio::test]
async fn messages_wait_for_who_is_away_and_come_once_in_order() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let names: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    for name in &names {
        server.tell("viewer", &notification(name)).await;
    }
    let first = node.enter("first", &server.url, &server.token("viewer")).await;
    first.wait("notification:new", 20).await;
    assert_eq!(messages(&first).await, names);
    let second = node.enter("second", &server.url, &server.token("viewer")).await;
    // Answered behind what waited.
    second.ask("latency", json!({})).await;
    server.tell("viewer", &notification("live")).await;
    for socket in [&first, &second] {
        socket.wait("notification:new", 1).await;
    }
    second.ask("latency", json!({})).await;
    assert_eq!(messages(&second).await, ["live"], "what was delivered does not come again");
}

#[tokio::test]
async fn sockets_that_come_at_once_get_each_message_once() {
    let (server, node) = (TestGateway::start().await, NodeDriver::start().await);
    let token = server.token("viewer");
    for round in 0..5 {
        let names: Vec<String> = (0..10).map(|number| format!("{round}-{number}")).collect();
        for name in &names {
            server.tell("viewer", &notification(name)).await;
        }
        let [a, b, c] = ["a", "b", "c"].map(|name| format!("{name}{round}"));
        let (a, b, c) = tokio::join!(
            node.enter(&a, &server.url, &token),
            node.enter(&b, &server.url, &token),
            node.enter(&c, &server.url, &token)
        );
        let mut got = Vec::new();
        for socket in [&a, &b, &c] {
            // Answered behind the messages: they are sent before the first request is served.
            socket.ask("latency", json!({})).await;
            got.extend(messages(socket).await);
        }
        assert_eq!(got, names);
        for socket in [a, b, c] {
            socket.disconnect().await;
        }
        server.connected(0).await;
    }
}

#[tokio::test]
async fn author_of_an_overwritten_value_is_notified_and_notified_again_when_resolved() {
    let (server, node) = (TestServer::start().await, NodeDriver::start().await);
    let (gm, player) = (server.login("gm").await, server.login("player").await);
    let town = settlement(&server, &gm).await;
    let (id, version) = (town["id"].as_str().unwrap(), town["version"].as_i64().unwrap());
    let (level, name) = (town["level"].as_i64().unwrap(), town["name"].as_str().unwrap());
    let away = |input: Value, version: i64, policy: &str| json!({"id": id, "input": input, "version": version, "policy": policy});
    server.graphql(&player, UPDATE, away(json!({"level": level + 1}), version, "REJECT")).await;
    server.graphql(&gm, UPDATE, away(json!({"level": level + 2}), version, "LAST_WRITE_WINS")).await;
    let socket = node.enter("player", &server.url, &player).await;
    let told = socket.wait("document:conflict", 1).await;
    let me = server.graphql(&gm, "{ me { id } }", json!({})).await;
    assert_eq!(
        told,
        [json!({"entityType": "settlement", "entityId": id, "strategy": "LAST_WRITE_WINS",
        "conflictedFields": ["level"], "originalValue": {"level": level + 1}, "incomingValue": {"level": level + 2},
        "resolvedValue": {"level": level + 2}, "by": me["me"]["id"], "notificationId": told[0]["notificationId"]})]
    );
    let list = "{ notifications { id title body level kind read entityType entityId } }";
    let list = server.graphql(&player, list, json!({})).await;
    assert_eq!(
        list["notifications"],
        json!([{"id": told[0]["notificationId"], "title": format!("gm replaced what you wrote in {}", name),
            "body": format!("level: yours was {}, now it is {}", level + 1, level + 2), "level": "warning",
            "kind": "conflict", "read": false, "entityType": "settlement", "entityId": id}])
    );
    let refused = server
        .refused(&player, UPDATE, away(json!({"level": level + 3, "description": "mine"}), version, "MERGE"))
        .await;
    assert_eq!(refused["extensions"]["conflict"]["fields"][0]["field"], "level");
    server.graphql(&player, UPDATE, away(json!({"description": "other"}), version + 2, "MERGE")).await;
    server.graphql(&player, UPDATE, away(json!({"level": level + 3}), version + 3, "MERGE")).await;
    assert_eq!(
        socket.wait("conflict:resolved", 1).await,
        [json!({"entityType": "settlement", "entityId": id, "fields": ["level"]})]
    );
    assert_eq!(messages(&socket).await, ["document:conflict", "conflict:resolved"]);
}

#[tokio::test]
async fn preferences_choose_what_is_told_at_once_and_the_list_keeps_the_rest() {
    let (server, node) = (TestServer::start().await, NodeDriver::start().await);
    let (gm, player) = (server.login("gm").await, server.login("player").await);
    let all = json!({"levels": ["info", "success", "warning", "error"], "kinds": ["message", "conflict", "rule", "invitation"]});
    let asked = "{ notificationPreferences { levels kinds } }";
    assert_eq!(server.graphql(&player, asked, json!({})).await["notificationPreferences"], all);
    let set = "mutation($levels: [String!]) { setNotificationPreferences(levels: $levels) { levels kinds } }";
    server.graphql(&player, set, json!({"levels": ["error", "warning"]})).await;
    let stored = server.graphql(&player, asked, json!({})).await;
    assert_eq!(stored["notificationPreferences"], json!({"levels": ["warning", "error"], "kinds": all["kinds"]}));
    let odd = server.refused(&player, set, json!({"levels": ["loud"]})).await;
    assert_eq!(odd["message"], "levels: “loud” is unknown; known are info, success, warning, error");

    let socket = node.enter("player", &server.url, &player).await;
    let me = server.graphql(&player, "{ me { id } }", json!({})).await["me"]["id"].clone();
    let notify = "mutation($to: [ID!]!, $level: String!) { notify(userIds: $to, title: \"T\", level: $level) }";
    for level in ["info", "error"] {
        server.graphql(&gm, notify, json!({"to": [me], "level": level})).await;
    }
    let told = socket.wait("notification:new", 1).await;
    assert_eq!((&told[0]["level"], &told[0]["kind"]), (&json!("error"), &json!("message")));
    let unread = "{ unreadNotifications notifications(unread: true) { id level kind read } }";
    let list = server.graphql(&player, unread, json!({})).await;
    assert_eq!((&list["unreadNotifications"], list["notifications"].as_array().unwrap().len()), (&json!(2), 2));
    let mark = "mutation($id: ID!) { markNotificationRead(id: $id) { read } }";
    server.graphql(&player, mark, json!({"id": list["notifications"][0]["id"]})).await;
    assert_eq!(server.graphql(&player, unread, json!({})).await["unreadNotifications"], 1);
    let mark_all = "mutation { markAllNotificationsRead }";
    assert_eq!(server.graphql(&player, mark_all, json!({})).await["markAllNotificationsRead"], 1);
    let list = server.graphql(&player, unread, json!({})).await;
    assert_eq!(list, json!({"unreadNotifications": 0, "notifications": []}));
    assert_eq!(
        server.graphql(&player, "{ notifications { read } }", json!({})).await["notifications"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn an_access_token_ends_with_its_session() {
    let mut server = TestServer::start().await;
    let login = server.post("/auth/login", &json!({"username": "gm", "password": "emberfall"})).await.body;
    let token = login["accessToken"].as_str().unwrap().to_owned();
    let query = json!({"query": "{ me { username } }"});
    assert_eq!(server.post_as(&token, "/graphql", &query).await.status, 200);
    server.post("/auth/logout", &json!({"refreshToken": login["refreshToken"]})).await;
    assert_eq!(server.post_as(&token, "/graphql", &query).await.code(), "TOKEN_INVALID");
    server.restart().await;
    assert_eq!(server.post_as(&token, "/graphql", &query).await.code(), "TOKEN_INVALID", "after a restart too");
    let other = server.login("gm").await;
    assert_eq!(server.post_as(&other, "/graphql", &query).await.status, 200);
}

/// Returns one settlement of the bundled world, as the API sends it.
pub async fn settlement(server: &TestServer, token: &str) -> Value {
    let campaigns = server.graphql(token, "{ campaigns { id name } }", json!({})).await;
    let named = |campaign: &&Value| campaign["name"] == "Emberfall";
    let campaign = campaigns["campaigns"].as_array().unwrap().iter().find(named).unwrap()["id"].clone();
    let query = "query($id: ID!) { snapshot(campaignId: $id) { settlements { id name level version variables } } }";
    server.graphql(token, query, json!({"id": campaign})).await["snapshot"]["settlements"][0].clone()
}
