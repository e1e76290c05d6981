//! Edits from scripts that wait for a server.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use scry_client::auth::Auth;
use scry_client::disk::DiskCache;
use scry_client::outbox::OutboxStores;
use scry_client::secret::Secret;
use scry_config::client::ServerAddress;
use scry_model::event::Snapshot;
use scry_protocol::Id;
use scry_text::json;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::programs::{ProgramFixture, told};

/// A town behind a line that can be broken; the runtime carries the line.
struct ProxiedServer {
    programs: ProgramFixture,
    proxy: FaultProxy,
    runtime: Runtime,
}

impl ProxiedServer {
    fn start() -> Self {
        let programs = ProgramFixture::start();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let proxy = runtime.block_on(FaultProxy::start(&programs.url));
        Self { programs, proxy, runtime }
    }

    fn scry(&self, args: &[&str]) -> Command {
        let mut command = self.programs.scry(args);
        command.env("SCRY_URL", &self.proxy.url);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.scry(args).output().unwrap()
    }

    fn lines(&self, args: &[&str]) -> Vec<Value> {
        let (_, stdout, _) = told(&self.run(args));
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn level(&self) -> (Value, Value) {
        let (_, stdout, _) = told(&self.programs.run(&["get", "settlement", "Saltwick"]));
        let programs: Value = serde_json::from_str(&stdout).unwrap();
        (programs["level"].clone(), programs["version"].clone())
    }

    fn id(&self) -> String {
        let (_, stdout, _) = told(&self.programs.run(&["get", "settlement", "Saltwick"]));
        serde_json::from_str::<Value>(&stdout).unwrap()["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn an_edit_without_a_server_fails_or_is_kept_and_sent_once() {
    let remote = ProxiedServer::start();
    let (_, version) = remote.level();
    let id = remote.id();
    remote.proxy.refuse();
    let update = ["update", "settlement", &id, "--set", "level=7"];
    let (code, stdout, _) = told(&remote.run(&update));
    assert_eq!((code, &*stdout), (Some(5), ""), "what is not asked for is not done");
    // Nobody has been here before, so there is nothing on disk to find it by.
    let (code, _, stderr) = told(&remote.run(&[&update[..], &["--queue"]].concat()));
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("is kept on disk"), "{stderr}");
    assert_eq!(remote.lines(&["outbox"]), Vec::<Value>::new());

    store(&remote, &id, "k1", 7);
    store(&remote, &id, "k2", -7);
    store(&remote, &id, "k3", 8);
    remote.proxy.refuse();
    let (code, _, stderr) = told(&remote.run(&["outbox", "send"]));
    assert_eq!(code, Some(5), "{stderr}");
    let waiting = remote.lines(&["outbox", "list"]);
    assert_eq!(waiting.iter().map(|line| &line["key"]).collect::<Vec<_>>(), ["k1", "k2", "k3"]);
    assert!(waiting.iter().all(|line| line["state"] == "pending"));

    remote.proxy.pass();
    let (code, stdout, stderr) = told(&remote.run(&["outbox", "send"]));
    assert_eq!(code, Some(1), "one is refused: {stdout}{stderr}");
    assert_eq!(remote.level(), (json!(8), json!(version.as_i64().unwrap() + 2)));
    let kept = remote.lines(&["outbox"]);
    assert_eq!((kept.len(), &kept[0]["key"], &kept[0]["state"]), (1, &json!("k2"), &json!("refused")));
    assert!(kept[0]["refusal"]["message"].as_str().unwrap().contains("level"), "{kept:?}");
    assert_eq!(told(&remote.run(&["outbox", "discard", "k2"])).0, Some(0));
    assert_eq!(remote.lines(&["outbox"]), Vec::<Value>::new());
    assert_eq!(told(&remote.run(&["outbox", "discard", "k2"])).0, Some(2));
}

#[test]
fn offline_changes_are_queued_in_order_and_sent_first() {
    let remote = ProxiedServer::start();
    let id = remote.id();
    let campaign = {
        let (_, stdout, _) = told(&remote.programs.run(&["get", "campaign", "Emberfall"]));
        serde_json::from_str::<Value>(&stdout).unwrap()["id"].as_str().unwrap().to_owned()
    };
    visit(&remote);
    remote.proxy.refuse();
    let queued = |args: &[&str]| {
        let (code, stdout, stderr) = told(&remote.run(&[args, &["--queue"]].concat()));
        assert_eq!(code, Some(0), "{args:?}: {stderr}");
        assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["queued"], true);
    };
    queued(&["create", "structure", "--set", "name=Lighthouse", "--set", "settlementId=Saltwick"]);
    queued(&["advance-time", "Emberfall", "3h"]);
    queued(&["set-time", &campaign, "1207-10-01T06:00:00Z"]);
    queued(&["update", "settlement", "Saltwick", "--set", "level=6"]);
    let kinds: Vec<_> = remote.lines(&["outbox"]).iter().map(|line| line["change"]["kind"].clone()).collect();
    assert_eq!(kinds, ["create", "advanceTime", "setTime", "update"]);

    let update = ["update", "settlement", &id, "--set", "level=7"];
    assert_eq!(told(&remote.run(&update)).0, Some(5), "there is no server for it either");
    let refused: [&[&str]; 2] = [
        &["create", "campaign", "--set", "name=Another", "--queue"],
        &[
            "create",
            "member",
            "--set",
            "campaignId=Emberfall",
            "--set",
            "userId=outsider",
            "--set",
            "role=viewer",
            "--queue",
        ],
    ];
    for args in refused {
        assert_eq!(told(&remote.run(args)).0, Some(2), "{args:?}");
    }
    remote.proxy.pass();
    let (code, stdout, stderr) = told(&remote.run(&update));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("4 edits for this campaign are waiting already; they go first"), "{stderr}");
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["level"], 7, "only its own answer is printed");
    assert_eq!(remote.lines(&["outbox"]), Vec::<Value>::new());
    assert_eq!(remote.level().0, json!(7), "what was made first did not undo it");
    let (_, stdout, _) = told(&remote.programs.run(&["get", "structure", "Lighthouse"]));
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["name"], "Lighthouse");
}

