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

use super::look::Look;
use super::row::Row;
use crate::app::App;
use crate::app::edit::Dialog;
use crate::app::measure::{fit, width, wrap};

/// Draws a sheet over the panes; returns the place of the cursor where something is typed.
pub(super) fn draw(app: &App, look: &Look, dialog: &Dialog, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    Clear.render(area, buffer);
    match dialog {
        Dialog::Fields(dialog) => fields::draw(app, look, dialog, area, buffer),
        Dialog::Create(dialog) => create::draw(app, look, dialog, area, buffer),
        Dialog::Clock(dialog) => clock::draw(app, look, dialog, area, buffer),
        Dialog::Resolve(dialog) => resolve::draw(app, look, dialog, area, buffer),
        Dialog::Delete(dialog) => {
            delete::draw(app, look, dialog, area, buffer);
            None
        }
        Dialog::Preferences(dialog) => {
            preferences::draw(look, dialog, area, buffer);
            None
        }
        Dialog::Edits(dialog) => {
            edits::draw(app, look, dialog, area, buffer);
            None
        }
    }
}

/// Draws the rule of a sheet and returns the place below it.
fn frame(look: &Look, title: &str, notes: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    let line = look.symbols.rule_focused;
    let columns = usize::from(area.width);
    let tail = if notes.is_empty() { String::new() } else { format!(" {} {line}", fit(notes, columns / 2)) };
    let title = fit(title, columns.saturating_sub(width(&tail) + 4));
    let fill = columns.saturating_sub(width(&title) + 3 + width(&tail));
    Row::new()
        .left(format!("{line} "), look.theme.focused)
        .left(format!("{title} "), look.theme.focused)
        .left(line.repeat(fill), look.theme.focused)
        .left(tail, look.theme.muted)
        .draw(Rect { height: 1, ..area }, buffer);
    Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height.saturating_sub(1) }
}

/// Writes lines from the top of what is left of an area, and returns the rest of it.
fn write(lines: impl IntoIterator<Item = Row>, area: Rect, buffer: &mut Buffer) -> Rect {
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
fn prose(text: &str, style: ratatui::style::Style, area: Rect) -> Vec<Row> {
    wrap(text, usize::from(area.width)).into_iter().map(|line| Row::new().left(line, style)).collect()
}

/// Marks a row as the one the cursor is on.
const fn pointer(look: &Look, here: bool) -> &'static str {
    match (here, look.symbols.ascii) {
        (true, false) => "▌ ",
        (true, true) => "> ",
        (false, _) => "  ",
    }
}
