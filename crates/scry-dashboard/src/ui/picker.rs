//! The choice of a campaign, and what is said while there is none.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use super::pane::{empty, line};
use crate::app::keymap::{Action, KeyContext};
use crate::app::measure::{pad, width};
use crate::app::{App, AppStage, CampaignChoice, Layout};

/// Draws the screen before a campaign is watched.
pub(super) fn draw(app: &App, appearance: &Appearance, layout: &Layout, buffer: &mut Buffer) {
    let y = layout.header.bottom();
    let area = Rect { x: 0, y, width: layout.header.width, height: layout.keys.y.saturating_sub(y) };
    let title = "Choose a campaign ";
    let fill = appearance.symbols.rule.repeat(usize::from(area.width).saturating_sub(title.len() + 2));
    LineBuilder::new()
        .left(format!("{} ", appearance.symbols.rule), appearance.theme.rule)
        .left(title, appearance.theme.strong)
        .left(fill, appearance.theme.rule)
        .draw(line(area, 0), buffer);
    let content = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    match app.stage() {
        AppStage::Listing => empty("Loading campaigns.", appearance, content, buffer),
        AppStage::Stuck(reason) => {
            let retry = app.keymap().reach(KeyContext::Picker, Action::Retry, appearance.symbols.ascii);
            empty(&format!("{reason} ({retry} tries again)"), appearance, content, buffer);
        }
        AppStage::Choosing { choices, selected } => list(choices, *selected, appearance, content, buffer),
        AppStage::Watching(_) => {}
    }
}

fn list(choices: &[CampaignChoice], selected: usize, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let names = choices.iter().map(|choice| width(&choice.name)).max().unwrap_or(0).min(usize::from(area.width) / 3);
    let offset = (selected + 1).saturating_sub(usize::from(area.height));
    for ((index, choice), y) in choices.iter().enumerate().skip(offset).zip(0..area.height) {
        let place = line(area, y);
        LineBuilder::new()
            .left(format!("  {}  ", pad(&choice.name, names)), appearance.theme.strong)
            .left(pad(&choice.role.to_lowercase(), 8), appearance.theme.accent)
            .left(scry_text::line(&choice.description).into_owned(), appearance.theme.muted)
            .draw(place, buffer);
        if index == selected {
            buffer.set_style(place, appearance.theme.selected);
        }
    }
}
