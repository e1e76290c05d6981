//! Going over to another campaign without leaving.

use scry_protocol::Id;

use super::{App, Choice, Effect, Pane, Stage, inspector, keep, trail};

impl App {
    /// Tells whether this is the campaign on screen.
    pub(super) fn is_watching(&self, campaign: &Id) -> bool {
        matches!(&self.stage, Stage::Watching(watched) if watched == campaign)
    }

    /// Leaves the campaign on screen for another one; what is known of it is saved.
    pub(super) fn switch_campaign(&mut self, campaign: Id) -> Vec<Effect> {
        let mut effects: Vec<_> = self.save().into_iter().collect();
        self.cache = self.cache.successor();
        self.clock = super::Clock::default();
        self.tree = super::Tree::default();
        self.journal = super::Journal::new(self.options.journal_limit);
        self.keeping = keep::Keeping::default();
        self.inspector = inspector::Inspector::default();
        self.trail = trail::Trail::default();
        self.dialog = None;
        self.pending = super::pending::Pending::default();
        self.undo = super::edit::UndoHistory::default();
        self.people = super::people::People::default();
        self.epoch = None;
        self.detail_place = super::detail::Place::default();
        self.further = None;
        self.go_to_pane(Pane::World);
        effects.extend(self.watch(campaign));
        effects
    }

    /// Takes note of the campaigns that could be watched instead.
    pub(super) fn offer_campaigns(&mut self, result: Result<Vec<Choice>, String>) {
        match result {
            Ok(choices) => self.campaigns = choices,
            Err(reason) => self.say(&format!("other campaigns cannot be listed: {reason}")),
        }
        if let Some(typing) = self.typing.take() {
            self.line_changed(typing);
        }
    }
}
