//! A result is green only if everything that happened was seen: outages, dead lines, gateways that cannot replay.

use std::path::Path;
use std::process::Stdio;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use scry_testkit::emberfall::Emberfall;
use scry_testkit::fake_gateway::FakeGateway;
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::server::TestServer;
use scry_testkit::wait::{WAIT_TIMEOUT, until};

const FOREIGN: &str = "campaign:01970000-0000-7000-8000-000000000001";

/// A server with the bundled world behind a proxy, and a directory for one run of `scry`.
struct ProxiedRun {
    server: TestServer,
    proxy: FaultProxy,
    dir: TempDir,
}

/// What a program ended with, and what it said on stderr.
type RunResult = (Option<i32>, String);

impl ProxiedRun {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let proxy = FaultProxy::start(&server.url).await;
        Self { server, proxy, dir: tempfile::tempdir().unwrap() }
    }

    async fn scry(&self, args: &[&str]) -> Child {
        let token = self.server.login("gm").await;
        spawn(self.dir.path(), &self.proxy.url, &token, args)
    }

    /// Begins a run of expectations; comes back once it is live.
    async fn expect(&self, file: &str) -> Child {
        std::fs::write(self.dir.path().join("e.toml"), file).unwrap();
        let child = self.scry(&["expect", "e.toml", "--", "touch", "live"]).await;
        until("the run to be live", async || self.dir.path().join("live").exists()).await;
        child
    }

    /// Begins a watch; comes back once it is live.
    async fn watch(&self, args: &[&str]) -> Child {
        let to = std::fs::File::create(self.dir.path().join("lines")).unwrap();
        let token = self.server.login("gm").await;
        let args = [&["watch", "--campaign", "Emberfall", "--status"], args].concat();
        let child = command(self.dir.path(), &self.proxy.url, &token, &args).stdout(to).spawn().unwrap();
        let lines = || std::fs::read_to_string(self.dir.path().join("lines")).unwrap();
        until("the watch to be live", async || lines().contains("\"live\"")).await;
        child
    }

    /// Comes back once a watch has shown an event that happened after it went live.
    async fn passes(&self) {
        let emberfall = Emberfall::on(&self.server).await;
        let town = emberfall.entity("Saltwick").await;
        emberfall.update("Settlement", &town["id"], json!({"level": 6})).await;
        let lines = || std::fs::read_to_string(self.dir.path().join("lines")).unwrap();
        until("an event to be shown", async || lines().contains("settlement_updated")).await;
    }

    fn away(&self) {
        self.proxy.refuse();
        self.proxy.cut();
    }
}

fn command(dir: &Path, url: &str, token: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scry"));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SCRY_URL", url)
        .env("SCRY_TOKEN", token)
        .env("SCRY_CONFIG_DIR", dir)
        .env("SCRY_DATA_DIR", dir)
        .current_dir(dir)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn spawn(dir: &Path, url: &str, token: &str, args: &[&str]) -> Child {
    command(dir, url, token, args).spawn().unwrap()
}

async fn told(child: Child) -> RunResult {
    let output = tokio::time::timeout(WAIT_TIMEOUT, child.wait_with_output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Reads what a command writes to stderr until it contains a text; leaves the rest to be read.
async fn said_until(child: &mut Child, text: &str) -> String {
    let stderr = child.stderr.as_mut().unwrap();
    let mut said = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&said).contains(text) {
            // Byte by byte, so that nothing of what follows is taken along.
            said.push(stderr.read_u8().await.expect("the command has ended"));
        }
    };
    tokio::time::timeout(WAIT_TIMEOUT, reading).await.expect(text);
    String::from_utf8(said).unwrap()
}

fn never_structures(timeout: &str, settle: &str) -> String {
    format!(
        "timeout = \"{timeout}\"\nsettle = \"{settle}\"\n[rooms]\ncampaign = \"Emberfall\"\n\
         [[never]]\nevent = 'type == \"structure_updated\"'\n"
    )
}

async fn change_a_structure(server: &TestServer) {
    let emberfall = Emberfall::on(server).await;
    let tower = emberfall.entity("Watchtower").await;
    emberfall.update("Structure", &tower["id"], json!({"level": 6})).await;
}

