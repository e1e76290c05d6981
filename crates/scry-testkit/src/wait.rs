//! Waiting for what becomes true without saying so.

use std::time::Duration;

use tokio::time::{interval, timeout};

/// How long a test waits for anything before it fails.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Waits until something holds; fails with its name when it takes too long.
pub async fn until(what: &str, holds: impl AsyncFnMut() -> bool) {
    assert!(becomes_true(WAIT_TIMEOUT, holds).await, "waited for {what} in vain");
}

/// Returns whether something holds within a time.
pub async fn becomes_true(within: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
    let mut looks = interval(POLL_INTERVAL);
    let look = async {
        while !holds().await {
            looks.tick().await;
        }
    };
    timeout(within, look).await.is_ok()
}
