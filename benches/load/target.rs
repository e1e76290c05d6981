//! The servers that are measured, as processes of their own: ours, and Node's with Socket.IO.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::parts::SharedServices;
use super::socket_pool::PoolPlan;
use super::{socket, usage, world};

const BENCH_SECRET: &str = "measured-measured-measured-measured";
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Chooses what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    Ours,
    Node,
}

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct ProgramPaths {
    pub server: PathBuf,
    /// The directory that holds the `socket.io` module.
    pub node_modules: Option<PathBuf>,
}

/// What one node is started with.
struct NodeSetup<'a> {
    programs: &'a ProgramPaths,
    shared: &'a SharedServices,
    dir: &'a Path,
}

/// Runs one server until dropped.
pub struct BenchServer {
    pub kind: TargetKind,
    pub address: String,
    pub tokens: Vec<String>,
    pub campaign: String,
    programs: ProgramPaths,
    shared: SharedServices,
    http: reqwest::Client,
    child: Child,
    dir: TempDir,
}

impl BenchServer {
    /// Starts a server of its own with a campaign of about `entities` entities.
    pub async fn start(kind: TargetKind, programs: &ProgramPaths, entities: usize) -> Result<Self> {
        Self::start_on(kind, programs, entities, SharedServices::default()).await
    }

    /// Does the same with a database or a Redis that other nodes may share.
    pub async fn start_on(
        kind: TargetKind,
        programs: &ProgramPaths,
        entities: usize,
        shared: SharedServices,
    ) -> Result<Self> {
        let dir = TempDir::new()?;
        let tokens = match kind {
            TargetKind::Ours => seed(&NodeSetup { programs, shared: &shared, dir: dir.path() }, entities).await?,
            TargetKind::Node => (0..world::SOCKET_USERS).map(node_token).collect::<Result<_>>()?,
        };
        let mut target = Self::node(kind, programs, shared, dir, tokens).await?;
        if kind == TargetKind::Ours {
            let data = target.graphql("{ campaigns { id } }", json!({})).await?;
            target.campaign = data["campaigns"][0]["id"].as_str().context("no campaign")?.to_owned();
        }
        Ok(target)
    }

    /// Starts another node of the same server.
    pub async fn beside(&self) -> Result<Self> {
        let tokens = self.tokens.clone();
        let mut node = Self::node(self.kind, &self.programs, self.shared.clone(), TempDir::new()?, tokens).await?;
        node.campaign.clone_from(&self.campaign);
        Ok(node)
    }

    async fn node(
        kind: TargetKind,
        programs: &ProgramPaths,
        shared: SharedServices,
        dir: TempDir,
        tokens: Vec<String>,
    ) -> Result<Self> {
        let (child, address) = spawn(kind, &NodeSetup { programs, shared: &shared, dir: dir.path() }, 0).await?;
        // Node closes what has rested for 5 s, and a request may not meet that.
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(64)
            .pool_idle_timeout(Duration::from_secs(2))
            .timeout(START_TIMEOUT)
            .build()?;
        let (campaign, programs) = ("load".to_owned(), programs.clone());
        Ok(Self { kind, address, tokens, campaign, programs, shared, http, child, dir })
    }

    /// Returns the plan of listening to the whole campaign.
    pub fn plan(&self) -> PoolPlan {
        PoolPlan::campaign(&self.address, &self.tokens, &self.campaign)
    }

    /// Publishes one event to the campaign; it carries the time at which it was asked for.
    pub async fn publish(&self) -> Result<()> {
        let payload = json!({"scope": "campaign", "campaignId": self.campaign,
            "affectedFields": [format!("t:{}", socket::now_us()), "defence", "upkeep"]});
        self.post("/events", &json!({"type": "state_invalidated", "payload": payload})).await?;
        Ok(())
    }

    /// Executes a GraphQL request that must succeed; returns its data.
    pub async fn graphql(&self, query: &str, variables: Value) -> Result<Value> {
        let mut answer = self.post("/graphql", &json!({"query": query, "variables": variables})).await?;
        if answer.get("errors").is_some_and(|errors| !errors.is_null()) {
            bail!("{query}: {}", answer["errors"]);
        }
        Ok(answer["data"].take())
    }

