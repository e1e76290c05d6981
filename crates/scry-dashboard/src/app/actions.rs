//! What each command does.

use scry_model::event::Phase;
use scry_protocol::{EntityRef, EntityType};

use super::copy::Export;
use super::entry::{JournalItem, RowKind};
use super::keymap::Action;
use super::pane::Pane;
use super::{App, AppEffect, AppStage, MergedView};

/// How many of the journal's latest rows are looked through for what changed.
const MAX_ROWS_SEARCHED: usize = 2_000;

impl App {
    /// Carries out a command in the place where the person is.
    pub(super) fn perform(&mut self, action: Action) -> Vec<AppEffect> {
        if let Some(offset) = self.help {
            if let Some(offset) = self.scrolled(action, offset) {
                self.help = Some(offset.min(self.help_rows_hidden()));
                return Vec::new();
            }
        } else if matches!(self.stage, AppStage::Choosing { .. }) {
            if self.pick(action) {
                return Vec::new();
            }
        } else if self.move_in_pane(action) {
            return Vec::new();
        }
        match action {
            Action::Choose => return self.choose(),
            Action::Activate => self.activate(),
            Action::Fold if self.focus == Pane::Inspector => self.fold_in_inspector(true),
            Action::Unfold if self.focus == Pane::Inspector => self.fold_in_inspector(false),
            Action::Fold => self.tree.fold(MergedView { cache: &self.cache, pending: &self.pending }),
            Action::Unfold => self.unfold(),
            Action::NextPane => self.go_to_neighbour(true),
            Action::PreviousPane => self.go_to_neighbour(false),
            Action::Pane(pane) => {
                self.go_to_pane(pane);
                return self.on_open(pane);
            }
            Action::Back => self.close_further(),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Follow => self.journal.follow(),
            Action::TogglePause => self.toggle_pause(),
            Action::NextChange => self.go_to_change(true),
            Action::PreviousChange => self.go_to_change(false),
            Action::Retry => return self.retry(),
            Action::Help => self.help = Some(0),
            Action::Close => self.help = None,
            Action::Suspend => return vec![AppEffect::Suspend],
            Action::Quit => return vec![AppEffect::Quit],
            Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {}
            Action::Filter => self.type_filter(),
            Action::ClearFilter => self.clear_filter(),
            Action::Command => return self.type_command(),
            Action::ShowEntity => self.show_subject(),
            Action::Bookmark => self.toggle_bookmark(),
            Action::NextBookmark => self.go_to_bookmark(),
            Action::GoBack => self.go_back(),
            Action::GoForward => self.go_forward(),
            Action::Marker => self.put_marker(),
            Action::NextMarker => self.go_to_marker(true),
            Action::PreviousMarker => self.go_to_marker(false),
            Action::Wrap => self.wrap = !self.wrap,
            Action::Timestamps => self.world_times = !self.world_times,
            Action::Copy => return self.copy_row(),
            Action::CopyJson => return self.copy_json(),
            Action::CopyCommand => return self.copy_command(),
            Action::Export(kind) => {
                let content = (kind == Export::Journal).then(|| self.journal_lines());
                return vec![AppEffect::Export { kind, content }];
            }
            Action::Privacy => self.private = !self.private,
            Action::Mouse => {
                self.mouse = !self.mouse;
                return self.take_mouse();
            }
            Action::HideChrome => {
                self.no_chrome = !self.no_chrome;
                return self.take_mouse();
            }
            Action::Edit(edit_command) => return self.begin(edit_command),
            Action::Line(_) => {}
            Action::Playback(key) => self.play_key(key, self.now.mono),
        }
        Vec::new()
    }

    /// Moves within the focused pane; tells whether the command was a move.
    fn move_in_pane(&mut self, action: Action) -> bool {
        let rows = self.layout().rows(self.focus);
        match self.focus {
            Pane::World => self.move_in_tree(action, rows),
            Pane::Detail => self.move_in_detail(action, rows),
            Pane::Journal => self.move_in_journal(action, rows),
            Pane::Inspector => self.move_in_inspector(action, rows),
            Pane::Clock | Pane::Health | Pane::People => match self.scrolled(action, self.scrolled_to(self.focus)) {
                Some(offset) => {
                    self.scroll.insert(self.focus, offset);
                    true
                }
                None => false,
            },
            Pane::Notifications => self.move_in_notices(step(action, rows), action),
        }
    }

