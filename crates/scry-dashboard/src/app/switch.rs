//! Going over to another campaign without leaving.

use scry_protocol::Id;

use super::{App, AppEffect, AppStage, CampaignChoice, Pane, inspector, nav_history, state_cache};

impl App {
    /// Returns whether this is the campaign on screen.
    pub(super) fn is_watching(&self, campaign: &Id) -> bool {
        matches!(&self.stage, AppStage::Watching(watched) if watched == campaign)
    }

    /// Leaves the campaign on screen for another one; what is known of it is saved.
    pub(super) fn switch_campaign(&mut self, campaign: Id) -> Vec<AppEffect> {
        let mut effects: Vec<_> = self.save().into_iter().collect();
        self.cache = self.cache.successor();
        self.clock = super::Clock::default();
        self.tree = super::Tree::default();
        self.journal = super::JournalView::new(self.options.journal_limit);
        self.state_cache = state_cache::StateCache::default();
        self.inspector = inspector::Inspector::default();
        self.nav_history = nav_history::NavHistory::default();
        self.dialog = None;
        self.pending = super::pending::PendingEdits::default();
        self.undo = super::edit::UndoHistory::default();
        self.people = super::people::People::default();
        self.epoch = None;
        self.detail_place = super::detail::DetailPosition::default();
        self.further = None;
        self.go_to_pane(Pane::World);
        effects.extend(self.watch(campaign));
        effects
    }

    /// Takes note of the campaigns that could be watched instead.
    pub(super) fn offer_campaigns(&mut self, result: Result<Vec<CampaignChoice>, String>) {
        match result {
            Ok(choices) => self.campaigns = choices,
            Err(reason) => self.say(&format!("other campaigns cannot be listed: {reason}")),
        }
        if let Some(typing) = self.typing.take() {
            self.line_changed(typing);
        }
    }
}
