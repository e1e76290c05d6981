//! Measures `scry-server` under load, side by side with the same gateway on Node's Socket.IO.
//!
//! `cargo bench --bench load` measures the goals, `-- scaling` what grows with what, `-- --help` says more.
//! CPU time is the kernel's count for the server's process, so that a busy machine blurs it less than
//! wall time; ours and Node's rounds alternate. Times that people wait are only worth something on a
//! quiet machine: the load average is printed beside them.

#![allow(unreachable_pub, reason = "nobody outside reaches a test or a benchmark")]

mod edits;
mod fanout;
mod generator;
mod goals;
mod histogram;
mod nodes;
mod parts;
mod recovery;
mod report;
mod scaling;
mod socket;
mod socket_pool;
mod target;
mod usage;
mod world;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};

use self::goals::BenchPlan;
use self::report::BenchReport;
use self::target::ProgramPaths;

/// What the scenario with the most connections needs, on either side.
const REQUIRED_OPEN_FILES: u64 = 12_000;

/// Measures scry-server under load.
#[derive(Parser)]
#[command(bin_name = "cargo bench --bench load --")]
struct LoadArgs {
    /// What to measure; by default all goals.
    scenarios: Vec<LoadScenario>,
    /// How many rounds each median is of.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measures this program instead of the one just built.
    #[arg(long, value_name = "PATH", default_value = env!("CARGO_BIN_EXE_scry-server"))]
    server: PathBuf,
    /// Writes everything that was measured into this file.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/load.json"))]
    json: PathBuf,
    /// Leaves out Node.
    #[arg(long)]
    alone: bool,
    /// Is what cargo says to benchmarks.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LoadScenario {
    Fanout,
    Memory,
    Latency,
    Nodes,
    Edits,
    Recovery,
    Proof,
    Scaling,
}

const SCENARIOS: [LoadScenario; 7] = [
    LoadScenario::Fanout,
    LoadScenario::Memory,
    LoadScenario::Latency,
    LoadScenario::Nodes,
    LoadScenario::Edits,
    LoadScenario::Recovery,
    LoadScenario::Proof,
];

#[tokio::main]
async fn main() -> Result<()> {
    let files = usage::raise_file_limit();
    if std::env::args().any(|argument| argument == generator::GENERATOR_ARGUMENT) {
        return generator::serve().await;
    }
    if files < REQUIRED_OPEN_FILES {
        bail!(
            "a process may open {files} files here, and {REQUIRED_OPEN_FILES} are needed; raise the limit (ulimit -Hn)"
        );
    }
    let args = LoadArgs::parse();
    let node_modules = if args.alone { None } else { Some(node_modules()?) };
    let programs = ProgramPaths { server: args.server, node_modules };
    let mut bench = BenchPlan { programs, rounds: args.rounds.max(1), report: BenchReport::default() };
    let scenarios = if args.scenarios.is_empty() { SCENARIOS.to_vec() } else { args.scenarios };
    for scenario in scenarios {
        measure(&mut bench, scenario).await?;
    }
    bench.report.print();
    bench.report.save(&args.json)?;
    println!("saved in {}", args.json.display());
    Ok(())
}

async fn measure(bench: &mut BenchPlan, scenario: LoadScenario) -> Result<()> {
    match scenario {
        LoadScenario::Fanout => bench.fanout().await,
        LoadScenario::Memory => bench.memory().await,
        LoadScenario::Latency => bench.latency().await,
        LoadScenario::Nodes => bench.nodes().await,
        LoadScenario::Edits => bench.edits().await,
        LoadScenario::Recovery => bench.recovery().await,
        LoadScenario::Proof => bench.proof().await,
        LoadScenario::Scaling => bench.scaling().await,
    }
}

/// Returns a directory with the pinned Socket.IO server, installed once into the build directory.
fn node_modules() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/load");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("load-node");
    let modules = cache.join("node_modules");
    if !modules.join("socket.io").is_dir() {
        std::fs::create_dir_all(&cache)?;
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(source.join(file), cache.join(file))?;
        }
        let npm = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        let installed = std::process::Command::new("npm").args(npm).current_dir(&cache).output()?;
        if !installed.status.success() {
            bail!("npm ci: {}", String::from_utf8_lossy(&installed.stderr));
        }
    }
    Ok(modules)
}
