//! Users of the bundled world, as our client knows them.

use std::time::Duration;

use scry_client::api::Api;
use scry_client::auth::{self, Auth};
use scry_client::connection::StartPosition;
use scry_client::credentials::StoredLogin;
use scry_client::http::HttpClient;
use scry_client::secret::Secret;
use scry_client::session::SessionOptions;
use scry_config::client::LinkKind;
use scry_config::client::ServerAddress;
use scry_protocol::{Id, Room};
use serde_json::json;

use super::client::quick;
use super::server::BUNDLED_PASSWORD;

/// Logs in by password.
pub async fn login(url: &str, name: &str) -> StoredLogin {
    auth::login(&http(url), name, &Secret::new(BUNDLED_PASSWORD)).await.unwrap()
}

/// Asks the server as a user whose login lives in this process.
pub async fn api(url: &str, name: &str) -> Api {
    Api::new(http(url), Auth::in_memory(http(url), login(url, name).await))
}

/// Prepares requests.
pub fn http(url: &str) -> HttpClient {
    HttpClient::new(&server(url), Duration::from_secs(10)).unwrap()
}

/// Names a server as the settings do.
pub fn server(url: &str) -> ServerAddress {
    ServerAddress::new("test", url, "--url").unwrap()
}

/// Finds the big campaign of the bundled world.
pub async fn emberfall(api: &Api) -> Id {
    let campaigns = api.campaigns().await.unwrap();
    campaigns.into_iter().find(|campaign| campaign.name == "Emberfall").unwrap().id
}

/// Makes a change that is one event in the campaign's journal.
pub async fn advance(api: &Api, campaign: &Id) {
    let query = "mutation ($id: ID!) { advanceWorldTime(campaignId: $id, seconds: 60) { newTime } }";
    api.graphql(query, json!({"id": campaign})).await.unwrap();
}

/// Prepares a session in a campaign's room.
pub fn watching(url: &str, api: Api, campaign: &Id, start: StartPosition) -> SessionOptions {
    let rooms = vec![(Room::Campaign(campaign.clone()), start)];
    SessionOptions {
        server: server(url),
        api,
        rooms,
        snapshots: true,
        timings: quick(),
        link: LinkKind::default(),
        capacity: 4096,
        backpressure: false,
    }
}
