//! The whole server in this process: real port, real database, bundled world.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use scry_server::config::{Argon2Config, ServerConfig};
use scry_server::limits::LimitMetrics;
use scry_server::{Server, seed};
use scry_world::World;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::wait::{WAIT_TIMEOUT, until};

/// The password of every user of the bundled world.
pub const BUNDLED_PASSWORD: &str = "emberfall";

/// Runs a server on a free port until it is stopped or dropped.
pub struct TestServer {
    /// Its address.
    pub url: String,
    /// Its settings.
    pub config: ServerConfig,
    /// The limits that were reached since the last start.
    pub limit_metrics: LimitMetrics,
    address: SocketAddr,
    http: Client,
    running: Option<RunningServer>,
    _dir: TempDir,
}

struct RunningServer {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The body, as JSON.
    pub body: Value,
}

impl HttpAnswer {
    /// Returns the code of a refusal.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl TestServer {
    /// Starts a server with the bundled world.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server with the bundled world and changed settings.
    pub async fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::new(dir.path().join("data"));
        config.auth.argon2 = Argon2Config { memory_kib: 8, iterations: 1, parallelism: 1 };
        config.shutdown_timeout = Duration::from_secs(5);
        // A test makes in seconds what people make in an evening.
        config.quota.invitations_per_minute = 100_000;
        config.quota.max_campaigns_per_user = 10_000;
        super::database::choose(&mut config).await;
        change(&mut config);
        seed(&config, &World::bundled()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (url, limit_metrics) = (format!("http://{address}"), LimitMetrics::default());
        let mut server = Self { url, config, limit_metrics, address, http: Client::new(), running: None, _dir: dir };
        server.run(listener).await;
        server
    }

    /// Starts another node on the same database.
    pub async fn beside(other: &Self) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let config = other.config.clone();
        let (url, limit_metrics) = (format!("http://{address}"), LimitMetrics::default());
        let mut server = Self { url, config, limit_metrics, address, http: Client::new(), running: None, _dir: dir };
        server.run(listener).await;
        server
    }

    /// Stops the server and waits for its clean end.
    pub async fn stop(&mut self) {
        let running = self.running.take().expect("the server runs");
        running.shutdown.cancel();
        timeout(WAIT_TIMEOUT, running.task).await.expect("the server ends in time").unwrap();
    }

    /// Starts it again, on the same port and data.
    pub async fn restart(&mut self) {
        if self.running.is_some() {
            self.stop().await;
        }
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.run(listener).await;
    }

    /// Logs in; returns the access token.
    pub async fn login(&self, username: &str) -> String {
        let answer = self.post("/auth/login", &json!({"username": username, "password": BUNDLED_PASSWORD})).await;
        answer.body["accessToken"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    /// Makes a user a member: an owner invites them and they accept; returns the membership.
    pub async fn enrol(&self, owner: &str, campaign: &Value, user: &str, role: &str) -> Value {
        let invite =
            "mutation ($c: ID!, $u: String!, $r: Role!) { addMember(campaignId: $c, userId: $u, role: $r) { id } }";
        let made = self.graphql(owner, invite, json!({"c": campaign, "u": user, "r": role})).await;
        let (id, token) = (&made["addMember"]["id"], self.login(user).await);
        let reached = async || {
            let open = self.graphql(&token, "{ invitations { id } }", json!({})).await["invitations"].take();
            open.as_array().unwrap().iter().any(|one| one["id"] == *id)
        };
        until("the invitation", reached).await;
        let accept = "mutation ($i: ID!) { acceptInvitation(id: $i) { id userId role name version } }";
        self.graphql(&token, accept, json!({"i": id})).await["acceptInvitation"].take()
    }

    /// Posts JSON without a token.
    pub async fn post(&self, path: &str, body: &Value) -> HttpAnswer {
        answer(self.http.post(format!("{}{path}", self.url)).json(body)).await
    }

    /// Posts JSON with a token.
    pub async fn post_as(&self, token: &str, path: &str, body: &Value) -> HttpAnswer {
        answer(self.http.post(format!("{}{path}", self.url)).bearer_auth(token).json(body)).await
    }

    /// Posts text as it is.
    pub async fn post_text(&self, path: &str, body: &str) -> HttpAnswer {
        let request = self.http.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        answer(request.body(body.to_owned())).await
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> HttpAnswer {
        answer(self.http.get(format!("{}{path}", self.url))).await
    }

    /// Executes a GraphQL request; returns the whole response.
    pub async fn execute(&self, token: &str, query: &str, variables: Value) -> Value {
        let answer = self.post_as(token, "/graphql", &json!({"query": query, "variables": variables})).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    }

    /// Executes a GraphQL request that must succeed; returns its data.
    pub async fn graphql(&self, token: &str, query: &str, variables: Value) -> Value {
        let mut response = self.execute(token, query, variables).await;
        assert!(response["errors"].is_null(), "{query}: {response}");
        response["data"].take()
    }

    /// Executes a GraphQL request that must fail; returns its first error.
    pub async fn refused(&self, token: &str, query: &str, variables: Value) -> Value {
        let mut response = self.execute(token, query, variables).await;
        assert!(response["errors"].is_array(), "{query}: {response}");
        response["errors"][0].take()
    }

    async fn run(&mut self, listener: TcpListener) {
        let shutdown = CancellationToken::new();
        let server = Server::open(self.config.clone()).await.unwrap();
        self.limit_metrics = server.limit_metrics();
        let token = shutdown.clone();
        let task = tokio::spawn(async move { server.run(listener, token).await.unwrap() });
        self.running = Some(RunningServer { shutdown, task });
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.task.abort();
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> HttpAnswer {
    let response = request.send().await.unwrap();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let text = response.text().await.unwrap();
    HttpAnswer { status, retry_after, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}
