//! One room, a thousand sockets: what one delivery costs the server.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::time::{MissedTickBehavior, interval};

use super::generator::Generator;
use super::histogram::HistogramCounts;
use super::target::BenchServer;

/// How many requests to publish are under way at a time when events come in bursts.
const MAX_PARALLEL_PUBLISHES: usize = 64;

/// How events are published.
#[derive(Debug, Clone, Copy)]
pub enum PublishPace {
    /// As fast as the server accepts them.
    Burst,
    /// So many a second, evenly.
    Steady(u32),
}

/// What one round came to.
#[derive(Debug)]
pub struct FanoutRound {
    pub server: Duration,
    pub generators: Duration,
    pub wall: Duration,
    pub deliveries: u64,
    pub ages: HistogramCounts,
}

impl FanoutRound {
    /// Returns the server's CPU time per delivery, in microseconds.
    pub fn server_us(&self) -> f64 {
        per(self.server, self.deliveries)
    }

    /// Returns how many deliveries were made a second.
    pub fn per_second(&self) -> f64 {
        1e6 / per(self.wall, self.deliveries)
    }

    /// Returns the generators' CPU time per delivery, in microseconds.
    pub fn generator_us(&self) -> f64 {
        per(self.generators, self.deliveries)
    }
}

/// Publishes `events` to a room and waits until every socket has got every one.
pub async fn round(
    target: &BenchServer,
    pool: &mut [Generator],
    events: u32,
    pace: PublishPace,
) -> Result<FanoutRound> {
    for generator in pool.iter_mut() {
        generator.expect(events.into()).await?;
    }
    let (before, generators) = (target.cpu()?, cost(pool)?);
    let started = Instant::now();
    publish(target, events, pace).await?;
    let mut ages = HistogramCounts::default();
    for generator in pool.iter_mut() {
        ages.merge(generator.taken().await?.ages);
    }
    let sockets: usize = pool.iter().map(|generator| generator.sockets).sum();
    Ok(FanoutRound {
        server: target.cpu()?.saturating_sub(before),
        generators: cost(pool)?.saturating_sub(generators),
        wall: started.elapsed(),
        deliveries: u64::from(events) * sockets as u64,
        ages,
    })
}

/// Publishes `events`.
pub async fn publish(target: &BenchServer, events: u32, pace: PublishPace) -> Result<()> {
    let count = usize::try_from(events)?;
    match pace {
        PublishPace::Burst => {
            let turns = stream::iter(0..events).map(Ok);
            turns.try_for_each_concurrent(MAX_PARALLEL_PUBLISHES, |_| target.publish()).await
        }
        PublishPace::Steady(per_second) => {
            let mut ticks = interval(Duration::from_secs(1) / per_second);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let turns = stream::unfold(ticks, async |mut ticks| Some((ticks.tick().await, ticks)));
            turns.take(count).map(Ok).try_for_each_concurrent(None, |_| target.publish()).await
        }
    }
}

fn cost(pool: &[Generator]) -> Result<Duration> {
    pool.iter().map(Generator::cpu).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn per(total: Duration, count: u64) -> f64 {
    total.as_secs_f64() * 1e6 / count.max(1) as f64
}
