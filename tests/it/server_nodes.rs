//! Several nodes on one database: one order of events, whichever node makes them or sends them.

use futures_util::future::join_all;
use scry_client::connection::StartPosition;
use scry_model::event::{ClientEvent, Phase};
use serde_json::{Value, json};

use scry_testkit::client::TestClient;
use scry_testkit::database;
use scry_testkit::emberfall::Emberfall;
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::people::{api, emberfall, watching};
use scry_testkit::server::TestServer;

#[tokio::test]
async fn edits_on_two_nodes_at_once_are_numbered_without_a_gap() {
    let first = TestServer::start().await;
    let second = TestServer::beside(&first).await;
    let (here, there) = (Emberfall::on(&first).await, Emberfall::on(&second).await);
    let campaign = emberfall(&api(&second.url, "gm").await).await;
    let reader = api(&second.url, "gm").await;
    let mut client = TestClient::live(watching(&second.url, reader, &campaign, StartPosition::Now)).await;
    let town = here.entity("Saltwick").await;
    let edits = (0..30).map(|number| {
        let world = if number % 2 == 0 { &here } else { &there };
        let town = &town;
        async move {
            let input = json!({"variables": {"treasury": 100 + number}, "description": format!("Edit {number}")});
            world.update("Settlement", &town["id"], input).await
        }
    });
    let versions: Vec<i64> = join_all(edits).await.iter().map(|it| it["version"].as_i64().unwrap()).collect();
    let mut sorted = versions.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (2..32).collect::<Vec<_>>(), "no edit was written over: {versions:?}");
    let events = here.events(0).await;
    let seqs: Vec<u64> = events.iter().map(|it| it["metadata"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    client.until_seq(events.len() as u64).await;
    assert_eq!((client.seqs(), client.gaps()), (seqs, Vec::new()));
    let last = here.entity("Saltwick").await;
    assert_eq!(last["computed"], there.entity("Saltwick").await["computed"], "what follows is the same everywhere");
}

#[tokio::test]
async fn a_repeated_request_is_known_on_the_other_node() {
    let first = TestServer::start().await;
    let second = TestServer::beside(&first).await;
    let world = Emberfall::on(&first).await;
    let move_clock = "mutation ($id: ID!) { advanceWorldTime(campaignId: $id, seconds: 60, idempotencyKey: \"once\")
        { newTime } }";
    let asks =
        [&first, &second, &first, &second].map(|server| server.graphql(&world.gm, move_clock, json!({"id": world.id})));
    let answers: Vec<Value> = join_all(asks).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(world.events(0).await.len(), 1);
}

#[tokio::test]
async fn a_rolling_restart_loses_nothing_and_alarms_nobody() {
    let mut first = TestServer::start().await;
    let mut second = TestServer::beside(&first).await;
    let balancer = FaultProxy::start(&first.url).await;
    let campaign = emberfall(&api(&first.url, "gm").await).await;
    let mut clients = Vec::new();
    for _ in 0..6 {
        let reader = api(&balancer.url, "gm").await;
        clients.push(TestClient::live(watching(&balancer.url, reader, &campaign, StartPosition::Now)).await);
    }
    let mut seq = 0;
    for _ in 0..2 {
        seq = edit(&second, 5).await;
        // Newcomers go to the node that stays; who is on the other one is sent away by its drain.
        balancer.lead_to(&second.url);
        let (_, at) = tokio::join!(first.restart(), edit(&second, 10));
        seq = seq.max(at);
        balancer.lead_to(&first.url);
        let (_, at) = tokio::join!(second.restart(), edit(&first, 10));
        seq = seq.max(at);
    }
    for client in &mut clients {
        client.until_seq(seq).await;
        assert_eq!(client.seqs(), (1..=seq).collect::<Vec<_>>());
        assert_eq!(client.gaps(), []);
        let alarmed = client.told.iter().any(|event| {
            matches!(event, ClientEvent::Status(status) if status.phase == Phase::Open || status.phase == Phase::LoginRequired)
        });
        assert!(!alarmed, "{:?}", client.told);
    }
}

#[tokio::test]
async fn a_database_that_cuts_its_connections_is_found_again() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let reader = api(&server.url, "gm").await;
    let campaign = emberfall(&reader).await;
    let mut client = TestClient::live(watching(&server.url, reader, &campaign, StartPosition::Now)).await;
    world.advance(1).await;
    database::cut_connections(&server.config).await;
    let before = world.events(0).await.len();
    assert!(world.advance(17).await["errors"].is_null(), "the next change finds another connection");
    let events = world.events(0).await;
    assert!(events.len() > before);
    client.until_seq(events.len() as u64).await;
    assert_eq!(client.gaps(), []);
}

/// Makes a number of changes one after the other; returns the number of the last event.
async fn edit(server: &TestServer, count: u64) -> u64 {
    let world = Emberfall::on(server).await;
    let inn = world.entity("The Lame Heron").await;
    for number in 0..count {
        let guests = json!({"variables": {"guests": inn["variables"]["guests"].as_i64().unwrap() % 10 + i64::try_from(number).unwrap()}});
        world.update("Structure", &inn["id"], guests).await;
    }
    world.events(0).await.last().map_or(0, |event| event["metadata"]["seq"].as_u64().unwrap())
}
