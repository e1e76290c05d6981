//! One room, a thousand sockets: what one delivery costs the server.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::time::{MissedTickBehavior, interval};

use super::generator::Generator;
use super::spread::Counts;
use super::target::Target;

/// How many requests to publish are under way at a time when events come in bursts.
const AT_ONCE: usize = 64;

/// Says how events are published.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As fast as the server accepts them.
    Burst,
    /// So many a second, evenly.
    Steady(u32),
}

/// Holds what one round came to.
#[derive(Debug)]
pub struct Round {
    pub server: Duration,
    pub generators: Duration,
    pub wall: Duration,
    pub deliveries: u64,
    pub ages: Counts,
}

impl Round {
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
pub async fn round(target: &Target, crowd: &mut [Generator], events: u32, pace: Pace) -> Result<Round> {
    for generator in crowd.iter_mut() {
        generator.expect(events.into()).await?;
    }
    let (before, generators) = (target.cpu()?, cost(crowd)?);
    let started = Instant::now();
    publish(target, events, pace).await?;
    let mut ages = Counts::default();
    for generator in crowd.iter_mut() {
        ages.merge(generator.taken().await?.ages);
    }
    let sockets: usize = crowd.iter().map(|generator| generator.sockets).sum();
    Ok(Round {
        server: target.cpu()?.saturating_sub(before),
        generators: cost(crowd)?.saturating_sub(generators),
        wall: started.elapsed(),
        deliveries: u64::from(events) * sockets as u64,
        ages,
    })
}

/// Publishes `events`.
pub async fn publish(target: &Target, events: u32, pace: Pace) -> Result<()> {
    let count = usize::try_from(events)?;
    match pace {
        Pace::Burst => {
            let turns = stream::iter(0..events).map(Ok);
            turns.try_for_each_concurrent(AT_ONCE, |_| target.publish()).await
        }
        Pace::Steady(per_second) => {
            let mut ticks = interval(Duration::from_secs(1) / per_second);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let turns = stream::unfold(ticks, async |mut ticks| Some((ticks.tick().await, ticks)));
            turns.take(count).map(Ok).try_for_each_concurrent(None, |_| target.publish()).await
        }
    }
}

fn cost(crowd: &[Generator]) -> Result<Duration> {
    crowd.iter().map(Generator::cpu).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn per(total: Duration, count: u64) -> f64 {
    total.as_secs_f64() * 1e6 / count.max(1) as f64
}
