//! The Health pane: the connection, and what the dashboard holds.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::pane::{frame, line};
use super::row::Row;
use crate::app::App;
use crate::app::keymap::Pane;
use crate::app::measure::pad;
use crate::app::value::group;

/// Columns for the names on the left.
const LABEL: usize = 14;

/// Draws the pane.
pub fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let content = frame(app, look, Pane::Health, Pane::Health.title(), "", area, buffer);
    let (symbol, style) = look.light(app.connection().light());
    let count = |number: usize| group(&number.to_string());
    let (cache, journal) = (app.cache(), app.journal());
    let trip = app.connection().round_trip().map_or_else(|| "–".to_owned(), |trip| format!("{} ms", trip.as_millis()));
    let rows = [
        ("Connection", format!("{symbol} {}", app.connection().words(app.now().mono)), style),
        ("Round trip", trip, look.theme.text),
        ("Entities", count(cache.len()), look.theme.text),
        ("Stale", count(cache.stale_count()), look.theme.text),
        ("Refetches", group(&cache.refetches().to_string()), look.theme.text),
        ("Events held", count(journal.events()), look.theme.text),
    ];
    for ((label, value, style), y) in rows.into_iter().zip(0..content.height) {
        Row::new()
            .left(format!(" {} ", pad(label, LABEL)), look.theme.muted)
            .left(value, style)
            .draw(line(content, y), buffer);
    }
}
