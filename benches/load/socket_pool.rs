//! Many sockets that listen to rooms and count what they get.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::histogram::Histogram;
use super::socket::{self, BenchSocket};

/// How many handshakes are under way at a time where they are not what is measured.
const MAX_PARALLEL_HANDSHAKES: usize = 64;
/// How long a handshake may take, and a crowd may go without getting what it waits for.
const POOL_TIMEOUT: Duration = Duration::from_secs(60);

/// Who connects where and listens to what.
#[derive(Debug, Clone)]
pub struct PoolPlan {
    /// `host:port`.
    pub address: String,
    /// Tokens of the users; sockets take them in turn.
    pub tokens: Vec<String>,
    /// What each socket subscribes to: event and payload.
    pub rooms: Vec<(String, Value)>,
}

/// What all sockets of a crowd count together.
#[derive(Debug, Default)]
pub struct PoolCounts {
    pub events: AtomicU64,
    pub ages: Histogram,
    pub lost: AtomicU64,
}

/// Connected sockets; dropping it closes them.
pub struct SocketPool {
    pub tally: Arc<PoolCounts>,
    listeners: JoinSet<()>,
}

impl PoolPlan {
    /// Listens to one campaign.
    pub fn campaign(address: &str, tokens: &[String], campaign: &str) -> Self {
        let rooms = vec![("subscribe_campaign".to_owned(), json!({"campaignId": campaign}))];
        Self { address: address.to_owned(), tokens: tokens.to_owned(), rooms }
    }

    /// Connects socket number `index` and subscribes it.
    pub async fn connect(&self, index: usize) -> Result<BenchSocket> {
        let token = self.tokens.get(index % self.tokens.len().max(1)).context("no token to connect with")?;
        let joining = async {
            let mut socket = BenchSocket::open(&self.address, token).await?;
            for (event, payload) in &self.rooms {
                socket.subscribe(event, payload).await?;
            }
            Ok(socket)
        };
        timeout(POOL_TIMEOUT, joining).await.context("no connection in time")?
    }
}

impl SocketPool {
    /// Connects `count` sockets, some at a time, and has them listen.
    pub async fn gather(plan: &PoolPlan, count: usize) -> Result<Self> {
        let (tally, gate) = (Arc::new(PoolCounts::default()), Arc::new(Semaphore::new(MAX_PARALLEL_HANDSHAKES)));
        let mut connecting = JoinSet::new();
        for index in 0..count {
            let (plan, gate) = (plan.clone(), gate.clone());
            connecting.spawn(async move {
                let _turn = gate.acquire_owned().await?;
                plan.connect(index).await
            });
        }
        let mut listeners = JoinSet::new();
        while let Some(socket) = connecting.join_next().await {
            listeners.spawn(listen(socket??, tally.clone()));
        }
        Ok(Self { tally, listeners })
    }

    /// Waits until the crowd has counted `events` deliveries altogether.
    pub async fn wait_for(&self, events: u64) -> Result<()> {
        let mut progress = (self.tally.events.load(Ordering::Relaxed), Instant::now());
        while progress.0 < events {
            if self.tally.lost.load(Ordering::Relaxed) > 0 {
                bail!("the server closed connections of the crowd");
            }
            if progress.1.elapsed() > POOL_TIMEOUT {
                bail!("{} of {events} deliveries came", progress.0);
            }
            sleep(Duration::from_millis(2)).await;
            let now = self.tally.events.load(Ordering::Relaxed);
            if now > progress.0 {
                progress = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// Closes every connection and waits until they are closed on this side.
    pub async fn leave(mut self) {
        self.listeners.shutdown().await;
    }
}

async fn listen(mut socket: BenchSocket, tally: Arc<PoolCounts>) {
    while let Ok(text) = socket.next().await {
        if socket::is_event(&text) {
            tally.events.fetch_add(1, Ordering::Relaxed);
            if let Some(age) = socket::age(&text) {
                tally.ages.add(age);
            }
        }
    }
    tally.lost.fetch_add(1, Ordering::Relaxed);
}
