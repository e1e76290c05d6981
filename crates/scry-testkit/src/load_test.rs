//! A server under attack: honest clients that go on working, attackers, and what is left afterwards.

use std::net::IpAddr;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::attack::{Attack, Attacker};
use super::node;
use super::raw_socket::{RawSocketClient, dial_from};
use super::server::BUNDLED_PASSWORD;
use super::wait::{WAIT_TIMEOUT, becomes_true};
use crate::paths::program;

/// How many honest clients share an address: as many as the limit lets in.
const CLIENTS_PER_ADDRESS: usize = 10;
/// How many addresses the attackers have.
const ATTACKER_ADDRESSES: usize = 4;
/// Descriptors that come and go with who asks how the server is.
const TRANSIENT_DESCRIPTORS: usize = 4;

/// How long and by how many a server is attacked.
#[derive(Debug, Clone, Copy)]
pub struct LoadPlan {
    /// The number of honest clients.
    pub honest: usize,
    /// The number of connections that attack at a time.
    pub attackers: usize,
    /// How long is listened before each attack, and how long each lasts.
    pub calm: Duration,
    /// How long one attack lasts.
    pub each: Duration,
    /// How long an honest client rests between two questions.
    pub pause: Duration,
}

/// Runs one server, ours or Node's, as a process of its own.
pub struct LoadTarget {
    /// Whether it is our server.
    pub is_ours: bool,
    url: String,
    token: String,
    outsider: String,
    campaign: String,
    child: Child,
    _dir: tempfile::TempDir,
}

/// What was measured around one attack.
#[derive(Debug)]
pub struct LoadResult {
    /// The attack.
    pub attack: Attack,
    /// The 99th percentile of honest answers before the attack and during it; none where no answer came.
    pub calm: Option<Duration>,
    /// The 99th percentile of the honest clients' answers during it.
    pub attacked: Option<Duration>,
    /// Resident bytes before and after.
    pub memory: [u64; 2],
    /// Honest clients that were cut off.
    pub lost: usize,
    /// What there is more of than before, by name.
    pub left: Vec<String>,
    /// Whether the server ended.
    pub ended: bool,
}

/// Counts what a server holds.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct HeldResources {
    sockets: u64,
    descriptors: usize,
    rooms: u64,
    seats: u64,
    tasks: u64,
}

impl LoadTarget {
    /// Starts `scry-server`, or the one that `SCRY_ATTACKED` names, with the bundled world.
    pub async fn ours() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = std::env::var("SCRY_ATTACKED").unwrap_or_else(|_| program("scry-server"));
        let program = || {
            let mut command = Command::new(&path);
            command
                .env("SCRY_SERVER_DATA_DIR", dir.path())
                .env("WS_MAX_CONNECTIONS_PER_IP", CLIENTS_PER_ADDRESS.to_string());
            command.env("SCRY_SERVER_ARGON2_MEMORY_KIB", "8").env("SCRY_SERVER_ARGON2_ITERATIONS", "1");
            // One user makes all the changes that are measured.
            command.env("SCRY_SERVER_API_REQUESTS_PER_MINUTE", "100000000");
            command.env("SCRY_SERVER_HEADER_TIMEOUT", "2s").env("SCRY_SERVER_WS_CONNECT_TIMEOUT", "2s");
            command.stderr(Stdio::null()).kill_on_drop(true);
            command
        };
        assert!(program().arg("seed").stdout(Stdio::null()).status().await.unwrap().success());
        let mut child = program().args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let url = first_line(&mut child).await.strip_prefix("listening on ").unwrap().to_owned();
        let (token, outsider) = (login(&url, "gm").await, login(&url, "outsider").await);
        let query = json!({"query": "{ campaigns { id } }"});
        let answer = reqwest::Client::new().post(format!("{url}/graphql")).bearer_auth(&outsider).json(&query);
        let answer: Value = answer.send().await.unwrap().json().await.unwrap();
        let campaign = answer["data"]["campaigns"][0]["id"].as_str().unwrap().to_owned();
        Self { is_ours: true, url, token, outsider, campaign, child, _dir: dir }
    }

    /// Starts Node's Socket.IO with its defaults.
    pub async fn nodes() -> Self {
        let mut child = node::run("plain.cjs", &[]).await;
        let line: Value = serde_json::from_str(&first_line(&mut child).await).unwrap();
        let url = format!("http://127.0.0.1:{}", line["port"]);
        let word = || "none".to_owned();
        let dir = tempfile::tempdir().unwrap();
        Self { is_ours: false, url, token: word(), outsider: word(), campaign: word(), child, _dir: dir }
    }

    /// Lets honest clients work, attacks the server in one way, and measures.
    pub async fn endure(&mut self, attack: Attack, crowd: &HonestClients, plan: &LoadPlan) -> LoadResult {
        let calm = crowd.listen(plan.calm).await;
        let (before, memory, lost) = (self.held().await, self.memory(), crowd.lost());
        let attackers = self.attackers(attack, plan);
        let attacked = crowd.listen(plan.each).await;
        attackers.shutdown_background();
        let ended = self.child.try_wait().unwrap().is_some();
        let left = if ended { Vec::new() } else { self.rest(before).await };
        let after = if ended { 0 } else { self.memory() };
        LoadResult { attack, calm, attacked, memory: [memory, after], lost: crowd.lost() - lost, left, ended }
    }

    /// Starts attackers on a thread of the lowest priority: the machines of real ones are their own.
    fn attackers(&self, attack: Attack, plan: &LoadPlan) -> Runtime {
        let humble = || {
            let _ = rustix::process::setpriority_process(None, 19);
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).on_thread_start(humble).enable_all().build();
        let (runtime, until) = (runtime.unwrap(), Instant::now() + plan.each);
        for number in 0..plan.attackers {
            let from = IpAddr::from([127, 0, 9, u8::try_from(1 + number % ATTACKER_ADDRESSES).unwrap()]);
            let (url, token, campaign) = (self.url.clone(), self.outsider.clone(), self.campaign.clone());
            runtime.spawn(Attacker { url, token, from, campaign }.run(attack, until));
        }
        runtime
    }

    /// Waits until nothing is left of an attack; names what stays for ever.
    async fn rest(&self, before: HeldResources) -> Vec<String> {
        let mut left = Vec::new();
        becomes_true(WAIT_TIMEOUT * 3, async || {
            left = self.held().await.beyond(before);
            left.is_empty()
        })
        .await;
        left
    }

    async fn held(&self) -> HeldResources {
        let health = get(&format!("{}/health/websocket", self.url)).await;
        let health: Value = serde_json::from_str(&health).unwrap_or_default();
        let metrics = if self.is_ours { get(&format!("{}/metrics", self.url)).await } else { String::new() };
        let gauge = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).unwrap_or_default()
        };
        HeldResources {
            sockets: health["connectedClients"].as_u64().unwrap_or_default(),
            descriptors: self.descriptors(),
            rooms: gauge("scry_rooms"),
            seats: gauge("scry_room_seats"),
            tasks: gauge("scry_tasks"),
        }
    }

    /// Counts the sockets that the process has open; its files are the database's, which opens some more when it needs
    /// them.
    fn descriptors(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id().unwrap())).unwrap();
        let target = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_link(entry.ok()?.path()).ok();
        open.filter_map(target).filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// Returns the bytes that the process has in memory.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl HeldResources {
    fn beyond(self, before: Self) -> Vec<String> {
        let counts = [
            ("sockets", self.sockets, before.sockets),
            ("descriptors", self.descriptors as u64, (before.descriptors + TRANSIENT_DESCRIPTORS) as u64),
            ("rooms", self.rooms, before.rooms),
            ("seats", self.seats, before.seats),
            ("tasks", self.tasks, before.tasks + TRANSIENT_DESCRIPTORS as u64),
        ];
        counts
            .iter()
            .filter(|(_, now, then)| now > then)
            .map(|(what, now, then)| format!("{} {what}", now - then))
            .collect()
    }
}

