//! What is measured with more than one node, or with the database that they share.

use anyhow::Result;

use super::fanout::{self, Pace};
use super::generator::Generator;
use super::goals::{Bench, ENTITIES, Pair};
use super::parts::{Redis, Shared, database};
use super::target::{Kind, Target};

impl Bench {
    /// Measures two nodes over Redis, and edits on Postgres.
    pub async fn nodes(&mut self) -> Result<()> {
        let redis = Redis::start().await?;
        let (mut pair, mut others) = (Pair::new(), Vec::new());
        for kind in self.kinds() {
            let database = if kind == Kind::Ours { database().await? } else { None };
            if kind == Kind::Ours && database.is_none() {
                self.report.note("no Postgres: run this through tests/postgres.sh for two nodes and for Postgres");
                return Ok(());
            }
            let shared = Shared { database, redis: Some(redis.socket()) };
            let target = Target::start_on(kind, &self.programs, ENTITIES, shared).await?;
            let other = target.beside().await?;
            let mut crowd = Vec::new();
            for node in [&target, &other] {
                crowd.push(Generator::start(&node.plan(), 250).await?);
            }
            fanout::round(&target, &mut crowd, 20, Pace::Burst).await?;
            pair.push((target, crowd));
            others.push(other);
        }
        self.ages(&mut pair, "two nodes over Redis, 250 sockets on each, 50 commits/s on one", 15.0).await?;
        drop((pair, others));
        let shared = Shared { database: database().await?, redis: None };
        let target = Target::start_on(Kind::Ours, &self.programs, ENTITIES, shared).await?;
        self.edits_on(&target, "Postgres", 1_000.0).await
    }
}
