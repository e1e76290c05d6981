//! Rooms come and go on a living connection, and a plain gateway is enough for them.

use scry_client::connection::StartPosition;
use scry_model::event::{ClientEvent, Phase};
use scry_protocol::{ErrorCode, Position};
use serde_json::json;

use scry_testkit::client::{TestClient, options};
use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::gateway::{TestGateway, kingdom, settlement, structure};

#[tokio::test]
async fn overlapping_rooms_pass_each_event_on_once_and_in_order() {
    let gateway = TestGateway::start().await;
    let rooms = [
        ("campaign:c1", StartPosition::Now),
        ("settlement:s1", StartPosition::Now),
        ("structure:t1", StartPosition::Now),
    ];
    let mut client = TestClient::live(options(&gateway.url, &gateway.token("gm"), &rooms)).await;
    gateway.record_all(vec![kingdom(), settlement("s1"), structure("t1", "s1"), structure("t2", "s2")]).await;
    client.until_seq(4).await;
    gateway.record(kingdom()).await;
    client.until_seq(5).await;
    assert_eq!(client.seqs(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_room_can_be_added_from_an_earlier_point_and_given_up() {
    let gateway = TestGateway::start().await;
    let mut client =
        TestClient::live(options(&gateway.url, &gateway.token("gm"), &[("structure:t1", StartPosition::Now)])).await;
    let epoch = gateway.record(structure("t2", "s2")).await.metadata.epoch.unwrap();
    gateway.record_all(vec![kingdom(), settlement("s2"), structure("t1", "s1")]).await;
    client.until_seq(4).await;
    let from_the_beginning = StartPosition::Since(Position::new(epoch, 0));
    client.session.handle.subscribe_from("settlement:s2".parse().unwrap(), from_the_beginning);
    client.until_phase(Phase::Live).await;
    assert_eq!(client.seqs(), [4, 1, 3]);

    client.session.handle.unsubscribe("settlement:s2".parse().unwrap());
    client.session.handle.subscribe("structure:t2".parse().unwrap());
    client.until_phase(Phase::Live).await;
    gateway.record_all(vec![settlement("s2"), structure("t2", "s2")]).await;
    client.until_seq(6).await;
    assert_eq!(client.seqs(), [4, 1, 3, 6]);
}

#[tokio::test]
async fn a_forbidden_room_is_refused_and_the_others_live() {
    let gateway = TestGateway::start().await;
    let rooms = [("campaign:c1", StartPosition::Now), ("settlement:nowhere", StartPosition::Now)];
    let mut client = TestClient::live(options(&gateway.url, &gateway.token("viewer"), &rooms)).await;
    let refused = client.told.iter().find_map(|event| {
        if let ClientEvent::Refused { room, code, .. } = event { Some((room.to_string(), code.clone())) } else { None }
    });
    assert_eq!(refused, Some(("settlement:nowhere".to_owned(), ErrorCode::Unauthorized)));
    gateway.record(kingdom()).await;
    client.until_seq(1).await;
}

#[tokio::test]
async fn losing_membership_takes_the_room_away() {
    let gateway = TestGateway::start().await;
    let mut client =
        TestClient::live(options(&gateway.url, &gateway.token("viewer"), &[("campaign:c1", StartPosition::Now)])).await;
    gateway.remove_member("viewer").await;
    client.until(|event| matches!(event, ClientEvent::Refused { .. })).await;
}

#[tokio::test]
async fn a_position_of_another_history_is_a_gap_that_stays_open() {
    let gateway = TestGateway::start().await;
    gateway.record_all(vec![kingdom(), kingdom()]).await;
    let old = StartPosition::Since(Position::new("another-history", 1));
    let mut client = TestClient::live(options(&gateway.url, &gateway.token("gm"), &[("campaign:c1", old)])).await;
    let gaps = client.gaps();
    assert_eq!((gaps.len(), gaps[0].from, gaps[0].to, gaps[0].recovered), (1, 1, 2, false));
    assert!(client.told.iter().any(|event| matches!(event, ClientEvent::Joined { recovered: false, .. })));
    gateway.record(kingdom()).await;
    client.until_seq(3).await;
    assert_eq!(client.seqs(), [3]);
}

#[tokio::test]
async fn a_plain_gateway_is_enough_and_what_it_lacks_is_named_once() {
    let mut gateway = FakeGateway::start(json!({})).await;
    let mut client = TestClient::live(options(&gateway.url, "", &[("campaign:c1", StartPosition::Snapshot)])).await;
    let event = json!({"type": "settlement_updated",
        "payload": {"settlementId": "s1", "operation": "update", "campaignId": "c1", "changedFields": ["level"]}});
    gateway.emit("campaign:c1", "settlement_updated", json!([event])).await;
    gateway.emit("campaign:c1", "dice:rolled", json!([20, "natural"])).await;
    gateway.emit("campaign:c1", "tick", json!([])).await;
    client.until(|event| matches!(event, ClientEvent::Delivered(delivery) if &*delivery.name == "tick")).await;
    let delivered: Vec<_> = client
        .told
        .iter()
        .filter_map(|event| if let ClientEvent::Delivered(delivery) = event { Some(delivery) } else { None })
        .collect();
    assert_eq!(delivered[0].room.as_ref().unwrap().to_string(), "campaign:c1");
    assert!(delivered[0].event.is_some());
    assert_eq!((&*delivered[1].name, &*delivered[1].raw), ("dice:rolled", &json!([20, "natural"])));

    client.until(|event| matches!(event, ClientEvent::Notice(text) if text.contains("latency"))).await;
    gateway.ask("close").await;
    client.until_phase(Phase::Live).await;
    let notices = client.notices();
    assert_eq!(notices.len(), 3, "{notices:?}");
    for missing in ["GraphQL", "positions", "latency"] {
        assert_eq!(notices.iter().filter(|notice| notice.contains(missing)).count(), 1, "{missing}: {notices:?}");
    }
}
