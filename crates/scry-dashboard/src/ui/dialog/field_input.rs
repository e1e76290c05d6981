//! A value under edit, where it stands.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::super::appearance::Appearance;
use super::super::line_builder::{LineBuilder, columns};
use super::super::prompt;
use crate::app::edit::buffer::TextBuffer as Text;
use crate::app::edit::field_input::FieldInput;

/// Returns how many lines a field's input takes below its label.
pub(super) fn height(field_input: &FieldInput, width: u16) -> u16 {
    match field_input {
        FieldInput::Line(_) | FieldInput::Options { .. } => 0,
        FieldInput::Block(text) => columns(text.lines(usize::from(width)).len().max(3)),
    }
}

/// Draws a draft of one line at the start of `area`.
pub(super) fn line(
    field_input: &FieldInput,
    appearance: &Appearance,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    match field_input {
        FieldInput::Line(text) => {
            let at = prompt::draw(text, "", appearance, area, buffer);
            buffer.set_style(Rect { height: 1, ..area }, appearance.theme.strong);
            Some(at)
        }
        FieldInput::Options { values, selected } => {
            let row = values.iter().enumerate().fold(LineBuilder::new(), |row, (index, value)| {
                let (open, close) = if index == *selected { ("[", "]") } else { (" ", " ") };
                let style = if index == *selected { appearance.theme.focused } else { appearance.theme.muted };
                row.left(format!("{open}{}{close}", scry_text::line(value)), style)
            });
            row.draw(Rect { height: 1, ..area }, buffer);
            None
        }
        FieldInput::Block(_) => None,
    }
}

/// Draws a text of several lines, scrolled so that the cursor is in view.
pub(super) fn block(text: &Text, appearance: &Appearance, area: Rect, buffer: &mut Buffer) -> Position {
    let width = usize::from(area.width);
    let lines = text.lines(width);
    let (row, column) = text.place(width);
    let height = usize::from(area.height).max(1);
    let first = (row + 1).saturating_sub(height);
    for (line, y) in lines.iter().skip(first).zip(area.top()..area.bottom()) {
        let shown = text.text().get(line.clone()).unwrap_or_default();
        buffer.set_stringn(area.x, y, shown.trim_end_matches('\n'), width, appearance.theme.strong);
    }
    let x = area.x + columns(column).min(area.width.saturating_sub(1));
    Position { x, y: area.y + columns(row - first).min(area.height.saturating_sub(1)) }
}
