//! How late the machine itself is, so that nobody is blamed for a busy one.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// How often to look at the clock.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(50);

/// Measures until ended.
pub struct TimerMonitor {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<i64>>,
}

impl TimerMonitor {
    pub fn start() -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(measure(stopped)) }
    }

    /// Returns by how many milliseconds a wake-up was late each time, sorted.
    pub async fn end(self) -> Vec<i64> {
        drop(self.stop);
        self.task.await.unwrap()
    }
}

async fn measure(mut stopped: oneshot::Receiver<()>) -> Vec<i64> {
    let mut late = Vec::new();
    loop {
        let due = Instant::now() + SAMPLE_INTERVAL;
        tokio::select! {
            _ = &mut stopped => break,
            () = sleep_until(due) => late.push(i64::try_from(due.elapsed().as_millis()).unwrap()),
        }
    }
    late.sort_unstable();
    late
}
