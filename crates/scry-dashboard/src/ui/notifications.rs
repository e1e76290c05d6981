//! The Notifications pane: what the person was told, the newest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use super::pane::{empty, frame, line};
use super::people::answers;
use crate::app::App;
use crate::app::inbox::InboxNotice;
use crate::app::keymap::Pane;
use crate::app::measure::wrap;

/// Draws the pane.
pub(super) fn draw(app: &App, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let inbox = app.inbox();
    let notes = match inbox.unread() {
        0 => String::new(),
        unread => format!("{unread} unread"),
    };
    let content = frame(app, appearance, Pane::Notifications, "Notifications", &notes, area, buffer);
    if inbox.notices().is_empty() {
        let sentence = if inbox.is_missing() {
            "This server does not keep notifications. The results of your edits still appear here."
        } else if !app.connection().is_live() {
            "Notifications appear here once the server is reached."
        } else {
            "No notifications yet. Messages, and values of yours that somebody replaced, appear here."
        };
        return empty(sentence, appearance, content, buffer);
    }
    let first = (inbox.cursor() + 3).saturating_sub(usize::from(content.height));
    let mut y = 0;
    for (index, notice) in inbox.notices().iter().enumerate().skip(first) {
        if y >= content.height {
            break;
        }
        let here = index == inbox.cursor();
        let place = line(content, y);
        let body = app.notice_body(notice);
        row(app, appearance, notice, here).draw(place, buffer);
        y += 1;
        if here {
            if app.focus() == Pane::Notifications {
                buffer.set_style(place, appearance.theme.selected);
            }
            for text in wrap(body, usize::from(content.width).saturating_sub(6)) {
                if y < content.height && !body.is_empty() {
                    LineBuilder::new()
                        .left(format!("     {text}"), appearance.theme.text)
                        .draw(line(content, y), buffer);
                    y += 1;
                }
            }
            if notice.invitation().is_some() && !notice.read && y < content.height {
                LineBuilder::new()
                    .left(format!("     {}", answers(app)), appearance.theme.accent)
                    .draw(line(content, y), buffer);
                y += 1;
            }
        }
    }
}

fn row(app: &App, appearance: &Appearance, notice: &InboxNotice, here: bool) -> LineBuilder {
    let body = app.notice_body(notice);
    let (symbol, style) = appearance.severity(notice.level);
    let unread = if notice.read { " " } else { appearance.symbols.changed };
    let title_style = if notice.read { appearance.theme.muted } else { appearance.theme.strong };
    let row = LineBuilder::new()
        .left(format!(" {unread} "), appearance.theme.fresh)
        .left(format!("{symbol} "), style)
        .left(notice.title.clone(), title_style);
    let row = if here || body.is_empty() { row } else { row.left(format!("  {body}"), appearance.theme.muted) };
    row.right(format!("{} ago ", app.now().age(notice.at)), appearance.theme.muted)
}
