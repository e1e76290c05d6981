//! The connection as it is shown: its light, its countdown, and when the indicator may shrink.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_model::event::{Phase, RoundTripQuality, Status, Transport};

use super::now::{self, Now};

/// How long the indicator spells itself out after the connection turned live.
pub(crate) const SETTLED_AFTER: Duration = Duration::from_secs(3);

/// What nobody feels of a round trip: on a busy machine each one differs by some milliseconds from the last.
const ROUND_TRIP_NOISE: Duration = Duration::from_millis(20);

/// How long the sign that turns while connecting rests between two quarters.
const SPINNER_INTERVAL: Duration = Duration::from_millis(250);

/// The four states shown to people, and the one between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Indicator {
    Connected,
    Connecting,
    CatchingUp,
    Error,
    Disconnected,
}

/// The last status with the moments that matter for showing it.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionView {
    status: Status,
    live_since: Option<Instant>,
    retry_at: Option<Instant>,
    /// When the attempt that is being made began.
    trying_since: Option<Instant>,
    shown_round_trip: Option<Duration>,
    /// What the last ones amount to, each new one weighing a quarter.
    smoothed: Option<Duration>,
}

impl Default for ConnectionView {
    fn default() -> Self {
        Self {
            status: Status::disconnected(),
            live_since: None,
            retry_at: None,
            trying_since: None,
            shown_round_trip: None,
            smoothed: None,
        }
    }
}

impl ConnectionView {
    /// Takes a new status; tells whether anything that is shown differs.
    pub(crate) fn set(&mut self, status: Status, now: Now) -> bool {
        let turned_live = status.phase == Phase::Live && self.status.phase != Phase::Live;
        let left_live = status.phase != Phase::Live;
        if turned_live {
            self.live_since = Some(now.mono);
        } else if left_live {
            self.live_since = None;
        }
        if status.phase != Phase::Connecting {
            self.trying_since = None;
        } else if self.trying_since.is_none() {
            self.trying_since = Some(now.mono);
        }
        self.retry_at = status.retry_in.filter(|_| status.phase == Phase::Backoff).map(|wait| now.mono + wait);
        let round_trip_changed = self.take_round_trip(status.round_trip);
        let before = std::mem::replace(&mut self.status, status);
        let same = Status { round_trip: before.round_trip, ..self.status.clone() } == before;
        round_trip_changed || !same
    }

    /// Takes a new measurement of a live connection; tells whether what is shown differs.
    pub(crate) fn set_round_trip(&mut self, measured: Duration) -> bool {
        self.is_live() && self.take_round_trip(Some(measured))
    }

