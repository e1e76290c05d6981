//! A recording in the hand: where it stands, how fast it runs, and what is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_model::event::{Delivery, Snapshot};
use scry_protocol::Id;

/// The speeds that the keys go through.
const SPEEDS: [f64; 9] = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
/// How often the position in the recording is shown anew while it runs.
const DISPLAY_INTERVAL: Duration = Duration::from_millis(200);

/// A recording for the dashboard.
#[derive(Debug, Clone)]
pub struct LoadedRecording {
    /// The campaign whose events are shown.
    pub campaign: Id,
    /// The time when the recording began.
    pub started_at: Timestamp,
    /// What the campaign was at the start, where the recording knows it.
    pub state: Option<Snapshot>,
    /// Deliveries with their time since the start, in order.
    pub entries: Arc<[(Duration, Delivery)]>,
}

impl LoadedRecording {
    /// Returns how long the recording is.
    #[must_use]
    pub(crate) fn length(&self) -> Duration {
        self.entries.last().map_or(Duration::ZERO, |(at, _)| *at)
    }

    /// Counts the deliveries up to and including a place.
    #[must_use]
    pub(crate) fn count_until(&self, place: Duration) -> usize {
        self.entries.partition_point(|(at, _)| *at <= place)
    }
}

/// Moves through a recording, in time that is passed in.
#[derive(Debug, Clone)]
pub struct Playback {
    recording: LoadedRecording,
    /// The place when it was last set.
    place: Duration,
    /// Since when it runs from there; at rest without.
    since: Option<Instant>,
    speed: f64,
    /// How many deliveries have been played.
    played: usize,
}

impl Playback {
    /// Loads a recording at its start, paused.
    #[must_use]
    pub(crate) fn new(recording: LoadedRecording, speed: f64) -> Self {
        Self { recording, place: Duration::ZERO, since: None, speed, played: 0 }
    }

    #[must_use]
    pub(crate) const fn recording(&self) -> &LoadedRecording {
        &self.recording
    }

    #[must_use]
    pub(crate) const fn speed(&self) -> f64 {
        self.speed
    }

    #[must_use]
    pub(crate) const fn is_running(&self) -> bool {
        self.since.is_some()
    }

    /// Returns how many deliveries have been played.
    #[must_use]
    pub(crate) const fn played(&self) -> usize {
        self.played
    }

