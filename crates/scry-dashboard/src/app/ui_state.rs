//! Where the person was in the dashboard, kept for the next start.

use scry_protocol::{EntityRef, Id};
use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::pane::Pane;
use super::{App, AppStage};

/// The place of a user in the dashboard, kept for the next start; all of it may be missing or outdated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UiState {
    /// The campaign that was on screen.
    pub campaign: Option<Id>,
    entity: Option<EntityRef>,
    focus: Option<Pane>,
    further: Option<Pane>,
    zoomed: bool,
    world_filter: String,
    journal_filter: String,
    bookmarks: Vec<EntityRef>,
    wrap: bool,
    world_times: bool,
}

impl App {
    /// Takes up where the person was, as soon as the campaign they were in is on screen.
    pub fn resume(&mut self, ui_state: UiState) {
        self.resume = Some(ui_state);
    }

    /// Returns where the person is.
    #[must_use]
    pub fn ui_state(&self) -> UiState {
        let AppStage::Watching(campaign) = &self.stage else { return UiState::default() };
        UiState {
            campaign: Some(campaign.clone()),
            entity: self.tree.entity().cloned(),
            focus: Some(self.focus).filter(|pane| *pane != Pane::Inspector),
            further: self.further.map(|(pane, _)| pane).filter(|pane| *pane != Pane::Inspector),
            zoomed: self.zoomed,
            world_filter: self.tree.filter().map(|(filter, _)| filter.source().to_owned()).unwrap_or_default(),
            journal_filter: self.journal.filter().map(|filter| filter.source().to_owned()).unwrap_or_default(),
            bookmarks: self.tree.bookmarks().iter().cloned().collect(),
            wrap: self.wrap,
            world_times: self.world_times,
        }
    }

    /// Restores where the person was, once there is something to show.
    pub(super) fn restore_ui_state(&mut self) {
        let ours = |ui_state: &mut UiState| matches!(&self.stage, AppStage::Watching(id) if ui_state.campaign.as_ref() == Some(id));
        let Some(ui_state) = self.resume.take_if(ours) else { return };
        (self.wrap, self.world_times, self.zoomed) = (ui_state.wrap, ui_state.world_times, ui_state.zoomed);
        self.tree.set_bookmarks(ui_state.bookmarks);
        self.filter_journal(Filter::parse(&ui_state.journal_filter).ok().flatten());
        if let Some(key) = &ui_state.entity {
            self.reveal(key);
        }
        self.filter_world(Filter::parse(&ui_state.world_filter).ok().flatten());
        for pane in [ui_state.further, ui_state.focus].into_iter().flatten() {
            self.go_to_pane(pane);
        }
    }
}
