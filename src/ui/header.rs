//! The header: which campaign, its date, and how the connection is.

use ratatui::buffer::Buffer;

use super::look::Look;
use super::row::Row;
use crate::app::keymap::Pane;
use crate::app::measure::width;
use crate::app::{App, Layout, Stage};

/// Draws the header, the line that explains trouble, and the tabs where there are any.
pub fn draw(app: &App, look: &Look, layout: &Layout, buffer: &mut Buffer) {
    let (symbol, style) = look.light(app.connection().light());
    let state = state(app);
    let name = app.cache().campaign().map_or_else(|| "scry".to_owned(), |campaign| campaign.name.to_string());
    let mut row =
        Row::new().left(format!(" {} ", look.symbols.campaign), look.theme.accent).left(name, look.theme.strong);
    if matches!(app.stage(), Stage::Watching(_)) {
        let taken = row.left_width() + width(&state) + 6;
        let room = usize::from(layout.header.width).saturating_sub(taken);
        if let Some(date) = dates(app, look).into_iter().find(|date| width(date) + 2 <= room) {
            row = row.left("   ", look.theme.text).left(date, look.theme.text);
        }
        row = row.right(format!("{symbol} "), style).right(format!("{state} "), style);
    }
    row.draw(layout.header, buffer);
    if let (Some(area), Some(sentence)) = (layout.trouble, app.connection().trouble()) {
        Row::new().left(format!("   {sentence}"), style).draw(area, buffer);
    }
    if let Some(area) = layout.tabs.filter(|_| matches!(app.stage(), Stage::Watching(_))) {
        let tabs = Pane::ALL.into_iter().zip(1..).fold(Row::new(), |row, (pane, number)| {
            let focused = pane == app.focus();
            let (open, close) = if focused { ("[", "]") } else { (" ", " ") };
            let style = if focused { look.theme.focused } else { look.theme.muted };
            row.left(format!(" {open}{number} {}{close}", pane.title()), style)
        });
        tabs.draw(area, buffer);
    }
}

/// Says the connection's state: in words while it is news, as a round trip alone once it is not.
fn state(app: &App) -> String {
    let connection = app.connection();
    let trip = connection.round_trip().filter(|_| connection.is_live()).map(|trip| match trip.as_millis() {
        0 => "<1 ms".to_owned(),
        millis => format!("{millis} ms"),
    });
    match (connection.is_settled(app.now().mono), trip) {
        (true, Some(trip)) => trip,
        (_, None) => connection.words(app.now().mono),
        (false, Some(trip)) => format!("{} {trip}", connection.words(app.now().mono)),
    }
}

/// Lists ways to say the date, the fullest first.
fn dates(app: &App, look: &Look) -> Vec<String> {
    let Some(today) = app.clock().today() else { return Vec::new() };
    let dot = format!(" {} ", look.symbols.dot);
    let moons: String = today.moons.iter().map(|(_, phase)| phase.glyph()).collect();
    let moons = Some(moons).filter(|moons| !moons.is_empty() && !look.symbols.ascii);
    let feast = today.festival.clone();
    let full = [Some(today.long()), feast, today.season.clone(), moons];
    let full = full.into_iter().flatten().collect::<Vec<_>>().join(&dot);
    let seasonal = [Some(today.long()), today.season.clone()].into_iter().flatten().collect::<Vec<_>>().join(&dot);
    vec![full, seasonal, today.long(), today.short()]
}
