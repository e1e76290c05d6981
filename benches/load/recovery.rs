//! Everybody comes back at once after a restart, and gets what they missed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::fanout::{PublishPace, publish};
use super::socket::BenchSocket;
use super::socket_pool::{PoolPlan, SocketPool};
use super::target::{BenchServer, TargetKind};

/// How many events everybody missed.
pub const MISSED_EVENTS: u32 = 20;
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(120);

/// How everybody came back.
#[derive(Debug)]
pub struct RecoveryRound {
    /// From the open port until the last one had everything.
    pub wall: Duration,
    pub server: Duration,
    /// Events that somebody did not get, or got twice, over all clients.
    pub lost: u64,
}

/// Connects `clients`, has them miss some events and a restart, and lets all come back at once.
pub async fn round(target: &mut BenchServer, clients: usize) -> Result<RecoveryRound> {
    let plan = target.plan();
    SocketPool::gather(&plan, clients).await?.leave().await;
    let since = position(&plan).await?;
    publish(target, MISSED_EVENTS, PublishPace::Burst).await?;
    target.kill().await?;
    target.restart().await?;
    let started = Instant::now();
    let all = try_join_all((0..clients).map(|index| come_back(&plan, index, &since)));
    let lost = timeout(RECOVERY_TIMEOUT, all).await.context("not everybody came back")??;
    // Ours must have missed nothing; Node, which keeps nothing, says how much that is.
    let lost: u64 = lost.iter().sum();
    if target.kind == TargetKind::Ours && lost > 0 {
        bail!("{lost} events were lost or doubled");
    }
    Ok(RecoveryRound { wall: started.elapsed(), server: target.cpu()?, lost })
}

async fn position(plan: &PoolPlan) -> Result<Value> {
    let token = plan.tokens.first().context("no token")?;
    let mut socket = BenchSocket::open(&plan.address, token).await?;
    let (event, payload) = plan.rooms.first().context("no room")?;
    Ok(socket.subscribe(event, payload).await?.ack["position"].take())
}

/// Comes back and returns how many of the missed events did not come exactly once and in order.
async fn come_back(plan: &PoolPlan, index: usize, since: &Value) -> Result<u64> {
    let token = plan.tokens.get(index % plan.tokens.len()).context("no token")?;
    let mut socket = BenchSocket::open(&plan.address, token).await?;
    let (event, payload) = plan.rooms.first().context("no room")?;
    let mut payload = payload.clone();
    payload["since"] = since.clone();
    let replayed = socket.subscribe(event, &payload).await?.replayed;
    let first = since["seq"].as_u64().unwrap_or(0) + 1;
    let expected: Vec<u64> = (first..first + u64::from(MISSED_EVENTS)).collect();
    let got: BTreeSet<u64> = replayed.iter().copied().collect();
    let missing = expected.iter().filter(|seq| !got.contains(seq)).count();
    let odd = if replayed.is_sorted() { replayed.len() - got.len() } else { replayed.len() };
    Ok((missing + odd) as u64)
}

/// Resumes once from `since` and returns what the server spent on it, with how long it took.
pub async fn resume(target: &BenchServer, behind: u64) -> Result<(Duration, Duration)> {
    let plan = target.plan();
    let mut since = position(&plan).await?;
    let seq = since["seq"].as_u64().context("no position")?;
    since["seq"] = json!(seq.saturating_sub(behind));
    let (before, started) = (target.cpu()?, Instant::now());
    for index in 0..100 {
        come_back(&plan, index, &since).await?;
    }
    Ok((started.elapsed() / 100, target.cpu()?.saturating_sub(before) / 100))
}
