//! The help: what works here and now, from the same table as the keys themselves.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::appearance::Appearance;
use super::line_builder::{LineBuilder, columns};
use crate::app::App;
use crate::app::help::{self, HelpLine};
use crate::app::measure::pad;

/// Draws the help over the rest of the screen.
pub(super) fn draw(app: &App, appearance: &Appearance, offset: usize, screen: Rect, buffer: &mut Buffer) {
    let lines = lines(app, appearance, screen.width.saturating_sub(2));
    let width = screen.width;
    let height = columns(lines.len() + 2).min(screen.height.saturating_sub(2));
    let area = Rect { y: screen.y + 1, height, ..screen };
    for y in area.top()..area.bottom() {
        buffer.set_stringn(
            area.x,
            y,
            " ".repeat(usize::from(width)),
            usize::from(width),
            Style::reset().patch(appearance.theme.ground),
        );
    }
    let rule = |buffer: &mut Buffer, y: u16, title: &str| {
        let fill = appearance.symbols.rule.repeat(usize::from(width).saturating_sub(title.chars().count() + 4));
        let row = LineBuilder::new().left(format!("{} ", appearance.symbols.rule), appearance.theme.focused);
        row.left(format!("{title} "), appearance.theme.focused)
            .left(fill, appearance.theme.focused)
            .draw(Rect { y, height: 1, ..area }, buffer);
    };
    let inner = usize::from(height.saturating_sub(2));
    let below = lines.len().saturating_sub(offset + inner);
    rule(buffer, area.y, &format!("Help: {}", app.explained().title()));
    rule(
        buffer,
        area.bottom().saturating_sub(1),
        &if below > 0 { format!("{below} more below") } else { "esc closes".to_owned() },
    );
    for (line, y) in lines.into_iter().skip(offset).zip(area.y + 1..area.bottom().saturating_sub(1)) {
        line.draw(Rect { x: area.x + 1, y, width: width.saturating_sub(2), height: 1 }, buffer);
    }
}

fn lines(app: &App, appearance: &Appearance, columns: u16) -> Vec<LineBuilder> {
    let line = |line: HelpLine| match line {
        HelpLine::Blank => LineBuilder::new(),
        HelpLine::First(text) => LineBuilder::new().left(text, appearance.theme.strong),
        HelpLine::Heading(heading) => LineBuilder::new().left(heading, appearance.theme.accent),
        HelpLine::Command { keys, words } => LineBuilder::new()
            .left(format!("  {} ", pad(&keys, help::key_columns())), appearance.theme.key)
            .left(words, appearance.theme.text),
    };
    let lines = help::lines(app.keymap(), &app.help_contexts(), usize::from(columns), appearance.symbols.ascii);
    lines.into_iter().map(line).collect()
}