#[test]
fn a_program_that_is_killed_while_it_sends_has_sent_each_edit_once() {
    let remote = ProxiedServer::start();
    let (_, version) = remote.level();
    let id = remote.id();
    for index in 0..12 {
        store(&remote, &id, &format!("k{index}"), index % 9 + 1);
    }
    // Killed after each answer, with the next request already on its way.
    let mut kills = 0;
    loop {
        let mut child = remote.scry(&["outbox", "send"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        if remote.lines(&["outbox"]).is_empty() {
            break;
        }
        assert!(kills < 40, "it does not get on");
    }
    assert!(kills > 1, "it was never killed in the middle");
    let changes = version.as_i64().unwrap() + 12;
    assert_eq!(remote.level(), (json!(11 % 9 + 1), json!(changes)));
}

/// Puts an edit into the outbox as a dashboard does that is offline.
fn store(remote: &ProxiedServer, id: &str, key: &str, level: i64) {
    let (data, server, user) = place(remote);
    let campaign = Id::parse("c").unwrap();
    let edit = scry_testkit::outbox_fixture::update(&campaign, key, id, json!({"level": level}), None);
    OutboxStores::of(&data, &server, Some(&user)).campaign(&campaign).add(&edit).unwrap();
}

/// Leaves the campaign's state on disk, as a dashboard does.
fn visit(remote: &ProxiedServer) {
    let (_, stdout, _) = told(&remote.programs.script("scry get campaign Emberfall; scry get settlement"));
    let nodes: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let campaign_id = Id::parse(nodes[0]["id"].as_str().unwrap()).unwrap();
    let (data, server, user) = place(remote);
    let state = Snapshot { campaign_id, position: None, nodes: json::intern_all(&nodes) };
    DiskCache::of(&data, &server, Some(&user)).save(&state, jiff::Timestamp::now()).unwrap();
}

/// Returns where things of this user and server are kept.
fn place(remote: &ProxiedServer) -> (PathBuf, ServerAddress, Id) {
    let user = remote.runtime.block_on(Auth::with_token(Secret::new(remote.programs.token.clone())).user()).unwrap();
    let server = ServerAddress::new("local", &remote.proxy.url, "SCRY_URL").unwrap();
    (remote.programs.dir.path().join("data"), server, user.id)
}
