//! What a fault run amounts to, worked out from what the client printed (pure).

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

/// Remembers when the way between client and server was not what it should be, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct FaultWindow {
    pub from: i64,
    pub to: i64,
    /// Nothing could get through; otherwise it was merely slow.
    pub closed: bool,
}

/// Follows the lines of `scry watch --status`.
#[derive(Debug, Default)]
pub struct WatchRecord {
    statuses: Vec<(i64, String)>,
    /// For each event: when it arrived, when it was committed, its number, whether it was replayed.
    events: Vec<(i64, i64, u64, bool)>,
    open_gaps: BTreeSet<u64>,
    gaps: u64,
}

/// The figures of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SoakFigures {
    /// Attempts with nothing in their way, and how many of them succeeded.
    pub attempts: usize,
    pub successes: usize,
    pub all_attempts: usize,
    /// From the moment the way was clear to the moment the connection was live, sorted.
    pub reconnections: Vec<i64>,
    pub written: usize,
    pub seen: usize,
    pub lost: usize,
    pub doubled: usize,
    pub out_of_order: usize,
    pub gaps: u64,
    pub open_gaps: usize,
    /// From commit to arrival, on a clear way, sorted.
    pub delays: Vec<i64>,
    /// By how much the machine was late to wake up, sorted.
    pub lateness: Vec<i64>,
}

/// A machine that wakes up later than this says nothing about a program's delays, in milliseconds.
const MAX_TIMER_DELAY_MS: i64 = 5;

impl WatchRecord {
    /// Takes in a line.
    pub fn take(&mut self, line: &str) {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return };
        let at = millis(&line["receivedAt"]);
        match line["kind"].as_str() {
            Some("status") => self.statuses.push((at, line["state"].as_str().unwrap_or_default().to_owned())),
            Some("gap") => {
                let from = line["from"].as_u64().unwrap_or_default();
                if line["healed"] == true {
                    self.open_gaps.remove(&from);
                } else {
                    self.gaps += 1;
                    self.open_gaps.insert(from);
                }
            }
            Some("event") => {
                let metadata = &line["event"]["metadata"];
                if let Some(seq) = metadata["seq"].as_u64() {
                    self.events.push((at, millis(&metadata["timestamp"]), seq, metadata["replayed"] == true));
                }
            }
            Some(_) | None => {}
        }
    }

    /// Returns whether the connection is live and has seen the event with this number.
    pub fn is_at(&self, seq: u64) -> bool {
        let live = self.statuses.last().is_some_and(|(_, state)| state == "live");
        live && self.events.iter().any(|(_, _, seen, _)| *seen >= seq)
    }

    /// Returns whether the connection has ever been live.
    pub fn has_begun(&self) -> bool {
        self.statuses.iter().any(|(_, state)| state == "live")
    }

    /// Works out the figures; `written` are the numbers in the server's journal since the run began.
    pub fn figures(&self, written: &BTreeSet<u64>, windows: &[FaultWindow]) -> SoakFigures {
        let attempts = self.attempts();
        let clear: Vec<_> = attempts.iter().filter(|(from, to, _)| !meets(windows, *from, *to, true)).collect();
        let seen: BTreeSet<u64> = self.events.iter().map(|(_, _, seq, _)| *seq).collect();
        let mut delays: Vec<i64> = self
            .events
            .iter()
            .filter(|(at, committed, _, replayed)| !replayed && !meets(windows, *committed, *at, false))
            .map(|(at, committed, ..)| (at - committed).max(0))
            .collect();
        delays.sort_unstable();
        SoakFigures {
            attempts: clear.len(),
            successes: clear.iter().filter(|(_, _, success)| *success).count(),
            all_attempts: attempts.len(),
            reconnections: self.reconnections(windows),
            written: written.len(),
            seen: seen.len(),
            lost: written.difference(&seen).count(),
            doubled: self.events.len() - seen.len(),
            out_of_order: self.events.windows(2).filter(|pair| pair[1].2 < pair[0].2).count(),
            gaps: self.gaps,
            open_gaps: self.open_gaps.len(),
            delays,
            lateness: Vec::new(),
        }
    }

    /// Returns the attempts to connect: from, to, and whether they led to a live connection.
    fn attempts(&self) -> Vec<(i64, i64, bool)> {
        let mut attempts = Vec::new();
        let mut began = None;
        for (at, state) in &self.statuses {
            match (state.as_str(), began) {
                ("connecting", _) => began = Some(*at),
                ("live", Some(from)) => {
                    attempts.push((from, *at, true));
                    began = None;
                }
                ("backoff" | "open" | "login-required", Some(from)) => {
                    attempts.push((from, *at, false));
                    began = None;
                }
                _ => {}
            }
        }
        attempts
    }

    fn reconnections(&self, windows: &[FaultWindow]) -> Vec<i64> {
        let (mut took, mut lost) = (Vec::new(), None);
        let mut begun = false;
        for (at, state) in &self.statuses {
            if state != "live" {
                lost = lost.or(begun.then_some(*at));
                continue;
            }
            begun = true;
            if let Some(lost) = lost.take() {
                let cleared = windows.iter().filter(|window| window.closed && window.to <= *at).map(|window| window.to);
                took.push(at - cleared.max().unwrap_or(lost).max(lost));
            }
        }
        took.sort_unstable();
        took
    }
}

