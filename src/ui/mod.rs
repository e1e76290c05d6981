//! What a frame looks like (pure): the state and a look in, cells out.

mod detail;
mod header;
mod health;
mod help;
mod journal;
mod keys;
mod look;
mod pane;
mod picker;
pub mod prompt;
mod row;
mod world;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub use look::{Look, Symbols, Theme};

use crate::app::keymap::Pane;
use crate::app::layout::{SMALLEST, Shape};
use crate::app::{App, Stage};
use row::Row;

/// Draws the whole screen.
pub fn render(frame: &mut Frame<'_>, app: &App, look: &Look) {
    let layout = app.layout();
    let (area, buffer) = (frame.area(), frame.buffer_mut());
    // The state may not have heard of the newest size yet; nothing may be drawn outside it.
    if area.width < app.size().0 || area.height < app.size().1 {
        return;
    }
    if layout.shape == Shape::TooSmall {
        let sentence = format!(
            "scry needs {} by {} characters; this is {} by {}",
            SMALLEST.0, SMALLEST.1, area.width, area.height
        );
        let lines = crate::app::measure::wrap(&sentence, usize::from(area.width));
        for (line, y) in lines.into_iter().zip(area.y..area.bottom()) {
            Row::new().left(line, Style::new()).draw(Rect { y, height: 1, ..area }, buffer);
        }
        return;
    }
    header::draw(app, look, &layout, buffer);
    match app.stage() {
        Stage::Watching(_) => {
            for (pane, area) in layout.panes() {
                match pane {
                    Pane::World => world::draw(app, look, area, buffer),
                    Pane::Detail => detail::draw(app, look, area, buffer),
                    Pane::Journal => journal::draw(app, look, area, buffer),
                    Pane::Health => health::draw(app, look, area, buffer),
                }
            }
            pane::joints(&layout, look, buffer);
        }
        Stage::Listing | Stage::Choosing { .. } | Stage::Stuck(_) => picker::draw(app, look, &layout, buffer),
    }
    keys::draw(app, look, layout.keys, buffer);
    if let Some(offset) = app.help() {
        help::draw(app, look, offset, area, buffer);
    }
    keys::toasts(app, look, layout.keys, buffer);
    if look.symbols.ascii {
        look::spell_plainly(buffer);
    }
}
