//! Node's official Socket.IO client, driven from Rust.
//!
//! One child process runs `tests/node/driver.cjs`; each command is a line of JSON, so that the
//! scenarios stay in Rust. Needs `node` and, the first time, `npm` and a network.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;

use super::wait::WAIT_TIMEOUT;
use crate::paths::{shared_files, workspace};

type PendingReplies = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>>;

/// Runs Node; every socket of a test lives in one process, which ends with this value.
pub struct NodeDriver {
    stdin: tokio::sync::Mutex<ChildStdin>,
    waiting: PendingReplies,
    next: AtomicU64,
    _child: Child,
}

/// One socket inside the process.
pub struct NodeSocket<'a> {
    node: &'a NodeDriver,
    name: String,
}

impl NodeDriver {
    /// Starts the driver, installing the client library first where that was never done.
    pub async fn start() -> Self {
        let mut child = run("driver.cjs", &[]).await;
        let stdin = tokio::sync::Mutex::new(child.stdin.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let waiting = PendingReplies::default();
        let answers = waiting.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let answer: Value = serde_json::from_str(&line).unwrap();
                let asked = answers.lock().unwrap().remove(&answer["id"].as_u64().unwrap());
                let result = match answer["ok"].as_bool() {
                    Some(true) => Ok(answer["value"].clone()),
                    _ => Err(answer["error"].to_string()),
                };
                let _ = asked.unwrap().send(result);
            }
            answers.lock().unwrap().clear();
        });
        Self { stdin, waiting, next: AtomicU64::new(1), _child: child }
    }

    /// Connects a socket with the client's own options; it must be let in.
    pub async fn connect(&self, name: &str, url: &str, options: Value) -> NodeSocket<'_> {
        let answer = self.try_connect(name, url, options).await;
        assert_eq!(answer["connected"], true, "{name}: {answer}");
        NodeSocket { node: self, name: name.to_owned() }
    }

    /// Connects a socket over WebSocket with a token.
    pub async fn enter(&self, name: &str, url: &str, token: &str) -> NodeSocket<'_> {
        self.connect(name, url, json!({"transports": ["websocket"], "auth": {"token": token}})).await
    }

    /// Tries to connect and returns what came of it: `{connected, transport?, error?}`.
    pub async fn try_connect(&self, name: &str, url: &str, options: Value) -> Value {
        self.command(json!({"op": "connect", "name": name, "url": url, "options": options})).await.unwrap()
    }

    /// Connects `count` sockets at once, each of which subscribes at once; returns every answer.
    pub async fn crowd(&self, url: &str, options: Value, count: usize, event: &str, arg: Value) -> Vec<Value> {
        let command = json!({"op": "crowd", "url": url, "options": options, "count": count, "event": event,
            "args": [arg], "timeoutMs": millis(WAIT_TIMEOUT)});
        self.command(command).await.unwrap().as_array().unwrap().clone()
    }

    async fn command(&self, mut command: Value) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        command["id"] = id.into();
        let (tx, rx) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, tx);
        let line = format!("{command}\n");
        self.stdin.lock().await.write_all(line.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(WAIT_TIMEOUT * 3, rx).await;
        answer.unwrap_or_else(|_| panic!("no answer to {command}")).expect("the Node process has ended")
    }
}

