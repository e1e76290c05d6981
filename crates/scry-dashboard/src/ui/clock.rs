//! The Clock pane: the campaign's own month, what is ahead, and how the clock has moved.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::pane::{frame, scrolled};
use super::row::Row;
use crate::app::App;
use crate::app::almanac::{Day, Line};
use crate::app::keymap::Pane;
use crate::app::measure::{pad, pad_left};

/// Columns for one day.
const DAY: usize = 5;

/// Draws the pane.
pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    // Which calendar it is, is known with the campaign.
    let calendar = app.clock().today().map(|_| app.clock().calendar());
    let name = calendar.map(|calendar| calendar.definition().name.clone()).unwrap_or_default();
    let content = frame(app, look, Pane::Clock, "Clock", &scry_text::line(&name), area, buffer);
    let rows = app.almanac().iter().map(|line| row_line(app, look, line)).collect();
    scrolled(app, look, Pane::Clock, rows, content, buffer);
}

fn row_line(app: &App, look: &Look, row: &Line) -> Row {
    match row {
        Line::Blank => Row::new(),
        Line::Heading(heading) => Row::new().left(format!(" {heading}"), look.theme.accent),
        Line::Pair { label, value } => {
            Row::new().left(format!(" {} ", pad(label, 8)), look.theme.muted).left(plain(value, look), look.theme.text)
        }
        Line::Week(names) => {
            let names: String = names.iter().map(|name| pad_left(name, DAY)).collect();
            Row::new().left(names, look.theme.muted)
        }
        Line::Days(days) => days.iter().fold(Row::new(), |row, day| cell(row, *day, look)),
        Line::Jump { elapsed, way, who, at, .. } => {
            let time = at.to_zoned(app.zone().clone()).strftime("%H:%M:%S").to_string();
            Row::new()
                .left(format!(" {} ", look.symbols.clock), look.theme.accent)
                .left(pad(elapsed, 11), look.theme.strong)
                .left(format!(" {way}"), look.theme.text)
                .right(format!("{who} "), look.theme.text)
                .right(format!("{time} "), look.theme.muted)
        }
        Line::Effect(what) => Row::new()
            .left(format!("   {} ", look.symbols.because), look.theme.muted)
            .left(what.clone(), look.theme.text),
        Line::Text(text) => Row::new().left(format!(" {text}"), look.theme.text),
    }
}

/// Draws a day: today in brackets, a feast with a star.
fn cell(row: Row, day: Option<Day>, look: &Look) -> Row {
    let Some(day) = day else { return row.left(" ".repeat(DAY), look.theme.text) };
    let mark = if day.is_feast { look.symbols.bookmark } else { " " };
    if day.is_today {
        row.left(pad_left(&format!("[{}]", day.number), DAY), look.theme.focused)
    } else if day.is_feast {
        row.left(pad_left(&format!("{mark}{}", day.number), DAY), look.theme.accent)
    } else {
        row.left(pad_left(&day.number.to_string(), DAY), look.theme.text)
    }
}

/// Leaves out the moon's picture where there are only plain signs.
fn plain(value: &str, look: &Look) -> String {
    if look.symbols.ascii {
        value.trim_start_matches(['○', '◔', '◑', '◕', '●', '◐', ' ']).to_owned()
    } else {
        value.to_owned()
    }
}