impl SoakFigures {
    /// Names each promise that was not kept.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut demand = |kept: bool, what: String| {
            if !kept {
                broken.push(what);
            }
        };
        demand(self.attempts > 0 && self.seen > 0, "nothing happened".to_owned());
        demand(self.success() > 99.0, format!("connection success {:.1} %, not above 99 %", self.success()));
        let mean = mean(&self.reconnections);
        demand(mean < 5_000, format!("mean reconnection {mean} ms, not below 5000 ms"));
        let p95 = percentile(&self.delays, 95);
        demand(p95 < 100 || self.is_busy(), format!("delivery p95 {p95} ms, not below 100 ms"));
        demand(self.lost == 0, format!("{} events lost", self.lost));
        demand(self.doubled == 0, format!("{} events doubled", self.doubled));
        demand(self.out_of_order == 0, format!("{} events out of order", self.out_of_order));
        demand(self.open_gaps == 0, format!("{} gaps left open", self.open_gaps));
        broken
    }

    /// Returns whether the machine had too much to do for its delays to be judged.
    fn is_busy(&self) -> bool {
        percentile(&self.lateness, 95) > MAX_TIMER_DELAY_MS
    }

    /// Returns the share of attempts on a clear way that succeeded, in percent.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn success(&self) -> f64 {
        if self.attempts == 0 { 0.0 } else { 100.0 * self.successes as f64 / self.attempts as f64 }
    }
}

impl fmt::Display for SoakFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (took, delays) = (&self.reconnections, &self.delays);
        writeln!(f, "attempts          {} with a clear way, {} in all", self.attempts, self.all_attempts)?;
        writeln!(f, "success           {:.1} %", self.success())?;
        writeln!(
            f,
            "reconnection      mean {} ms, median {} ms, longest {} ms ({} of them)",
            mean(took),
            percentile(took, 50),
            percentile(took, 100),
            took.len()
        )?;
        writeln!(f, "events            {} written, {} seen", self.written, self.seen)?;
        writeln!(
            f,
            "                  {} lost, {} doubled, {} out of order",
            self.lost, self.doubled, self.out_of_order
        )?;
        writeln!(f, "gaps              {} noticed, {} left open", self.gaps, self.open_gaps)?;
        let late = percentile(&self.lateness, 95);
        let judged = if self.is_busy() { ": too busy for the delivery to be judged" } else { "" };
        writeln!(f, "the machine       p95 {late} ms late{judged}")?;
        write!(
            f,
            "delivery          p50 {} ms, p95 {} ms (of {} on a clear way)",
            percentile(delays, 50),
            percentile(delays, 95),
            delays.len()
        )
    }
}

