//! The line that is being typed, at the bottom of the screen or wherever an editor needs it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_segmentation::UnicodeSegmentation;

use super::appearance::Appearance;
use super::line_builder::columns;
use crate::app::measure::{fit, width};
use crate::app::prompt::Prompt;

/// Draws a label and the line behind it, scrolled so that the cursor is in view; returns the cursor's place.
pub(crate) fn draw(prompt: &Prompt, label: &str, appearance: &Appearance, area: Rect, buffer: &mut Buffer) -> Position {
    let all = usize::from(area.width);
    buffer.set_stringn(area.x, area.y, " ".repeat(all), all, appearance.theme.text);
    let label = fit(label, all / 2);
    buffer.set_stringn(area.x, area.y, &label, all, appearance.theme.key);
    let room = all.saturating_sub(width(&label) + 1);
    let (head, tail) = prompt.halves();
    let head = ending(head, room);
    let start = area.x + columns(width(&label));
    let at = start + columns(width(head));
    buffer.set_stringn(start, area.y, head, room, appearance.theme.text);
    let rest = usize::from(area.right().saturating_sub(at));
    buffer.set_stringn(at, area.y, fit(tail, rest), rest, appearance.theme.text);
    Position { x: at.min(area.right().saturating_sub(1)), y: area.y }
}

/// Returns as much of a text's end as fits into `room` columns.
fn ending(text: &str, room: usize) -> &str {
    let mut used = 0;
    let start = text.grapheme_indices(true).rev().take_while(|(_, grapheme)| {
        used += width(grapheme);
        used <= room
    });
    start.last().map_or("", |(at, _)| text.get(at..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::command::LineCommand;

    fn drawn(prompt: &Prompt, columns: u16) -> (String, u16) {
        let area = Rect::new(0, 0, columns, 1);
        let mut buffer = Buffer::empty(area);
        let cursor = draw(prompt, "/", &Appearance::new(true, false), area, &mut buffer);
        (buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect(), cursor.x)
    }

    #[test]
    fn the_cursor_stays_in_view() {
        let mut prompt = Prompt::new("0123456789");
        assert_eq!(drawn(&prompt, 16), ("/0123456789     ".to_owned(), 11));
        assert_eq!(drawn(&prompt, 8), ("/456789 ".to_owned(), 7));
        prompt.edit(LineCommand::Start);
        assert_eq!(drawn(&prompt, 8), ("/012345…".to_owned(), 1));
    }

    #[test]
    fn wide_characters_take_their_columns() {
        assert_eq!(drawn(&Prompt::new("砦の町"), 9).1, 7);
        assert!(drawn(&Prompt::new("砦の町"), 4).1 < 4);
    }
}