    /// Kills the server as `kill -9` does, and waits until it has gone.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Starts it again on the same port and data; returns when the port is open.
    pub async fn restart(&mut self) -> Result<()> {
        let port = self.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).context("no port")?;
        let setup = NodeSetup { programs: &self.programs, shared: &self.shared, dir: self.dir.path() };
        (self.child, self.address) = spawn(self.kind, &setup, port).await?;
        Ok(())
    }

    /// Returns the server's CPU time so far.
    pub fn cpu(&self) -> Result<Duration> {
        usage::cpu(self.pid()?)
    }

    /// Returns the server's memory in KiB.
    pub fn pss_kib(&self) -> Result<u64> {
        usage::pss_kib(self.pid()?)
    }

    fn pid(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let token = self.tokens.first().context("no token")?;
        let request = self.http.post(format!("http://{}{path}", self.address)).bearer_auth(token).json(body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}

async fn spawn(kind: TargetKind, setup: &NodeSetup<'_>, port: u16) -> Result<(Child, String)> {
    let mut command = match kind {
        TargetKind::Ours => {
            let mut command = ours(setup);
            command.arg("--listen").arg(format!("127.0.0.1:{port}"));
            command
        }
        TargetKind::Node => {
            let modules = setup.programs.node_modules.as_ref().context("no socket.io for Node")?;
            let mut command = Command::new("node");
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/load/node.cjs"));
            command.env("NODE_PATH", modules).env("LOAD_SECRET", BENCH_SECRET).env("LOAD_PORT", port.to_string());
            command.env("NODE_ENV", "production").envs(setup.shared.redis.iter().map(|socket| ("LOAD_REDIS", socket)));
            command
        }
    };
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    let line = timeout(START_TIMEOUT, lines.next_line()).await.context("the server does not start")??;
    let line = line.context("the server has ended at its start")?;
    let address = line.strip_prefix("listening on http://").context("the server does not say where it listens")?;
    Ok((child, address.to_owned()))
}

fn ours(setup: &NodeSetup<'_>) -> Command {
    let mut command = Command::new(&setup.programs.server);
    command.env("SCRY_SERVER_ARGON2_MEMORY_KIB", "8").env("SCRY_SERVER_ARGON2_ITERATIONS", "1");
    command.env("SCRY_SERVER_LOG", "warn").env("SCRY_SERVER_DATA_DIR", setup.dir);
    command.env("SCRY_SERVER_JWT_SECRET", BENCH_SECRET);
    // A few users make the whole load.
    command.env("SCRY_SERVER_API_REQUESTS_PER_MINUTE", "100000000");
    command.envs(setup.shared.database.iter().map(|url| ("SCRY_SERVER_DATABASE", url)));
    command.envs(setup.shared.redis.iter().map(|socket| ("SCRY_SERVER_REDIS", format!("redis+unix://{socket}"))));
    command
}

/// Loads the world and returns a token of each user.
async fn seed(setup: &NodeSetup<'_>, entities: usize) -> Result<Vec<String>> {
    let file = setup.dir.join("world.toml");
    std::fs::write(&file, world::file(entities))?;
    run(ours(setup).arg("seed").arg("--world").arg(&file)).await?;
    let mut tokens = Vec::new();
    for index in 0..world::SOCKET_USERS {
        let printed = run(ours(setup).arg("token").arg(world::user(index)).args(["--ttl", "12h"])).await?;
        tokens.push(printed.trim().to_owned());
    }
    Ok(tokens)
}

async fn run(command: &mut Command) -> Result<String> {
    let output = command.output().await?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Signs a token in the form that ours have.
fn node_token(index: usize) -> Result<String> {
    let id = |kind: &str| format!("{kind}-0000-0000-0000-{index:012}");
    let exp = socket::now_us() / 1_000_000 + 12 * 3600;
    let claims = json!({"sub": id("user"), "name": world::user(index), "iat": exp - 12 * 3600, "exp": exp,
        "jti": id("token"), "sid": id("login")});
    Ok(jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(BENCH_SECRET.as_bytes()),
    )?)
}
