//! The mouse: a click selects, the wheel scrolls.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::command::Action;
use super::pane::Pane;
use super::{App, Stage};

/// How many rows the wheel moves by.
const WHEEL: usize = 3;

impl App {
    /// Tells whether something lies over the panes.
    const fn is_modal(&self) -> bool {
        self.typing.is_some() || self.help.is_some() || self.sheet.is_some()
    }

    /// Takes what the mouse did.
    pub(super) fn point(&mut self, event: MouseEvent) {
        if !matches!(self.stage, Stage::Watching(_)) || self.is_modal() {
            return;
        }
        let at = Position { x: event.column, y: event.row };
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
        for _ in 0..WHEEL {
            self.perform(action);
        }
    }

    /// Selects the row that is `row` rows below a pane's rule.
    fn click(&mut self, pane: Pane, row: usize) {
        match pane {
            Pane::World => self.tree.select(self.tree.offset() + row),
            Pane::Journal => self.click_journal(row),
            Pane::Inspector => self.click_inspector(row),
            Pane::Detail | Pane::Clock | Pane::Health | Pane::People | Pane::Notifications => {}
        }
        self.detail_offset = if pane == Pane::World { 0 } else { self.detail_offset };
    }

    fn click_journal(&mut self, row: usize) {
        let rows = self.layout().rows(Pane::Journal);
        // Wrapped rows take more than one line each; only what is drawn one to a line can be counted.
        let shown = self.journal.view(rows, |_| 1).len();
        if row < shown && !self.wrap {
            let selected =
                self.journal.view(rows, |_| 1).iter().position(|(_, selected)| *selected).unwrap_or(shown - 1);
            let by = isize::try_from(row).unwrap_or(0) - isize::try_from(selected).unwrap_or(0);
            self.journal.pause(rows);
            self.journal.step(by, rows);
            self.inspect_along();
        }
    }
}
