//! How much of what happened went by between two frames, too fast for anybody to see it.

use super::JournalView;

/// Counts rows that no frame ever showed.
#[derive(Debug, Default)]
pub(super) struct SkippedRows {
    /// What has arrived since the last frame.
    waiting: usize,
    /// What no frame showed since the journal began to follow, and since the start.
    rows: u64,
    in_all: u64,
    most_at_once: usize,
}

impl SkippedRows {
    pub(super) fn arrived(&mut self, passes: bool) {
        self.waiting += usize::from(passes);
    }

    /// Counts anew: the person has come back to the end.
    pub(super) const fn begin(&mut self) {
        self.rows = 0;
        self.waiting = 0;
    }
}

impl JournalView {
    /// Records that a frame was drawn; `rows` tells how many entries were in view, if any could be.
    pub(crate) fn drawn(&mut self, rows: Option<usize>) {
        let waiting = std::mem::take(&mut self.skipped.waiting);
        self.skipped.most_at_once = self.skipped.most_at_once.max(waiting);
        if let Some(rows) = rows.filter(|_| self.is_following()) {
            let missed = waiting.saturating_sub(rows) as u64;
            self.skipped.rows += missed;
            self.skipped.in_all += missed;
        }
    }

    /// Counts what went by too fast to be shown since the journal began to follow.
    #[must_use]
    pub(crate) const fn unseen(&self) -> u64 {
        self.skipped.rows
    }

    /// Counts what went by too fast to be shown since the start.
    #[must_use]
    pub(crate) const fn unseen_in_all(&self) -> u64 {
        self.skipped.in_all
    }

    /// Returns how many entries a single frame has stood for at most.
    #[must_use]
    pub(crate) const fn most_at_once(&self) -> usize {
        self.skipped.most_at_once
    }
}
