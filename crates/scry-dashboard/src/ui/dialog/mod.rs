//! The sheets on which the campaign is changed.

mod clock;
mod create;
mod delete;
mod edits;
mod field_input;
mod fields;
mod preferences;
mod resolve;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Widget};

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use crate::app::App;
use crate::app::edit::Dialog;
use crate::app::measure::{fit, width, wrap};

/// Draws a sheet over the panes; returns the place of the cursor where something is typed.
pub(super) fn draw(
    app: &App,
    appearance: &Appearance,
    dialog: &Dialog,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    Clear.render(area, buffer);
    match dialog {
        Dialog::Fields(dialog) => fields::draw(app, appearance, dialog, area, buffer),
        Dialog::Create(dialog) => create::draw(app, appearance, dialog, area, buffer),
        Dialog::Clock(dialog) => clock::draw(app, appearance, dialog, area, buffer),
        Dialog::Resolve(dialog) => resolve::draw(app, appearance, dialog, area, buffer),
        Dialog::Delete(dialog) => {
            delete::draw(app, appearance, dialog, area, buffer);
            None
        }
        Dialog::Preferences(dialog) => {
            preferences::draw(appearance, dialog, area, buffer);
            None
        }
        Dialog::Edits(dialog) => {
            edits::draw(app, appearance, dialog, area, buffer);
            None
        }
    }
}

/// Draws the rule of a sheet and returns the place below it.
fn frame(appearance: &Appearance, title: &str, notes: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    let line = appearance.symbols.rule_focused;
    let columns = usize::from(area.width);
    let tail = if notes.is_empty() { String::new() } else { format!(" {} {line}", fit(notes, columns / 2)) };
    let title = fit(title, columns.saturating_sub(width(&tail) + 4));
    let fill = columns.saturating_sub(width(&title) + 3 + width(&tail));
    LineBuilder::new()
        .left(format!("{line} "), appearance.theme.focused)
        .left(format!("{title} "), appearance.theme.focused)
        .left(line.repeat(fill), appearance.theme.focused)
        .left(tail, appearance.theme.muted)
        .draw(Rect { height: 1, ..area }, buffer);
    Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height.saturating_sub(1) }
}

/// Writes lines from the top of what is left of an area, and returns the rest of it.
fn write(lines: impl IntoIterator<Item = LineBuilder>, area: Rect, buffer: &mut Buffer) -> Rect {
    let mut rest = area;
    for line in lines {
        if rest.height == 0 {
            break;
        }
        line.draw(Rect { height: 1, ..rest }, buffer);
        rest = Rect { y: rest.y + 1, height: rest.height - 1, ..rest };
    }
    rest
}

/// Breaks a sentence into lines of one style.
fn prose(text: &str, style: ratatui::style::Style, area: Rect) -> Vec<LineBuilder> {
    wrap(text, usize::from(area.width)).into_iter().map(|line| LineBuilder::new().left(line, style)).collect()
}

/// Marks a row as the one the cursor is on.
const fn pointer(appearance: &Appearance, here: bool) -> &'static str {
    match (here, appearance.symbols.ascii) {
        (true, false) => "▌ ",
        (true, true) => "> ",
        (false, _) => "  ",
    }
}
