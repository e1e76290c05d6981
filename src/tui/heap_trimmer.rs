//! Memory that is not needed any more, given back to the system.
//!
//! The allocator keeps pages that were freed for a second, in case they are wanted again, and returns them when it is
//! next asked for a page. After a campaign has been read, or a flood has passed, nobody asks; tens of megabytes would
//! stay with a dashboard that shows nothing new for hours.

use std::hint::black_box;
use std::time::Duration;

use tokio::task::JoinHandle;

/// How long freed pages are sure to have been kept.
const ALLOCATOR_HOLD_TIME: Duration = Duration::from_millis(1_500);
/// More than the allocator takes out of pages it has.
const TRIGGER_ALLOCATION_BYTES: usize = 1 << 20;

/// Sees to it that slack is given back soon after something has happened.
#[derive(Debug, Default)]
pub(super) struct HeapTrimmer {
    awaited: Option<JoinHandle<()>>,
}

impl HeapTrimmer {
    /// Notes that something has happened that may leave slack behind.
    pub(super) fn schedule(&mut self) {
        if self.awaited.as_ref().is_none_or(JoinHandle::is_finished) {
            self.awaited = Some(tokio::spawn(trim()));
        }
    }
}

/// Asks for a page and frees it, twice: what is freed until the first time is not old enough for it.
async fn trim() {
    for _ in 0..2 {
        tokio::time::sleep(ALLOCATOR_HOLD_TIME).await;
        drop(black_box(Vec::<u8>::with_capacity(TRIGGER_ALLOCATION_BYTES)));
    }
}
