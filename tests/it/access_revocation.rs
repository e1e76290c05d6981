//! What was taken away stays away, on every node: memberships, roles, and what one may be told.

mod round;

use scry_server::config::{ConfigSecret, ServerConfig};
use serde_json::{Value, json};

use self::round::{RevocationRound, id_of, keep_asking, keep_joining};
use scry_testkit::raw_socket::RawSocketClient;
use scry_testkit::redis::Redis;
use scry_testkit::server::TestServer;
use scry_testkit::wait::until;

const ROUNDS: usize = 5;

fn unlimited(config: &mut ServerConfig) {
    config.socket.requests_per_minute = 1_000_000;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_removal_nothing_later_reaches_the_removed() {
    let server = TestServer::with(unlimited).await;
    race(&server, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_removal_on_one_node_nothing_later_reaches_the_removed_on_another() {
    let redis = Redis::start().await;
    let here = TestServer::with(|config| {
        unlimited(config);
        config.redis = Some(ConfigSecret::new(redis.url()));
    })
    .await;
    let there = TestServer::beside(&here).await;
    for node in [&here, &there] {
        until("redis", async || node.get("/health").await.body["redis"] == "ok").await;
    }
    race(&here, &there).await;
}

/// Removes a viewer on one node, at a chance moment among changes on both, who asks another node for everything.
async fn race(here: &TestServer, there: &TestServer) {
    let (gm, viewer) = (here.login("gm").await, there.login("viewer").await);
    let viewer_id = id_of(here, &viewer).await;
    let seed = std::env::var("RACE_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    println!("RACE_SEED={seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    for number in 0..ROUNDS {
        let round = RevocationRound::new(here, &gm, "viewer", "VIEWER").await;
        let mut live = RawSocketClient::connect(&there.url, &viewer).await.unwrap();
        let mut joining = RawSocketClient::connect(&there.url, &viewer).await.unwrap();
        let mut narrow = RawSocketClient::connect(&there.url, &viewer).await.unwrap();
        let mut owner = RawSocketClient::connect(&there.url, &gm).await.unwrap();
        for raw in [&mut live, &mut owner] {
            assert_eq!(raw.ask("subscribe_campaign", &round.since(0)).await.unwrap()["success"], true);
        }
        let removed_at = chance.usize(5..25);
        let mut places = chance.fork();
        let edits = async {
            for turn in 0..40 {
                let at = if places.bool() { here } else { there };
                assert!(round.edit(at, &gm, &format!("round {number}, turn {turn}")).await["errors"].is_null());
                if turn == removed_at {
                    round.remove(here, &gm, &viewer_id).await;
                }
            }
        };
        let ((), (), (), asked) = tokio::join!(
            edits,
            keep_joining(&mut joining, &round, "subscribe_campaign", chance.fork()),
            keep_joining(&mut narrow, &round, "subscribe_settlement", chance.fork()),
            keep_asking(there, &viewer, &round),
        );
        let events = round.events(here, &gm).await;
        let is_removal = |event: &&Value| {
            event["event"]["payload"]["entityType"] == "member" && event["event"]["payload"]["operation"] == "delete"
        };
        let removal = events.iter().find(is_removal).unwrap()["seq"].as_u64().unwrap();
        let head = events.last().unwrap()["seq"].as_u64().unwrap();
        // The owner has been sent everything, so whoever was to get it has got it as well.
        until("all events", async || {
            owner.ask("latency", &json!({})).await;
            owner.last_seq() >= head
        })
        .await;
        for raw in [&mut live, &mut joining, &mut narrow] {
            raw.ask("latency", &json!({})).await.expect("the connection goes on");
            assert!(raw.last_seq() < removal, "seed {seed}, round {number}: {} after {removal}", raw.last_seq());
        }
        assert!(asked < removal, "seed {seed}, round {number}: the API showed {asked} after {removal}");
        let revoked = live.events.iter().filter(|event| event[0] == "access:revoked").count();
        assert_eq!(revoked, 1, "seed {seed}, round {number}");
        assert!(live.last_seq() > 0 && head > removal + 10);
    }
}

#[tokio::test]
async fn a_lowered_role_counts_from_the_next_request_on() {
    let server = TestServer::start().await;
    let (gm, player) = (server.login("gm").await, server.login("player").await);
    let round = RevocationRound::new(&server, &gm, "player", "EDITOR").await;
    let mut raw = RawSocketClient::connect(&server.url, &player).await.unwrap();
    assert_eq!(raw.ask("subscribe_campaign", &round.campaign).await.unwrap()["success"], true);
    assert!(round.edit(&server, &player, "mine").await["errors"].is_null());
    let lower = "mutation ($c: ID!, $u: ID!) { setMemberRole(campaignId: $c, userId: $u, role: VIEWER) { id } }";
    let user = id_of(&server, &player).await;
    server.graphql(&gm, lower, json!({"c": round.campaign, "u": user})).await;
    let refused = round.edit(&server, &player, "no more").await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHORIZED");
    // A viewer still sees, this change among the rest.
    round.edit(&server, &gm, "seen by viewers").await;
    let head = round.events(&server, &gm).await.last().unwrap()["seq"].as_u64().unwrap();
    until("the change", async || {
        raw.ask("latency", &json!({})).await.unwrap();
        raw.last_seq() >= head
    })
    .await;
}

#[tokio::test]
async fn former_member_is_not_told_of_an_overwritten_value() {
    let server = TestServer::start().await;
    let (gm, player) = (server.login("gm").await, server.login("player").await);
    let round = RevocationRound::new(&server, &gm, "player", "EDITOR").await;
    let user = id_of(&server, &player).await;
    let mut raw = RawSocketClient::connect(&server.url, &player).await.unwrap();
    let replace = "mutation ($s: ID!, $d: String!, $v: Int) { updateSettlement(id: $s, input: {description: $d},
        expectedVersion: $v, onConflict: LAST_WRITE_WINS) { version } }";
    let by_gm = |version: i64, text: &'static str| {
        let variables = json!({"s": round.settlement, "d": text, "v": version});
        let (server, gm) = (&server, &gm);
        async move { server.graphql(gm, replace, variables).await }
    };
    round.edit(&server, &player, "the player's").await;
    by_gm(1, "the owner's").await;
    told(&mut raw, "document:conflict").await;
    round.edit(&server, &player, "the player's again").await;
    told(&mut raw, "conflict:resolved").await;
    // A refused edit is a dispute as well, and it is open when its holder goes.
    let late = "mutation ($s: ID!) { updateSettlement(id: $s, input: {description: \"late\"}, expectedVersion: 1,
        onConflict: REJECT) { version } }";
    let refused = server.refused(&player, late, json!({"s": round.settlement})).await;
    assert_eq!(refused["extensions"]["code"], "CONFLICT");
    round.remove(&server, &gm, &user).await;
    by_gm(3, "a secret").await;
    by_gm(5, "another").await;
    // Notifications go the same way as conflicts: one that comes after shows that no conflict came before.
    let note = "mutation ($u: [ID!]!) { notify(userIds: $u, title: \"Goodbye\") }";
    server.graphql(&gm, note, json!({"u": [user]})).await;
    told(&mut raw, "notification:new").await;
    let count = |name: &str| raw.events.iter().filter(|event| event[0] == *name).count();
    assert_eq!((count("document:conflict"), count("conflict:resolved")), (1, 1), "{:?}", raw.events);
}

/// Waits until a message has come.
async fn told(raw: &mut RawSocketClient, name: &str) {
    until(name, async || {
        raw.ask("latency", &json!({})).await.unwrap();
        raw.events.iter().any(|event| event[0] == *name)
    })
    .await;
}
