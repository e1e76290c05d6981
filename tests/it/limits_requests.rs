//! Requests in forms that no client of ours sends: each is refused with the right status, and changes nothing.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Method};
use scry_server::config::ConfigSecret;
use serde_json::{Value, json};

use scry_testkit::emberfall::Emberfall;
use scry_testkit::server::TestServer;

#[tokio::test]
async fn browser_forms_and_foreign_pages_get_nothing() {
    let server = TestServer::start().await;
    let (http, gm) = (Client::new(), server.login("gm").await);
    let before = server.graphql(&gm, "{ campaigns { name } }", json!({})).await;
    let mutation = json!({"query": "mutation { createCampaign(input: {name: \"forged\"}) { id } }"}).to_string();
    for path in ["/graphql", "/events", "/auth/login", "/auth/refresh", "/auth/logout"] {
        for form in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"] {
            let request = http.post(format!("{}{path}", server.url)).header(CONTENT_TYPE, form);
            let answer = request.bearer_auth(&gm).body(mutation.clone()).send().await.unwrap();
            assert_eq!(answer.status(), 415, "{path} {form}");
        }
        let preflight = http
            .request(Method::OPTIONS, format!("{}{path}", server.url))
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "POST")
            .send()
            .await
            .unwrap();
        let allowed = preflight.headers().keys().filter(|name| name.as_str().starts_with("access-control-"));
        assert_eq!(allowed.count(), 0, "{path}");
    }
    let listed = http.get(format!("{}/graphql?query={{me{{id}}}}", server.url)).bearer_auth(&gm).send().await.unwrap();
    let body = listed.text().await.unwrap();
    assert!(!body.contains("\"data\""), "a query in the address is not answered: {body}");
    assert_eq!(server.graphql(&gm, "{ campaigns { name } }", json!({})).await, before);
}

#[tokio::test]
async fn only_a_bearer_token_in_the_authorization_header_is_accepted() {
    let token = "an operator's token of some length";
    let server = TestServer::with(|config| config.auth.admin_token = Some(ConfigSecret::new(token))).await;
    let (http, gm) = (Client::new(), server.login("gm").await);
    let status = async |path: &str, header: Option<String>| {
        let url = format!("{}{path}", server.url);
        let request = if path.starts_with("/graphql") {
            http.post(url).json(&json!({"query": "{ me { id } }"}))
        } else {
            http.get(url)
        };
        let request = match header {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("/graphql", Some(format!("Bearer {gm}"))).await, 200);
    assert_eq!(status("/graphql", Some(format!("bearer {gm}"))).await, 200, "the scheme has no case");
    for header in [
        gm.clone(),
        format!("Token {gm}"),
        format!("Basic {gm}"),
        format!("Bearer{gm}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer  {gm}"),
        format!("Bearer {gm},{gm}"),
    ] {
        assert_eq!(status("/graphql", Some(header.clone())).await, 401, "{header}");
    }
    assert_eq!(status(&format!("/graphql?token={gm}"), None).await, 401, "the query opens sockets only");
    assert_eq!(status("/socket-stats", Some(format!("Bearer {token}"))).await, 200);
    for header in [
        None,
        Some(format!("Bearer {}", &token[..token.len() - 1])),
        Some(format!("Bearer {token}x")),
        Some(format!("Bearer {gm}")),
        Some("Bearer ".to_owned()),
        Some(token.to_owned()),
    ] {
        assert_eq!(status("/socket-stats", header.clone()).await, 401, "{header:?}");
    }
}

#[tokio::test]
async fn numbers_at_the_end_of_their_range_are_answered_with_a_sentence() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let settlement = world.entity("Harrow's Rest").await["id"].clone();
    let update = "mutation ($id: ID!, $version: Int) {
        updateSettlement(id: $id, input: {level: 9}, expectedVersion: $version) { version } }";
    let events = "query ($id: ID!, $since: Int, $limit: Int) {
        events(campaignId: $id, since: $since, limit: $limit) { seq } }";
    let due = "query ($id: ID!, $limit: Int) { dueEffects(campaignId: $id, until: \"1208-01-01T00:00:00Z\", limit: $limit) { name } }";
    for (query, variables) in [
        (update, json!({"id": settlement, "version": i64::MAX})),
        (update, json!({"id": settlement, "version": i64::MIN})),
        (update, json!({"id": settlement, "version": -1})),
        (events, json!({"id": world.id, "since": -1})),
        (events, json!({"id": world.id, "limit": 0})),
        (events, json!({"id": world.id, "limit": u32::MAX})),
        (events, json!({"id": world.id, "limit": u64::MAX})),
        (due, json!({"id": world.id, "limit": 0})),
        (due, json!({"id": world.id, "limit": u32::MAX})),
    ] {
        let refused = server.refused(&world.gm, query, variables.clone()).await;
        let code = refused["extensions"]["code"].as_str().unwrap_or_default();
        assert!(["INVALID_PAYLOAD", "CONFLICT"].contains(&code), "{variables}: {refused}");
    }
    let beyond = server.graphql(&world.gm, events, json!({"id": world.id, "since": i64::MAX})).await;
    assert_eq!(beyond["events"], json!([]));
}

#[tokio::test]
async fn idempotency_key_belongs_to_its_user_and_its_request() {
    let server = TestServer::start().await;
    let (gm, outsider) = (server.login("gm").await, server.login("outsider").await);
    let create =
        "mutation ($name: String!) { createCampaign(input: {name: $name}, idempotencyKey: \"same key\") { id name } }";
    let ask = async |token: &str, name: &str| server.execute(token, create, json!({"name": name})).await;
    let first = ask(&gm, "Mine").await["data"]["createCampaign"].take();
    assert_eq!(ask(&gm, "Mine").await["data"]["createCampaign"], first, "a repeat is the first");
    let another = ask(&outsider, "Mine").await["data"]["createCampaign"].take();
    assert!(another["id"].is_string() && another["id"] != first["id"], "another's key is another key: {another}");
    let reused: Value = ask(&gm, "Other").await;
    assert_eq!(reused["errors"][0]["extensions"]["code"], "INVALID_PAYLOAD", "{reused}");
}