/// Returns whether a span meets a window; with `closed`, only one that nothing got through.
fn meets(windows: &[FaultWindow], from: i64, to: i64, closed: bool) -> bool {
    windows.iter().any(|window| (window.closed || !closed) && window.from <= to && from <= window.to)
}

fn millis(time: &Value) -> i64 {
    time.as_str().and_then(|time| time.parse::<Timestamp>().ok()).map_or(0, Timestamp::as_millisecond)
}

fn mean(values: &[i64]) -> i64 {
    let count = i64::try_from(values.len()).unwrap_or(1).max(1);
    values.iter().sum::<i64>() / count
}

fn percentile(sorted: &[i64], percent: usize) -> i64 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(millis: i64) -> String {
        Timestamp::from_millisecond(millis).unwrap().to_string()
    }

    fn status(record: &mut WatchRecord, millis: i64, state: &str) {
        record.take(&json!({"kind": "status", "receivedAt": at(millis), "state": state}).to_string());
    }

    fn event(record: &mut WatchRecord, millis: i64, committed: i64, seq: u64, replayed: bool) {
        let metadata = json!({"seq": seq, "timestamp": at(committed), "replayed": replayed});
        let line = json!({"kind": "event", "receivedAt": at(millis), "event": {"metadata": metadata}});
        record.take(&line.to_string());
    }

    #[test]
    fn attempts_count_where_nothing_stood_in_their_way() {
        let mut record = WatchRecord::default();
        for (millis, state) in [
            (0, "connecting"),
            (10, "resyncing"),
            (20, "live"),
            (1_000, "backoff"),
            (2_000, "connecting"),
            (2_500, "backoff"),
            (4_000, "connecting"),
            (4_010, "live"),
        ] {
            status(&mut record, millis, state);
        }
        let windows = [FaultWindow { from: 900, to: 3_000, closed: true }];
        let figures = record.figures(&BTreeSet::new(), &windows);
        assert_eq!((figures.attempts, figures.successes, figures.all_attempts), (2, 2, 3));
        assert_eq!(figures.reconnections, [1_010], "from the moment the way was clear");
        let figures = record.figures(&BTreeSet::new(), &[FaultWindow { from: 1_000, to: 1_000, closed: true }]);
        assert_eq!((figures.attempts, figures.successes), (3, 2));
        assert_eq!(figures.reconnections, [3_010], "from the moment it was lost");
    }

    #[test]
    fn lost_doubled_and_reordered_events_are_counted() {
        let mut record = WatchRecord::default();
        for (millis, committed, seq, replayed) in
            [(100, 90, 1, false), (200, 150, 3, false), (300, 180, 2, true), (310, 180, 2, true), (900, 400, 5, false)]
        {
            event(&mut record, millis, committed, seq, replayed);
        }
        let figures = record.figures(&(1..=5).collect(), &[FaultWindow { from: 500, to: 600, closed: false }]);
        assert_eq!((figures.written, figures.seen, figures.lost), (5, 4, 1));
        assert_eq!((figures.doubled, figures.out_of_order), (1, 1));
        assert_eq!(figures.delays, [10, 50], "neither replays nor what met a disturbance");
        assert_eq!(figures.broken().len(), 5, "{:?}", figures.broken());
    }

    #[test]
    fn gap_is_open_until_recovered() {
        let mut record = WatchRecord::default();
        let gap = |healed: bool| json!({"kind": "gap", "receivedAt": at(1), "from": 7, "to": 9, "healed": healed});
        record.take(&gap(false).to_string());
        assert_eq!(record.figures(&BTreeSet::new(), &[]).open_gaps, 1);
        record.take(&gap(true).to_string());
        let figures = record.figures(&BTreeSet::new(), &[]);
        assert_eq!((figures.gaps, figures.open_gaps), (1, 0));
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<i64> = (1..=100).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 95), percentile(&values, 100)), (50, 95, 100));
        assert_eq!((percentile(&[], 95), mean(&[])), (0, 0));
    }
}