    fn move_in_tree(&mut self, action: Action, rows: usize) -> bool {
        let before = self.tree.selected();
        match (step(action, rows), action) {
            (Some(by), _) => self.tree.step(by),
            (None, Action::First) => self.tree.first(),
            (None, Action::Last) => self.tree.last(),
            _ => return false,
        }
        if self.tree.selected() != before {
            self.detail_place = super::detail::DetailPosition::default();
        }
        true
    }

    fn move_in_journal(&mut self, action: Action, rows: usize) -> bool {
        match (step(action, rows), action) {
            (Some(by), _) => self.journal.step(by, rows),
            (None, Action::First) => self.journal.oldest(rows),
            (None, Action::Last) => self.journal.follow(),
            _ => return false,
        }
        self.inspect_selection();
        true
    }

    /// Returns where a scrolled text is after a command; it is brought into bounds later.
    fn scrolled(&self, action: Action, offset: usize) -> Option<usize> {
        match (step(action, self.layout().rows(self.focus)), action) {
            (Some(by), _) => Some(offset.saturating_add_signed(by)),
            (None, Action::First) => Some(0),
            (None, Action::Last) => Some(usize::from(u16::MAX)),
            _ => None,
        }
    }

    fn help_rows_hidden(&self) -> usize {
        let columns = usize::from(self.size.0).saturating_sub(2);
        let rows = super::help::lines(&self.keymap, &self.help_contexts(), columns, true).len();
        rows.saturating_sub(usize::from(self.size.1).saturating_sub(4))
    }

    /// Moves in the list of campaigns; tells whether the command was a move.
    fn pick(&mut self, action: Action) -> bool {
        let AppStage::Choosing { choices, selected } = &mut self.stage else { return false };
        let last = choices.len().saturating_sub(1);
        match (step(action, 10), action) {
            (Some(by), _) => *selected = selected.saturating_add_signed(by).min(last),
            (None, Action::First) => *selected = 0,
            (None, Action::Last) => *selected = last,
            _ => return false,
        }
        true
    }

    fn choose(&mut self) -> Vec<AppEffect> {
        let AppStage::Choosing { choices, selected } = &self.stage else { return Vec::new() };
        let chosen = choices.get(*selected).map(|choice| choice.id.clone());
        chosen.map(|id| self.watch(id)).unwrap_or_default()
    }

    fn activate(&mut self) {
        match self.focus {
            Pane::World if !self.tree.toggle(MergedView { cache: &self.cache, pending: &self.pending }) => {
                self.go_to_pane(Pane::Detail)
            }
            Pane::World | Pane::Clock | Pane::Health | Pane::People | Pane::Notifications => {}
            Pane::Detail => self.explain_or_not(),
            Pane::Journal => self.inspect_selected(),
            Pane::Inspector => self.open_in_inspector(),
        }
    }

    /// Asks for what a pane needs beyond what is known.
    fn on_open(&self, pane: Pane) -> Vec<AppEffect> {
        if pane == Pane::Health { vec![AppEffect::CheckServer] } else { Vec::new() }
    }

    /// Returns the effect that takes the mouse, or leaves it to the terminal.
    fn take_mouse(&self) -> Vec<AppEffect> {
        vec![AppEffect::Mouse(self.mouse && !self.no_chrome)]
    }

    /// Shows the entity that the journal's or the Inspector's event is about.
    fn show_subject(&mut self) {
        let entry = if self.focus == Pane::Inspector { self.inspected_entry() } else { self.journal.selected() };
        if let Some(key) = entry.and_then(|entry| entry.subject.clone()) {
            self.show_entity(&key);
        }
    }

    /// Selects an entity and shows its fields.
    pub(super) fn show_entity(&mut self, key: &EntityRef) {
        self.push_place();
        if self.reveal(key) {
            self.go_to_pane(Pane::Detail);
        }
    }

    fn go_to_bookmark(&mut self) {
        if let Some(key) = self.tree.next_bookmark(self.seen()) {
            self.show_entity(&key);
        }
    }

    /// Sets or removes a bookmark, and says what that is good for.
    fn toggle_bookmark(&mut self) {
        self.tree.toggle_bookmark();
        let Some(name) = self.selected().map(|entity| entity.name.to_string()) else { return };
        let is_set = self.tree.entity().is_some_and(|key| self.tree.bookmarks().contains(key));
        let rings = self.options.alerts.level >= scry_config::alerts::AlertLevel::Bookmarks;
        let more = if rings { "; while you look elsewhere, the terminal alerts you" } else { "" };
        self.toast(&if is_set {
            format!("bookmarked {name}: you are told when it changes{more}")
        } else {
            format!("removed the bookmark of {name}")
        });
    }

