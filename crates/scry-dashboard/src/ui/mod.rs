//! What a frame looks like (pure): the state and a look in, cells out.

mod appearance;
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
mod line_builder;
mod notifications;
mod pane;
mod people;
mod picker;
pub(crate) mod prompt;
mod replay;
mod spark;
pub mod theme;
mod typing;
mod world;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

pub use appearance::Appearance;
pub use theme::Theme;

use crate::app::keymap::Pane;
use crate::app::layout::{LayoutShape, MIN_SCREEN_SIZE};
use crate::app::{App, AppStage, Layout};
use line_builder::LineBuilder;

/// Draws the whole screen.
pub fn render(frame: &mut Frame<'_>, app: &App, appearance: &Appearance) {
    let layout = app.layout();
    let area = frame.area();
    // The state may not have heard of the newest size yet; nothing may be drawn outside it.
    if area.width < app.size().0 || area.height < app.size().1 {
        return;
    }
    if let Some(cursor) = paint(app, appearance, &layout, area, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws the whole screen into a buffer of its own.
#[must_use]
pub fn picture(app: &App, appearance: &Appearance) -> Buffer {
    let (width, height) = app.size();
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    paint(app, appearance, &app.layout(), area, &mut buffer);
    buffer
}

/// Draws the whole screen into a buffer; returns the cursor's place while a line is typed.
fn paint(app: &App, appearance: &Appearance, layout: &Layout, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if layout.shape == LayoutShape::TooSmall {
        let sentence = format!(
            "scry needs {} by {} characters; this is {} by {}",
            MIN_SCREEN_SIZE.0, MIN_SCREEN_SIZE.1, area.width, area.height
        );
        let lines = crate::app::measure::wrap(&sentence, usize::from(area.width));
        for (line, y) in lines.into_iter().zip(area.y..area.bottom()) {
            LineBuilder::new().left(line, Style::new()).draw(Rect { y, height: 1, ..area }, buffer);
        }
        return None;
    }
    buffer.set_style(area, appearance.theme.ground);
    header::draw(app, appearance, layout, buffer);
    match app.stage() {
        AppStage::Watching(_) => {
            for (pane, area) in layout.panes() {
                match pane {
                    Pane::World => world::draw(app, appearance, area, buffer),
                    Pane::Detail => detail::draw(app, appearance, area, buffer),
                    Pane::Journal => journal::draw(app, appearance, area, buffer),
                    Pane::Inspector => inspector::draw(app, appearance, area, buffer),
                    Pane::Clock => clock::draw(app, appearance, area, buffer),
                    Pane::Health => health::draw(app, appearance, area, buffer),
                    Pane::People => people::draw(app, appearance, area, buffer),
                    Pane::Notifications => notifications::draw(app, appearance, area, buffer),
                }
            }
            pane::joints(layout, appearance, buffer);
        }
        AppStage::Listing | AppStage::Choosing { .. } | AppStage::Stuck(_) => {
            picker::draw(app, appearance, layout, buffer)
        }
    }
    let written = app.dialog().and_then(|dialog| dialog::draw(app, appearance, dialog, layout.dialog(), buffer));
    keys::draw(app, appearance, layout.keys, buffer);
    if let Some(offset) = app.help() {
        help::draw(app, appearance, offset, area, buffer);
    }
    let typed = app.typing().map(|typing| typing::draw(app, typing, appearance, layout, buffer));
    let below = layout.keys.y - typing::height(app, layout);
    keys::toasts(app, appearance, Rect { y: below, ..layout.keys }, buffer);
    if appearance.symbols.ascii {
        appearance::spell_plainly(buffer);
    }
    typed.or(written.filter(|_| app.help().is_none()))
}
