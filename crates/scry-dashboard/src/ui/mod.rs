//! What a frame looks like (pure): the state and a look in, cells out.

mod clock;
mod detail;
mod dialog;
pub mod export;
mod header;
mod health;
mod help;
mod inspector;
mod journal;
mod keys;
mod look;
mod notifications;
mod pane;
mod people;
mod picker;
pub mod prompt;
mod replay;
mod row;
mod spark;
pub mod theme;
mod typing;
mod world;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

pub use look::{Look, Symbols};
pub use theme::Theme;

use crate::app::keymap::Pane;
use crate::app::layout::{SMALLEST, Shape};
use crate::app::{App, Layout, Stage};
use row::Row;

/// Draws the whole screen.
pub fn render(frame: &mut Frame<'_>, app: &App, look: &Look) {
    let layout = app.layout();
    let area = frame.area();
    // The state may not have heard of the newest size yet; nothing may be drawn outside it.
    if area.width < app.size().0 || area.height < app.size().1 {
        return;
    }
    if let Some(cursor) = paint(app, look, &layout, area, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws the whole screen into a buffer of its own.
#[must_use]
pub fn picture(app: &App, look: &Look) -> Buffer {
    let (width, height) = app.size();
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    paint(app, look, &app.layout(), area, &mut buffer);
    buffer
}

/// Draws the whole screen into a buffer; returns the cursor's place while a line is typed.
fn paint(app: &App, look: &Look, layout: &Layout, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if layout.shape == Shape::TooSmall {
        let sentence = format!(
            "scry needs {} by {} characters; this is {} by {}",
            SMALLEST.0, SMALLEST.1, area.width, area.height
        );
        let lines = crate::app::measure::wrap(&sentence, usize::from(area.width));
        for (line, y) in lines.into_iter().zip(area.y..area.bottom()) {
            Row::new().left(line, Style::new()).draw(Rect { y, height: 1, ..area }, buffer);
        }
        return None;
    }
    buffer.set_style(area, look.theme.ground);
    header::draw(app, look, layout, buffer);
    match app.stage() {
        Stage::Watching(_) => {
            for (pane, area) in layout.panes() {
                match pane {
                    Pane::World => world::draw(app, look, area, buffer),
                    Pane::Detail => detail::draw(app, look, area, buffer),
                    Pane::Journal => journal::draw(app, look, area, buffer),
                    Pane::Inspector => inspector::draw(app, look, area, buffer),
                    Pane::Clock => clock::draw(app, look, area, buffer),
                    Pane::Health => health::draw(app, look, area, buffer),
                    Pane::People => people::draw(app, look, area, buffer),
                    Pane::Notifications => notifications::draw(app, look, area, buffer),
                }
            }
            pane::joints(layout, look, buffer);
        }
        Stage::Listing | Stage::Choosing { .. } | Stage::Stuck(_) => picker::draw(app, look, layout, buffer),
    }
    let written = app.dialog().and_then(|dialog| dialog::draw(app, look, dialog, layout.dialog(), buffer));
    keys::draw(app, look, layout.keys, buffer);
    if let Some(offset) = app.help() {
        help::draw(app, look, offset, area, buffer);
    }
    let typed = app.typing().map(|typing| typing::draw(app, typing, look, layout, buffer));
    let below = layout.keys.y - typing::height(app, layout);
    keys::toasts(app, look, Rect { y: below, ..layout.keys }, buffer);
    if look.symbols.ascii {
        look::spell_plainly(buffer);
    }
    typed.or(written.filter(|_| app.help().is_none()))
}
