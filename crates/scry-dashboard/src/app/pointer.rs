//! The mouse: a click selects, the wheel scrolls.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::command::Action;
use super::pane::Pane;
use super::{App, AppStage};

/// How many rows the wheel moves by.
const WHEEL_ROWS: usize = 3;

impl App {
    /// Returns whether something lies over the panes.
    const fn is_modal(&self) -> bool {
        self.typing.is_some() || self.help.is_some() || self.dialog.is_some()
    }

    /// Takes what the mouse did.
    pub(super) fn point(&mut self, event: MouseEvent) {
        if !matches!(self.stage, AppStage::Watching(_)) || self.is_modal() {
            return;
        }
        let at = Position { x: event.column, y: event.row };
        let is_click = matches!(event.kind, MouseEventKind::Down(MouseButton::Left));
        if is_click && self.layout().tabs.is_some_and(|tabs| tabs.contains(at)) {
            if let Some(pane) = self.tab_at(event.column) {
                self.redraw = true;
                self.go_to_pane(pane);
            }
            return;
        }
        let Some((pane, area)) = self.layout().panes().find(|(_, area)| area.contains(at)) else { return };
        let action = match event.kind {
            MouseEventKind::ScrollUp => Action::Up,
            MouseEventKind::ScrollDown => Action::Down,
            MouseEventKind::Down(MouseButton::Left) => {
                self.redraw = true;
                self.go_to_pane(pane);
                if at.y > area.y {
                    self.click(pane, usize::from(at.y - area.y - 1));
                }
                return;
            }
            MouseEventKind::Down(_)
            | MouseEventKind::Up(_)
            | MouseEventKind::Drag(_)
            | MouseEventKind::Moved
            | MouseEventKind::ScrollLeft
            | MouseEventKind::ScrollRight => return,
        };
        self.redraw = true;
        self.go_to_pane(pane);
        for _ in 0..WHEEL_ROWS {
            self.perform(action);
        }
    }

    /// Selects the row that is `row` rows below a pane's rule.
    fn click(&mut self, pane: Pane, row: usize) {
        match pane {
            Pane::World => self.tree.select(self.tree.offset() + row),
            Pane::Journal => self.click_journal(row),
            Pane::Inspector => self.click_inspector(row),
            Pane::Detail => self.click_detail(row),
            Pane::Notifications => self.inbox.select(row),
            Pane::Clock | Pane::Health | Pane::People => {}
        }
        if pane == Pane::World {
            self.detail_place = super::detail::DetailPosition::default();
        }
    }

    fn click_journal(&mut self, row: usize) {
        let (rows, width) = (self.layout().rows(Pane::Journal), self.layout().columns(Pane::Journal));
        let view = self.journal.view(rows, |entry| self.what_lines(entry, width).len());
        let selected = view.iter().position(|(_, selected)| *selected).unwrap_or(view.len().saturating_sub(1));
        let mut below = 0;
        let clicked = view.iter().position(|(entry, _)| {
            below += self.what_lines(entry, width).len();
            row < below
        });
        let Some(clicked) = clicked else { return };
        let by = isize::try_from(clicked).unwrap_or(0) - isize::try_from(selected).unwrap_or(0);
        self.journal.pause(rows);
        self.journal.step(by, rows);
        self.inspect_selection();
    }
}
