//! A limit on what one connection may send: past it, its bytes wait in the kernel.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How many seconds' worth may come at once.
const BURST_SECONDS: f64 = 2.0;

/// Grants bytes at a steady rate, with a burst; who spends more waits until it is earned back.
#[derive(Debug)]
pub(super) struct ByteRateLimiter {
    per_second: f64,
    left: f64,
    filled: Instant,
    wait: Option<Pin<Box<Sleep>>>,
}

impl ByteRateLimiter {
    /// Builds a throttle with a full burst.
    #[must_use]
    pub(super) fn new(bytes_per_second: u32) -> Self {
        let per_second = f64::from(bytes_per_second.max(1));
        Self { per_second, left: per_second * BURST_SECONDS, filled: Instant::now(), wait: None }
    }

    /// Is ready when more may be read.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(wait) = &mut self.wait {
                std::task::ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            let now = Instant::now();
            let earned = now.duration_since(self.filled).as_secs_f64() * self.per_second;
            self.left = (self.left + earned).min(self.per_second * BURST_SECONDS);
            self.filled = now;
            if self.left > 0.0 {
                return Poll::Ready(());
            }
            // A little more than owed, so that it is not woken for every byte.
            let pause = Duration::from_secs_f64(-self.left / self.per_second) + Duration::from_millis(50);
            self.wait = Some(Box::pin(sleep_until(now + pause)));
        }
    }

    /// Takes what was read, also where it is more than was left.
    pub(super) fn spend(&mut self, bytes: usize) {
        // A read is at most a few megabytes, which a float holds exactly.
        self.left -= f64::from(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_then_the_rate_holds() {
        let (mut limiter, start) = (ByteRateLimiter::new(1_000), Instant::now());
        limiter.spend(1_999);
        poll_fn(|cx| limiter.poll_ready(cx)).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            limiter.spend(1_000);
            poll_fn(|cx| limiter.poll_ready(cx)).await;
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((9.9..10.6).contains(&seconds), "ten thousand bytes took {seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_earns_no_more_than_the_burst() {
        let mut limiter = ByteRateLimiter::new(1_000);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        poll_fn(|cx| limiter.poll_ready(cx)).await;
        limiter.spend(3_000);
        let start = Instant::now();
        poll_fn(|cx| limiter.poll_ready(cx)).await;
        assert!(start.elapsed() >= Duration::from_secs(1));
    }
}