#[tokio::test]
async fn connection_that_does_not_come_back_makes_a_run_uncertain() {
    let line = ProxiedRun::start().await;
    let child = line.expect(&never_structures("6s", "3s")).await;
    line.away();
    change_a_structure(&line.server).await;
    let (code, stderr) = told(child).await;
    assert_eq!(code, Some(6), "{stderr}");
    let lost = stderr.lines().filter(|line| line.contains("the connection was lost")).count();
    assert!(lost == 2 && stderr.contains("had not come back when the time was up"), "{stderr}");
}

#[tokio::test]
async fn forbidden_event_of_an_outage_is_found_by_the_resume() {
    let line = ProxiedRun::start().await;
    let child = line.expect(&never_structures("15s", "1s")).await;
    line.away();
    change_a_structure(&line.server).await;
    // The attempts come about one and three seconds after the loss: by then the second of silence is over.
    let before = line.proxy.accepted();
    until("two vain attempts", async || line.proxy.accepted() >= before + 2).await;
    line.proxy.pass();
    let (code, stderr) = told(child).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("it happened: #") && stderr.contains("structure_updated"), "{stderr}");
}

#[tokio::test]
async fn outage_that_a_resume_covers_leaves_a_run_green() {
    let line = ProxiedRun::start().await;
    let child = line.expect(&never_structures("15s", "2s")).await;
    line.away();
    let before = line.proxy.accepted();
    until("a vain attempt", async || line.proxy.accepted() > before).await;
    line.proxy.pass();
    let (code, stderr) = told(child).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("the connection was lost: "), "{stderr}");
    assert!(stderr.contains("the connection is back after ") && stderr.contains("nothing was missed"), "{stderr}");
}

#[tokio::test]
async fn line_that_has_gone_dead_unnoticed_makes_a_result_uncertain() {
    let line = ProxiedRun::start().await;
    let child = line.watch(&["--fail-if", "type == 'structure_updated'", "--for", "12s"]).await;
    line.passes().await;
    // The program has had its first answer, so that silence means something.
    line.proxy.stall();
    change_a_structure(&line.server).await;
    let (code, stderr) = told(child).await;
    assert_eq!(code, Some(6), "{stderr}");
    assert!(stderr.contains("result is not certain"), "{stderr}");
}

#[tokio::test]
async fn watch_whose_connection_is_away_at_the_end_is_uncertain() {
    let line = ProxiedRun::start().await;
    let child = line.watch(&["--fail-if", "type == 'structure_updated'", "--for", "8s"]).await;
    line.away();
    let (code, stderr) = told(child).await;
    assert_eq!(code, Some(6), "{stderr}");
    assert!(stderr.contains("so the result is not certain"), "{stderr}");
}

#[tokio::test]
async fn outage_of_a_gateway_without_positions_loses_continuity() {
    for command in ["expect", "watch", "record"] {
        let mut gateway = FakeGateway::start(json!({})).await;
        let dir = tempfile::tempdir().unwrap();
        let file = format!(
            "timeout = \"15s\"\nsettle = \"4s\"\n[rooms]\nroom = \"{FOREIGN}\"\n[[never]]\nevent = 'type == \"bad\"'\n"
        );
        std::fs::write(dir.path().join("e.toml"), file).unwrap();
        let args: &[&str] = match command {
            "expect" => &["expect", "e.toml"],
            "watch" => &["watch", "--room", FOREIGN, "--fail-if", "type == 'bad'", "--for", "5s"],
            _ => &["record", "--room", FOREIGN, "-o", "r.jsonl", "--for", "5s"],
        };
        let child = spawn(dir.path(), &gateway.url, "any", args);
        until("a subscription", async || gateway.ask("subscriptions").await.as_array().unwrap().len() == 1).await;
        gateway.ask("close").await;
        until("the next one", async || gateway.ask("subscriptions").await.as_array().unwrap().len() == 2).await;
        let (code, stderr) = told(child).await;
        assert_eq!(code, Some(6), "{command}: {stderr}");
        assert!(stderr.contains("cannot replay what happened in"), "{command}: {stderr}");
    }
}

