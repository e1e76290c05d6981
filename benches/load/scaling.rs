//! What each thing costs as it grows; whatever grows faster than its size is said aloud.

use anyhow::Result;
use serde_json::json;

use super::fanout::{self, PublishPace};
use super::generator::Generator;
use super::goals::{BenchPlan, DEFAULT_ENTITIES, millis, per_connection};
use super::report::median;
use super::target::{BenchServer, TargetKind};
use super::{edits, recovery};

/// How much a unit may cost more at ten times the size before it counts as growing too fast.
const MAX_UNIT_COST_RATIO: f64 = 1.5;

impl BenchPlan {
    /// Measures all costs against sizes.
    pub async fn scaling(&mut self) -> Result<()> {
        self.sockets().await?;
        self.rooms().await?;
        self.campaign().await?;
        self.journal().await
    }

    async fn sockets(&mut self) -> Result<()> {
        let (mut delivery, mut memory) = (vec![], vec![]);
        for sockets in [100, 1_000, 5_000, 10_000] {
            let target = BenchServer::start(TargetKind::Ours, &self.programs, DEFAULT_ENTITIES).await?;
            // The same crowd again: one that leaves keeps the server busy with who is present.
            let (kib, mut pool) = per_connection(&target, sockets).await?;
            let events = u32::try_from(200_000 / sockets)?.min(400);
            let mut rounds = vec![];
            for _ in 0..3 {
                rounds.push(fanout::round(&target, &mut pool, events, PublishPace::Burst).await?.server_us());
            }
            let us = median(&rounds).unwrap_or(f64::NAN);
            self.report.add(format!("{sockets} sockets: server CPU per delivery"), "µs", [rounds, vec![]], None);
            self.report.add(format!("{sockets} sockets: memory each"), "KiB", [vec![kib], vec![]], None);
            delivery.push(us);
            memory.push(kib);
        }
        // Below a thousand, what an event costs once outweighs what it costs per socket.
        self.judge("a delivery, 1,000 → 10,000 sockets", &delivery[1..]);
        self.judge("a connection's memory, 1,000 → 10,000 sockets", &memory[1..]);
        Ok(())
    }

    async fn rooms(&mut self) -> Result<()> {
        let mut costs = vec![];
        for narrow in [0, 10, 100] {
            let target = BenchServer::start(TargetKind::Ours, &self.programs, DEFAULT_ENTITIES).await?;
            let mut plan = target.plan();
            for id in edits::structures(&target).await?.into_iter().cycle().take(narrow) {
                plan.rooms.push(("subscribe_structure".to_owned(), json!({"structureId": id})));
            }
            // Each connection may make 100 requests at once.
            plan.rooms.truncate(100);
            let mut pool = vec![Generator::start(&plan, 500).await?];
            let mut rounds = vec![];
            for _ in 0..3 {
                rounds.push(fanout::round(&target, &mut pool, 200, PublishPace::Burst).await?.server_us());
            }
            costs.push(median(&rounds).unwrap_or(f64::NAN));
            let what = format!("{} rooms per socket, 500 sockets: server CPU per delivery", plan.rooms.len());
            self.report.add(what, "µs", [rounds, vec![]], None);
        }
        self.judge("a delivery, 1 → 100 rooms per socket", &costs);
        Ok(())
    }

    async fn campaign(&mut self) -> Result<()> {
        let (mut edit, mut whole) = (vec![], vec![]);
        for entities in [100, 1_000, 10_000] {
            let target = BenchServer::start(TargetKind::Ours, &self.programs, entities).await?;
            edits::round(&target, 100).await?;
            let cost = millis(edits::round(&target, 500).await?.server) * 1e3;
            let mut spent = vec![];
            for _ in 0..5 {
                let (wall, cpu) = edits::snapshot(&target).await?;
                spent.push(millis(wall.max(cpu)) * 1e3 / f64::from(u32::try_from(entities)?));
            }
            let each = median(&spent).unwrap_or(f64::NAN);
            self.report.add(format!("{entities} entities: server CPU per edit"), "µs", [vec![cost], vec![]], None);
            self.report.add(format!("{entities} entities: snapshot, per entity"), "µs", [spent, vec![]], None);
            edit.push(cost);
            whole.push(each);
        }
        self.judge("an edit, 100 → 10,000 entities", &edit);
        self.judge("a snapshot per entity, 100 → 10,000 entities", &whole);
        Ok(())
    }

    async fn journal(&mut self) -> Result<()> {
        let target = BenchServer::start(TargetKind::Ours, &self.programs, DEFAULT_ENTITIES).await?;
        let (mut edit, mut resume, mut length) = (vec![], vec![], 0);
        for events in [1_000, 10_000, 50_000] {
            edits::round(&target, events - length).await?;
            length = events;
            let cost = millis(edits::round(&target, 500).await?.server) * 1e3;
            length += 500;
            let (_, cpu) = recovery::resume(&target, 20).await?;
            self.report.add(format!("{events} events kept: server CPU per edit"), "µs", [vec![cost], vec![]], None);
            let cpu = millis(cpu) * 1e3;
            self.report.add(
                format!("{events} events kept: server CPU per resume of 20"),
                "µs",
                [vec![cpu], vec![]],
                None,
            );
            edit.push(cost);
            resume.push(cpu);
        }
        self.judge("an edit, 1,000 → 50,000 events kept", &edit);
        self.judge("a resume of 20, 1,000 → 50,000 events kept", &resume);
        Ok(())
    }

    /// Says whether what one thing costs stays what it is while there are more of them.
    fn judge(&mut self, what: &str, costs: &[f64]) {
        let (Some(first), Some(last)) = (costs.first(), costs.last()) else { return };
        let growth = last / first;
        let verdict = if growth > MAX_UNIT_COST_RATIO { "GROWS faster than linear" } else { "linear" };
        self.report.note(format!("{what}: ×{growth:.2}, {verdict}"));
    }
}