    fn put_marker(&mut self) {
        let number = self.journal.numbered().filter(|(_, entry)| entry.kind == RowKind::Marker).count() + 1;
        self.note(JournalItem::marker(number, self.now));
    }

    fn go_to_marker(&mut self, forward: bool) {
        let rows = self.layout().rows(Pane::Journal);
        self.journal.go_to_marker(forward, rows);
    }

    fn unfold(&mut self) {
        if self.tree.unfold(MergedView { cache: &self.cache, pending: &self.pending }) {
            self.detail_place = super::detail::DetailPosition::default();
        } else {
            self.go_to_pane(Pane::Detail);
        }
    }

    fn toggle_pause(&mut self) {
        if self.journal.is_following() {
            let rows = self.layout().rows(Pane::Journal);
            self.journal.pause(rows);
        } else {
            self.journal.follow();
        }
    }

    /// Goes to the next thing with a fresh mark, and there to what changed; where none is fresh, to what changed last, and
    /// from there to what changed before.
    fn go_to_change(&mut self, forward: bool) {
        let fresh = self.tree.next_change(self.seen(), forward);
        if let Some(key) = fresh.or_else(|| self.earlier_change(forward)) {
            self.show_entity(&key);
            self.go_to_changed_field();
        }
    }

    /// Returns whether the journal holds a change of something that is still there.
    #[must_use]
    pub(crate) fn has_changes(&self) -> bool {
        !self.tree.fresh().is_empty() || self.changed_lately().next().is_some()
    }

    fn earlier_change(&self, forward: bool) -> Option<EntityRef> {
        let mut known: Vec<&EntityRef> = Vec::new();
        for key in self.changed_lately() {
            if !known.contains(&key) {
                known.push(key);
            }
        }
        let here = self.tree.entity().and_then(|here| known.iter().position(|key| *key == here));
        let last = known.len().checked_sub(1)?;
        let next = match (here, forward) {
            (None, _) => 0,
            (Some(here), true) => {
                if here == last {
                    0
                } else {
                    here + 1
                }
            }
            (Some(here), false) => here.checked_sub(1).unwrap_or(last),
        };
        known.get(next).map(|key| (*key).clone())
    }

    /// Lists what changed and is still there, the latest first.
    fn changed_lately(&self) -> impl Iterator<Item = &EntityRef> {
        let recent = self.journal.numbered().rev().take(MAX_ROWS_SEARCHED).map(|(_, entry)| entry);
        let changed = recent.filter(|entry| matches!(entry.kind, RowKind::Changed(_)));
        changed
            .filter_map(|entry| entry.subject.as_ref())
            .filter(|key| key.entity_type != EntityType::Member && self.cache.get(key).is_some())
    }

    /// Puts the cursor of Detail on what changed last.
    fn go_to_changed_field(&mut self) {
        let (rows, _) = self.detail(usize::MAX);
        // What somebody did says more than what followed from it.
        let followed = |field: &str| field.starts_with("computed.") || field.starts_with("conditions.");
        let changed = rows.iter().filter_map(|row| Some((row.field()?, row.change()?.at)));
        let newest =
            changed.max_by_key(|(field, at)| (self.freshness(*at) != super::Freshness::Old, !followed(field), *at));
        if let Some((field, _)) = newest {
            self.detail_place = super::detail::DetailPosition::at(field.to_owned());
        }
    }

    /// Returns whether a new attempt could change anything.
    #[must_use]
    pub(crate) fn can_retry(&self) -> bool {
        let waiting = matches!(
            self.connection.phase(),
            Phase::Disconnected | Phase::Backoff | Phase::Open | Phase::LoginRequired
        );
        waiting && matches!(self.stage, AppStage::Watching(_))
    }

    fn retry(&mut self) -> Vec<AppEffect> {
        match self.stage {
            AppStage::Stuck(_) => {
                self.stage = AppStage::Listing;
                vec![AppEffect::LoadCampaigns]
            }
            AppStage::Watching(_) if self.can_retry() => vec![AppEffect::RetryNow],
            AppStage::Listing | AppStage::Choosing { .. } | AppStage::Watching(_) => Vec::new(),
        }
    }
}

/// Returns how many rows a command moves by, on a page of `rows`.
pub(super) fn step(action: Action, rows: usize) -> Option<isize> {
    let page = isize::try_from(rows.saturating_sub(1).max(1)).unwrap_or(isize::MAX);
    let steps = [(Action::Up, -1), (Action::Down, 1), (Action::PageUp, -page), (Action::PageDown, page)];
    steps.into_iter().find(|(known, _)| *known == action).map(|(_, by)| by)
}
