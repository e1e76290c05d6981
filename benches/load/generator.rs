//! A crowd in a process of its own, so that its cost can be told apart and two can share the work.
//!
//! The child gets its plan in the first line of stdin and says `ready`; then each line `take N` is
//! answered, once N more events have come, by what was counted.

use std::io::{BufRead, Write};
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::histogram::HistogramCounts;
use super::socket_pool::{PoolPlan, SocketPool};
use super::usage;

/// The argument that makes this program a generator.
pub const GENERATOR_ARGUMENT: &str = "--generator";

/// Runs one crowd.
pub struct Generator {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    pub sockets: usize,
}

#[derive(Serialize, Deserialize)]
struct GeneratorCommand {
    address: String,
    tokens: Vec<String>,
    rooms: Vec<(String, Value)>,
    sockets: usize,
}

/// What a crowd counted since the last time.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PoolSample {
    pub ages: HistogramCounts,
}

impl Generator {
    /// Starts a generator with `sockets` connections and waits until all have subscribed.
    pub async fn start(plan: &PoolPlan, sockets: usize) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(GENERATOR_ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().context("no stdin")?;
        let lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let mut generator = Self { child, stdin, lines, sockets };
        let PoolPlan { address, tokens, rooms } = plan.clone();
        generator.tell(&serde_json::to_string(&GeneratorCommand { address, tokens, rooms, sockets })?).await?;
        generator.hear().await?;
        Ok(generator)
    }

    /// Announces that each socket will get `events` more.
    pub async fn expect(&mut self, events: u64) -> Result<()> {
        self.tell(&format!("take {}", events * self.sockets as u64)).await
    }

    /// Waits until they have come; returns what was counted.
    pub async fn taken(&mut self) -> Result<PoolSample> {
        Ok(serde_json::from_str(&self.hear().await?)?)
    }

    /// Returns the CPU time of the generator so far.
    pub fn cpu(&self) -> Result<Duration> {
        usage::cpu(self.child.id().context("the generator has ended")?)
    }

    async fn tell(&mut self, line: &str) -> Result<()> {
        Ok(self.stdin.write_all(format!("{line}\n").as_bytes()).await?)
    }

    async fn hear(&mut self) -> Result<String> {
        self.lines.next_line().await?.context("the generator has ended; see its last words above")
    }
}

/// Serves a parent until it closes stdin.
pub async fn serve() -> Result<()> {
    let mut orders = stdin_lines();
    let order: GeneratorCommand = serde_json::from_str(&orders.recv().await.context("no plan on stdin")?)?;
    let plan = PoolPlan { address: order.address, tokens: order.tokens, rooms: order.rooms };
    let pool = SocketPool::gather(&plan, order.sockets).await?;
    say("ready")?;
    let mut expected = 0;
    while let Some(line) = orders.recv().await {
        expected += line.strip_prefix("take ").and_then(|count| count.parse::<u64>().ok()).context("take N")?;
        expected = expected.max(pool.tally.events.load(Ordering::Relaxed));
        pool.wait_for(expected).await?;
        say(&serde_json::to_string(&PoolSample { ages: pool.tally.ages.take() })?)?;
    }
    Ok(())
}

fn stdin_lines() -> tokio::sync::mpsc::Receiver<String> {
    let (tx, rx) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if tx.blocking_send(line).is_err() {
                return;
            }
        }
    });
    rx
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