/// How a gateway of another application ends up when a command's time is up.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Lives,
    Dies,
}

/// Watches a gateway that does not know `latency`, with these options, and stops its process for good where it is to die.
async fn watched(options: Value, fate: Fate, chatter: bool, args: &[&str]) -> RunResult {
    let mut gateway = FakeGateway::start(options).await;
    let dir = tempfile::tempdir().unwrap();
    let file = format!(
        "timeout = \"8s\"\nsettle = \"3s\"\n[rooms]\nroom = \"{FOREIGN}\"\n[[never]]\nevent = 'type == \"bad\"'\n"
    );
    std::fs::write(dir.path().join("e.toml"), file).unwrap();
    let mut child = spawn(dir.path(), &gateway.url, "any", args);
    until("a subscription", async || gateway.ask("subscriptions").await.as_array().unwrap().len() == 1).await;
    let mut said = String::new();
    if chatter {
        // It counts as a sign of life only once the first question's answer is overdue.
        said = said_until(&mut child, "does not answer latency").await;
        gateway.emit(FOREIGN, "chatter", json!([1])).await;
        gateway.ask("connected").await;
    }
    if fate == Fate::Dies {
        gateway.stop();
    }
    let (code, rest) = told(child).await;
    gateway.resume();
    (code, said + &rest)
}

fn numbered() -> Value {
    json!({"joined": {"position": {"epoch": "e", "seq": 5}}})
}

fn watch(time: &'static str) -> [&'static str; 7] {
    ["watch", "--room", FOREIGN, "--fail-if", "type == 'bad'", "--for", time]
}

#[tokio::test]
async fn gateway_that_dies_before_its_first_answer_leaves_a_result_uncertain_if_it_numbers() {
    let (three, eight) = (watch("3s"), watch("8s"));
    let runs = [&three[..], &eight, &["expect", "e.toml"]];
    let ends = join_all(runs.map(|args| watched(numbered(), Fate::Dies, false, args))).await;
    for (args, (code, stderr)) in runs.iter().zip(ends) {
        assert_eq!(code, Some(6), "{args:?}: {stderr}");
        assert!(stderr.contains("result is not certain"), "{args:?}: {stderr}");
        assert_eq!(stderr.matches("not certain").count(), 1, "one sentence: {stderr}");
    }
}

#[tokio::test]
async fn gateway_that_numbers_and_lives_without_answering_is_judged_by_its_pings() {
    let mut pinging = numbered();
    pinging["server"] = json!({"pingInterval": 1_000, "pingTimeout": 30_000});
    let (nine, twelve, fifteen) = (watch("9s"), watch("12s"), watch("15s"));
    let ((talks, talks_said), (pings, pings_said), (dies, dies_said)) = tokio::join!(
        watched(numbered(), Fate::Lives, true, &twelve),
        watched(pinging.clone(), Fate::Lives, false, &nine),
        watched(pinging, Fate::Dies, true, &fifteen),
    );
    assert_eq!(talks, Some(0), "an event shows that it lives: {talks_said}");
    assert_eq!(pings, Some(0), "a ping shows that it lives: {pings_said}");
    assert_eq!(dies, Some(6), "{dies_said}");
    assert!(dies_said.contains("ping is overdue"), "{dies_said}");
}

#[tokio::test]
async fn gateway_without_numbers_or_answers_stays_usable_as_long_as_its_pings_come() {
    let (three, eight, nine) = (watch("3s"), watch("8s"), watch("9s"));
    let runs = [&three[..], &eight, &["expect", "e.toml"]];
    let options = json!({"server": {"pingInterval": 1_000, "pingTimeout": 30_000}});
    let (ends, (code, stderr)) = tokio::join!(
        join_all(runs.map(|args| watched(json!({}), Fate::Lives, false, args))),
        watched(options, Fate::Dies, false, &nine),
    );
    for (args, (code, stderr)) in runs.iter().zip(ends) {
        assert_eq!(code, Some(0), "{args:?}: {stderr}");
    }
    assert_eq!(code, Some(6), "{stderr}");
    assert!(stderr.contains("ping is overdue"), "{stderr}");
}
