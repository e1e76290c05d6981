//! Figures of a watch: how much came, how late, and what was missed (pure).

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use scry_model::event::Delivery;

/// How many latencies are kept; beyond it every figure is of the last ones.
const MAX_KEPT_LATENCIES: usize = 100_000;

/// Counts what a watch sees.
#[derive(Debug, Default)]
pub struct Stats {
    events: u64,
    gaps: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// In microseconds, from the commit to the arrival here.
    latencies: Vec<u64>,
}

impl Stats {
    /// Counts an event.
    pub(crate) fn count(&mut self, delivery: &Delivery) {
        self.first.get_or_insert(delivery.received_at);
        self.last = Some(delivery.received_at);
        let metadata = delivery.event.as_ref().map(|event| &event.metadata).filter(|metadata| !metadata.replayed);
        let committed = metadata.and_then(|metadata| metadata.timestamp.as_deref()).and_then(|time| time.parse().ok());
        if let Some(latency) = committed.and_then(|committed: Timestamp| micros(committed, delivery.received_at)) {
            let slot = usize::try_from(self.events).unwrap_or_default() % MAX_KEPT_LATENCIES;
            match self.latencies.get_mut(slot) {
                Some(old) => *old = latency,
                None => self.latencies.push(latency),
            }
        }
        self.events += 1;
    }

    /// Counts a gap.
    pub(crate) const fn gap(&mut self) {
        self.gaps += 1;
    }

    fn rate(&self) -> Option<f64> {
        let span = self.first?.duration_until(self.last?).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        (span > 0.0).then(|| (self.events.saturating_sub(1)) as f64 / span)
    }

    fn percentile(sorted: &[u64], percent: usize) -> Option<Duration> {
        let index = (sorted.len() * percent).div_ceil(100).checked_sub(1)?;
        sorted.get(index).copied().map(Duration::from_micros)
    }
}

/// Measures a delay; clocks that disagree can make it negative, which says nothing.
fn micros(from: Timestamp, to: Timestamp) -> Option<u64> {
    u64::try_from(from.duration_until(to).as_micros()).ok()
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events", self.events)?;
        if let Some(rate) = self.rate() {
            write!(f, ", {rate:.1} per second")?;
        }
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        if let (Some(half), Some(most), Some(nearly_all)) =
            (Self::percentile(&sorted, 50), Self::percentile(&sorted, 95), Self::percentile(&sorted, 99))
        {
            let ms = |delay: Duration| delay.as_secs_f64() * 1000.0;
            write!(
                f,
                ", latency {:.1} ms (50 %), {:.1} ms (95 %), {:.1} ms (99 %)",
                ms(half),
                ms(most),
                ms(nearly_all)
            )?;
        }
        write!(f, ", {} gaps", self.gaps)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use scry_protocol::Event;
    use serde_json::json;

    use super::*;

    fn delivery(committed_ms: i64, received_ms: i64) -> Delivery {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let raw = json!({"type": "world_time_changed", "payload": {"campaignId": "c", "previousTime": "a", "newTime": "b",
            "elapsedSeconds": 1}, "metadata": {"timestamp": at(committed_ms).to_string()}});
        let event = Event::from_value(&raw).map(Arc::new);
        Delivery {
            received_at: at(received_ms),
            room: None,
            name: "world_time_changed".into(),
            raw: Arc::new(raw),
            event,
        }
    }

    #[test]
    fn figures_are_told_in_one_line() {
        let mut stats = Stats::default();
        assert_eq!(stats.to_string(), "0 events, 0 gaps");
        for n in 0..101 {
            stats.count(&delivery(n * 10, n * 10 + n));
        }
        stats.gap();
        assert_eq!(
            stats.to_string(),
            "101 events, 90.9 per second, latency 50.0 ms (50 %), 95.0 ms (95 %), 99.0 ms (99 %), 1 gaps"
        );
    }

    #[test]
    fn a_clock_that_is_ahead_gives_no_figure() {
        let mut stats = Stats::default();
        stats.count(&delivery(500, 100));
        assert_eq!(stats.to_string(), "1 events, 0 gaps");
    }
}
