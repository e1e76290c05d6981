//! Durable edits: how many a second the server takes, each acknowledged only once it is on disk.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::histogram::{Histogram, HistogramCounts};
use super::target::BenchServer;

/// How many editors wait for an answer at a time.
const PARALLEL_EDITORS: usize = 32;
const EDIT_MUTATION: &str = "mutation($id: ID!, $input: UpdateStructureInput!, $key: String) { \
                    updateStructure(id: $id, input: $input, idempotencyKey: $key) { version } }";

/// What a round of edits came to.
#[derive(Debug)]
pub struct EditRound {
    pub per_second: f64,
    pub latencies: HistogramCounts,
    /// The server's CPU time per edit.
    pub server: Duration,
}

/// Changes structures, 32 edits at a time, `edits` in all.
pub async fn round(target: &BenchServer, edits: usize) -> Result<EditRound> {
    let structures = structures(target).await?;
    let (next, latencies) = (AtomicUsize::new(0), Histogram::default());
    let (before, started) = (target.cpu()?, Instant::now());
    try_join_all((0..PARALLEL_EDITORS).map(|_| edit(target, &structures, &next, edits, &latencies))).await?;
    let wall = started.elapsed();
    let count = u32::try_from(edits)?;
    Ok(EditRound {
        per_second: f64::from(count) / wall.as_secs_f64(),
        latencies: latencies.take(),
        server: target.cpu()?.saturating_sub(before) / count,
    })
}

async fn edit(target: &BenchServer, ids: &[String], next: &AtomicUsize, edits: usize, into: &Histogram) -> Result<()> {
    loop {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        if turn >= edits {
            return Ok(());
        }
        let id = ids.get(turn % ids.len()).context("no structures")?;
        // A new value every time: an edit that changes nothing would cost nothing.
        let value = turn + 1_000 * usize::try_from(std::process::id())? + 100;
        let variables = json!({"id": id, "input": {"variables": {"condition": value}},
            "key": uuid::Uuid::now_v7().to_string()});
        let started = Instant::now();
        target.graphql(EDIT_MUTATION, variables).await?;
        into.add(u64::try_from(started.elapsed().as_micros())?);
    }
}

/// Returns some structures of the campaign, by id.
pub async fn structures(target: &BenchServer) -> Result<Vec<String>> {
    let kingdoms = "query($c: ID!) { kingdomsByCampaign(campaignId: $c) { id } }";
    let data = target.graphql(kingdoms, json!({"c": target.campaign})).await?;
    let kingdom = &data["kingdomsByCampaign"][0]["id"];
    let settlements = "query($k: ID!) { settlementsByKingdom(kingdomId: $k) { id } }";
    let data = target.graphql(settlements, json!({"k": kingdom})).await?;
    let mut found = Vec::new();
    for settlement in data["settlementsByKingdom"].as_array().into_iter().flatten().take(PARALLEL_EDITORS) {
        let query = "query($s: ID!) { structuresBySettlement(settlementId: $s) { id } }";
        let data = target.graphql(query, json!({"s": settlement["id"]})).await?;
        let ids = data["structuresBySettlement"].as_array().into_iter().flatten();
        found.extend(ids.filter_map(|node| node["id"].as_str()).map(str::to_owned));
    }
    Ok(found)
}

/// Returns how long the server takes to answer with the whole campaign, and what it costs.
pub async fn snapshot(target: &BenchServer) -> Result<(Duration, Duration)> {
    let query = "query($c: ID!) { snapshot(campaignId: $c) { position { seq } settlements { id name version variables } \
                 structures { id name version variables } } }";
    let (before, started) = (target.cpu()?, Instant::now());
    let data: Value = target.graphql(query, json!({"c": target.campaign})).await?;
    data["snapshot"]["structures"].as_array().context("no structures in the snapshot")?;
    Ok((started.elapsed(), target.cpu()?.saturating_sub(before)))
}
