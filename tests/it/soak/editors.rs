//! Other people at the table: they edit over HTTP as long as there is a server to take it.

use std::time::Duration;

use scry_client::api::Api;
use scry_client::auth::{self, Auth};
use scry_client::error::ApiError;
use scry_client::secret::Secret;
use scry_protocol::Id;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use scry_testkit::people;
use scry_testkit::server::BUNDLED_PASSWORD;

/// How many there are, and how long each rests between two edits.
const EDITOR_COUNT: usize = 3;
const EDIT_PAUSE: Duration = Duration::from_millis(200);

/// Edits until stopped.
pub struct SoakEditors {
    target: watch::Sender<String>,
    tasks: JoinSet<()>,
}

impl SoakEditors {
    /// Starts them at a server.
    pub async fn start(url: &str, campaign: &Id) -> Self {
        let target = watch::Sender::new(url.to_owned());
        let mut tasks = JoinSet::new();
        let towns = towns(&people::api(url, "gm").await, campaign).await;
        for editor in 0..EDITOR_COUNT {
            tasks.spawn(edit(target.subscribe(), towns.clone(), editor));
        }
        Self { target, tasks }
    }

    /// Returns where to tell them that the server has moved.
    pub fn target(&self) -> watch::Sender<String> {
        self.target.clone()
    }

    /// Lets them finish what they do, and no more.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn edit(mut target: watch::Receiver<String>, towns: Vec<String>, editor: usize) {
    let mut api = None;
    let mut pace = tokio::time::interval(EDIT_PAUSE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in editor.. {
        pace.tick().await;
        if target.has_changed().unwrap_or(false) || api.is_none() {
            let url = target.borrow_and_update().clone();
            api = login(&url).await.ok();
        }
        let Some(api) = &api else { continue };
        let variables = json!({"id": towns[round % towns.len()], "level": round % 10 + 1});
        let query =
            "mutation ($id: ID!, $level: Int!) { updateSettlement(id: $id, input: {level: $level}) { version } }";
        // The server may be killed at any moment; whether this edit counts is for its journal to say.
        let _: Result<Value, _> = api.graphql(query, variables).await;
    }
}

async fn login(url: &str) -> Result<Api, ApiError> {
    let http = people::http(url);
    let login = auth::login(&http, "gm", &Secret::new(BUNDLED_PASSWORD)).await?;
    Ok(Api::new(http.clone(), Auth::in_memory(http, login)))
}

/// Returns the settlements they edit.
async fn towns(api: &Api, campaign: &Id) -> Vec<String> {
    let nodes = api.snapshot(campaign).await.unwrap().values();
    let towns = nodes.iter().filter(|node| node["__typename"] == "Settlement");
    towns.map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}
