//! The pulse of the connection: its history, its round trips, and how much arrives of what.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_model::event::{Phase, Status};

use super::now::Now;

/// How many round trips and changes of state are remembered.
const MAX_ROUND_TRIPS: usize = 120;
const MAX_PHASE_CHANGES: usize = 50;
/// How many kinds of events and how many changes of state are listed.
pub(crate) const MAX_LISTED_RATES: usize = 10;
pub(crate) const MAX_LISTED_CHANGES: usize = 12;
/// How many figures of the connection, the cache and the journal stand above the lists.
pub(crate) const FIGURE_ROWS: usize = 6;
/// How many seconds the rates look back.
pub(crate) const RATE_WINDOW_SECONDS: u64 = 60;

/// The measurements of a connection.
#[derive(Debug, Default)]
pub(crate) struct ConnectionStats {
    trips: VecDeque<Duration>,
    changes: VecDeque<PhaseChange>,
    /// What arrived in each of the last seconds, by the event's name.
    seconds: VecDeque<(u64, BTreeMap<Arc<str>, u32>)>,
    totals: BTreeMap<Arc<str>, u64>,
    gaps: u64,
    start: Option<Instant>,
    /// What the server says of itself, or why it says nothing.
    server: Option<Result<Vec<(String, String)>, String>>,
}

/// A change of the connection's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhaseChange {
    pub at: Timestamp,
    pub phase: Phase,
    pub reason: Option<String>,
}

/// The rate at which events of one name arrive.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EventRate {
    pub name: Arc<str>,
    pub total: u64,
    /// Events a second over the last minute.
    pub rate: f64,
}

impl ConnectionStats {
    /// Records a round trip.
    pub(super) fn trip(&mut self, measured: Duration) {
        self.trips.push_back(measured);
        let surplus = self.trips.len().saturating_sub(MAX_ROUND_TRIPS);
        self.trips.drain(..surplus);
    }

    /// Records a state, if it differs from the last one.
    pub(super) fn status(&mut self, status: &Status, now: Now) {
        if self.changes.back().is_none_or(|last| last.phase != status.phase) {
            self.changes.push_back(PhaseChange { at: now.wall, phase: status.phase, reason: status.reason.clone() });
            let surplus = self.changes.len().saturating_sub(MAX_PHASE_CHANGES);
            self.changes.drain(..surplus);
        }
    }

    /// Records an event that arrived.
    pub(super) fn arrived(&mut self, name: &Arc<str>, now: Now) {
        let second = self.second(now.mono);
        *self.totals.entry(Arc::clone(name)).or_default() += 1;
        if self.seconds.back().is_none_or(|(last, _)| *last != second) {
            self.seconds.push_back((second, BTreeMap::new()));
        }
        if let Some((_, counts)) = self.seconds.back_mut() {
            *counts.entry(Arc::clone(name)).or_default() += 1;
        }
        while self.seconds.front().is_some_and(|(first, _)| first + RATE_WINDOW_SECONDS <= second) {
            self.seconds.pop_front();
        }
    }

    /// Records that events were found missing.
    pub(super) const fn gap(&mut self) {
        self.gaps += 1;
    }

    /// Records what the server says of itself.
    pub(super) fn set_server(&mut self, said: Result<Vec<(String, String)>, String>) {
        self.server = Some(said);
    }

    fn second(&mut self, now: Instant) -> u64 {
        let start = *self.start.get_or_insert(now);
        now.saturating_duration_since(start).as_secs()
    }

    /// Counts the rows that tell all of this: the figures, and three lists below a blank line and a heading each.
    #[must_use]
    pub(crate) fn rows(&self) -> usize {
        let rates = self.totals.len().clamp(1, MAX_LISTED_RATES);
        let changes = self.changes.len().min(MAX_LISTED_CHANGES);
        let server = self.server.as_ref().and_then(|said| said.as_ref().ok()).map_or(1, Vec::len);
        FIGURE_ROWS + rates + changes + server + 3 * 2
    }

    /// Lists the round trips, the latest last.
    pub(crate) fn trips(&self) -> impl ExactSizeIterator<Item = Duration> {
        self.trips.iter().copied()
    }

    /// Lists the changes of state, the latest first.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &PhaseChange> {
        self.changes.iter().rev()
    }

    /// Counts how often events were found missing.
    #[must_use]
    pub(crate) const fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Returns what the server said last.
    #[must_use]
    pub(crate) const fn server(&self) -> Option<&Result<Vec<(String, String)>, String>> {
        self.server.as_ref()
    }

    /// Lists what arrives, the most frequent first.
    #[must_use]
    pub(crate) fn rates(&self, now: Now) -> Vec<EventRate> {
        let second = self.start.map_or(0, |start| now.mono.saturating_duration_since(start).as_secs());
        let recent = self.seconds.iter().filter(|(at, _)| at + RATE_WINDOW_SECONDS > second);
        let mut counts: BTreeMap<&Arc<str>, u32> = BTreeMap::new();
        for (name, count) in recent.flat_map(|(_, counts)| counts) {
            *counts.entry(name).or_default() += count;
        }
        #[expect(clippy::cast_precision_loss, reason = "a minute is a small number")]
        let window = RATE_WINDOW_SECONDS as f64;
        let rate = |(name, total): (&Arc<str>, &u64)| EventRate {
            name: Arc::clone(name),
            total: *total,
            rate: f64::from(counts.get(name).copied().unwrap_or(0)) / window,
        };
        let mut rates: Vec<_> = self.totals.iter().map(rate).collect();
        rates.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
        rates
    }

    /// Returns when a rate on screen changes without an event, while one is not zero.
    #[must_use]
    pub(crate) fn deadline(&self, now: Now) -> Option<Instant> {
        let start = self.start?;
        let (last, _) = self.seconds.back()?;
        let ends = start + Duration::from_secs(last + RATE_WINDOW_SECONDS + 1);
        (ends > now.mono).then(|| now.mono + Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_look_back_a_minute_and_then_are_quiet() {
        let mut pulse = ConnectionStats::default();
        let start = Now { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH };
        let after = |seconds| Now { mono: start.mono + Duration::from_secs(seconds), ..start };
        let name: Arc<str> = "settlement_updated".into();
        (0..30).for_each(|second| pulse.arrived(&name, after(second)));
        let rate = |pulse: &ConnectionStats, now| (pulse.rates(now)[0].rate * 60.0).round();
        assert!((rate(&pulse, after(30)) - 30.0).abs() < 0.1);
        assert!((rate(&pulse, after(75)) - 14.0).abs() < 0.1);
        assert!(pulse.deadline(after(75)).is_some() && pulse.deadline(after(200)).is_none());
        assert_eq!(pulse.rates(after(200))[0].total, 30);
    }

    #[test]
    fn only_phase_changes_are_recorded() {
        let mut pulse = ConnectionStats::default();
        let now = Now { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH };
        for phase in [Phase::Connecting, Phase::Connecting, Phase::Live, Phase::Live, Phase::Backoff] {
            pulse.status(&Status { phase, ..Status::disconnected() }, now);
        }
        let phases: Vec<_> = pulse.changes().map(|change| change.phase).collect();
        assert_eq!(phases, [Phase::Backoff, Phase::Live, Phase::Connecting]);
    }
}
