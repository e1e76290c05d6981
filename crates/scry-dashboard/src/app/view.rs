//! What a frame may know of the state.

use jiff::tz::TimeZone;
use scry_model::cache::Cache;
use scry_protocol::Id;

use super::{
    Action, App, AppStage, Clock, ConnectionView, Freshness, JournalView, KeyContext, Keymap, Layout, Now, Pane, Toast,
    Tree, clock_pane, connection_stats, detail, layout, measure, pending, people,
};

impl App {
    /// Returns the moment the state stands at.
    #[must_use]
    pub(crate) const fn now(&self) -> Now {
        self.now
    }

    /// Returns the screen's columns and rows.
    #[must_use]
    pub const fn size(&self) -> (u16, u16) {
        self.size
    }

    #[must_use]
    pub(crate) const fn stage(&self) -> &AppStage {
        &self.stage
    }

    /// Returns the pane that keys go to.
    #[must_use]
    pub const fn focus(&self) -> Pane {
        self.focus
    }

    #[must_use]
    pub(crate) const fn help(&self) -> Option<usize> {
        self.help
    }

    #[must_use]
    pub(crate) const fn connection(&self) -> &ConnectionView {
        &self.connection
    }

    /// Returns the campaign's entities, without the edits that wait.
    #[must_use]
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    #[must_use]
    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the rows of the World pane.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the rows of the Journal pane.
    #[must_use]
    pub const fn journal(&self) -> &JournalView {
        &self.journal
    }

    /// Records that a frame was drawn, so that the rows that pass between two frames are counted.
    pub fn drawn(&mut self) {
        let layout = self.layout();
        let covered = |area| self.help.is_some() || (self.dialog.is_some() && layout.dialog().intersects(area));
        let place = layout.pane(Pane::Journal).filter(|area| !covered(*area));
        let rows = place.map(|area| {
            let lines = |entry: &super::entry::JournalItem| self.what_lines(entry, area.width).len();
            self.journal.view(layout.rows(Pane::Journal), lines).len()
        });
        self.journal.drawn(rows);
    }

    /// Returns what was measured of the connection.
    #[must_use]
    pub(crate) const fn connection_stats(&self) -> &connection_stats::ConnectionStats {
        &self.connection_stats
    }

    /// Returns how far a pane that only scrolls is scrolled.
    #[must_use]
    pub(crate) fn scrolled_to(&self, pane: Pane) -> usize {
        self.scroll.get(&pane).copied().unwrap_or(0)
    }

    /// Lists the Clock pane's lines.
    #[must_use]
    pub(crate) fn clock_pane_lines(&self) -> Vec<clock_pane::ClockLine> {
        clock_pane::lines(self)
    }

    /// Counts the rows of a pane that only scrolls.
    pub(super) fn scroll_rows(&self, pane: Pane) -> usize {
        match pane {
            Pane::Clock => self.clock_pane_lines().len(),
            Pane::Health => self.connection_stats.rows(),
            Pane::People => self.people.all().len() + self.absent().len(),
            Pane::World | Pane::Detail | Pane::Journal | Pane::Notifications | Pane::Inspector => 0,
        }
    }

    /// Returns the keys that bring into view what a pane has below.
    #[must_use]
    pub(crate) fn keys_below(&self, pane: Pane, ascii: bool) -> String {
        let reach = |action| self.keymap.reach(self.explained(), action, ascii);
        if self.focus == pane {
            reach(Action::PageDown)
        } else {
            format!("{} then {}", reach(Action::Pane(pane)), reach(Action::PageDown))
        }
    }

