//! A plain Socket.IO gateway in Node: what scry meets where no scry-server runs.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::node;
use super::wait::WAIT_TIMEOUT;

/// Runs `tests/node/foreign.cjs` until dropped.
pub struct FakeGateway {
    /// Its address.
    pub url: String,
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    next: u64,
    child: Child,
}

impl FakeGateway {
    /// Starts one; `options` are `{server?: Socket.IO's own options, refuse?: a reason, silent?: acknowledge nothing,
    /// acks?: the arguments of the acknowledgement, mute?: answer no plain request, chatter?: an event every so many ms,
    /// joined?: more for the acknowledgement, api?: what every question to the API is answered with}`.
    pub async fn start(options: Value) -> Self {
        let mut child = node::run("foreign.cjs", &[&options.to_string()]).await;
        let stdin = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = tokio::time::timeout(WAIT_TIMEOUT, answers.next_line()).await.unwrap().unwrap();
        let first: Value = serde_json::from_str(&first.expect("the gateway has not started")).unwrap();
        Self { url: format!("http://127.0.0.1:{}", first["port"]), stdin, answers, next: 0, child }
    }

    /// Sends an event to everybody in a room.
    pub async fn emit(&mut self, room: &str, event: &str, args: Value) {
        self.command(json!({"op": "emit", "room": room, "event": event, "args": args})).await;
    }

    /// Sends several events of one name at once, each with its own arguments.
    pub async fn emit_all(&mut self, room: &str, event: &str, list: Vec<Value>) {
        self.command(json!({"op": "burst", "room": room, "event": event, "list": list})).await;
    }

    /// Does one of the things that need no argument, and returns what it says.
    pub async fn ask(&mut self, op: &str) -> Value {
        self.command(json!({"op": op})).await
    }

    /// Sends every socket an event that wants an answer.
    pub async fn request(&mut self, event: &str) {
        self.command(json!({"op": "ask", "event": event})).await;
    }

    /// Sends every socket a Socket.IO packet as it is written.
    pub async fn packet(&mut self, text: &str) {
        self.command(json!({"op": "packet", "text": text})).await;
    }

    /// Sends bytes as a text frame, whether or not they are text.
    pub async fn frame(&mut self, bytes: &[u8]) {
        self.command(json!({"op": "frame", "bytes": bytes})).await;
    }

    /// Sends an event of lists within lists.
    pub async fn deep(&mut self, depth: usize) {
        self.command(json!({"op": "deep", "depth": depth})).await;
    }

    /// Stops the process where it is, as one that hangs: its connections stay and nothing comes from it.
    pub fn stop(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets the process go on.
    pub fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    async fn command(&mut self, mut command: Value) -> Value {
        self.next += 1;
        command["id"] = self.next.into();
        self.stdin.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let line = tokio::time::timeout(WAIT_TIMEOUT, self.answers.next_line()).await.unwrap().unwrap();
        let answer: Value = serde_json::from_str(&line.expect("the gateway has ended")).unwrap();
        assert_eq!(answer["id"], self.next);
        answer["value"].clone()
    }
}
