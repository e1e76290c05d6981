//! What breaks, and when: chosen from a seed, recorded with its times.

use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::statistics::FaultWindow;
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::process::ServerProcess;

/// Around a moment in which something breaks, what happens counts as disturbed.
const DISTURBED_MARGIN_MS: i64 = 100;

/// Owns what can be broken.
pub struct FaultInjector {
    server: ServerProcess,
    proxy: FaultProxy,
    editors: watch::Sender<String>,
    rng: Rng,
    due: Instant,
    fault: Option<ActiveFault>,
    windows: Vec<FaultWindow>,
}

/// What is broken now, and until when.
struct ActiveFault {
    since: i64,
    until: Instant,
    closed: bool,
    killed: bool,
}

impl FaultInjector {
    pub fn new(server: ServerProcess, proxy: FaultProxy, editors: watch::Sender<String>, seed: u64) -> Self {
        let due = Instant::now() + Duration::from_secs(3);
        Self { server, proxy, editors, rng: Rng::with_seed(seed), due, fault: None, windows: Vec::new() }
    }

    /// Breaks something, or mends it, when it is time; safe to drop at any moment but that one.
    pub async fn next(&mut self, end: Instant) {
        let at = self.fault.as_ref().map_or(self.due, |fault| fault.until);
        sleep_until(at.min(end)).await;
        if at > end {
            return;
        }
        match self.fault.take() {
            Some(fault) => self.mend(fault).await,
            None => self.hurt().await,
        }
    }

    /// Mends everything; returns what could be broken, and when it was.
    pub async fn end(mut self) -> (ServerProcess, FaultProxy, Vec<FaultWindow>) {
        if let Some(fault) = self.fault.take() {
            self.mend(fault).await;
        }
        (self.server, self.proxy, self.windows)
    }

    async fn hurt(&mut self) {
        let since = now();
        let millis = |rng: &mut Rng, range: std::ops::Range<u64>| Duration::from_millis(rng.u64(range));
        let lasting = |until: Duration, closed: bool, killed: bool| {
            Some(ActiveFault { since, until: Instant::now() + until, closed, killed })
        };
        self.fault = match self.rng.u32(..10) {
            0 | 1 => {
                self.server.kill().await;
                lasting(millis(&mut self.rng, 0..2_500), true, true)
            }
            2 => {
                self.proxy.cut();
                lasting(Duration::from_millis(50), true, false)
            }
            3 => {
                self.proxy.close();
                lasting(Duration::from_millis(50), true, false)
            }
            4 => {
                self.proxy.cut_after(self.rng.usize(1..800));
                lasting(millis(&mut self.rng, 500..1_500), true, false)
            }
            5 | 6 => {
                self.proxy.stall();
                lasting(millis(&mut self.rng, 1_000..12_000), true, false)
            }
            7 => {
                self.proxy.refuse();
                self.proxy.cut();
                lasting(millis(&mut self.rng, 200..3_500), true, false)
            }
            8 => {
                self.proxy.throttle(self.rng.usize(4_000..40_000));
                lasting(millis(&mut self.rng, 1_000..4_000), false, false)
            }
            _ => {
                self.proxy.delay(millis(&mut self.rng, 50..400));
                lasting(millis(&mut self.rng, 1_000..4_000), false, false)
            }
        };
    }

    async fn mend(&mut self, fault: ActiveFault) {
        if fault.killed {
            self.server.restart().await;
            self.proxy.lead_to(&self.server.url);
            self.editors.send_replace(self.server.url.clone());
        }
        self.proxy.pass();
        self.windows.push(FaultWindow {
            from: fault.since - DISTURBED_MARGIN_MS,
            to: now() + DISTURBED_MARGIN_MS,
            closed: fault.closed,
        });
        self.due = Instant::now() + Duration::from_millis(self.rng.u64(2_000..6_000));
    }
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
