//! One line of the screen, made of a left part that gives way and a right part that does not.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::app::measure::{fit, width};

/// Collects the parts of a line.
#[derive(Debug, Default)]
pub(super) struct LineBuilder {
    left: Vec<Span<'static>>,
    right: Vec<Span<'static>>,
}

impl LineBuilder {
    #[must_use]
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds text at the left.
    #[must_use]
    pub(super) fn left(mut self, text: impl Into<String>, style: Style) -> Self {
        self.left.push(Span::styled(text.into(), style));
        self
    }

    /// Adds text at the right end; parts are read from left to right there too.
    #[must_use]
    pub(super) fn right(mut self, text: impl Into<String>, style: Style) -> Self {
        self.right.push(Span::styled(text.into(), style));
        self
    }

    /// Returns how many columns the left part takes.
    #[must_use]
    pub(super) fn left_width(&self) -> usize {
        self.left.iter().map(|span| width(&span.content)).sum()
    }

    /// Returns how many columns the right part takes.
    #[must_use]
    pub(super) fn right_width(&self) -> usize {
        self.right.iter().map(|span| width(&span.content)).sum()
    }

    /// Returns the line if both parts fit side by side.
    #[must_use]
    pub(super) fn if_room(self, columns: u16) -> Option<Self> {
        (self.left_width() + 2 + self.right_width() <= usize::from(columns)).then_some(self)
    }

    /// Removes the right part if both would not fit side by side.
    #[must_use]
    pub(super) fn right_if_room(mut self, columns: u16) -> Self {
        if self.left_width() + 2 + self.right_width() > usize::from(columns) {
            self.right.clear();
        }
        self
    }

    /// Draws the line; the left part ends in `…` where the right part needs its room.
    pub(super) fn draw(self, area: Rect, buffer: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let right = self.right_width().min(usize::from(area.width));
        let room = usize::from(area.width).saturating_sub(if right > 0 { right + 1 } else { 0 });
        draw_spans(self.left, area.x, area.y, room, buffer);
        draw_spans(self.right, area.right().saturating_sub(columns(right)), area.y, right, buffer);
    }
}

/// Draws parts next to each other in at most `room` columns.
fn draw_spans(spans: Vec<Span<'static>>, x: u16, y: u16, room: usize, buffer: &mut Buffer) {
    let mut used = 0;
    for span in spans {
        let text = fit(&span.content, room - used);
        buffer.set_stringn(x + columns(used), y, &text, room - used, span.style);
        used += width(&text);
        if used >= room || text != span.content {
            break;
        }
    }
}

/// Converts a width that is known to fit on a screen.
#[must_use]
pub(super) fn columns(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
