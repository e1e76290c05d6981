//! Real nodes on a Postgres and a Redis of their own, as an operator runs them.

use std::time::Duration;

use serde_json::{Value, json};

use super::metrics::ScrapedMetrics;
use super::postgres::Postgres;
use super::process::ServerProcess;
use super::redis::Redis;
use super::server::BUNDLED_PASSWORD;
use super::wait::until;

/// The parts; each may be stopped and started.
pub struct Deployment {
    /// The nodes of the server.
    pub nodes: Vec<ServerProcess>,
    /// Redis.
    pub redis: Redis,
    /// PostgreSQL.
    pub postgres: Postgres,
}

/// Makes changes as the game master until its nodes are gone; whoever is told of a failure tries the next.
pub struct FailoverEditor {
    http: reqwest::Client,
    token: String,
    campaign: String,
    /// How many changes were accepted.
    pub accepted: u64,
}

impl Deployment {
    /// Starts some nodes with the bundled world.
    pub async fn start(nodes: usize) -> Self {
        let (postgres, redis) = tokio::join!(Postgres::start(), Redis::start());
        let first = ServerProcess::with(&[
            ("SCRY_SERVER_DATABASE", &postgres.url),
            ("SCRY_SERVER_REDIS", &redis.url()),
            ("SCRY_SERVER_JWT_SECRET", "a secret that every node of this test knows"),
            ("WS_PRESENCE_TTL", "3"),
        ])
        .await;
        let mut deployment = Self { nodes: vec![first], redis, postgres };
        for _ in 1..nodes {
            deployment.add().await;
        }
        for index in 0..nodes {
            deployment.until_health(index, 200, "ok").await;
        }
        deployment
    }

    /// Adds a node.
    pub async fn add(&mut self) {
        let node = self.nodes[0].beside().await;
        self.nodes.push(node);
    }

    /// Waits until a node's health has this code and status.
    pub async fn until_health(&self, node: usize, code: u16, status: &str) {
        let what = format!("node {node} to answer {code} {status}");
        until(&what, async || self.health(node).await == Some((code, status.to_owned()))).await;
    }

    async fn health(&self, node: usize) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("{}/health", self.nodes[node].url)).await.ok()?;
        let code = answer.status().as_u16();
        Some((code, answer.json::<Value>().await.ok()?["status"].as_str()?.to_owned()))
    }

    /// Returns what a node says of itself.
    pub async fn metrics(&self, node: usize) -> ScrapedMetrics {
        ScrapedMetrics::of(&self.nodes[node].url).await
    }
}

impl FailoverEditor {
    /// Logs in at a node.
    pub async fn at(url: &str, campaign: &str) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let login = json!({"username": "gm", "password": BUNDLED_PASSWORD});
        let answer = http.post(format!("{url}/auth/login")).json(&login).send().await.unwrap();
        let token = answer.json::<Value>().await.unwrap()["accessToken"].as_str().unwrap().to_owned();
        Self { http, token, campaign: campaign.to_owned(), accepted: 0 }
    }

    /// Moves the clock by a minute at a node; returns the answer, or nothing where nobody answers.
    pub async fn try_edit(&mut self, url: &str) -> Option<Value> {
        let query = "mutation ($id: ID!) { advanceWorldTime(campaignId: $id, seconds: 60) { newTime } }";
        let body = json!({"query": query, "variables": {"id": self.campaign}});
        let request = self.http.post(format!("{url}/graphql")).bearer_auth(&self.token).json(&body);
        let answer: Value = request.send().await.ok()?.json().await.ok()?;
        self.accepted += u64::from(answer["data"]["advanceWorldTime"].is_object());
        Some(answer)
    }

    /// Does the same where it must succeed; returns the number of the last event in the journal.
    pub async fn edit(&mut self, url: &str) -> u64 {
        let answer = self.try_edit(url).await.expect("the node answers");
        assert!(answer["errors"].is_null(), "{answer}");
        self.head(url).await
    }

    /// Returns the number of the last event in the journal.
    pub async fn head(&self, url: &str) -> u64 {
        let query = "query ($id: ID!) { snapshot(campaignId: $id) { position { seq } } }";
        let body = json!({"query": query, "variables": {"id": self.campaign}});
        let request = self.http.post(format!("{url}/graphql")).bearer_auth(&self.token).json(&body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["data"]["snapshot"]["position"]["seq"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    }
}
