//! Durations counted by many tasks at once, and what they come to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One step, in microseconds; nothing here is judged more finely.
const STEP_US: u64 = 20;
/// The last step takes everything longer: 2 s.
const STEPS: usize = 100_000;

/// Counts durations in steps of 20 µs.
#[derive(Debug)]
pub struct Histogram(Box<[AtomicU64]>);

/// A finished count: pairs of step and how often it was met.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HistogramCounts(Vec<(usize, u64)>);

impl Default for Histogram {
    fn default() -> Self {
        Self((0..STEPS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn add(&self, micros: u64) {
        let step = usize::try_from(micros / STEP_US).unwrap_or(STEPS).min(STEPS - 1);
        if let Some(count) = self.0.get(step) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes what was counted so far and starts again.
    pub fn take(&self) -> HistogramCounts {
        let counts = self.0.iter().enumerate();
        HistogramCounts(
            counts
                .map(|(step, count)| (step, count.swap(0, Ordering::Relaxed)))
                .filter(|(_, count)| *count > 0)
                .collect(),
        )
    }
}

impl HistogramCounts {
    /// Returns the duration that `share` of all do not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let total: u64 = self.0.iter().map(|(_, count)| count).sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank"
        )]
        let rank = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (step, count) in &self.0 {
            seen += count;
            if seen >= rank {
                return Duration::from_micros((*step as u64 + 1) * STEP_US);
            }
        }
        Duration::ZERO
    }

    /// Adds what another generator counted.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_unstable();
    }
}
