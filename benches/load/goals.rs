//! The rows of the table: each measures ours and Node's in turn and adds its medians to the report.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::fanout::{self, PublishPace};
use super::generator::Generator;
use super::histogram::HistogramCounts;
use super::report::{BenchReport, ReportGoal, median};
use super::socket_pool::SocketPool;
use super::target::{BenchServer, ProgramPaths, TargetKind};
use super::{edits, recovery};

/// How many entities the campaign has where its size is not what is measured.
pub const DEFAULT_ENTITIES: usize = 200;

/// How often and on what to measure.
pub struct BenchPlan {
    pub programs: ProgramPaths,
    pub rounds: usize,
    pub report: BenchReport,
}

/// The servers to compare: ours, and Node's where it is there.
pub type ServerPair = Vec<(BenchServer, Vec<Generator>)>;

impl BenchPlan {
    pub fn kinds(&self) -> Vec<TargetKind> {
        if self.programs.node_modules.is_some() {
            vec![TargetKind::Ours, TargetKind::Node]
        } else {
            vec![TargetKind::Ours]
        }
    }

    /// Starts each server with `sockets` listeners, held by so many generators.
    async fn pair(&self, sockets: usize, generators: usize) -> Result<ServerPair> {
        let mut pair = ServerPair::new();
        for kind in self.kinds() {
            let target = BenchServer::start(kind, &self.programs, DEFAULT_ENTITIES).await?;
            let mut pool = Vec::new();
            for _ in 0..generators {
                pool.push(Generator::start(&target.plan(), sockets / generators).await?);
            }
            fanout::round(&target, &mut pool, 20, PublishPace::Burst).await?;
            pair.push((target, pool));
        }
        Ok(pair)
    }

    /// Measures fan-out into one room of 1,000.
    pub async fn fanout(&mut self) -> Result<()> {
        let mut pair = self.pair(1_000, 1).await?;
        let paces = [
            (PublishPace::Burst, 400, "in bursts", Some(ReportGoal::Ratio(8.0))),
            (PublishPace::Steady(50), 200, "50 events/s", None),
        ];
        for (pace, events, name, goal) in paces {
            let (mut server, mut generator, mut rate) = ([vec![], vec![]], [vec![], vec![]], [vec![], vec![]]);
            for _ in 0..self.rounds {
                for (index, (target, pool)) in pair.iter_mut().enumerate() {
                    let round = fanout::round(target, pool, events, pace).await?;
                    server[index].push(round.server_us());
                    generator[index].push(round.generator_us());
                    rate[index].push(round.per_second());
                }
            }
            self.report.add(format!("fan-out, 1,000 sockets, {name}: server CPU per delivery"), "µs", server, goal);
            let [ours, node] = generator.map(|rounds| median(&rounds).unwrap_or(0.0));
            self.report.note(format!("the generator spent {ours:.1} µs (ours), {node:.1} µs (Node) per delivery"));
            let [ours, node] = rate.map(|rounds| median(&rounds).unwrap_or(0.0));
            self.report.note(format!("deliveries a second: {ours:.0} (ours), {node:.0} (Node)"));
        }
        Ok(())
    }

    /// Shows that the generator is not the limit: two that share the sockets give the same figure as one.
    pub async fn proof(&mut self) -> Result<()> {
        for generators in [1, 2] {
            let mut pair = self.pair(1_000, generators).await?;
            let mut server = [vec![], vec![]];
            for _ in 0..self.rounds {
                for (index, (target, pool)) in pair.iter_mut().enumerate() {
                    server[index].push(fanout::round(target, pool, 400, PublishPace::Burst).await?.server_us());
                }
            }
            let what = format!("fan-out again, sockets held by {generators} generator(s)");
            self.report.add(what, "µs", server, None);
        }
        Ok(())
    }

    /// Measures memory per connection at 5,000.
    pub async fn memory(&mut self) -> Result<()> {
        let mut kib = [vec![], vec![]];
        for _ in 0..self.rounds {
            for (index, kind) in self.kinds().into_iter().enumerate() {
                let target = BenchServer::start(kind, &self.programs, DEFAULT_ENTITIES).await?;
                kib[index].push(per_connection(&target, 5_000).await?.0);
            }
        }
        let goal = ReportGoal::AtMostAndBelowNode(20.0);
        self.report.add("memory per subscribed connection at 5,000", "KiB", kib, Some(goal));
        Ok(())
    }

    /// Measures from the request that changes something to the clients that are told.
    pub async fn latency(&mut self) -> Result<()> {
        let mut pair = self.pair(500, 1).await?;
        self.ages(&mut pair, "request → client, 500 sockets, 50 commits/s", 10.0).await
    }