    /// Keeps the round trip on screen still while it only trembles.
    fn take_round_trip(&mut self, measured: Option<Duration>) -> bool {
        self.smoothed = measured.map(|new| self.smoothed.map_or(new, |known| (known * 3 + new) / 4));
        let steady = match (self.shown_round_trip, measured) {
            (Some(shown), Some(new)) => {
                let apart = shown.abs_diff(new);
                apart < ROUND_TRIP_NOISE || apart * 3 < shown
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !steady {
            self.shown_round_trip = measured;
        }
        !steady
    }

    /// Returns the state to show.
    #[must_use]
    pub(crate) const fn indicator(&self) -> Indicator {
        match self.status.phase {
            Phase::Live => Indicator::Connected,
            Phase::Connecting | Phase::Backoff => Indicator::Connecting,
            Phase::Resyncing => Indicator::CatchingUp,
            Phase::Open | Phase::LoginRequired => Indicator::Error,
            Phase::Disconnected | Phase::Closed => Indicator::Disconnected,
        }
    }

    /// Returns whether the screen shows what the server knows.
    #[must_use]
    pub(crate) fn is_live(&self) -> bool {
        self.status.phase == Phase::Live
    }

    /// Returns whether the connection has been live for so long that its symbol says enough.
    #[must_use]
    pub(crate) fn is_settled(&self, now: Instant) -> bool {
        self.live_since.is_some_and(|since| now >= since + SETTLED_AFTER)
    }

    /// Spells the state out: word, attempt, countdown, and what to do; `retry` is how that is reached.
    #[must_use]
    pub(crate) fn words(&self, now: Instant, retry: &str) -> String {
        let status = &self.status;
        // The very first connection is no retry, and is not counted.
        let connecting = || match status.attempt {
            0 => "Connecting".to_owned(),
            attempt => format!("Connecting {attempt}/{}", status.max_attempts),
        };
        match status.phase {
            Phase::Live => match status.transport {
                Transport::WebSocket => "Connected".to_owned(),
                Transport::Polling => "Connected (polling)".to_owned(),
            },
            Phase::Connecting => connecting(),
            Phase::Backoff => {
                match self.retry_at.map(|at| now::seconds_until(at, now)).filter(|seconds| *seconds > 0) {
                    Some(seconds) => format!("{}, next in {seconds} s", connecting()),
                    None => connecting(),
                }
            }
            Phase::Resyncing => "Catching up".to_owned(),
            Phase::Open => format!("Error: max retries reached, {retry} to retry"),
            Phase::LoginRequired => "Error: login required".to_owned(),
            Phase::Disconnected | Phase::Closed => "Disconnected".to_owned(),
        }
    }

    /// Returns the sentence below the header: why there is trouble, or what to do about it.
    #[must_use]
    pub(crate) fn trouble(&self) -> Option<String> {
        let reason = self.status.reason.as_deref();
        match self.status.phase {
            Phase::Live | Phase::Resyncing => None,
            // The reason says what to do; the connection notices by itself once it is done.
            Phase::LoginRequired => Some(reason.unwrap_or("run `scry login` in another terminal").to_owned()),
            Phase::Connecting | Phase::Backoff | Phase::Open | Phase::Disconnected | Phase::Closed => {
                reason.map(ToOwned::to_owned)
            }
        }
    }

    /// Returns how far the sign that turns while connecting has come, in quarters.
    #[must_use]
    pub(crate) fn turn(&self, now: Instant) -> usize {
        let turned = self
            .trying_since
            .map_or(0, |since| now.saturating_duration_since(since).as_millis() / SPINNER_INTERVAL.as_millis());
        usize::try_from(turned % 4).unwrap_or(0)
    }

    /// Returns when that sign turns next.
    #[must_use]
    pub(crate) fn turns_at(&self, now: Instant) -> Option<Instant> {
        let since = self.trying_since?;
        let turned =
            u32::try_from(now.saturating_duration_since(since).as_millis() / SPINNER_INTERVAL.as_millis()).ok()?;
        Some(since + SPINNER_INTERVAL * (turned + 1))
    }

    /// Returns the number of the attempt that is made or waited for; 0 before the first failure.
    #[must_use]
    pub(crate) const fn attempt(&self) -> u32 {
        self.status.attempt
    }

    /// Returns how many attempts are made at most.
    #[must_use]
    pub(crate) const fn max_attempts(&self) -> u32 {
        self.status.max_attempts
    }

    /// Returns how many seconds are left until the next attempt, rounded up.
    #[must_use]
    pub(crate) fn seconds_to_retry(&self, now: Instant) -> u64 {
        self.retry_at.map_or(0, |at| now::seconds_until(at, now))
    }

    /// Returns the round trip to show.
    #[must_use]
    pub(crate) const fn round_trip(&self) -> Option<Duration> {
        self.shown_round_trip
    }

    /// Returns the quality of the connection; one slow answer alone says nothing yet.
    #[must_use]
    pub(crate) fn quality(&self) -> Option<RoundTripQuality> {
        self.smoothed.filter(|_| self.is_live()).map(RoundTripQuality::of)
    }

    /// Returns when the connection was last live, while it is not.
    #[must_use]
    pub(crate) fn as_of(&self) -> Option<Timestamp> {
        self.status.live_until.filter(|_| !self.is_live())
    }

    /// Returns the phase of the last status.
    #[must_use]
    pub(crate) const fn phase(&self) -> Phase {
        self.status.phase
    }

    /// Returns the next moment at which the words or the age change by themselves.
    #[must_use]
    pub(crate) fn deadline(&self, now: Now) -> Option<Instant> {
        let settles = self.live_since.map(|since| since + SETTLED_AFTER).filter(|at| *at > now.mono);
        let counts = self.retry_at.and_then(|at| {
            let seconds = now::seconds_until(at, now.mono);
            (seconds > 0).then(|| at - Duration::from_secs(seconds - 1))
        });
        let ages = self.as_of().map(|then| now.when_age_changes(then));
        [settles, counts, ages].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Now {
        Now { mono: Instant::now() + Duration::from_secs(60), wall: Timestamp::UNIX_EPOCH }
    }

    fn status(phase: Phase) -> Status {
        Status { phase, ..Status::disconnected() }
    }

    #[test]
    fn the_countdown_ends_at_one_and_wakes_once_a_second() {
        let (start, mut connection) = (now(), ConnectionView::default());
        connection
            .set(Status { attempt: 3, retry_in: Some(Duration::from_millis(3_200)), ..status(Phase::Backoff) }, start);
        let mut at = start;
        let mut said = vec![connection.words(at.mono, "r")];
        while let Some(next) = connection.deadline(at) {
            at.mono = next;
            said.push(connection.words(at.mono, "r"));
        }
        let tail = |n| format!("Connecting 3/10, next in {n} s");
        assert_eq!(said, [tail(4), tail(3), tail(2), tail(1), "Connecting 3/10".to_owned()]);
    }

    #[test]
    fn the_indicator_settles_three_seconds_after_green_and_then_sleeps() {
        let (start, mut connection) = (now(), ConnectionView::default());
        connection.set(status(Phase::Live), start);
        assert!(!connection.is_settled(start.mono));
        let later = Now { mono: connection.deadline(start).unwrap(), ..start };
        assert!(connection.is_settled(later.mono));
        assert_eq!(connection.deadline(later), None);
    }

    #[test]
    fn the_word_for_the_way_follows_slowly() {
        let (start, mut connection) = (now(), ConnectionView::default());
        assert_eq!(connection.quality(), None);
        connection.set(Status { round_trip: Some(Duration::from_millis(40)), ..status(Phase::Live) }, start);
        connection.set_round_trip(Duration::from_millis(420));
        assert_eq!(connection.quality(), Some(RoundTripQuality::Good), "one alone says nothing yet");
        connection.set_round_trip(Duration::from_millis(420));
        assert_eq!(connection.quality(), Some(RoundTripQuality::Slow));
        for _ in 0..12 {
            connection.set_round_trip(Duration::from_millis(900));
        }
        assert_eq!(connection.quality(), Some(RoundTripQuality::Poor));
        connection.set(status(Phase::Backoff), start);
        assert_eq!(connection.quality(), None);
    }

    #[test]
    fn a_trembling_round_trip_changes_nothing_on_screen() {
        let (start, mut connection) = (now(), ConnectionView::default());
        let live = |ms| Status { round_trip: Some(Duration::from_millis(ms)), ..status(Phase::Live) };
        assert!(connection.set(live(12), start));
        assert!(!connection.set(live(14), start));
        assert!(connection.set(live(40), start));
        assert_eq!(connection.round_trip(), Some(Duration::from_millis(40)));
    }
}
