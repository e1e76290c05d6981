//! The choice of a campaign, and what is said while there is none.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::pane::{empty, line};
use super::row::Row;
use crate::app::keymap::{Action, Context};
use crate::app::measure::{pad, width};
use crate::app::{App, Choice, Layout, Stage};

/// Draws the screen before a campaign is watched.
pub(super) fn draw(app: &App, look: &Look, layout: &Layout, buffer: &mut Buffer) {
    let y = layout.header.bottom();
    let area = Rect { x: 0, y, width: layout.header.width, height: layout.keys.y.saturating_sub(y) };
    let title = "Choose a campaign ";
    let fill = look.symbols.rule.repeat(usize::from(area.width).saturating_sub(title.len() + 2));
    Row::new()
        .left(format!("{} ", look.symbols.rule), look.theme.rule)
        .left(title, look.theme.strong)
        .left(fill, look.theme.rule)
        .draw(line(area, 0), buffer);
    let content = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    match app.stage() {
        Stage::Listing => empty("Asking the server which campaigns there are.", look, content, buffer),
        Stage::Stuck(reason) => {
            let retry = app.keymap().reach(Context::Picker, Action::Retry, look.symbols.ascii);
            empty(&format!("{reason} ({retry} tries again)"), look, content, buffer);
        }
        Stage::Choosing { choices, selected } => list(choices, *selected, look, content, buffer),
        Stage::Watching(_) => {}
    }
}

fn list(choices: &[Choice], selected: usize, look: &Look, area: Rect, buffer: &mut Buffer) {
    let names = choices.iter().map(|choice| width(&choice.name)).max().unwrap_or(0).min(usize::from(area.width) / 3);
    let offset = (selected + 1).saturating_sub(usize::from(area.height));
    for ((index, choice), y) in choices.iter().enumerate().skip(offset).zip(0..area.height) {
        let place = line(area, y);
        Row::new()
            .left(format!("  {}  ", pad(&choice.name, names)), look.theme.strong)
            .left(pad(&choice.role.to_lowercase(), 8), look.theme.accent)
            .left(scry_text::line(&choice.description).into_owned(), look.theme.muted)
            .draw(place, buffer);
        if index == selected {
            buffer.set_style(place, look.theme.selected);
        }
    }
}