    /// Publishes 50 events a second for ten seconds, and adds how old they were when clients had read them.
    pub async fn ages(&mut self, pair: &mut ServerPair, what: &str, goal_ms: f64) -> Result<()> {
        let (mut p50, mut p99) = ([vec![], vec![]], [vec![], vec![]]);
        for _ in 0..self.rounds {
            for (index, (target, pool)) in pair.iter_mut().enumerate() {
                let ages: HistogramCounts = fanout::round(target, pool, 500, PublishPace::Steady(50)).await?.ages;
                p50[index].push(millis(ages.quantile(0.5)));
                p99[index].push(millis(ages.quantile(0.99)));
            }
        }
        self.report.add(format!("{what}: p50"), "ms", p50, None);
        self.report.add(format!("{what}: p99"), "ms", p99, Some(ReportGoal::AtMost(goal_ms)));
        Ok(())
    }

    /// Measures edits that are on disk when they are acknowledged.
    pub async fn edits(&mut self) -> Result<()> {
        let target = BenchServer::start(TargetKind::Ours, &self.programs, DEFAULT_ENTITIES).await?;
        self.edits_on(&target, "SQLite", 1_500.0).await
    }

    /// Measures edits on one database.
    pub async fn edits_on(&mut self, target: &BenchServer, database: &str, goal: f64) -> Result<()> {
        edits::round(target, 200).await?;
        let (mut rate, mut p50, mut p99, mut cpu) = (vec![], vec![], vec![], vec![]);
        for _ in 0..self.rounds {
            let round = edits::round(target, 3_000).await?;
            rate.push(round.per_second);
            p50.push(millis(round.latencies.quantile(0.5)));
            p99.push(millis(round.latencies.quantile(0.99)));
            cpu.push(millis(round.server) * 1e3);
        }
        let unit = "/s";
        let what = format!("durable edits, 32 at a time, {database}");
        self.report.add(what.clone(), unit, [rate, vec![]], Some(ReportGoal::AtLeast(goal)));
        self.report.add(format!("{what}: p50"), "ms", [p50, vec![]], None);
        self.report.add(format!("{what}: p99"), "ms", [p99, vec![]], Some(ReportGoal::AtMost(50.0)));
        self.report.add(format!("{what}: server CPU per edit"), "µs", [cpu, vec![]], None);
        Ok(())
    }

    /// Measures how 2,000 clients come back after a restart.
    pub async fn recovery(&mut self) -> Result<()> {
        let (mut wall, mut server, mut lost) = ([vec![], vec![]], [vec![], vec![]], [vec![], vec![]]);
        for _ in 0..self.rounds {
            for (index, kind) in self.kinds().into_iter().enumerate() {
                let mut target = BenchServer::start(kind, &self.programs, DEFAULT_ENTITIES).await?;
                let round = recovery::round(&mut target, 2_000).await?;
                wall[index].push(round.wall.as_secs_f64());
                server[index].push(millis(round.server));
                #[expect(clippy::cast_precision_loss, reason = "a count")]
                lost[index].push(round.lost as f64);
            }
        }
        self.report.add("2,000 clients back after a restart", "s", wall, Some(ReportGoal::AtMost(5.0)));
        self.report.add("2,000 clients back: server CPU", "ms", server, None);
        self.report.add("2,000 clients × 20 missed events: lost", "", lost, Some(ReportGoal::AtMost(0.0)));
        Ok(())
    }
}

/// Returns what each of `sockets` subscribed connections takes, in KiB, after a few events went to it, and who holds
/// them.
pub async fn per_connection(target: &BenchServer, sockets: usize) -> Result<(f64, Vec<Generator>)> {
    // One connection first: what is there once for all of them is not counted.
    SocketPool::gather(&target.plan(), 1).await?.leave().await;
    let before = target.pss_kib()?;
    let mut pool = vec![Generator::start(&target.plan(), sockets).await?];
    fanout::round(target, &mut pool, 5, PublishPace::Steady(5)).await?;
    let after = settled(target).await?;
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    Ok((after.saturating_sub(before) as f64 / sockets as f64, pool))
}

/// Returns a server's memory once it does not change any more.
async fn settled(target: &BenchServer) -> Result<u64> {
    let mut last = target.pss_kib()?;
    for _ in 0..20 {
        sleep(Duration::from_millis(250)).await;
        let now = target.pss_kib()?;
        if now.abs_diff(last) < 64 {
            return Ok(now);
        }
        last = now;
    }
    Ok(last)
}

/// Returns a duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