/// Honest clients, each of which asks for the time now and then.
pub struct HonestClients {
    heard: Arc<Mutex<Vec<Duration>>>,
    lost: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl HonestClients {
    /// Connects the honest clients of a plan.
    pub async fn gather(target: &LoadTarget, plan: &LoadPlan) -> Self {
        let (heard, lost, stop) = (Arc::default(), Arc::default(), CancellationToken::new());
        for number in 0..plan.honest {
            let from = IpAddr::from([127, 0, 1, u8::try_from(1 + number / CLIENTS_PER_ADDRESS).unwrap()]);
            let mut raw = RawSocketClient::over(dial_from(&target.url, from).await.unwrap(), "").await.unwrap();
            raw.greet(&json!({"token": target.token})).await.unwrap();
            let client = work(raw, plan.pause, Arc::clone(&heard), Arc::clone(&lost));
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(client).await });
        }
        Self { heard, lost, stop }
    }

    /// Returns the 99th percentile of the answers that come within a time.
    async fn listen(&self, span: Duration) -> Option<Duration> {
        self.heard.lock().unwrap().clear();
        sleep(span).await;
        let mut heard = self.heard.lock().unwrap().clone();
        heard.sort_unstable();
        heard.get((heard.len() * 99).div_ceil(100).checked_sub(1)?).copied()
    }

    fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for HonestClients {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn work(mut raw: RawSocketClient, pause: Duration, heard: Arc<Mutex<Vec<Duration>>>, lost: Arc<AtomicUsize>) {
    // Not all at once.
    sleep(pause.mul_f64(fastrand::f64())).await;
    loop {
        let asked = Instant::now();
        // Slower than the limit, so that each is granted.
        // Who waits so long has not lost the connection, and asks again.
        let answer = timeout(WAIT_TIMEOUT / 2, raw.ask("latency", &json!({}))).await;
        if answer.is_ok_and(|answer| answer.is_none_or(|answer| answer["success"] != true)) {
            lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        heard.lock().unwrap().push(asked.elapsed());
        sleep(pause).await;
    }
}

async fn get(url: &str) -> String {
    match reqwest::get(url).await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    }
}

async fn first_line(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    timeout(WAIT_TIMEOUT, lines.next_line()).await.unwrap().unwrap().unwrap()
}

async fn login(url: &str, username: &str) -> String {
    let body = json!({"username": username, "password": BUNDLED_PASSWORD});
    let answer = reqwest::Client::new().post(format!("{url}/auth/login")).json(&body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["accessToken"].as_str().unwrap().to_owned()
}
