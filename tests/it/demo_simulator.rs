//! The simulated table against the real server: what it decides, the public API accepts.

use std::time::{Duration, Instant};

use scry_client::api::Api;
use scry_client::auth::Auth;
use scry_client::http::HttpClient;
use scry_client::secret::Secret;
use scry_config::client::ServerAddress;
use scry_protocol::Id;
use scry_simulator::{PlayerLogins, Simulator, play};
use scry_world::VariableSchema;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use scry_testkit::server::TestServer;

const DEMO_TIMEOUT: Duration = Duration::from_secs(60);

async fn api(server: &TestServer, user: &str) -> Api {
    let address = ServerAddress::new("test", &server.url, "--url").unwrap();
    let http = HttpClient::new(&address, Duration::from_secs(5)).unwrap();
    Api::new(http, Auth::with_token(Secret::new(server.login(user).await)))
}

async fn logins(server: &TestServer) -> (PlayerLogins, Id) {
    let logins = PlayerLogins {
        gm: api(server, "gm").await,
        player: api(server, "player").await,
        bot: api(server, "bot").await,
    };
    let campaign = logins.gm.campaigns().await.unwrap().into_iter().find(|it| it.name == "Emberfall").unwrap();
    (logins, campaign.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_simulated_action_is_accepted() {
    let server = TestServer::start().await;
    let (logins, campaign) = logins(&server).await;
    let mut table = Simulator::new(42, campaign.clone(), &logins.player.snapshot(&campaign).await.unwrap().values());
    for _ in 0..250 {
        let act = table.decide().unwrap();
        let answer = logins.ask(&act).await.unwrap_or_else(|error| panic!("{act:?}: {error}"));
        table.done(&act, &answer);
    }

    let after = logins.gm.snapshot(&campaign).await.unwrap();
    assert!(after.position.unwrap().seq >= 250, "every act left an event");
    for node in &after.nodes {
        fits(&Value::from(node));
    }
}

/// Checks every variable of an entity against its own schema.
fn fits(node: &Value) {
    let schemas = node.get("variableSchemas").and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        let schema: VariableSchema = serde_json::from_value(schema.clone()).unwrap();
        schema.check(&node["variables"][name]).unwrap_or_else(|fault| panic!("{}: {name} {fault}", node["name"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_play_goes_on_until_it_is_told_to_stop() {
    let server = TestServer::start().await;
    let (logins, campaign) = logins(&server).await;
    let shutdown = CancellationToken::new();
    let playing = tokio::spawn(play(logins.clone(), None, campaign.clone(), 7, 50.0, shutdown.clone()));

    let begun = Instant::now();
    while logins.gm.events(&campaign, Some(0), Some(100)).await.unwrap().len() < 60 {
        assert!(begun.elapsed() < DEMO_TIMEOUT && !playing.is_finished(), "the table has fallen silent");
    }
    shutdown.cancel();
    tokio::time::timeout(DEMO_TIMEOUT, playing).await.unwrap().unwrap().unwrap();
    let names: Vec<_> = logins.gm.events(&campaign, Some(0), Some(100)).await.unwrap();
    assert!(names.iter().any(|entry| entry.name == "structure_updated"));
}
