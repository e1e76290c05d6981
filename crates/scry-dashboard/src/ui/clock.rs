//! The Clock pane: the campaign's own month, what is ahead, and how the clock has moved.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use super::pane::{frame, scrolled};
use crate::app::App;
use crate::app::clock_pane::{CalendarDay, ClockLine};
use crate::app::keymap::Pane;
use crate::app::measure::{pad, pad_left};

/// Columns for one day.
const DAY_COLUMNS: usize = 5;

/// Draws the pane.
pub(super) fn draw(app: &App, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    // Which calendar it is, is known with the campaign.
    let calendar = app.clock().today().map(|_| app.clock().calendar());
    let name = calendar.map(|calendar| calendar.definition().name.clone()).unwrap_or_default();
    let content = frame(app, appearance, Pane::Clock, "Clock", &scry_text::line(&name), area, buffer);
    let rows = app.clock_pane_lines().iter().map(|line| row_line(app, appearance, line)).collect();
    scrolled(app, appearance, Pane::Clock, rows, content, buffer);
}

fn row_line(app: &App, appearance: &Appearance, row: &ClockLine) -> LineBuilder {
    match row {
        ClockLine::Blank => LineBuilder::new(),
        ClockLine::Heading(heading) => LineBuilder::new().left(format!(" {heading}"), appearance.theme.accent),
        ClockLine::Pair { label, value } => LineBuilder::new()
            .left(format!(" {} ", pad(label, 8)), appearance.theme.muted)
            .left(plain(value, appearance), appearance.theme.text),
        ClockLine::Week(names) => {
            let names: String = names.iter().map(|name| pad_left(name, DAY_COLUMNS)).collect();
            LineBuilder::new().left(names, appearance.theme.muted)
        }
        ClockLine::Days(days) => days.iter().fold(LineBuilder::new(), |row, day| cell(row, *day, appearance)),
        ClockLine::Jump { elapsed, way, who, at, .. } => {
            let time = at.to_zoned(app.zone().clone()).strftime("%H:%M:%S").to_string();
            LineBuilder::new()
                .left(format!(" {} ", appearance.symbols.clock), appearance.theme.accent)
                .left(pad(elapsed, 11), appearance.theme.strong)
                .left(format!(" {way}"), appearance.theme.text)
                .right(format!("{who} "), appearance.theme.text)
                .right(format!("{time} "), appearance.theme.muted)
        }
        ClockLine::Effect(what) => LineBuilder::new()
            .left(format!("   {} ", appearance.symbols.because), appearance.theme.muted)
            .left(what.clone(), appearance.theme.text),
        ClockLine::Text(text) => LineBuilder::new().left(format!(" {text}"), appearance.theme.text),
    }
}

/// Draws a day: today in brackets, a feast with a star.
fn cell(row: LineBuilder, day: Option<CalendarDay>, appearance: &Appearance) -> LineBuilder {
    let Some(day) = day else { return row.left(" ".repeat(DAY_COLUMNS), appearance.theme.text) };
    let mark = if day.is_feast { appearance.symbols.bookmark } else { " " };
    if day.is_today {
        row.left(pad_left(&format!("[{}]", day.number), DAY_COLUMNS), appearance.theme.focused)
    } else if day.is_feast {
        row.left(pad_left(&format!("{mark}{}", day.number), DAY_COLUMNS), appearance.theme.accent)
    } else {
        row.left(pad_left(&day.number.to_string(), DAY_COLUMNS), appearance.theme.text)
    }
}

/// Leaves out the moon's picture where there are only plain signs.
fn plain(value: &str, appearance: &Appearance) -> String {
    if appearance.symbols.ascii {
        value.trim_start_matches(['○', '◔', '◑', '◕', '●', '◐', ' ']).to_owned()
    } else {
        value.to_owned()
    }
}
