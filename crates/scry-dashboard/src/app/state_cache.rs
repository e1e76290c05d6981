//! What the screen's content is worth: how old it is, and when it is saved for the next start.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_model::event::{Gap, LoadedState, SavedState};
use scry_protocol::Room;

use super::connection::Indicator;
use super::{App, AppEffect, Now};

/// The least time between two saves of a campaign of up to so many entities; a larger one, which takes longer to copy
/// while keys wait, is saved as much more rarely.
const MIN_SAVE_INTERVAL: Duration = Duration::from_secs(5);
const ENTITIES_PER_SAVE_INTERVAL: usize = 1_000;

/// The freshness of what every pane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFreshness {
    /// Nothing is known yet.
    Unknown,
    /// It is what the server knows.
    Live,
    /// It is being brought up to date; so many events are known to be missing.
    CatchingUp(u64),
    /// It was live until then.
    StaleSince(Timestamp),
    /// It was saved then, and nothing newer has come.
    FromDisk(Timestamp),
    /// The server refuses it: what is still shown is no longer the viewer's to see.
    Refused,
    /// It is what a recording tells.
    Recorded,
}

/// The origin of the state, and what has been saved of it.
#[derive(Debug, Default)]
pub(super) struct StateCache {
    from_disk: Option<Timestamp>,
    /// The server has told the whole state since the start; nothing else is worth saving.
    is_told: bool,
    is_refused: bool,
    /// The cache's revision that was saved last.
    saved: Option<u64>,
    /// When the next save is allowed.
    next: Option<Instant>,
    has_complained: bool,
    /// How many events each room lacks.
    missing: BTreeMap<Room, u64>,
}

impl App {
    /// Returns how current the content of the screen is.
    #[must_use]
    pub fn freshness_of_state(&self) -> StateFreshness {
        if self.replay.is_some() {
            return StateFreshness::Recorded;
        }
        if self.state_cache.is_refused {
            return StateFreshness::Refused;
        }
        if let Some(saved_at) = self.state_cache.from_disk {
            return StateFreshness::FromDisk(saved_at);
        }
        let missing = self.state_cache.missing.values().sum();
        match self.connection.indicator() {
            Indicator::Connected if missing == 0 => StateFreshness::Live,
            Indicator::Connected | Indicator::CatchingUp => StateFreshness::CatchingUp(missing),
            Indicator::Connecting | Indicator::Error | Indicator::Disconnected => {
                self.connection.as_of().map_or(StateFreshness::Unknown, StateFreshness::StaleSince)
            }
        }
    }

    /// Returns what is left to save when the dashboard closes.
    #[must_use]
    pub fn final_save(&mut self, now: Now) -> Option<AppEffect> {
        self.now = now;
        self.save()
    }

    /// Shows a saved state, until the server tells a newer one.
    pub(super) fn state_loaded(&mut self, loaded: Result<LoadedState, String>) {
        match loaded {
            Ok(LoadedState::Nothing) => {}
            Ok(LoadedState::State(saved)) => {
                let ours = self.is_watching(&saved.snapshot.campaign_id);
                if ours && !self.state_cache.is_told && self.cache.is_empty() {
                    self.cache.snapshot(saved.snapshot, saved.at);
                    self.state_cache.from_disk = Some(saved.at);
                    self.rebuild_tree();
                    self.read_clock();
                    self.restore_ui_state();
                }
            }
            Ok(LoadedState::SetAside(path)) => {
                self.say(&format!("the saved state was damaged and was moved to {}", path.display()));
            }
            Err(reason) => self.say(&format!("the saved state cannot be read: {reason}")),
        }
        self.redraw = true;
    }

    /// Shows once that nothing can be saved.
    pub(super) fn not_saved(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.state_cache.has_complained, true) {
            self.say(&format!("the campaign's state cannot be saved to disk: {reason}"));
        }
    }

    /// Records that the server has sent the whole state.
    pub(super) fn state_received(&mut self) {
        self.state_cache.is_told = true;
        self.state_cache.is_refused = false;
        self.state_cache.from_disk = None;
        self.state_cache.missing.clear();
    }

    /// Records that the server refuses the campaign, and removes its saved state.
    pub(super) fn state_refused(&mut self, room: &Room) -> Option<AppEffect> {
        let Room::Campaign(campaign) = room else { return None };
        self.state_cache.is_told = false;
        self.state_cache.is_refused = true;
        Some(AppEffect::ForgetState(campaign.clone()))
    }

    /// Records which events are missing.
    pub(super) fn note_gap(&mut self, gap: &Gap) {
        if gap.recovered {
            self.state_cache.missing.remove(&gap.room);
        } else {
            let count = gap.to.saturating_sub(gap.from).saturating_sub(1);
            self.state_cache.missing.insert(gap.room.clone(), count.max(1));
        }
    }

    /// Returns when the state is to be saved, or the words about its age change.
    pub(super) fn keep_deadline(&self) -> Option<Instant> {
        let save = self.is_unsaved().then(|| self.state_cache.next.unwrap_or(self.now.mono));
        let age = self.state_cache.from_disk.map(|at| self.now.when_age_changes(at));
        [save, age].into_iter().flatten().min()
    }

    /// Saves the state if it has changed, and not too often.
    pub(super) fn save_due(&mut self) -> Option<AppEffect> {
        let due = self.is_unsaved() && self.state_cache.next.is_none_or(|next| next <= self.now.mono);
        if due { self.save() } else { None }
    }

    fn is_unsaved(&self) -> bool {
        // A server may tell everything and the campaign itself not.
        let is_known = self.state_cache.is_told && self.cache.campaign().is_some();
        is_known && self.state_cache.saved != Some(self.cache.revision())
    }

    pub(super) fn save(&mut self) -> Option<AppEffect> {
        let is_ours = self.state_cache.is_told && self.replay.is_none();
        let snapshot = self.cache.export().filter(|_| is_ours)?;
        self.state_cache.saved = Some(self.cache.revision());
        let size = u32::try_from(snapshot.nodes.len().div_ceil(ENTITIES_PER_SAVE_INTERVAL)).unwrap_or(u32::MAX);
        self.state_cache.next = Some(self.now.mono + MIN_SAVE_INTERVAL.saturating_mul(size.max(1)));
        let at = self.connection.as_of().unwrap_or(self.now.wall);
        Some(AppEffect::SaveState(Box::new(SavedState { at, snapshot })))
    }
}