    /// Returns the position in the recording, never beyond its end.
    #[must_use]
    pub(crate) fn place(&self, now: Instant) -> Duration {
        let run = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since).mul_f64(self.speed));
        self.place.saturating_add(run).min(self.recording.length())
    }

    /// Returns the moment of the recording at the place it stands.
    #[must_use]
    pub(crate) fn wall(&self, now: Instant) -> Timestamp {
        let place = jiff::SignedDuration::try_from(self.place(now)).unwrap_or_default();
        self.recording.started_at.checked_add(place).unwrap_or(self.recording.started_at)
    }

    /// Starts, or rests; at the end it starts over.
    pub(crate) fn toggle(&mut self, now: Instant) {
        if self.is_running() {
            self.rest(now);
        } else {
            if self.place >= self.recording.length() {
                self.go_to(Duration::ZERO, now);
            }
            self.since = Some(now);
        }
    }

    /// Takes the next speed, or the one before.
    pub(crate) fn change_speed(&mut self, faster: bool, now: Instant) {
        let mut next =
            SPEEDS.into_iter().filter(|speed| if faster { *speed > self.speed } else { *speed < self.speed });
        let next = if faster { next.next() } else { next.next_back() };
        self.place = self.place(now);
        self.since = self.since.map(|_| now);
        self.speed = next.unwrap_or(self.speed);
    }

    /// Goes to a place; running or resting stays as it is.
    pub(crate) fn go_to(&mut self, place: Duration, now: Instant) {
        self.place = place.min(self.recording.length());
        self.since = self.since.map(|_| now);
    }

    /// Goes to the next deliveries, or to those before the last that were played, and rests there.
    ///
    /// Deliveries of one moment are one step.
    pub(crate) fn step(&mut self, forward: bool, now: Instant) {
        self.rest(now);
        let at = |index: usize| self.recording.entries.get(index).map(|(at, _)| *at);
        self.place = if forward {
            // What came at the very start lies behind the place where nothing has come yet.
            at(self.played).map_or_else(|| self.recording.length(), |at| at.max(Duration::from_nanos(1)))
        } else {
            let last = self.played.checked_sub(1).and_then(at).unwrap_or_default();
            let before = self.recording.entries.partition_point(|(at, _)| *at < last);
            before.checked_sub(1).and_then(at).unwrap_or_default()
        };
    }

    /// Takes what is due: the deliveries to play now. `None` means that the place lies before what was played, and
    /// everything is to be played anew.
    pub(crate) fn due(&mut self, now: Instant) -> Option<std::ops::Range<usize>> {
        let place = self.place(now);
        let until = if place.is_zero() && !self.is_running() { 0 } else { self.recording.count_until(place) };
        if place >= self.recording.length() {
            self.rest(now);
        }
        if until < self.played {
            self.played = 0;
            return None;
        }
        let due = self.played..until;
        self.played = until;
        Some(due)
    }

    /// Returns the next moment at which time alone changes something.
    #[must_use]
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        self.since?;
        let place = self.place(now);
        let next = self.recording.entries.get(self.played).map(|(at, _)| at.saturating_sub(place).div_f64(self.speed));
        Some(now + next.unwrap_or_default().min(DISPLAY_INTERVAL).max(Duration::from_millis(1)))
    }

    fn rest(&mut self, now: Instant) {
        self.place = self.place(now);
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn playback(times: &[u64]) -> (Playback, Instant) {
        let delivery = Delivery {
            received_at: Timestamp::UNIX_EPOCH,
            room: None,
            name: "x".into(),
            raw: Arc::new(json!({})),
            event: None,
        };
        let entries = times.iter().map(|ms| (Duration::from_millis(*ms), delivery.clone())).collect();
        let campaign = "c".parse().unwrap();
        let recording = LoadedRecording { campaign, started_at: Timestamp::UNIX_EPOCH, state: None, entries };
        (Playback::new(recording, 1.0), Instant::now())
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn playback_follows_recorded_time_and_stops_at_the_end() {
        let (mut recording, start) = playback(&[100, 200, 1_000]);
        assert_eq!((recording.due(start), recording.deadline(start)), (Some(0..0), None));
        recording.toggle(start);
        assert_eq!(recording.due(start + ms(150)), Some(0..1));
        assert_eq!(recording.deadline(start + ms(150)), Some(start + ms(200)));
        recording.change_speed(true, start + ms(150));
        assert_eq!(recording.due(start + ms(200)), Some(1..2));
        assert_eq!(recording.due(start + ms(2_000)), Some(2..3));
        assert!(!recording.is_running());
        assert_eq!(recording.place(start + ms(9_000)), ms(1_000));
        assert_eq!(recording.wall(start).as_millisecond(), 1_000);
    }

    #[test]
    fn playback_steps_both_ways_and_restarts() {
        let (mut recording, now) = playback(&[100, 200, 200, 300]);
        recording.step(true, now);
        assert_eq!(recording.due(now), Some(0..1));
        recording.step(true, now);
        assert_eq!(recording.due(now), Some(1..3));
        recording.step(false, now);
        assert_eq!((recording.place(now), recording.due(now), recording.due(now)), (ms(100), None, Some(0..1)));
        recording.step(false, now);
        assert_eq!((recording.place(now), recording.due(now), recording.due(now)), (ms(0), None, Some(0..0)));
        recording.go_to(ms(900), now);
        recording.due(now);
        recording.toggle(now);
        assert_eq!((recording.is_running(), recording.place(now)), (true, ms(0)));
    }

    #[test]
    fn speeds_end_at_the_slowest_and_the_fastest() {
        let (mut recording, now) = playback(&[1]);
        let mut through = |faster, times| (0..times).for_each(|_| recording.change_speed(faster, now));
        through(true, 20);
        through(false, 1);
        assert!((recording.speed() - 50.0).abs() < f64::EPSILON);
    }
}
