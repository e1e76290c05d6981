//! Edits from scripts that wait for a server.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::fault_proxy::FaultProxy;
use crate::support::town::{Town, told};

/// A town behind a line that can be broken; the runtime carries the line.
struct Remote {
    town: Town,
    proxy: FaultProxy,
    runtime: Runtime,
}

impl Remote {
    fn start() -> Self {
        let town = Town::start();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let proxy = runtime.block_on(FaultProxy::start(&town.url));
        Self { town, proxy, runtime }
    }

    fn scry(&self, args: &[&str]) -> Command {
        let mut command = self.town.scry(args);
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
        let (_, stdout, _) = told(&self.town.run(&["get", "settlement", "Saltwick"]));
        let town: Value = serde_json::from_str(&stdout).unwrap();
        (town["level"].clone(), town["version"].clone())
    }

    fn id(&self) -> String {
        let (_, stdout, _) = told(&self.town.run(&["get", "settlement", "Saltwick"]));
        serde_json::from_str::<Value>(&stdout).unwrap()["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn an_edit_without_a_server_fails_or_is_kept_and_sent_once() {
    let remote = Remote::start();
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
fn a_program_that_is_killed_while_it_sends_has_sent_each_edit_once() {
    let remote = Remote::start();
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
fn store(remote: &Remote, id: &str, key: &str, level: i64) {
    use scry::client::auth::Auth;
    use scry::client::outbox::Outboxes;
    use scry::client::secret::Secret;
    use scry::config::client::Server;
    use scry::protocol::Id;

    let user = remote.runtime.block_on(Auth::given(Secret::new(remote.town.token.clone())).user()).unwrap();
    let server = Server::new("local", &remote.proxy.url, "SCRY_URL").unwrap();
    let campaign = Id::parse("c").unwrap();
    let edit = crate::support::mail::update(&campaign, key, id, json!({"level": level}), None);
    let data = remote.town.dir.path().join("data");
    Outboxes::of(&data, &server, Some(&user.id)).campaign(&campaign).add(&edit).unwrap();
}
