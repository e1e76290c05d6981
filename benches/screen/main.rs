//! Measures the dashboard as a terminal sees it: how soon what happened, and what was typed, is on the screen.
//!
//! `make bench-screen`, or `cargo bench --bench screen [-- NAME…]`. The program runs in a pseudo-terminal in front
//! of a gateway written with Node (`gateway.cjs`); times are those of this process and include the way through
//! both, so they are upper bounds. The load average is printed beside them: they mean little on a busy machine.

#![allow(unreachable_pub, reason = "nobody outside reaches a test or a benchmark")]
#![expect(clippy::unwrap_used, reason = "a lock is poisoned only by a panic that has ended the run already")]

mod gateway;
mod measures;
mod process;
mod terminal;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

/// Measures the dashboard.
#[derive(Parser)]
#[command(bin_name = "cargo bench --bench screen --")]
struct ScreenArgs {
    /// What to measure; by default everything.
    measures: Vec<ScreenMeasure>,
    /// Measures this program instead of the one just built.
    #[arg(long, value_name = "PATH", default_value = env!("CARGO_BIN_EXE_scry"))]
    scry: PathBuf,
    /// How many seconds to look at a dashboard on which nothing happens.
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// Is what cargo says to benchmarks.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScreenMeasure {
    Start,
    Event,
    Flood,
    Memory,
    Idle,
}

fn main() -> Result<()> {
    let args = ScreenArgs::parse();
    let wanted = |measure| args.measures.is_empty() || args.measures.contains(&measure);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
    println!("| what | measured | goal | |\n|---|---|---|---|");
    let row = |row: measures::MeasureRow| {
        println!("| {} | {} | {} | {} |", row.what, row.measured, row.goal, if row.met { "met" } else { "missed" })
    };
    if wanted(ScreenMeasure::Start) {
        measures::start(&args.scry)?.into_iter().for_each(row);
    }
    if wanted(ScreenMeasure::Event) {
        measures::event(&args.scry)?.into_iter().for_each(row);
    }
    if wanted(ScreenMeasure::Flood) {
        measures::flood(&args.scry)?.into_iter().for_each(row);
    }
    if wanted(ScreenMeasure::Memory) {
        measures::memory(&args.scry)?.into_iter().for_each(row);
    }
    if wanted(ScreenMeasure::Idle) {
        measures::idle(&args.scry, args.idle)?.into_iter().for_each(row);
    }
    Ok(())
}
