//! What the kernel says of a process: time used, wake-ups, memory.

use std::fs;

use anyhow::{Context, Result};

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub struct ProcessUsage {
    /// User and system time, in hundredths of a second.
    pub ticks: u64,
    /// How often one of its threads began to wait for something, and so was woken.
    pub wakeups: u64,
}

/// Reads what a process has used.
pub fn usage(pid: u32) -> Result<ProcessUsage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().context("no stat")?.split_whitespace().collect();
    let field = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let mut wakeups = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        wakeups += number(&status, "voluntary_ctxt_switches:");
    }
    Ok(ProcessUsage { ticks: field(11) + field(12), wakeups })
}

/// Returns a process's resident memory in KiB.
pub fn resident(pid: u32) -> Result<u64> {
    Ok(number(&fs::read_to_string(format!("/proc/{pid}/status"))?, "VmRSS:"))
}

fn number(status: &str, name: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}