    /// Returns whether the user may be looking; a terminal that does not say is looked at.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.is_looking != Some(false)
    }

    /// Returns whether a pane is on screen.
    #[must_use]
    pub(crate) fn shows(&self, pane: Pane) -> bool {
        self.layout().pane(pane).is_some()
    }

    /// Returns how far the sign that turns while connecting has come, in quarters; without motion it rests.
    #[must_use]
    pub(crate) fn turn(&self) -> usize {
        if self.options.motion { self.connection.turn(self.now.mono) } else { 0 }
    }

    /// Returns whether the journal dates its rows in world time.
    #[must_use]
    pub(crate) const fn shows_world_times(&self) -> bool {
        self.world_times
    }

    /// Returns the keys in use.
    #[must_use]
    pub const fn keymap(&self) -> &Keymap {
        &self.keymap
    }

    #[must_use]
    pub(crate) const fn zone(&self) -> &TimeZone {
        &self.options.zone
    }

    #[must_use]
    pub(crate) fn toasts(&self) -> &[Toast] {
        &self.toasts
    }

    /// Counts the sentences that have been shown so far.
    #[must_use]
    pub(crate) const fn toasts_made(&self) -> u64 {
        self.toasts_made
    }

    /// Returns the epoch of the history that the journal shows.
    #[must_use]
    pub(crate) fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// Returns who is here.
    #[must_use]
    pub(crate) const fn people(&self) -> &people::People {
        &self.people
    }

    /// Returns who looks at this dashboard.
    #[must_use]
    pub(crate) const fn me(&self) -> Option<&Id> {
        self.options.me.as_ref()
    }

    /// Returns the edits that are not over.
    #[must_use]
    pub const fn pending(&self) -> &pending::PendingEdits {
        &self.pending
    }

    /// Returns where everything is on the screen now.
    #[must_use]
    pub(crate) fn layout(&self) -> Layout {
        Layout::of(layout::LayoutInput {
            size: self.size,
            focus: self.focus,
            further: self.further.map(|(pane, _)| pane),
            zoomed: self.zoomed,
            no_chrome: self.no_chrome,
            has_trouble: self.connection.trouble().is_some() || self.replay.is_some(),
        })
    }

    /// Lists the Detail pane's rows, one line each at `columns`, with how many are scrolled away.
    #[must_use]
    pub(crate) fn detail(&self, columns: usize) -> (Vec<detail::DetailRow>, usize) {
        let rows = self.selected().map(|entity| {
            let series = detail::series(&entity, &self.journal);
            let secrets = self.secrets(&entity);
            let (seen, clock) = (self.seen(), &self.clock);
            let known = detail::DetailSource { seen, clock, series: &series, secrets: &secrets };
            detail::rows(&entity, &known)
        });
        let rows = rows.unwrap_or_default();
        let lines = rows.into_iter().flat_map(|row| {
            if let detail::DetailRow::Text(text) = &row {
                measure::wrap(text, columns).into_iter().map(detail::DetailRow::Text).collect()
            } else {
                let why = self.why(row.field(), columns);
                std::iter::once(row).chain(why).collect::<Vec<_>>()
            }
        });
        (lines.collect(), self.detail_place.offset())
    }

    /// Spells the connection's state out, with the key that tries again where that is what to do.
    #[must_use]
    pub(crate) fn connection_words(&self, ascii: bool) -> String {
        let retry = self.keymap.reach(KeyContext::World, Action::Retry, ascii);
        self.connection.words(self.now.mono, &retry)
    }

    /// Returns how fresh a change of that time is.
    #[must_use]
    pub(crate) fn freshness(&self, at: jiff::Timestamp) -> Freshness {
        match self.now.since(at) {
            age if age >= self.options.mark_fade => Freshness::Old,
            _ if !self.options.motion => Freshness::New,
            age if age >= self.options.mark_fade / 2 => Freshness::Fading,
            _ => Freshness::New,
        }
    }

    /// Returns the context that gives the keys their meaning now.
    #[must_use]
    pub(crate) fn context(&self) -> KeyContext {
        match (&self.typing, self.help) {
            (Some(_), _) => KeyContext::Prompt,
            (None, Some(_)) => KeyContext::Help,
            (None, None) => self.explained(),
        }
    }

    /// Returns the context that the help explains: the one below it.
    #[must_use]
    pub(crate) fn explained(&self) -> KeyContext {
        if let Some(dialog) = &self.dialog {
            return dialog.context();
        }
        match (&self.stage, self.focus) {
            (AppStage::Listing | AppStage::Choosing { .. } | AppStage::Stuck(_), _) => KeyContext::Picker,
            (AppStage::Watching(_), Pane::World) => KeyContext::World,
            (AppStage::Watching(_), Pane::Detail) => KeyContext::Detail,
            (AppStage::Watching(_), Pane::Journal) => KeyContext::Journal,
            (AppStage::Watching(_), Pane::Clock) => KeyContext::Clock,
            (AppStage::Watching(_), Pane::Health) => KeyContext::Health,
            (AppStage::Watching(_), Pane::Inspector) => KeyContext::Inspector,
            (AppStage::Watching(_), Pane::People) => KeyContext::People,
            (AppStage::Watching(_), Pane::Notifications) => KeyContext::Notifications,
        }
    }
}
