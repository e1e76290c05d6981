//! What is being typed, on the bottom line, and above it what it leads to.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::appearance::Appearance;
use super::line_builder::{LineBuilder, columns};
use super::pane::line;
use super::prompt;
use crate::app::measure::{pad, width};
use crate::app::palette::Palette;
use crate::app::{App, Layout, LineInput, LinePurpose};

/// How many rows of the palette are shown at most.
const MAX_PALETTE_ROWS: usize = 12;

/// Returns how many lines above the key line are taken by what is typed.
pub(super) fn height(app: &App, layout: &Layout) -> u16 {
    let Some(typing) = app.typing() else { return 0 };
    let rows = match &typing.purpose {
        LinePurpose::Filter { .. } => usize::from(typing.problem.is_some()) * 2,
        LinePurpose::Palette(palette) => palette.candidates.len().clamp(1, MAX_PALETTE_ROWS) + 1,
    };
    columns(rows).min(layout.keys.y.saturating_sub(2))
}

/// Draws the line in place of the key line; returns where the cursor is.
pub(super) fn draw(
    app: &App,
    typing: &LineInput,
    appearance: &Appearance,
    layout: &Layout,
    buffer: &mut Buffer,
) -> Position {
    let height = height(app, layout);
    let above = Rect { y: layout.keys.y - height, height, ..layout.keys };
    for y in 0..height {
        let place = line(above, y);
        buffer.set_stringn(
            place.x,
            place.y,
            " ".repeat(usize::from(place.width)),
            usize::from(place.width),
            appearance.theme.text,
        );
    }
    match &typing.purpose {
        LinePurpose::Filter { pane, .. } => {
            let label = format!(" {} /", pane.title());
            if let Some(problem) = &typing.problem {
                let at = width(&label) + problem.column;
                LineBuilder::new()
                    .left(format!("   {}", problem.message), appearance.theme.bad)
                    .draw(line(above, 0), buffer);
                // The caret points at the line below it.
                LineBuilder::new()
                    .left(format!("{}v", " ".repeat(at)), appearance.theme.bad)
                    .draw(line(above, 1), buffer);
            }
            prompt::draw(&typing.prompt, &label, appearance, layout.keys, buffer)
        }
        LinePurpose::Palette(palette) => {
            list(palette, appearance, above, buffer);
            prompt::draw(&typing.prompt, " :", appearance, layout.keys, buffer)
        }
    }
}

fn list(palette: &Palette, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let rule = appearance.symbols.rule.repeat(usize::from(area.width));
    LineBuilder::new().left(rule, appearance.theme.rule).draw(line(area, 0), buffer);
    if palette.candidates.is_empty() {
        LineBuilder::new().left("  nothing fits", appearance.theme.muted).draw(line(area, 1), buffer);
        return;
    }
    let rows = usize::from(area.height).saturating_sub(1);
    let offset = (palette.selected + 1).saturating_sub(rows);
    for ((index, candidate), y) in palette.candidates.iter().enumerate().skip(offset).zip(1..area.height) {
        let place = line(area, y);
        LineBuilder::new()
            .left(format!("  {}", candidate.label), appearance.theme.text)
            .right(pad(&candidate.note, width(&candidate.note)), appearance.theme.muted)
            .right(" ", appearance.theme.muted)
            .draw(place, buffer);
        if index == palette.selected {
            buffer.set_style(place, appearance.theme.selected);
        }
    }
}
