//! What one user, and one address, may ask of the API in a minute.

use scry_server::config::ServerConfig;
use scry_server::limits::LimitKind;
use serde_json::json;

use scry_testkit::server::TestServer;

#[tokio::test]
async fn api_requests_of_one_user_have_a_rate_and_others_are_not_affected() {
    let server = TestServer::with(|config: &mut ServerConfig| config.quota.api_requests_per_minute = 5).await;
    let (viewer, gm, bot) = (server.login("viewer").await, server.login("gm").await, server.login("bot").await);
    let again = server.login("viewer").await;
    let ask = async |token: &str| server.post_as(token, "/graphql", &json!({"query": "{ me { id } }"})).await;
    for token in [&viewer, &again, &viewer, &again, &viewer] {
        assert_eq!(ask(token).await.status, 200);
    }
    for token in [&viewer, &again] {
        let refused = ask(token).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (429, "RATE_LIMITED"), "a second login is the same user");
        let wait: u64 = refused.retry_after.unwrap().parse().unwrap();
        assert!((1..=12).contains(&wait), "{wait}");
    }
    assert_eq!(ask(&gm).await.status, 200);
    let event = json!({"type": "state_invalidated", "payload": {}});
    for _ in 0..5 {
        assert_eq!(server.post_as(&bot, "/events", &event).await.status, 400);
    }
    assert_eq!(server.post_as(&bot, "/events", &event).await.status, 429, "what is refused counts as well");
    assert_eq!(server.limit_metrics.of(LimitKind::ApiRequests), 3);
}

#[tokio::test]
async fn requests_without_a_login_have_a_rate_for_each_address() {
    let server = TestServer::with(|config: &mut ServerConfig| config.quota.auth_requests_per_minute = 3).await;
    let junk = json!({"refreshToken": "junk"});
    for path in ["/auth/refresh", "/auth/logout", "/auth/refresh"] {
        assert!(server.post(path, &junk).await.status != 429, "{path}");
    }
    for path in ["/auth/refresh", "/auth/logout", "/auth/login"] {
        let refused = server.post(path, &junk).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (429, "RATE_LIMITED"), "{path}");
        assert!(refused.retry_after.is_some());
    }
    assert_eq!(server.limit_metrics.of(LimitKind::AuthRequests), 3);
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_campaign_has_a_size_that_large_edits_and_new_entities_are_counted_in() {
    // The campaign and nine more, each of which counts 4 KiB.
    let server = TestServer::with(|config: &mut ServerConfig| config.quota.max_bytes_per_campaign = 10 * 4_096).await;
    let viewer = server.login("viewer").await;
    let make = "mutation { createCampaign(input: {name: \"Small\"}) { id } }";
    let campaign = server.graphql(&viewer, make, json!({})).await["createCampaign"]["id"].take();
    let kingdom = "mutation ($c: ID!, $d: String!) { createKingdom(input: {campaignId: $c, name: \"K\", description: $d}) { id } }";
    let small = json!({"c": campaign, "d": ""});
    let first = server.graphql(&viewer, kingdom, small.clone()).await["createKingdom"]["id"].take();
    for _ in 0..7 {
        server.graphql(&viewer, kingdom, small.clone()).await;
    }
    let edit = "mutation ($k: ID!, $d: String!) { updateKingdom(id: $k, input: {description: $d}) { version } }";
    let describe = |length: usize| json!({"k": first, "d": "x".repeat(length)});
    server.graphql(&viewer, edit, describe(8_000)).await;
    for refused in
        [server.refused(&viewer, kingdom, small.clone()).await, server.refused(&viewer, edit, describe(9_000)).await]
    {
        assert_eq!(refused["extensions"]["code"], "QUOTA_EXCEEDED", "{refused}");
        assert_eq!(refused["extensions"]["limit"], "storage");
    }
    server.graphql(&viewer, edit, describe(4_000)).await;
    server.graphql(&viewer, kingdom, small).await;
    assert_eq!(server.limit_metrics.of(LimitKind::Storage), 2);
}
