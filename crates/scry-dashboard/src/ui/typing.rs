//! What is being typed, on the bottom line, and above it what it leads to.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::look::Look;
use super::pane::line;
use super::prompt;
use super::row::{Row, columns};
use crate::app::measure::{pad, width};
use crate::app::palette::Palette;
use crate::app::{App, Layout, Purpose, Typing};

/// How many rows of the palette are shown at most.
const ROWS: usize = 12;

/// Returns how many lines above the key line are taken by what is typed.
pub(super) fn height(app: &App, layout: &Layout) -> u16 {
    let Some(typing) = app.typing() else { return 0 };
    let rows = match &typing.purpose {
        Purpose::Filter { .. } => usize::from(typing.fault.is_some()) * 2,
        Purpose::Palette(palette) => palette.candidates.len().clamp(1, ROWS) + 1,
    };
    columns(rows).min(layout.keys.y.saturating_sub(2))
}

/// Draws the line in place of the key line; returns where the cursor is.
pub(super) fn draw(app: &App, typing: &Typing, look: &Look, layout: &Layout, buffer: &mut Buffer) -> Position {
    let height = height(app, layout);
    let above = Rect { y: layout.keys.y - height, height, ..layout.keys };
    for y in 0..height {
        let place = line(above, y);
        buffer.set_stringn(
            place.x,
            place.y,
            " ".repeat(usize::from(place.width)),
            usize::from(place.width),
            look.theme.text,
        );
    }
    match &typing.purpose {
        Purpose::Filter { pane, .. } => {
            let label = format!(" {} /", pane.title());
            if let Some(fault) = &typing.fault {
                let at = width(&label) + fault.column;
                Row::new().left(format!("   {}", fault.message), look.theme.bad).draw(line(above, 0), buffer);
                // The caret points at the line below it.
                Row::new().left(format!("{}v", " ".repeat(at)), look.theme.bad).draw(line(above, 1), buffer);
            }
            prompt::draw(&typing.prompt, &label, look, layout.keys, buffer)
        }
        Purpose::Palette(palette) => {
            list(palette, look, above, buffer);
            prompt::draw(&typing.prompt, " :", look, layout.keys, buffer)
        }
    }
}

fn list(palette: &Palette, look: &Look, area: Rect, buffer: &mut Buffer) {
    let rule = look.symbols.rule.repeat(usize::from(area.width));
    Row::new().left(rule, look.theme.rule).draw(line(area, 0), buffer);
    if palette.candidates.is_empty() {
        Row::new().left("  nothing fits", look.theme.muted).draw(line(area, 1), buffer);
        return;
    }
    let rows = usize::from(area.height).saturating_sub(1);
    let offset = (palette.selected + 1).saturating_sub(rows);
    for ((index, candidate), y) in palette.candidates.iter().enumerate().skip(offset).zip(1..area.height) {
        let place = line(area, y);
        Row::new()
            .left(format!("  {}", candidate.label), look.theme.text)
            .right(pad(&candidate.note, width(&candidate.note)), look.theme.muted)
            .right(" ", look.theme.muted)
            .draw(place, buffer);
        if index == palette.selected {
            buffer.set_style(place, look.theme.selected);
        }
    }
}
