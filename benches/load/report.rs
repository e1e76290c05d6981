//! The table of what was measured, for people and as JSON.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// One measured figure, ours beside Node's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportRow {
    pub what: String,
    pub unit: &'static str,
    /// The median of the rounds.
    pub ours: f64,
    pub node: Option<f64>,
    /// How many times better ours is.
    pub ratio: Option<f64>,
    pub goal: Option<ReportGoal>,
    pub met: Option<bool>,
    /// Every round, in order: ours, then Node's.
    pub rounds: [Vec<f64>; 2],
}

/// What a figure must be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ReportGoal {
    AtMost(f64),
    AtLeast(f64),
    /// So many times better than Node.
    Ratio(f64),
    /// At most so much, and less than Node.
    AtMostAndBelowNode(f64),
}

/// Collects the rows and says each as soon as it is there.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BenchReport {
    pub rows: Vec<ReportRow>,
    pub notes: Vec<String>,
    pub load_average: Vec<f64>,
}

impl BenchReport {
    /// Adds a figure from the rounds of ours and, where there is something to compare, of Node.
    pub fn add(
        &mut self,
        what: impl Into<String>,
        unit: &'static str,
        rounds: [Vec<f64>; 2],
        goal: Option<ReportGoal>,
    ) {
        let ours = median(&rounds[0]).unwrap_or(f64::NAN);
        let node = median(&rounds[1]);
        let higher_is_better = matches!(goal, Some(ReportGoal::AtLeast(_)));
        let ratio = node.map(|node| if higher_is_better { ours / node } else { node / ours });
        let met = goal.map(|goal| goal.is_met(ours, node));
        let row = ReportRow { what: what.into(), unit, ours, node, ratio, goal, met, rounds };
        println!("{}", row.line());
        self.rows.push(row);
        self.load_average.push(super::usage::load_average());
    }

    /// Adds a sentence that belongs to the figures.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        println!("  {note}");
        self.notes.push(note);
    }

    /// Prints the whole table.
    pub fn print(&self) {
        println!("\n{}", heading());
        for row in &self.rows {
            println!("{}", row.line());
        }
        let load = median(&self.load_average).unwrap_or(0.0);
        println!("load average of the machine while measuring (median): {load:.1}");
    }

    /// Writes everything as JSON.
    pub fn save(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, serde_json::to_string_pretty(self)?)?)
    }
}

impl ReportGoal {
    fn is_met(self, ours: f64, node: Option<f64>) -> bool {
        match self {
            Self::AtMost(most) => ours <= most,
            Self::AtLeast(least) => ours >= least,
            Self::Ratio(times) => node.is_some_and(|node| node / ours >= times),
            Self::AtMostAndBelowNode(most) => ours <= most && node.is_some_and(|node| ours < node),
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {}", figure(most)),
            Self::AtLeast(least) => format!("≥ {}", figure(least)),
            Self::Ratio(times) => format!("≥ {}×", figure(times)),
            Self::AtMostAndBelowNode(most) => format!("≤ {}, < Node", figure(most)),
        }
    }
}

impl ReportRow {
    fn line(&self) -> String {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        format!(
            "| {} | {} {unit} | {} | {} | {} | {} |",
            self.what,
            figure(self.ours),
            or_dash(self.node.map(|node| format!("{} {unit}", figure(node), unit = self.unit))),
            or_dash(self.ratio.map(|ratio| format!("{ratio:.1}×"))),
            or_dash(self.goal.map(ReportGoal::words)),
            or_dash(self.met.map(|met| if met { "met" } else { "missed" }.to_owned())),
            unit = self.unit,
        )
    }
}

/// Returns the middle one of some figures.
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

fn heading() -> &'static str {
    "| what | ours | Node | ratio | goal | |\n|---|---|---|---|---|---|"
}

fn figure(value: f64) -> String {
    match value.abs() {
        big if big >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}