impl NodeSocket<'_> {
    /// Emits an event and returns the acknowledgement.
    pub async fn ask(&self, event: &str, args: Value) -> Value {
        self.try_ask(event, args).await.unwrap()
    }

    /// Emits an event and returns the acknowledgement, or why there is none.
    pub async fn try_ask(&self, event: &str, args: Value) -> Result<Value, String> {
        let args = if args.is_array() { args } else { json!([args]) };
        let command = json!({"op": "emit", "name": self.name, "event": event, "args": args,
            "timeoutMs": millis(WAIT_TIMEOUT)});
        self.node.command(command).await
    }

    /// Emits several `[event, arg…]` in one go and returns the acknowledgements in that order.
    pub async fn burst(&self, events: Vec<Value>) -> Vec<Value> {
        let command = json!({"op": "burst", "name": self.name, "events": events, "timeoutMs": millis(WAIT_TIMEOUT)});
        self.node.command(command).await.unwrap().as_array().unwrap().clone()
    }

    /// Waits until `count` of an event were seen; returns the first argument of each.
    pub async fn wait(&self, event: &str, count: usize) -> Vec<Value> {
        let command = json!({"op": "wait", "name": self.name, "event": event, "count": count,
            "timeoutMs": millis(WAIT_TIMEOUT)});
        only(event, &self.node.command(command).await.unwrap())
    }

    /// Returns what was seen so far, without waiting, but for what tells of people who come, go and look around.
    pub async fn seen(&self) -> Vec<(String, Value)> {
        let of_people = |name: &str| name.starts_with("presence:") || name == "user:online" || name == "user:offline";
        self.heard().await.into_iter().filter(|(name, _)| !of_people(name)).collect()
    }

    /// Returns every event seen so far as `(name, first argument)`, without waiting.
    pub async fn heard(&self) -> Vec<(String, Value)> {
        let seen = self.node.command(json!({"op": "seen", "name": self.name})).await.unwrap();
        let pairs = seen.as_array().unwrap().iter();
        pairs.map(|item| (item["event"].as_str().unwrap().to_owned(), item["args"][0].clone())).collect()
    }

    /// Waits until the socket is closed and returns the reason the client gives.
    pub async fn closed(&self) -> String {
        let command = json!({"op": "closed", "name": self.name, "timeoutMs": millis(WAIT_TIMEOUT)});
        self.node.command(command).await.unwrap().as_str().unwrap().to_owned()
    }

    /// Stops reading from the network, as a suspended or overloaded client does.
    pub async fn stop_reading(&self) {
        self.node.command(json!({"op": "stopReading", "name": self.name})).await.unwrap();
    }

    /// Ends the connection without a word, as a crash does.
    pub async fn terminate(&self) {
        self.node.command(json!({"op": "terminate", "name": self.name})).await.unwrap();
    }

    /// Closes the socket.
    pub async fn disconnect(self) {
        self.node.command(json!({"op": "disconnect", "name": self.name})).await.unwrap();
    }
}

fn only(event: &str, seen: &Value) -> Vec<Value> {
    let items = seen.as_array().unwrap().iter();
    items.filter(|item| item["event"] == event).map(|item| item["args"][0].clone()).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// Starts one of the scripts, with pipes to it and from it and the pinned libraries in its reach.
pub async fn run(script: &str, args: &[&str]) -> Child {
    let modules = tokio::task::spawn_blocking(modules).await.unwrap();
    Command::new("node")
        .arg(source().join(script))
        .args(args)
        .env("NODE_PATH", modules)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("these tests need Node.js 18 or later: install it so that `node` is on the PATH")
}

/// Returns the directory with the scripts.
pub fn source() -> PathBuf {
    workspace().join("tests/node")
}

/// Returns a `node_modules` with the pinned client: the one beside the driver, else one made once in
/// the build directory, which the tests of all processes share.
pub fn modules() -> PathBuf {
    let own = source().join("node_modules");
    if ["socket.io-client", "tap-parser"].iter().all(|name| own.join(name).is_dir()) {
        return own;
    }
    let cache = shared_files().join("node");
    std::fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join("lock")).unwrap();
    lock.lock().unwrap();
    let pinned = std::fs::read(source().join("package-lock.json")).unwrap();
    let stamp = cache.join("installed-package-lock.json");
    if std::fs::read(&stamp).ok().as_ref() != Some(&pinned) {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(source().join(file), cache.join(file)).unwrap();
        }
        let installed = std::process::Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&cache)
            .output()
            .expect("these tests need npm, which comes with Node.js: install it so that `npm` is on the PATH");
        assert!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));
        std::fs::write(&stamp, pinned).unwrap();
    }
    cache.join("node_modules")
}
