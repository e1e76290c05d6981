//! When a frame may be drawn (pure): at once after a rest, sixty a second at most, and few where nobody looks.

use std::time::{Duration, Instant};

/// How many frames may follow each other at once after a rest.
const BURST_FRAMES: u32 = 4;
/// The steady distance of frames: with those at once, no second ever has more than sixty.
const MIN_FRAME_INTERVAL: Duration = Duration::from_micros(17_860);
/// The least time between two frames that nobody looks at.
const UNWATCHED_FRAME_INTERVAL: Duration = Duration::from_millis(250);

/// Remembers the frames that were drawn.
///
/// What happens by itself, or is typed, is on screen at once; only a flood has to wait for its turn.
#[derive(Debug, Default)]
pub(super) struct FrameLimiter {
    last: Option<Instant>,
    /// When the next frame would be due if all were drawn at their steady distance.
    steady: Option<Instant>,
}

impl FrameLimiter {
    /// Returns when the next frame may be drawn; `None` is at once.
    #[must_use]
    pub(super) fn next(&self, is_watched: bool) -> Option<Instant> {
        if is_watched {
            self.steady?.checked_sub(MIN_FRAME_INTERVAL * (BURST_FRAMES - 1))
        } else {
            self.last.map(|last| last + UNWATCHED_FRAME_INTERVAL)
        }
    }

    /// Returns whether a frame may be drawn now.
    #[must_use]
    pub(super) fn allows(&self, now: Instant, is_watched: bool) -> bool {
        self.next(is_watched).is_none_or(|next| next <= now)
    }

    /// Notes that a frame was drawn.
    pub(super) fn drawn(&mut self, now: Instant) {
        self.last = Some(now);
        self.steady = Some(self.steady.map_or(now, |steady| steady.max(now)) + MIN_FRAME_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws whenever it is allowed, each try so long after the last one, and returns when that was.
    fn drawn(watched: bool, tries: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        let start = Instant::now();
        let (mut pace, mut now, mut drawn) = (FrameLimiter::default(), start, Vec::new());
        for micros in tries {
            now += Duration::from_micros(micros);
            if pace.allows(now, watched) {
                pace.drawn(now);
                drawn.push(now - start);
            }
        }
        drawn
    }

    fn most_in_a_second(drawn: &[Duration]) -> usize {
        let second = Duration::from_secs(1);
        let from = |first: Duration| drawn.iter().filter(|at| (first..first + second).contains(*at)).count();
        drawn.iter().map(|first| from(*first)).max().unwrap_or(0)
    }

    #[test]
    fn no_second_of_a_flood_has_more_than_sixty_frames_and_none_goes_without() {
        for every in [37, 1_000, 5_300, 16_000] {
            let frames = drawn(true, (0..4_000_000 / every).map(|_| every));
            assert!(most_in_a_second(&frames) <= 60, "{every}");
            assert!(frames.windows(2).all(|pair| pair[1] - pair[0] < Duration::from_millis(36)), "{every}");
        }
    }

    #[test]
    fn a_flood_that_comes_and_goes_has_no_more() {
        let tries = (0..40).flat_map(|burst| [burst * 7_919 % 90_000].into_iter().chain((0..300).map(|_| 211)));
        assert!(most_in_a_second(&drawn(true, tries)) <= 60);
    }

    #[test]
    fn burst_after_a_rest_is_drawn_at_once() {
        assert_eq!(drawn(true, [0, 300, 300, 300, 300]).len(), 4, "the fifth waits for its turn");
        assert_eq!(drawn(true, (0..50).map(|_| 20_000)).len(), 50, "nothing waits at fifty a second");
    }

    #[test]
    fn unfocused_terminal_is_drawn_four_times_a_second() {
        assert_eq!(drawn(false, (0..2_000).map(|_| 1_000)).len(), 8);
        let (now, mut pace) = (Instant::now(), FrameLimiter::default());
        pace.drawn(now);
        let later = now + Duration::from_millis(30);
        assert!(!pace.allows(later, false) && pace.allows(later, true), "whoever looks again waits no longer");
    }
}
