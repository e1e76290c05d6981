//! The client against the whole server: state, changes, crashes.

use std::collections::BTreeMap;

use scry_client::connection::StartPosition;
use scry_model::event::{ClientEvent, Phase};
use serde_json::json;

use scry_testkit::client::TestClient;
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::people::{advance, api, emberfall, watching};
use scry_testkit::process::ServerProcess;
use scry_testkit::server::TestServer;

#[tokio::test]
async fn a_campaign_is_shown_whole_and_then_followed() {
    let server = TestServer::start().await;
    let api = api(&server.url, "gm").await;
    let campaign = emberfall(&api).await;
    let mut client = TestClient::live(watching(&server.url, api.clone(), &campaign, StartPosition::Snapshot)).await;
    let snapshot = client
        .told
        .iter()
        .find_map(|event| if let ClientEvent::Snapshot(snapshot) = event { Some(snapshot.clone()) } else { None });
    let snapshot = snapshot.unwrap();
    let mut counts = BTreeMap::new();
    let told = snapshot.values();
    for node in &told {
        *counts.entry(node["__typename"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert_eq!((counts["Campaign"], counts["Kingdom"], counts["Settlement"], counts["Structure"]), (1, 2, 6, 18));
    let before = snapshot.position.unwrap().seq;

    let settlement = told.iter().find(|node| node["__typename"] == "Settlement").unwrap();
    let query =
        "mutation ($id: ID!, $input: UpdateSettlementInput!) { updateSettlement(id: $id, input: $input) { version } }";
    api.graphql(query, json!({"id": settlement["id"], "input": {"level": 9}})).await.unwrap();
    client.until_seq(before + 1).await;
    let id = settlement["id"].as_str().unwrap().parse().unwrap();
    let nodes = api.nodes(&[id]).await.unwrap();
    assert_eq!(
        (nodes[0].get("__typename"), nodes[0].get("level")),
        (Some(&json!("Settlement").into()), Some(&json!(9).into()))
    );

    let journal = api.events(&campaign, Some(before), None).await.unwrap();
    let followed: Vec<_> = journal.iter().map(|it| &*it.name).collect();
    assert_eq!(followed, ["settlement_updated", "state_invalidated"], "the change, and what follows from it");
    assert_eq!((journal[0].seq, &*journal[0].name), (before + 1, "settlement_updated"));
    assert!(journal[0].event().is_some());
}

#[tokio::test]
async fn every_kind_of_entity_can_be_fetched_by_its_id() {
    let server = TestServer::start().await;
    let api = api(&server.url, "viewer").await;
    let campaign = emberfall(&api).await;
    let snapshot = api.snapshot(&campaign).await.unwrap();
    let ids: Vec<_> = snapshot.values().iter().map(|node| node["id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(api.nodes(&ids).await.unwrap(), snapshot.nodes);
}

#[tokio::test]
async fn a_killed_server_costs_no_event() {
    let mut server = ServerProcess::start().await;
    let proxy = FaultProxy::start(&server.url).await;
    let writer = api(&server.url, "player").await;
    let reader = api(&proxy.url, "gm").await;
    let campaign = emberfall(&writer).await;
    let mut client = TestClient::live(watching(&proxy.url, reader, &campaign, StartPosition::Now)).await;
    let before = writer.campaigns().await.unwrap()[0].position.clone().unwrap().seq;
    for _ in 0..3 {
        advance(&writer, &campaign).await;
    }
    client.until_seq(before + 3).await;

    server.kill().await;
    client.until_phase(Phase::Backoff).await;
    server.restart().await;
    let writer = api(&server.url, "player").await;
    for _ in 0..3 {
        advance(&writer, &campaign).await;
    }
    proxy.lead_to(&server.url);
    client.until_phase(Phase::Live).await;
    advance(&writer, &campaign).await;
    client.until_seq(before + 7).await;
    assert_eq!(client.seqs(), (before + 1..=before + 7).collect::<Vec<_>>());
    assert_eq!(client.gaps(), []);
}

#[tokio::test]
async fn an_unknown_campaign_is_refused_without_telling_more() {
    let server = TestServer::start().await;
    let theirs = emberfall(&api(&server.url, "gm").await).await;
    let outsider = api(&server.url, "outsider").await;
    for campaign in [theirs, "0197-nowhere".parse().unwrap()] {
        let options = watching(&server.url, outsider.clone(), &campaign, StartPosition::Snapshot);
        let mut client = TestClient::start(options);
        let refused = client.until(|event| matches!(event, ClientEvent::Refused { .. })).await;
        let ClientEvent::Refused { message, .. } = refused else { unreachable!() };
        assert_eq!(message, "Unauthorized");
        assert!(outsider.snapshot(&campaign).await.is_err());
    }
}

#[tokio::test]
async fn a_server_that_goes_down_in_good_order_is_waited_for() {
    let mut server = TestServer::start().await;
    let api = api(&server.url, "gm").await;
    let campaign = emberfall(&api).await;
    let mut client = TestClient::live(watching(&server.url, api, &campaign, StartPosition::Now)).await;
    server.stop().await;
    client
        .until(|event| matches!(event, ClientEvent::Delivered(delivery) if &*delivery.name == "server:draining"))
        .await;
    let status = client.until_phase(Phase::Backoff).await;
    assert_eq!(status.attempt, 1);
    server.restart().await;
    client.until_phase(Phase::Live).await;
}
