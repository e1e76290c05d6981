//! What is measured with more than one node, or with the database that they share.

use anyhow::Result;

use super::fanout::{self, PublishPace};
use super::generator::Generator;
use super::goals::{BenchPlan, DEFAULT_ENTITIES, ServerPair};
use super::parts::{BenchRedis, SharedServices, database};
use super::target::{BenchServer, TargetKind};

impl BenchPlan {
    /// Measures two nodes over Redis, and edits on Postgres.
    pub async fn nodes(&mut self) -> Result<()> {
        let redis = BenchRedis::start().await?;
        let (mut pair, mut others) = (ServerPair::new(), Vec::new());
        for kind in self.kinds() {
            let database = if kind == TargetKind::Ours { database().await? } else { None };
            if kind == TargetKind::Ours && database.is_none() {
                self.report.note("no Postgres: run this through tests/postgres.sh for two nodes and for Postgres");
                return Ok(());
            }
            let shared = SharedServices { database, redis: Some(redis.socket()) };
            let target = BenchServer::start_on(kind, &self.programs, DEFAULT_ENTITIES, shared).await?;
            let other = target.beside().await?;
            let mut pool = Vec::new();
            for node in [&target, &other] {
                pool.push(Generator::start(&node.plan(), 250).await?);
            }
            fanout::round(&target, &mut pool, 20, PublishPace::Burst).await?;
            pair.push((target, pool));
            others.push(other);
        }
        self.ages(&mut pair, "two nodes over Redis, 250 sockets on each, 50 commits/s on one", 15.0).await?;
        drop((pair, others));
        let shared = SharedServices { database: database().await?, redis: None };
        let target = BenchServer::start_on(TargetKind::Ours, &self.programs, DEFAULT_ENTITIES, shared).await?;
        self.edits_on(&target, "Postgres", 1_000.0).await
    }
}
