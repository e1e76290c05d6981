//! What the program writes about itself while it works.

use serde_json::{Value, json};

use scry_testkit::node::NodeDriver;
use scry_testkit::people::{api, emberfall, login};
use scry_testkit::process::ServerProcess;
use scry_testkit::wait::until;

const SETTINGS: [(&str, &str); 2] = [("SCRY_SERVER_LOG", "info,scry=debug"), ("SCRY_SERVER_LOG_FORMAT", "json")];

/// Returns the lines that say `message`, each with its fields.
fn lines(server: &ServerProcess, message: &str) -> Vec<Value> {
    let fields = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    let lines = server.log().lines().map(|line| fields(line)["fields"].take()).collect::<Vec<_>>();
    lines.into_iter().filter(|fields| fields["message"] == message).collect()
}

#[tokio::test]
async fn correlation_id_links_request_event_and_sockets() {
    let (server, node) = (ServerProcess::with(&SETTINGS).await, NodeDriver::start().await);
    let (gm, campaign) = (login(&server.url, "gm").await, emberfall(&api(&server.url, "gm").await).await);
    let listener = node.enter("gm", &server.url, gm.access.expose()).await;
    listener.ask("subscribe_campaign", json!(campaign)).await;
    let query = "mutation ($id: ID!) { advanceWorldTime(campaignId: $id, seconds: 60) { newTime } }";
    let request = reqwest::Client::new().post(format!("{}/graphql", server.url)).bearer_auth(gm.access.expose());
    let request =
        request.header("x-correlation-id", "trace-me").json(&json!({"query": query, "variables": {"id": campaign}}));
    assert!(request.send().await.unwrap().status().is_success());
    let event = listener.wait("world_time_changed", 1).await.remove(0);
    assert_eq!(event["metadata"]["correlationId"], "trace-me");
    let traced = |message| lines(&server, message).into_iter().find(|line| line["correlation_id"] == "trace-me");
    until("the delivery to be logged", async || traced("delivered").is_some()).await;
    let (committed, delivered) = (traced("committed").expect("the commit is logged"), traced("delivered").unwrap());
    assert_eq!((&committed["user"], &committed["events"]), (&json!("gm"), &json!(1)));
    assert_eq!((&delivered["event_id"], &delivered["sockets"]), (&event["metadata"]["eventId"], &json!(1)));
    assert!(!server.log().contains(gm.access.expose()), "a token is in no log");
}

#[tokio::test]
async fn violating_client_is_logged_once_a_minute() {
    let (server, node) = (ServerProcess::with(&SETTINGS).await, NodeDriver::start().await);
    for attempt in 0..5 {
        let stranger = json!({"transports": ["websocket"], "auth": {"token": format!("stolen-{attempt}")}});
        node.try_connect(&format!("stranger-{attempt}"), &server.url, stranger).await;
    }
    let counted = async || {
        let told = scry_testkit::metrics::ScrapedMetrics::of(&server.url).await;
        told.find("scry_limited_total{limit=\"token\"}") == Some(5.0)
    };
    until("every attempt to be counted", counted).await;
    let said = lines(&server, "a limit was reached");
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((&said[0]["limit"], &said[0]["address"]), (&json!("token"), &json!("127.0.0.1")));
    assert!(!server.log().contains("stolen"), "a token is in no log");
}
